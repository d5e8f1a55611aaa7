/* Errors: those that handlers set, those that come from a store or a peer, and what the client is told of each. */
#include <stdarg.h>
#include <stdio.h>

#include "svc/internal.h"

enum { RETRY_MS = 1000 };

base_err svc__err_of_grpc(int code) {
  static const enum base_err_code errs[BASE_GRPC_COUNT] = {
      [BASE_GRPC_OK] = BASE_E_OK,
      [BASE_GRPC_CANCELLED] = BASE_E_CANCELLED,
      [BASE_GRPC_UNKNOWN] = BASE_E_INTERNAL,
      [BASE_GRPC_INVALID_ARGUMENT] = BASE_E_INVALID,
      [BASE_GRPC_DEADLINE_EXCEEDED] = BASE_E_DEADLINE,
      [BASE_GRPC_NOT_FOUND] = BASE_E_NOT_FOUND,
      [BASE_GRPC_ALREADY_EXISTS] = BASE_E_EXISTS,
      [BASE_GRPC_PERMISSION_DENIED] = BASE_E_DENIED,
      [BASE_GRPC_RESOURCE_EXHAUSTED] = BASE_E_EXHAUSTED,
      [BASE_GRPC_FAILED_PRECONDITION] = BASE_E_PRECONDITION,
      [BASE_GRPC_ABORTED] = BASE_E_UNAVAILABLE,
      [BASE_GRPC_OUT_OF_RANGE] = BASE_E_INVALID,
      [BASE_GRPC_UNIMPLEMENTED] = BASE_E_UNIMPLEMENTED,
      [BASE_GRPC_INTERNAL] = BASE_E_INTERNAL,
      [BASE_GRPC_UNAVAILABLE] = BASE_E_UNAVAILABLE,
      [BASE_GRPC_DATA_LOSS] = BASE_E_INTERNAL,
      [BASE_GRPC_UNAUTHENTICATED] = BASE_E_UNAUTHENTICATED,
  };
  return base_fail(code >= 0 && code < BASE_GRPC_COUNT ? errs[code] : BASE_E_INTERNAL);
}

void svc__failure_clear(svc_call *c) { c->failure.from = SVC__NO_FAILURE; }

static base_err set(svc_call *c, const rpc_error *error) {
  svc__failure *f = &c->failure;
  f->from = SVC__OWN_FAILURE;
  f->error = *error;
  f->error.field = error->field ? pb_arena_copy(c->arena, base_span_str(error->field)) : NULL;
  f->as = svc__err_of_grpc(rpc_error_code(error));
  return f->as;
}

base_err svc_fail(svc_call *c, enum rpc_reason reason, const char *field, const char *fmt, ...) {
  char text[sizeof((rpc_error *)0)->message];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  rpc_error error = rpc_error_of(reason, field, "%s", text);
  return set(c, &error);
}

base_err svc_fail_retry(svc_call *c, enum rpc_reason reason, int64_t retry_after_ms, const char *fmt, ...) {
  char text[sizeof((rpc_error *)0)->message];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  rpc_error error = rpc_error_of(reason, NULL, "%s", text);
  error.retry_after_ms = retry_after_ms;
  return set(c, &error);
}

base_err svc__fail_peer(svc_call *c, const svc_peer *peer, const wire_status *status) {
  char reason[64] = "", field[128] = "";
  int64_t retry_after_ms = 0;
  base_err read = rpc_error_read(status, reason, field, &retry_after_ms);
  bool is_silent = !base_is_ok(read) || reason[0] == '\0'; /* it comes from the connection, not from the service */
  if (status->code == BASE_GRPC_UNAVAILABLE && is_silent) {
    return svc_fail_retry(c, RPC_REASON_PEER_UNAVAILABLE, RETRY_MS,
                          "the %s service cannot be reached at the moment: try again in a second", peer->name);
  }
  svc__failure *f = &c->failure;
  f->from = SVC__PEER_FAILURE;
  f->as = svc__err_of_grpc(status->code);
  wire_status_set_span(&f->status, status->code, base_buf_span(&status->message));
  wire_metadata_clear(&f->status.trailers);
  base_span details;
  if (wire_metadata_get(&status->trailers, "grpc-status-details-bin", &details) &&
      !base_is_ok(wire_metadata_add(&f->status.trailers, base_span_str("grpc-status-details-bin"), details))) {
    wire_metadata_clear(&f->status.trailers); /* the code and the message are worth more than no answer */
  }
  return f->as;
}

/* What errors of stores and of the framework mean to a client. */
static const struct {
  enum base_err_code code;
  enum rpc_reason reason;
  bool retry;
  const char *text;
} plain[] = {
    {BASE_E_NOT_FOUND, RPC_REASON_NOT_FOUND, false, "there is no such record: look its id up again"},
    {BASE_E_EXISTS, RPC_REASON_ALREADY_EXISTS, false, "there is such a record already"},
    {BASE_E_INVALID, RPC_REASON_INVALID_FIELD, false, "the request holds a value that cannot be kept"},
    {BASE_E_UNAVAILABLE, RPC_REASON_STORE_UNAVAILABLE, true,
     "the database cannot be reached at the moment: try again in a second, with the same idempotency key if there is "
     "one"},
    {BASE_E_EXHAUSTED, RPC_REASON_STORE_UNAVAILABLE, true,
     "the database has no room left, and nothing was written: try again later"},
    {BASE_E_NO_MEMORY, RPC_REASON_OUT_OF_MEMORY, true, "the server is out of memory: try again in a second"},
    {BASE_E_TOO_LARGE, RPC_REASON_TOO_LARGE, false, "this needs more memory than a call may use: ask for less"},
    {BASE_E_DEADLINE, RPC_REASON_DEADLINE, false, "the deadline has passed before the answer was there"},
    {BASE_E_DENIED, RPC_REASON_NOT_ALLOWED, false, "not with this account"},
    {BASE_E_UNAUTHENTICATED, RPC_REASON_NO_IDENTITY, false, "this needs an identity: sign in"},
};

static rpc_error error_of(base_err e) {
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (base_is(e, plain[i].code)) {
      rpc_error error = rpc_error_of(plain[i].reason, NULL, "%s", plain[i].text);
      error.retry_after_ms = plain[i].retry ? RETRY_MS : 0;
      return error;
    }
  }
  return rpc_error_of(RPC_REASON_INTERNAL, NULL,
                      "the server failed at this; its log knows more under the call's trace id");
}

svc__outcome svc__failure_of(svc_call *c, base_err e, const rpc_error **error, const wire_status **status) {
  svc__failure *f = &c->failure;
  bool is_told = f->from != SVC__NO_FAILURE && base_is(e, (enum base_err_code)f->as.code);
  *error = NULL;
  *status = &f->status;
  if (is_told && f->from == SVC__PEER_FAILURE) {
    return (svc__outcome){f->status.code, "PEER"};
  }
  if (!is_told && base_is(e, BASE_E_CANCELLED)) {
    wire_status_set(&f->status, BASE_GRPC_CANCELLED, "the call was cancelled");
    wire_metadata_clear(&f->status.trailers);
    return (svc__outcome){BASE_GRPC_CANCELLED, "CANCELLED"};
  }
  if (!is_told) {
    f->error = error_of(e);
  }
  *error = &f->error;
  return (svc__outcome){rpc_error_code(&f->error), rpc_reason_name(f->error.reason)};
}
