/* json.h - messages as JSON and back, by the proto3 JSON mapping (protobuf.dev/programming-guides/json), from protobuf-c's descriptors: also of those that were made at run
 * time (dynamic.h).
 *
 * The mapping holds with these bounds: names are lowerCamelCase of the .proto's (protobuf-c's descriptors do not hold `json_name`); Any is the object of its two fields, since
 * there is no registry of types; messages are no deeper than PB_DEPTH_MAX; a text never holds a NUL. Well-known are Timestamp, Duration, FieldMask, Struct, Value, ListValue
 * and the wrappers. A map is known by the name that protoc gives its entry type. Pure; any thread.
 */
#ifndef PONTE_PB_JSON_H
#define PONTE_PB_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "pb/arena.h"

enum pb_json_flags {
  PB_JSON_STANDARD = 0,
  PB_JSON_NUMBERS =
      1, /* 64-bit integers as numbers and not as texts: for JavaScript, whose numbers hold them up to 2^53 */
  PB_JSON_DEFAULTS = 2, /* also what is empty or 0 and cannot be absent */
};

/* Appends the message as one line. INVALID: a well-known type holds what has no text (a Timestamp of the year 10000, a FieldMask that is not snake_case); TOO_LARGE: deeper
 * than PB_DEPTH_MAX, or past the buffer's ceiling; NO_MEMORY. On failure *out may end with a part. */
base_err pb_json_write(const ProtobufCMessage *message, unsigned flags, base_buf *out) BASE_MUST_USE;

/* Reads one JSON value (RFC 8259) as a message of this type, made in the arena, with nothing behind it but blanks. Takes lowerCamelCase and the .proto's own names, 64-bit
 * integers as numbers or texts without losing a bit, enums by name or number, base64 of both alphabets; null is absent. Refused with MALFORMED, and *why saying where and what
 * to do ("items[2].quantity: give a whole number from ..."): what is no JSON, unknown fields, a field or a key that comes twice, two members of a oneof, numbers that do not
 * fit. TOO_LARGE: past the arena's cap; NO_MEMORY. `why` is cleared and cut at its ceiling; never the value itself is in it. */
base_err pb_json_read(const ProtobufCMessageDescriptor *type, base_span json, pb_arena *arena, base_buf *why,
                      ProtobufCMessage **out) BASE_MUST_USE;

#endif
