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
#define RPC_REASONS(X)                      \
  X(NONE, OK)                               \
  X(INVALID_FIELD, INVALID_ARGUMENT)        \
  X(OUT_OF_SEQUENCE, INVALID_ARGUMENT)      \
  X(MALFORMED_AUDIO, INVALID_ARGUMENT)      \
  X(UNSUPPORTED_LANGUAGE, INVALID_ARGUMENT) \
  X(MODEL_NOT_FOUND, NOT_FOUND)             \
  X(TOO_LARGE, RESOURCE_EXHAUSTED)          \
  X(SERVICE_UNKNOWN, NOT_FOUND)             \
  X(TOO_MANY_STREAMS, RESOURCE_EXHAUSTED)   \
  X(TOO_MANY_CALLS, RESOURCE_EXHAUSTED)     \
  X(OUT_OF_MEMORY, RESOURCE_EXHAUSTED)      \
  X(SHUTTING_DOWN, UNAVAILABLE)             \
  X(ENGINE_FAILED, INTERNAL)                \
  X(NOT_FOUND, NOT_FOUND)                   \
  X(ALREADY_EXISTS, ALREADY_EXISTS)         \
  X(USER_NOT_FOUND, NOT_FOUND)              \
  X(ORDER_NOT_FOUND, NOT_FOUND)             \
  X(EMAIL_TAKEN, ALREADY_EXISTS)            \
  X(KEY_REUSED, INVALID_ARGUMENT)           \
  X(NO_IDENTITY, UNAUTHENTICATED)           \
  X(TOKEN_EXPIRED, UNAUTHENTICATED)         \
  X(SIGN_IN_FAILED, UNAUTHENTICATED)        \
  X(SESSION_ENDED, UNAUTHENTICATED)         \
  X(NOT_ALLOWED, PERMISSION_DENIED)         \
  X(TOO_MANY_ATTEMPTS, RESOURCE_EXHAUSTED)  \
  X(LAST_ADMIN, FAILED_PRECONDITION)        \
  X(ORDER_CLOSED, FAILED_PRECONDITION)      \
  X(AMOUNT_OVERFLOW, OUT_OF_RANGE)          \
  X(DEADLINE, DEADLINE_EXCEEDED)            \
  X(PEER_UNAVAILABLE, UNAVAILABLE)          \
  X(STORE_UNAVAILABLE, UNAVAILABLE)         \
  X(MALFORMED_MATERIAL, INVALID_ARGUMENT)   \
  X(QUOTA_EXCEEDED, RESOURCE_EXHAUSTED)     \
  X(ENGINE_UNAVAILABLE, UNAVAILABLE)        \
  X(ANSWER_CUT, OUT_OF_RANGE)               \
  X(ANSWER_BLOCKED, FAILED_PRECONDITION)    \
  X(INTERNAL, INTERNAL)

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
