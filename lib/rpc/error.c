#include "rpc/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "pb/message.h"
#include "wire/details.h"

/* Any.type_url is this and the message's full name (google/protobuf/any.proto). */
#define TYPE_PREFIX "type.googleapis.com/"
static const char error_info_url[] = TYPE_PREFIX "google.rpc.ErrorInfo";
static const char bad_request_url[] = TYPE_PREFIX "google.rpc.BadRequest";
static const char retry_info_url[] = TYPE_PREFIX "google.rpc.RetryInfo";

enum { READ_MEMORY_MAX = 256 * 1024 };

static const struct {
  const char *name;
  int code;
} reasons[RPC_REASON_COUNT] = {
#define X(name, code) {#name, code},
    RPC_REASONS(X)
#undef X
};

const char *rpc_reason_name(enum rpc_reason reason) {
  return reasons[(unsigned)reason < RPC_REASON_COUNT ? reason : RPC_REASON_INTERNAL].name;
}

int rpc_error_code(const rpc_error *e) {
  return reasons[(unsigned)e->reason < RPC_REASON_COUNT ? e->reason : RPC_REASON_INTERNAL].code;
}

rpc_error rpc_error_of(enum rpc_reason reason, const char *field, const char *fmt, ...) {
  rpc_error e = {.reason = reason, .field = field};
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e.message, sizeof e.message, fmt, ap);
  va_end(ap);
  /* The text may hold what a client sent, cut anywhere; a status message must be UTF-8. */
  while (e.message[0] && !base_span_utf8(base_span_str(e.message))) {
    e.message[strlen(e.message) - 1] = '\0';
  }
  return e;
}

/* -- writing --------------------------------------------------------------------------------------------------------- */

base_err rpc_error_to_status(const rpc_error *e, wire_status *out) {
  wire_status_set(out, rpc_error_code(e), "%s", e->message);
  return wire_details_add(out, &(wire_details){.domain = RPC_ERROR_DOMAIN,
                                               .reason = rpc_reason_name(e->reason),
                                               .field = e->field,
                                               .retry_after_ms = e->retry_after_ms});
}

/* -- reading --------------------------------------------------------------------------------------------------------- */

struct reading {
  char *reason, *field;
  int64_t *retry_after_ms;
  pb_arena *arena;
};

/* The detail's message if it has this type; BASE_OK with NULL if it has another. */
static base_err unpack_if(const Google__Protobuf__Any *any, const char *type_url,
                          const ProtobufCMessageDescriptor *type, pb_arena *arena, ProtobufCMessage **out) {
  *out = NULL;
  if (strcmp(any->type_url, type_url) != 0) {
    return BASE_OK;
  }
  return pb_unpack(type, base_span_of(any->value.data, any->value.len), arena, out);
}

static base_err read_detail(struct reading *r, const Google__Protobuf__Any *any) {
  ProtobufCMessage *m = NULL;
  BASE_TRY(unpack_if(any, error_info_url, &google__rpc__error_info__descriptor, r->arena, &m));
  if (m) {
    snprintf(r->reason, 64, "%s", ((Google__Rpc__ErrorInfo *)m)->reason);
  }
  BASE_TRY(unpack_if(any, bad_request_url, &google__rpc__bad_request__descriptor, r->arena, &m));
  if (m && ((Google__Rpc__BadRequest *)m)->n_field_violations > 0) {
    snprintf(r->field, 128, "%s", ((Google__Rpc__BadRequest *)m)->field_violations[0]->field);
  }
  BASE_TRY(unpack_if(any, retry_info_url, &google__rpc__retry_info__descriptor, r->arena, &m));
  const Google__Protobuf__Duration *delay = m ? ((Google__Rpc__RetryInfo *)m)->retry_delay : NULL;
  if (delay && delay->seconds >= 0 && delay->seconds < 86400 * 365 && delay->nanos >= 0) {
    *r->retry_after_ms = delay->seconds * 1000 + delay->nanos / 1000000;
  }
  return BASE_OK;
}

base_err rpc_error_read(const wire_status *s, char reason[64], char field[128], int64_t *retry_after_ms) {
  base_span bytes;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  reason[0] = field[0] = '\0';
  *retry_after_ms = 0;
  if (!wire_metadata_get(&s->trailers, "grpc-status-details-bin", &bytes)) {
    return BASE_OK;
  }
  pb_arena_init(&arena, READ_MEMORY_MAX);
  base_err e = pb_unpack(&google__rpc__status__descriptor, bytes, &arena, &m);
  const Google__Rpc__Status *status = (const Google__Rpc__Status *)m;
  for (size_t i = 0; base_is_ok(e) && i < status->n_details; i++) {
    e = read_detail(&(struct reading){reason, field, retry_after_ms, &arena}, status->details[i]);
  }
  pb_arena_dispose(&arena);
  return e;
}
