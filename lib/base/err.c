#include "base/err.h"

#include <string.h>

struct row {
  const char *name, *text;
  uint16_t grpc, http, close;
};

static const struct row rows[BASE_E_COUNT] = {
#define X(name, text, grpc, http, close) {#name, text, grpc, http, close},
    BASE_ERR_MAP(X)
#undef X
};

static const struct row *row_of(base_err e) { return &rows[e.code < BASE_E_COUNT ? e.code : BASE_E_INTERNAL]; }

const char *base_err_name(base_err e) { return row_of(e)->name; }
const char *base_err_text(base_err e) { return row_of(e)->text; }
int base_err_grpc(base_err e) { return row_of(e)->grpc; }
int base_err_http(base_err e) { return row_of(e)->http; }
int base_err_close(base_err e) { return row_of(e)->close; }

/* In the order of their numbers: grpc/grpc doc/statuscodes.md. */
static const char *const grpc_names[] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};
enum { GRPC_NAMES = sizeof grpc_names / sizeof *grpc_names };

const char *base_grpc_name(int code) { return code >= 0 && code < GRPC_NAMES ? grpc_names[code] : "UNKNOWN"; }

int base_grpc_code(const char *name) {
  for (int i = 0; i < GRPC_NAMES; i++) {
    if (strcmp(grpc_names[i], name) == 0) {
      return i;
    }
  }
  return -1;
}
