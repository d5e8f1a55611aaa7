/* A whole HTTP/1.1 connection (connection.h); a frame is a chunk of a chunked body. */
#include "connection.h"
#include "fuzz.h"

static base_err chunk(base_span bytes, base_buf *out) {
  BASE_TRY(base_buf_printf(out, "%zx\r\n", bytes.n));
  BASE_TRY(base_buf_append(out, bytes));
  return base_buf_str(out, "\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const connection_kind kind = {.frame = chunk};
  connection_run(&kind, base_span_of(data, size));
  return 0;
}
