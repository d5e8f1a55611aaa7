/* A whole HTTP/2 connection (connection.h), after preface and SETTINGS; a frame takes its type, flags and stream from the first three bytes. */
#include "connection.h"
#include "fuzz.h"

static base_err frame(base_span bytes, base_buf *out) {
  if (bytes.n < 3) {
    return base_fail(BASE_E_MALFORMED);
  }
  BASE_TRY(base_buf_u24(out, (uint32_t)(bytes.n - 3)));
  BASE_TRY(base_buf_u8(out, bytes.p[0]));
  BASE_TRY(base_buf_u8(out, bytes.p[1]));
  BASE_TRY(base_buf_u32(out, bytes.p[2]));
  return base_buf_append(out, base_span_of(bytes.p + 3, bytes.n - 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char first[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
  const connection_kind kind = {.first = base_span_of(first, sizeof first - 1), .frame = frame};
  connection_run(&kind, base_span_of(data, size));
  return 0;
}
