/* RFC 6455 and RFC 7692 in memory: the case table, whole, byte by byte, and cut once at every byte. */
#include "gateway/ws/endpoint.h"

#include "base/test.h"
#include "gateway/upstream/fake.h"
#include "gateway/ws/mux_session.h"
#include "gateway/ws/ws_cases.h"

struct fixture {
  gw_fake up;
  gw_gate gate;
  gw_deflate_pool *pool;
  gw_ws_endpoint endpoint;
  base_buf sent;
  int closed;
};
static uint8_t scratch[GW_WS_SCRATCH];

static void on_write(void *ctx, base_span bytes) {
  struct fixture *f = ctx;
  CHECK(f->closed == 0);
  CHECK_OK(base_buf_append(&f->sent, bytes));
}
static size_t on_queued(void *ctx) { return ctx == NULL; }
static void on_want_flush(void *ctx) { CHECK(ctx != NULL); }
static void on_pause(void *ctx, bool paused) { CHECK(ctx != NULL && !paused); }
static void on_close(void *ctx) { ((struct fixture *)ctx)->closed++; }
static const gw_ws_pipe memory = {on_write, on_queued, on_want_flush, on_pause, on_close};

static void setup(struct fixture *f, const gw_deflate_options *o) {
  gw_mux *mux = NULL;
  gw_deflate *deflate = NULL;
  const gw_deflate_params params = {.server_bits = 12, .client_bits = 12};
  memset(f, 0, sizeof *f);
  gw_fake_init(&f->up);
  f->gate = (gw_gate){.upstream = &f->up.base};
  base_buf_init(&f->sent, 1 << 22);
  if (o) {
    CHECK_OK(gw_deflate_pool_new(o, &f->pool));
    CHECK_OK(gw_deflate_new(f->pool, &params, &deflate));
  }
  gw_ws_endpoint_init(&f->endpoint, &memory, f, scratch, deflate);
  CHECK_OK(gw_mux_new(NULL, &f->gate, &gw_ws_endpoint_sink, &f->endpoint, 0, &mux));
  gw_ws_endpoint_attach(&f->endpoint, &gw_mux_vt, mux);
}

static void teardown(struct fixture *f) {
  gw_ws_endpoint_dispose(&f->endpoint);
  gw_deflate_pool_free(f->pool);
  gw_fake_dispose(&f->up);
  base_buf_dispose(&f->sent);
}

/* An exact-size copy, so that a sanitizer sees a byte read past the end; a turn of the loop. */
static void feed(struct fixture *f, base_span bytes) {
  uint8_t *copy = malloc(bytes.n ? bytes.n : 1);
  if (copy == NULL) {
    abort();
  }
  memcpy(copy, bytes.p, bytes.n);
  gw_ws_endpoint_receive(&f->endpoint, base_span_of(copy, bytes.n), 1);
  free(copy);
  gw_ws_endpoint_flush(&f->endpoint, 1);
}

static const gw_deflate_options deflate_on = {.on = true};

/* In pieces of `step` bytes, the first one `first` long. */
static bool passes(const ws_case *c, base_span bytes, size_t first, size_t step) {
  struct fixture f;
  setup(&f, c->deflate ? &deflate_on : NULL);
  while (bytes.n > 0) {
    size_t n = first < bytes.n ? first : bytes.n;
    feed(&f, base_span_of(bytes.p, n));
    bytes = base_span_of(bytes.p + n, bytes.n - n);
    first = step;
  }
  const char *wrong = ws_case_judge(c, base_buf_span(&f.sent));
  CHECK_MSG(wrong == NULL, "%s: %s (cut at %zu, %zu)", c->name, wrong, first, step);
  CHECK_MSG(f.closed == 1, "%s: closed %d times", c->name, f.closed);
  teardown(&f);
  return wrong == NULL;
}

