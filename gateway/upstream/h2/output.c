/* output.c - frames on their way out: gathered into one write a flush, DATA pulled only while the socket keeps up. */
#include "gateway/upstream/h2/internal.h"

enum {
  GATHER_BYTES = 65536, /* one write to the socket */
  TURN_BYTES = 1 << 20, /* of one flush, then other connections have their turn */
  FRAME_HEAD = 9,
};

struct gw_h2c_gather {
  size_t n, total;
  uint8_t bytes[GATHER_BYTES];
};

static void gather_write(gw_h2c *s) {
  struct gw_h2c_gather *g = s->gather;
  if (g->n > 0 && base_is_ok(s->error) && !base_is_ok(s->sink.send(s->sink_ctx, base_span_of(g->bytes, g->n)))) {
    gw_h2c__fail(s, base_fail(BASE_E_IO), "the connection to the service is lost");
  }
  g->n = 0;
}

static void gather_put(gw_h2c *s, base_span bytes) {
  struct gw_h2c_gather *g = s->gather;
  if (bytes.n > GATHER_BYTES - g->n) {
    gather_write(s);
  }
  memcpy(g->bytes + g->n, bytes.p, bytes.n); /* a frame has at most 16 KiB and its head: RFC 9113 section 4.2 */
  g->n += bytes.n;
  g->total += bytes.n;
}

bool gw_h2c__output_full(const gw_h2c *s) {
  return s->gather->total >= TURN_BYTES || s->sink.queued(s->sink_ctx) >= GW_H2C_OUTPUT_HIGH;
}

static int on_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                        nghttp2_data_source *source, void *user) {
  (void)ng, (void)frame;
  gw_h2c *s = user;
  gw_h2c_call *c = source->ptr;
  gather_put(s, base_span_of(head, FRAME_HEAD));
  if (length > 0) {
    gather_put(s, base_span_of(base_buf_span(&c->out).p, length));
    gw_h2c__sent(c, length);
  }
  return 0;
}

void gw_h2c__pull(gw_h2c *s) {
  struct gw_h2c_gather g;
  g.n = g.total = 0;
  s->gather = &g;
  while (!gw_h2c__output_full(s)) {
    const uint8_t *bytes = NULL;
    ssize_t n = nghttp2_session_mem_send(s->ng, &bytes);
    if (n < 0) {
      gw_h2c__fail(s, base_fail(n == NGHTTP2_ERR_NOMEM ? BASE_E_NO_MEMORY : BASE_E_INTERNAL),
                   "the gateway cannot send on the connection to the service");
    }
    if (n <= 0) {
      break;
    }
    gather_put(s, base_span_of(bytes, (size_t)n));
  }
  gather_write(s);
  s->gather = NULL;
  if (g.total >= TURN_BYTES) {
    gw_h2c__want_flush(s);
  }
}

void gw_h2c__output_register(nghttp2_session_callbacks *cb) {
  nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
}
