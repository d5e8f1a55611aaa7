#include "wc/fake/fake_gateway.h"

#include <stdlib.h>

enum { LOG_MAX = 1 << 20 };

/* A failure here is the test's own bug or an exhausted machine. */
static void must(base_err err) {
  if (!base_is_ok(err)) abort();
}

static void send_and_dispose(wc_socket *s, base_buf *out) {
  fake_send(s, base_buf_span(out));
  base_buf_dispose(out);
}

#define SEND(s, put)                           \
  do {                                         \
    base_buf out;                              \
    base_buf_init(&out, WIRE_MUX_MESSAGE_MAX); \
    must(put);                                 \
    send_and_dispose(s, &out);                 \
  } while (0)

void fake_gateway_hello(fake_gateway *g, wc_socket *s) {
  wire_mux_hello hello = {.version = WIRE_MUX_VERSION,
                          .call_credit = g->call_credit,
                          .max_calls = 100,
                          .max_message = 4 << 20,
                          .ping_interval_ms = g->ping_interval_ms};
  SEND(s, wire_mux_put_hello(&out, &hello));
}

void fake_gateway_headers(wc_socket *s, uint32_t call) {
  wire_metadata m;
  wire_metadata_init(&m);
  must(wire_metadata_add_str(&m, "x-test", "1"));
  SEND(s, wire_mux_put_headers(&out, call, &m));
  wire_metadata_dispose(&m);
}

void fake_gateway_data(wc_socket *s, uint32_t call, base_span bytes) {
  SEND(s, wire_mux_put_data(&out, call, bytes, false));
}

void fake_gateway_message(wc_socket *s, uint32_t call, base_span message) {
  base_buf framed;
  base_buf_init(&framed, WIRE_MUX_MESSAGE_MAX);
  must(wire_frame_append(&framed, 0, message));
  fake_gateway_data(s, call, base_buf_span(&framed));
  base_buf_dispose(&framed);
}

void fake_gateway_status(wc_socket *s, uint32_t call, int code, const char *text) {
  wire_status st;
  wire_status_init(&st);
  wire_status_set(&st, code, "%s", text);
  SEND(s, wire_mux_put_status(&out, call, &st));
  wire_status_dispose(&st);
}

void fake_gateway_credit(wc_socket *s, uint32_t call, uint32_t bytes) {
  SEND(s, wire_mux_put_credit(&out, call, bytes));
}

void fake_gateway_drain(wc_socket *s, uint32_t last_call, uint32_t grace_ms) {
  wire_mux_drain d = {.last_call = last_call, .grace_ms = grace_ms};
  SEND(s, wire_mux_put_drain(&out, &d));
}

static void write_down(fake_gateway *g, const wire_mux_frame *f) {
  static const struct {
    uint8_t type;
    const char *name;
  } names[] = {
#define X(name, value) {value, #name},
      WIRE_MUX_TYPES(X)
#undef X
  };
  const char *name = "?";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].type == f->type) name = names[i].name;
  }
  must(base_buf_printf(&g->log, "%s%s", base_buf_size(&g->log) ? "; " : "", name));
  if (f->call) must(base_buf_printf(&g->log, " %u", f->call));
  if (f->type == WIRE_MUX_DATA)
    must(base_buf_printf(&g->log, " %zu%s", f->payload.n, f->flags & WIRE_MUX_END ? " END" : ""));
  if (f->type == WIRE_MUX_OPEN) {
    wire_mux_open open = {0};
    wire_metadata_init(&open.metadata);
    must(wire_mux_get_open(f->payload, &open));
    must(base_buf_printf(&g->log, " %.*s", BASE_SPAN_ARG(open.path)));
    wire_metadata_dispose(&open.metadata);
  }
}

static void on_connect(void *ctx, wc_socket *s) {
  fake_gateway *g = ctx;
  g->socket = s;
  if (!g->quiet) fake_gateway_hello(g, s);
}

static void on_client(void *ctx, wc_socket *s, base_span message) {
  fake_gateway *g = ctx;
  while (message.n > 0 && s->open) {
    wire_mux_frame f;
    must(wire_mux_next(&message, &f));
    write_down(g, &f);
    g->frames++;
    if (g->cut_after && g->frames == g->cut_after) {
      fake_close(s, WC_CLOSE_LOST);
      return;
    }
    if (f.type == WIRE_MUX_PING) SEND(s, wire_mux_put_ping(&out, true, 1));
    if (g->on_frame) g->on_frame(g->ctx, s, &f);
  }
}

void fake_gateway_init(fake_gateway *g, uint64_t seed) {
  *g = (fake_gateway){.call_credit = 1 << 20};
  fake_plat_init(&g->plat, seed);
  g->plat.on_connect = on_connect;
  g->plat.on_client = on_client;
  g->plat.ctx = g;
  base_buf_init(&g->log, LOG_MAX);
}

void fake_gateway_dispose(fake_gateway *g) {
  fake_plat_dispose(&g->plat);
  base_buf_dispose(&g->log);
}

const char *fake_gateway_log(fake_gateway *g) {
  static char text[4096];
  base_span s = base_buf_span(&g->log);
  size_t n = s.n < sizeof text - 1 ? s.n : sizeof text - 1;
  if (n) memcpy(text, s.p, n);
  text[n] = 0;
  base_buf_clear(&g->log);
  return text;
}
