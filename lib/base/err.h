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

/*      name                text                               gRPC  HTTP  close */
#define BASE_ERR_MAP(X)                                                              \
  X(OK, "ok", 0, 200, 1000)                                                          \
  X(NEED_MORE, "more bytes are needed", 13, 500, 1011)                               \
  X(MALFORMED, "malformed input", 3, 400, 1002)                                      \
  X(TOO_LARGE, "a size limit was exceeded", 8, 413, 1009)                            \
  X(CREDIT, "more was sent than credit allowed", 8, 429, 4003)                       \
  X(HELLO, "the connection did not open with a valid HELLO", 3, 400, 4002)           \
  X(DRAINING, "the server is shutting down", 14, 503, 4001)                          \
  X(NO_MEMORY, "out of memory", 8, 503, 1011)                                        \
  X(CANCELLED, "cancelled", 1, 499, 1000)                                            \
  X(INVALID, "invalid argument", 3, 400, 1002)                                       \
  X(DEADLINE, "deadline exceeded", 4, 504, 1011)                                     \
  X(NOT_FOUND, "not found", 5, 404, 1011)                                            \
  X(EXISTS, "already exists", 6, 409, 1011)                                          \
  X(DENIED, "permission denied", 7, 403, 1008)                                       \
  X(EXHAUSTED, "a limit was reached", 8, 429, 1013)                                  \
  X(PRECONDITION, "not possible in the present state", 9, 400, 1011)                 \
  X(UNIMPLEMENTED, "not implemented", 12, 404, 1011)                                 \
  X(INTERNAL, "internal error", 13, 500, 1011)                                       \
  X(UNAVAILABLE, "unavailable", 14, 503, 1011)                                       \
  X(UNAUTHENTICATED, "not authenticated", 16, 401, 4004)                             \
  X(IO, "input or output failed", 14, 503, 1011)                                     \
  X(NO_ROUTE, "no upstream serves this method: no route leads to it", 12, 404, 1011) \
  X(IN_USE, "address already in use", 9, 500, 1011)

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

#endif
