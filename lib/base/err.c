#include "base/err.h"

#include <string.h>

struct row {
  const char *name, *text;
  uint16_t grpc, http, close;
};

static const struct row rows[BASE_E_COUNT] = {
#define X(name, text, grpc, http, close) {#name, text, BASE_GRPC_##grpc, http, close},
    BASE_ERR_MAP(X)
#undef X
};

static const struct row *row_of(base_err e) { return &rows[e.code < BASE_E_COUNT ? e.code : BASE_E_INTERNAL]; }

const char *base_err_name(base_err e) { return row_of(e)->name; }
const char *base_err_text(base_err e) { return row_of(e)->text; }
int base_err_grpc(base_err e) { return row_of(e)->grpc; }
int base_err_http(base_err e) { return row_of(e)->http; }
int base_err_close(base_err e) { return row_of(e)->close; }

static const char *const grpc_names[BASE_GRPC_COUNT] = {
#define X(name) #name,
    BASE_GRPC_CODES(X)
#undef X
};

const char *base_grpc_name(int code) { return grpc_names[base_grpc_known(code)]; }

int base_grpc_code(const char *name) {
  for (int i = 0; i < BASE_GRPC_COUNT; i++) {
    if (strcmp(grpc_names[i], name) == 0) {
      return i;
    }
  }
  return -1;
}
