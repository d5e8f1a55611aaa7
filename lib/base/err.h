/* err.h - the one result type and the one table of errors of all C here.
 *
 * A function that can fail returns a base_err. It is a one-word struct and must be used, so that it cannot be
 * mistaken for a count or a boolean. BASE_OK is success. The table below names every code once, with the gRPC
 * status, HTTP status and WebSocket close code that it becomes at each border; translating errors is a gateway's
 * work, and one table makes the translation testable.
 *
 * Sources: gRPC status codes and their HTTP mapping, grpc/grpc doc/statuscodes.md and doc/http-grpc-status-mapping.md;
 * close codes, RFC 6455 section 7.4 and docs/protocol.md.
 */
#ifndef PONTE_BASE_ERR_H
#define PONTE_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* gRPC's status codes, in the order of their numbers; the column "gRPC" below is of these. */
#define BASE_GRPC_CODES(X) \
  X(OK)                    \
  X(CANCELLED)             \
  X(UNKNOWN)               \
  X(INVALID_ARGUMENT)      \
  X(DEADLINE_EXCEEDED)     \
  X(NOT_FOUND)             \
  X(ALREADY_EXISTS)        \
  X(PERMISSION_DENIED)     \
  X(RESOURCE_EXHAUSTED)    \
  X(FAILED_PRECONDITION)   \
  X(ABORTED)               \
  X(OUT_OF_RANGE)          \
  X(UNIMPLEMENTED)         \
  X(INTERNAL)              \
  X(UNAVAILABLE)           \
  X(DATA_LOSS)             \
  X(UNAUTHENTICATED)

enum base_grpc {
#define X(name) BASE_GRPC_##name,
  BASE_GRPC_CODES(X)
#undef X
      BASE_GRPC_COUNT
};

/*      name                text                               gRPC  HTTP  close */
#define BASE_ERR_MAP(X)                                                                         \
  X(OK, "ok", OK, 200, 1000)                                                                    \
  X(NEED_MORE, "more bytes are needed", INTERNAL, 500, 1011)                                    \
  X(MALFORMED, "malformed input", INVALID_ARGUMENT, 400, 1002)                                  \
  X(TOO_LARGE, "a size limit was exceeded", RESOURCE_EXHAUSTED, 413, 1009)                      \
  X(CREDIT, "more was sent than credit allowed", RESOURCE_EXHAUSTED, 429, 4003)                 \
  X(HELLO, "the connection did not open with a valid HELLO", INVALID_ARGUMENT, 400, 4002)       \
  X(DRAINING, "the server is shutting down", UNAVAILABLE, 503, 4001)                            \
  X(NO_MEMORY, "out of memory", RESOURCE_EXHAUSTED, 503, 1011)                                  \
  X(CANCELLED, "cancelled", CANCELLED, 499, 1000)                                               \
  X(INVALID, "invalid argument", INVALID_ARGUMENT, 400, 1002)                                   \
  X(DEADLINE, "deadline exceeded", DEADLINE_EXCEEDED, 504, 1011)                                \
  X(NOT_FOUND, "not found", NOT_FOUND, 404, 1011)                                               \
  X(EXISTS, "already exists", ALREADY_EXISTS, 409, 1011)                                        \
  X(DENIED, "permission denied", PERMISSION_DENIED, 403, 1008)                                  \
  X(EXHAUSTED, "a limit was reached", RESOURCE_EXHAUSTED, 429, 1013)                            \
  X(PRECONDITION, "not possible in the present state", FAILED_PRECONDITION, 400, 1011)          \
  X(UNIMPLEMENTED, "not implemented", UNIMPLEMENTED, 404, 1011)                                 \
  X(INTERNAL, "internal error", INTERNAL, 500, 1011)                                            \
  X(UNAVAILABLE, "unavailable", UNAVAILABLE, 503, 1011)                                         \
  X(UNAUTHENTICATED, "not authenticated", UNAUTHENTICATED, 401, 4004)                           \
  X(IO, "input or output failed", UNAVAILABLE, 503, 1011)                                       \
  X(NO_ROUTE, "no upstream serves this method: no route leads to it", UNIMPLEMENTED, 404, 1011) \
  X(IN_USE, "address already in use", FAILED_PRECONDITION, 500, 1011)

enum base_err_code {
#define X(name, text, grpc, http, close) BASE_E_##name,
  BASE_ERR_MAP(X)
#undef X
      BASE_E_COUNT
};

typedef struct {
  uint16_t code; /* enum base_err_code */
} base_err;

#define BASE_MUST_USE __attribute__((warn_unused_result))
/* Shorthand for returns and comparisons: base_fail(BASE_E_MALFORMED). */
#define BASE_OK ((base_err){BASE_E_OK})
static inline base_err base_fail(enum base_err_code code) { return (base_err){(uint16_t)code}; }
static inline bool base_is_ok(base_err e) { return e.code == BASE_E_OK; }
static inline bool base_is(base_err e, enum base_err_code code) { return e.code == code; }

/* Leaves the calling function with the error, if there is one. */
#define BASE_TRY(expr)                 \
  do {                                 \
    base_err base_try_err__ = (expr);  \
    if (!base_is_ok(base_try_err__)) { \
      return base_try_err__;           \
    }                                  \
  } while (0)

/* Static text, never NULL, valid for the life of the process. Unknown codes read as INTERNAL. */
const char *base_err_name(base_err e);
const char *base_err_text(base_err e);
int base_err_grpc(base_err e);
int base_err_http(base_err e);
int base_err_close(base_err e);

/* gRPC status code <-> its name ("NOT_FOUND"); unknown codes are "UNKNOWN" and unknown names are -1. */
const char *base_grpc_name(int code);
int base_grpc_code(const char *name);
/* Codes outside the table are a service's own invention; gRPC counts them as UNKNOWN. */
static inline int base_grpc_known(int code) { return code >= 0 && code < BASE_GRPC_COUNT ? code : BASE_GRPC_UNKNOWN; }

#endif
