/* error.h - an error as a service means it: status, reason, which fields, when to retry; becomes gRPC status + google.rpc.Status details.
 *
 * Reasons are one X-macro table for all services, so that pages can translate each. Messages say what to do. Sources: google/rpc/error_details.proto;
 * grpc-retry-pushback-ms, grpc/proposal A6.
 */
#ifndef PONTE_RPC_ERROR_H
#define PONTE_RPC_ERROR_H

#include "wire/status.h"

#define RPC_ERROR_DOMAIN "ponte"
/*      reason                 gRPC status code */
#define RPC_REASONS(X)       \
  X(NONE, 0)                 \
  X(INVALID_FIELD, 3)        \
  X(OUT_OF_SEQUENCE, 3)      \
  X(MALFORMED_AUDIO, 3)      \
  X(UNSUPPORTED_LANGUAGE, 3) \
  X(MODEL_NOT_FOUND, 5)      \
  X(TOO_LARGE, 8)            \
  X(SERVICE_UNKNOWN, 5)      \
  X(TOO_MANY_STREAMS, 8)     \
  X(TOO_MANY_CALLS, 8)       \
  X(OUT_OF_MEMORY, 8)        \
  X(SHUTTING_DOWN, 14)       \
  X(ENGINE_FAILED, 13)       \
  X(NOT_FOUND, 5)            \
  X(ALREADY_EXISTS, 6)       \
  X(USER_NOT_FOUND, 5)       \
  X(ORDER_NOT_FOUND, 5)      \
  X(EMAIL_TAKEN, 6)          \
  X(KEY_REUSED, 3)           \
  X(NO_IDENTITY, 16)         \
  X(TOKEN_EXPIRED, 16)       \
  X(SIGN_IN_FAILED, 16)      \
  X(SESSION_ENDED, 16)       \
  X(NOT_ALLOWED, 7)          \
  X(TOO_MANY_ATTEMPTS, 8)    \
  X(LAST_ADMIN, 9)           \
  X(ORDER_CLOSED, 9)         \
  X(AMOUNT_OVERFLOW, 11)     \
  X(DEADLINE, 4)             \
  X(PEER_UNAVAILABLE, 14)    \
  X(STORE_UNAVAILABLE, 14)   \
  X(MALFORMED_MATERIAL, 3)   \
  X(QUOTA_EXCEEDED, 8)       \
  X(ENGINE_UNAVAILABLE, 14)  \
  X(ANSWER_CUT, 11)          \
  X(ANSWER_BLOCKED, 9)       \
  X(INTERNAL, 13)

enum rpc_reason {
#define X(name, code) RPC_REASON_##name,
  RPC_REASONS(X)
#undef X
      RPC_REASON_COUNT
};

typedef struct {
  enum rpc_reason reason;
  const char *field;      /* BadRequest.field_violations[0].field, e.g. "config.sample_rate_hz"; or NULL */
  int64_t retry_after_ms; /* RetryInfo and grpc-retry-pushback-ms; 0 = none */
  char message[256];      /* English, says what to do */
} rpc_error;

rpc_error rpc_error_of(enum rpc_reason reason, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int rpc_error_code(const rpc_error *e);
const char *rpc_reason_name(enum rpc_reason reason);
/* Code, message, and grpc-status-details-bin among the trailers. */
base_err rpc_error_to_status(const rpc_error *e, wire_status *out) BASE_MUST_USE;
/* What a client shows: the reason ("MODEL_NOT_FOUND") and field found in the details; empty strings without. */
base_err rpc_error_read(const wire_status *s, char reason[64], char field[128], int64_t *retry_after_ms) BASE_MUST_USE;

#endif
