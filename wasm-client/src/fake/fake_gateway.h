/* fake_gateway.h - the gateway's end of ponte.v1 over fake_plat.h, driven by a test: it says HELLO, writes down each frame that comes
 * ("OPEN 1 /p.S/M", "DATA 1 12 END") and hands frames to the test. Test code only. */
#ifndef PONTE_WC_FAKE_GATEWAY_H
#define PONTE_WC_FAKE_GATEWAY_H

#include "base/buf.h"
#include "wc/fake/fake_plat.h"
#include "wire/frame.h"
#include "wire/mux.h"

typedef struct {
  fake_plat plat;
  bool quiet;           /* says no HELLO by itself */
  uint32_t call_credit; /* of the HELLO; 1 MiB */
  uint32_t ping_interval_ms;
  base_buf log;      /* frames received, joined by "; " */
  wc_socket *socket; /* the newest accepted one */
  int frames;        /* received */
  int cut_after;     /* drops the connection when so many frames have come; 0 = never */
  void (*on_frame)(void *ctx, wc_socket *s, const wire_mux_frame *f);
  void *ctx;
} fake_gateway;

void fake_gateway_init(fake_gateway *g, uint64_t seed);
void fake_gateway_dispose(fake_gateway *g);
/* The log so far, as text; cleared for the next look. */
const char *fake_gateway_log(fake_gateway *g);

void fake_gateway_hello(fake_gateway *g, wc_socket *s);
void fake_gateway_headers(wc_socket *s, uint32_t call);
void fake_gateway_data(wc_socket *s, uint32_t call, base_span bytes);
/* `text` as one gRPC-framed message. */
void fake_gateway_message(wc_socket *s, uint32_t call, base_span message);
void fake_gateway_status(wc_socket *s, uint32_t call, int code, const char *text);
void fake_gateway_credit(wc_socket *s, uint32_t call, uint32_t bytes);
void fake_gateway_drain(wc_socket *s, uint32_t last_call, uint32_t grace_ms);

#endif
