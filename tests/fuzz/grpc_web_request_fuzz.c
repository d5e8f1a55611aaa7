/* A gRPC-Web request by a stranger: one byte for the size of the pieces, a path, headers ("name: value" lines), an empty line, the body. The service
 * echoes all it gets. Whatever comes, the exchange is answered once or broken off, and the call ends. */
#include <assert.h>

#include "gateway/http/grpc_web.h"
#include "gateway/http/testing_exchange.h"
#include "gateway/upstream/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_HEADERS = 32 };

static void nothing(void *ctx, const wire_status *status) { (void)ctx, (void)status; }
static const gw_up_events deaf = {.on_status = nothing};

static base_span take_line(base_span *in) {
  const uint8_t *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
  base_span line = base_span_of(in->p, end ? (size_t)(end - in->p) : in->n);
  size_t used = line.n + (end ? 1 : 0);
  *in = base_span_of(in->p + used, in->n - used);
  return line;
}

static size_t take_headers(base_span *in, http_header *headers) {
  size_t n = 0;
  for (base_span line = take_line(in); line.n > 0; line = take_line(in)) {
    const uint8_t *colon = memchr(line.p, ':', line.n);
    size_t name = colon ? (size_t)(colon - line.p) : line.n;
    if (n < MAX_HEADERS) {
      base_span value = colon ? base_span_of(colon + 1, line.n - name - 1) : base_span_of("", 0);
      headers[n++] = (http_header){base_span_of(line.p, name), base_span_trim(value)};
    }
  }
  return n;
}

/* What the service got as metadata comes back as headers, and again as trailers. */
static void echo(gw_fake *up, size_t *echoed) {
  gw_fake_call *c = up->calls;
  if (c && !c->cancelled && base_buf_size(&c->written) > *echoed) {
    if (*echoed == 0) {
      c->events->on_headers(c->ctx, &c->metadata);
    }
    base_span all = base_buf_span(&c->written);
    gw_fake_data(c, base_span_of(all.p + *echoed, all.n - *echoed));
    *echoed = all.n;
    gw_fake_take(c);
  }
}

static void end_calls(gw_fake *up) {
  gw_fake_end_cancelled(up);
  if (up->calls) {
    gw_fake_call *c = up->calls;
    wire_status status;
    wire_status_init(&status);
    wire_status_set(&status, c->ended ? 0 : 14, "the \xc3\xa7 end");
    base_err e = wire_metadata_merge(&status.trailers, &c->metadata);
    assert(base_is_ok(e));
    c->events->on_status(c->ctx, &status);
    c->events = &deaf;
    gw_fake_status(c, 0, "");
    wire_status_dispose(&status);
  }
}

/* No header of the answer can be mistaken for two. */
static void check_head(const testing_exchange *t) {
  base_span head = base_buf_span(&t->head);
  for (size_t i = 0; i < head.n; i++) {
    assert(head.p[i] == '\n' || (head.p[i] >= 0x20 && head.p[i] < 0x7f));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  gw_fake up;
  testing_exchange t;
  http_header headers[MAX_HEADERS];
  base_span in = base_span_of(data + 1, size - 1);
  base_span path = take_line(&in);
  size_t count = take_headers(&in, headers), echoed = 0;
  gw_fake_init(&up);
  testing_exchange_init(&t);
  gw_gate gate = {.upstream = &up.base};
  gw_grpc_web_options options = {.gate = &gate};
  http_request r = {
      .method = base_span_str("POST"), .path = path, .headers = headers, .header_count = count, .peer = "127.0.0.1"};
  gw_grpc_web_handle(&options, &t.x, &r, NULL, 0);
  size_t piece = data[0] ? data[0] : 1;
  for (size_t at = 0; at < in.n; at += piece) {
    testing_browser_sends(&t, base_span_of(in.p + at, in.n - at < piece ? in.n - at : piece));
    echo(&up, &echoed);
  }
  testing_browser_ends(&t);
  end_calls(&up);
  assert(up.calls == NULL);
  assert(t.reset || (t.ended && t.status != 0));
  assert(t.reset || t.consumed <= in.n);
  check_head(&t);
  testing_close(&t, t.reset);
  gw_fake_dispose(&up);
  testing_exchange_dispose(&t);
  return 0;
}