static void cases_pass_whole(void) {
  for (int i = 0; i < WS_CASES; i++) {
    base_buf b;
    size_t hello = 0;
    base_buf_init(&b, 1 << 20);
    ws_case_build(&ws_cases[i], &b, &hello);
    passes(&ws_cases[i], base_buf_span(&b), base_buf_size(&b), base_buf_size(&b));
    base_buf_dispose(&b);
  }
}

static void cases_pass_byte_by_byte(void) {
  for (int i = 0; i < WS_CASES; i++) {
    base_buf b;
    size_t hello = 0;
    base_buf_init(&b, 1 << 20);
    ws_case_build(&ws_cases[i], &b, &hello);
    passes(&ws_cases[i], base_buf_span(&b), 1, 1);
    base_buf_dispose(&b);
  }
}

static void cases_pass_cut_at_every_byte(void) {
  enum { ENOUGH = 400 }; /* big messages: their heads and first bytes */
  for (int i = 0; i < WS_CASES; i++) {
    base_buf b;
    size_t at = 0;
    base_buf_init(&b, 1 << 20);
    ws_case_build(&ws_cases[i], &b, &at);
    for (; at < base_buf_size(&b) && at < ENOUGH && passes(&ws_cases[i], base_buf_span(&b), at, 1 << 20); at++) {
    }
    base_buf_dispose(&b);
  }
}

static void a_cut_off_connection_frees_all(void) {
  for (int i = 0; i < WS_CASES; i++) {
    base_buf b;
    size_t hello = 0;
    base_buf_init(&b, 1 << 20);
    ws_case_build(&ws_cases[i], &b, &hello);
    for (size_t n = hello; n < base_buf_size(&b) && n < hello + 60; n++) {
      struct fixture f;
      setup(&f, ws_cases[i].deflate ? &deflate_on : NULL);
      feed(&f, base_span_of(base_buf_span(&b).p, n));
      teardown(&f);
    }
    base_buf_dispose(&b);
  }
}

static void whoever_does_not_read_gets_no_pongs(void) {
  struct fixture f;
  base_buf b;
  setup(&f, NULL);
  base_buf_init(&b, 1 << 24);
  for (int i = 0; i < 20000; i++) {
    ws_case_frame_put(&b, PIN, 0, base_span_of(LONG_125, 125));
  }
  /* Without a flush in between: nothing is written yet. */
  gw_ws_endpoint_receive(&f.endpoint, base_buf_span(&b), 1);
  CHECK(base_buf_size(&f.endpoint.out) <= 2 * 65536);
  base_buf_dispose(&b);
  teardown(&f);
}

static void a_bomb_is_refused(void) {
  struct fixture f;
  base_buf zeroes, packed, b;
  ws_case_reply r;
  setup(&f, &(gw_deflate_options){.on = true, .max_ratio = 10});
  base_buf_init(&zeroes, 1 << 20);
  base_buf_init(&packed, 1 << 20);
  base_buf_init(&b, 1 << 20);
  uint8_t *room = NULL;
  CHECK_OK(base_buf_reserve(&zeroes, 100000, &room));
  memset(room, 0, 100000);
  base_buf_commit(&zeroes, 100000);
  ws_case_deflate(base_buf_span(&zeroes), false, &packed);
  ws_case_frame_put(&b, BIN | R1, 0, base_buf_span(&packed));
  feed(&f, base_buf_span(&b));
  CHECK(ws_case_read(base_buf_span(&f.sent), &r));
  CHECK_INT(r.close, 1009);
  CHECK(gw_deflate_pool_used(f.pool) < 64 << 10);
  base_buf_dispose(&zeroes);
  base_buf_dispose(&packed);
  base_buf_dispose(&b);
  teardown(&f);
}

TEST_MAIN(TEST(cases_pass_whole), TEST(cases_pass_byte_by_byte), TEST(cases_pass_cut_at_every_byte),
          TEST(a_cut_off_connection_frees_all), TEST(whoever_does_not_read_gets_no_pongs), TEST(a_bomb_is_refused))
