/* A whole WebSocket connection (connection.h), after the upgrade: bit 7 of byte 0 chooses the subprotocol. A frame takes its first byte (FIN, opcode) from the first one. */
#include "connection.h"
#include "fuzz.h"

#define UPGRADE                                                                  \
  "HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "

/* Masked with zeros. */
static base_err frame(base_span bytes, base_buf *out) {
  size_t n = bytes.n - 1;
  BASE_TRY(base_buf_u8(out, bytes.p[0]));
  if (n < 126) {
    BASE_TRY(base_buf_u8(out, (uint8_t)(0x80 | n)));
  } else {
    BASE_TRY(base_buf_u8(out, 0x80 | 126));
    BASE_TRY(base_buf_u16(out, (uint16_t)n));
  }
  BASE_TRY(base_buf_u32(out, 0));
  return base_buf_append(out, base_span_of(bytes.p + 1, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char mux[] = "GET /ponte.v1 " UPGRADE "ponte.v1\r\n\r\n";
  static const char single[] = "GET /pkg.Service/Method " UPGRADE "grpc-websockets\r\n\r\n";
  bool is_mux = size == 0 || data[0] < 0x80;
  const connection_kind kind = {.first = base_span_str(is_mux ? mux : single), .frame = frame};
  connection_run(&kind, base_span_of(data, size));
  return 0;
}
