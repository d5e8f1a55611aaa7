/* json_types.h - what the JSON mapping needs to know of a type: which are well known, which fields are maps, and how names and times are written. Shared by json_write.c and
 * json_read.c. Pure. */
#ifndef PONTE_PB_JSON_TYPES_H
#define PONTE_PB_JSON_TYPES_H

#include "base/buf.h"
#include "pb/field.h"

enum pb_json_type {
  PB_JSON_MESSAGE, /* an object of its fields */
  PB_JSON_TIMESTAMP,
  PB_JSON_DURATION,
  PB_JSON_FIELD_MASK,
  PB_JSON_WRAPPER, /* its one field's value */
  PB_JSON_STRUCT,
  PB_JSON_LIST_VALUE,
  PB_JSON_VALUE,
};

/* By name and by shape, since a peer may name its own types so. */
enum pb_json_type pb_json_type_of(const ProtobufCMessageDescriptor *type);
/* The entry type (fields[0] the key, fields[1] the value) if `f`, a field of `parent`, is a map; or NULL. */
const ProtobufCMessageDescriptor *pb_json_map_entry(const ProtobufCMessageDescriptor *parent,
                                                    const ProtobufCFieldDescriptor *f);
/* google.protobuf.NullValue, whose one value is written null. */
bool pb_json_is_null_enum(const ProtobufCFieldDescriptor *f);

/* The next character of the lowerCamelCase of a name; 0 at its end. */
char pb_json_camel(const char **name);
/* `key` is the name, or its lowerCamelCase. */
bool pb_json_name_is(const char *name, base_span key);

/* Timestamp "1972-01-01T10:00:20.021Z" and Duration "1.500s"; FieldMask "a,bC" of one path. INVALID: out of range, or no snake_case. */
base_err pb_json_write_time(int64_t seconds, int32_t nanos, base_buf *out) BASE_MUST_USE;
base_err pb_json_write_duration(int64_t seconds, int32_t nanos, base_buf *out) BASE_MUST_USE;
base_err pb_json_write_path(const char *path, base_buf *out) BASE_MUST_USE;
/* False: malformed or out of range. The path's snake_case goes to `out`, which has room for twice its bytes and a NUL. */
bool pb_json_read_time(base_span text, int64_t *seconds, int32_t *nanos);
bool pb_json_read_duration(base_span text, int64_t *seconds, int32_t *nanos);
bool pb_json_read_path(base_span path, char *out);

#endif
