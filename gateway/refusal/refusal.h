/* refusal.h - why the gateway itself refuses a call, as a program may read it: one table of reasons for authentication, authorization and limits.
 *
 * A refusal becomes a gRPC status whose details hold google.rpc.ErrorInfo{domain "ponte", reason} (docs/authentication.md lists them). Pure; any thread. */
#ifndef PONTE_GATEWAY_REFUSAL_H
#define PONTE_GATEWAY_REFUSAL_H

#include "wire/status.h"

/*      reason               gRPC  www-authenticate of RFC 6750, or NULL */
#define GW_REFUSALS(X)                                                       \
  X(CREDENTIALS_MISSING, UNAUTHENTICATED, "Bearer")                          \
  X(TOKEN_INVALID, UNAUTHENTICATED, "Bearer error=\"invalid_token\"")        \
  X(TOKEN_EXPIRED, UNAUTHENTICATED, "Bearer error=\"invalid_token\"")        \
  X(KEY_SET_UNAVAILABLE, UNAVAILABLE, NULL)                                  \
  X(API_KEY_INVALID, UNAUTHENTICATED, "Bearer")                              \
  X(SCOPE_MISSING, PERMISSION_DENIED, "Bearer error=\"insufficient_scope\"") \
  X(METHOD_CLOSED, PERMISSION_DENIED, NULL)                                  \
  X(RATE_LIMITED, RESOURCE_EXHAUSTED, NULL)                                  \
  X(TOO_MANY_CALLS, RESOURCE_EXHAUSTED, NULL)                                \
  X(OVERLOADED, RESOURCE_EXHAUSTED, NULL)

enum gw_refusal {
#define X(name, code, hint) GW_REFUSAL_##name,
  GW_REFUSALS(X)
#undef X
      GW_REFUSAL_COUNT
};

/* Fills *out (initialised): code, message, details. retry_after_ms 0 = none. Cannot fail: without memory the details are missing. */
void gw_refuse(wire_status *out, enum gw_refusal why, int64_t retry_after_ms, const char *message);
const char *gw_refusal_name(enum gw_refusal why);

#endif
