/* message.h - messages from bytes that a stranger sent, and back.
 *
 * protobuf-c unpacks without a limit of depth, without looking at UTF-8, and with malloc; pb_unpack() puts all three right. Pure; any
 * thread. Source: protobuf.dev "Encoding", "Language Guide (proto 3)".
 */
#ifndef PONTE_PB_MESSAGE_H
#define PONTE_PB_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "pb/arena.h"

/* Sub-messages in sub-messages; protobuf's own parsers stop at 100. */
enum { PB_DEPTH_MAX = 32 };

/* What unpacking a message of n bytes may take: enough for any honest message, whose C form is rarely three times its bytes. */
static inline size_t pb_memory_cap(size_t n) { return 64 * 1024 + 8 * n; }

/* Walks the bytes by the descriptor without allocating. MALFORMED: truncated or over-long varints and fields, groups, field number 0, sub-messages
 * deeper than PB_DEPTH_MAX, a string that is not UTF-8 or holds a NUL (protobuf-c's strings would end there). */
base_err pb_check(const ProtobufCMessageDescriptor *type, base_span bytes) BASE_MUST_USE;

/* Checks and unpacks; the message lives in the arena and is not freed by itself. Enum values that the .proto does not name are kept as
 * numbers (proto3). Errors: MALFORMED, TOO_LARGE (past the arena's cap), NO_MEMORY. */
base_err pb_unpack(const ProtobufCMessageDescriptor *type, base_span bytes, pb_arena *arena,
                   ProtobufCMessage **out) BASE_MUST_USE;
/* An empty message in the arena; also of types made at run time. NULL: no memory, or past the cap. */
ProtobufCMessage *pb_message_new(const ProtobufCMessageDescriptor *type, pb_arena *arena);
/* Appends the packed message. TOO_LARGE, NO_MEMORY. */
base_err pb_pack(const ProtobufCMessage *message, base_buf *out) BASE_MUST_USE;

#endif
