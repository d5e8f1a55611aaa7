#include "rpc/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "wire/details.h"

static const struct {
  const char *name;
  int code;
} reasons[RPC_REASON_COUNT] = {
#define X(name, code) {#name, BASE_GRPC_##code},
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

base_err rpc_error_read(const wire_status *s, char reason[64], char field[128], int64_t *retry_after_ms) {
  wire_details_found found;
  base_err e = wire_details_read(s, &found);
  snprintf(reason, 64, "%.*s", BASE_SPAN_ARG(found.reason));
  snprintf(field, 128, "%.*s", BASE_SPAN_ARG(found.field));
  *retry_after_ms = found.retry_after_ms;
  return e;
}
