/* core.h - between our types and the C core's: metadata, message bytes, status. Inside lib/rpc only. Pure; any thread. */
#ifndef PONTE_RPC_CORE_H
#define PONTE_RPC_CORE_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>

#include "base/buf.h"
#include "wire/status.h"

/* One message's ceiling when an option says 0, and what a connection reads ahead on each stream; the core's default would grow with the
 * link's speed to many megabytes that a slow reader then holds. */
enum { RPC_MESSAGE_MAX_DEFAULT = 4 << 20, RPC_LOOKAHEAD_BYTES = 256 * 1024, RPC_METADATA_MAX = 16384 };

/* grpc_init(), with the core's log lines going to base/log.h. Each is undone by one grpc_shutdown(). */
void rpc_core_init(void);

typedef struct {
  grpc_metadata *items;
  size_t count;
} rpc_core_metadata;

/* For sending. Pairs that belong to gRPC or HTTP itself (grpc-*, te, content-type, ...) are left out. `m` may be NULL. */
base_err rpc_core_metadata_of(const wire_metadata *m, rpc_core_metadata *out) BASE_MUST_USE;
/* One more, of the core's own keys; copies. */
base_err rpc_core_metadata_add(rpc_core_metadata *m, base_span key, base_span value) BASE_MUST_USE;
/* After the batch that sends it was started. */
void rpc_core_metadata_dispose(rpc_core_metadata *m);
/* Adds what was received; pairs that our limits do not allow are left out, and false tells it. */
bool rpc_core_metadata_read(const grpc_metadata_array *from, wire_metadata *to);

/* A message of the core from a copy of the bytes, which are compressed so; NULL when out of memory. */
grpc_byte_buffer *rpc_core_message(base_span bytes, grpc_compression_algorithm compression);
/* The bytes of a message: borrowed from it where they lie in one piece, otherwise copied to *scratch. */
base_err rpc_core_bytes(grpc_byte_buffer *message, base_buf *scratch, base_span *out) BASE_MUST_USE;

/* The core's API lacks a const: it copies keys and does not write to them. */
static inline grpc_arg rpc_core_arg(const char *key, int value) {
  return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static inline grpc_arg rpc_core_text_arg(const char *key, const char *value) {
  return (grpc_arg){.type = GRPC_ARG_STRING, .key = (char *)key, .value.string = (char *)value};
}

static inline base_span rpc_core_span(const grpc_slice *s) {
  return base_span_of(GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s));
}

#endif
