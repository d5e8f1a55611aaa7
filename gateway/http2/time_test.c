/* A slow peer: what it holds open ends, and what is only quiet does not. */
#include "gateway/http2/testing_world.h"

enum { SECOND = 1000, LOOK = 5 * SECOND };

static const gw_h2_options limits = {.header_ms = 10 * SECOND, .body_ms = 30 * SECOND, .stall_ms = 60 * SECOND};

/* Looks every few seconds, as conn.c does, with what the peer does in between. */
static void pass(world *w, int64_t seconds, void (*meanwhile)(world *w)) {
  for (int64_t end = w->now_ms + seconds * SECOND; w->now_ms < end && base_is_ok(w->error);) {
    w->now_ms += LOOK;
    if (meanwhile) {
      meanwhile(w);
    }
    w->error = gw_h2_session_on_time(w->server, w->now_ms);
    pump(w);
  }
}

static void open_world(world *w) {
  setup(w, &limits);
  w->now_ms = 1;
  pump(w);
}

/* A request whose body never comes: END_STREAM is kept back by a provider that has nothing. */
static ssize_t nothing_yet(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                           nghttp2_data_source *source, void *user) {
  (void)ng, (void)id, (void)source, (void)flags;
  world *w = user;
  if (w->body_left == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  size_t n = w->body_left < length ? w->body_left : length;
  memset(buf, 'b', n);
  w->body_left -= n;
  return (ssize_t)n;
}

static int32_t unfinished(world *w, size_t first_bytes) {
  const nghttp2_nv nv[] = {NV(":method", "POST"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a")};
  nghttp2_data_provider provider = {.read_callback = nothing_yet};
  w->body_left = first_bytes;
  int32_t id = nghttp2_submit_request(w->client, NULL, nv, 4, &provider, NULL);
  pump(w);
  return id;
}

static void one_more_byte(world *w) {
  w->body_left = 1;
  nghttp2_session_resume_data(w->client, 1);
  pump(w);
}

static void a_body_that_stops_is_408(void) {
  world w;
  open_world(&w);
  w.hold = true;
  int32_t id = unfinished(&w, 10);
  pass(&w, 30, NULL);
  CHECK_INT(w.answers[id].status, 0);
  pass(&w, 10, NULL);
  CHECK_INT(w.answers[id].status, 408);
  CHECK(w.answers[id].closed);
  CHECK_INT(w.seen[0].closed, 1);
  CHECK_OK(w.error);
  teardown(&w);
}

static void a_body_that_comes_slowly_is_waited_for(void) {
  world w;
  open_world(&w);
  w.hold = true;
  int32_t id = unfinished(&w, 10);
  pass(&w, 300, one_more_byte);
  CHECK_INT(w.answers[id].status, 0);
  CHECK(!w.answers[id].closed);
  teardown(&w);
}

static void a_body_that_we_hold_back_is_waited_for(void) {
  world w;
  open_world(&w);
  w.hold = w.keep_window = true;
  int32_t id = unfinished(&w, BIG);
  pass(&w, 300, NULL);
  CHECK_INT(w.answers[id].status, 0);
  CHECK(!w.answers[id].closed);
  CHECK_INT(w.seen[0].body, 65535);
  teardown(&w);
}

/* A call of two streams: the service has begun to answer, and the browser says something when it has something to say. */
static void a_quiet_call_that_is_answered_goes_on(void) {
  world w;
  open_world(&w);
  w.hold = true;
  int32_t id = unfinished(&w, 10);
  http_respond(w.seen[0].x, 200, NULL, 0, false);
  pump(&w);
  pass(&w, 300, NULL);
  CHECK_INT(w.answers[id].status, 200);
  CHECK(!w.answers[id].closed);
  teardown(&w);
}

static void an_answer_that_is_long_in_coming_is_no_fault_of_the_peer(void) {
  world w;
  open_world(&w);
  w.hold = true;
  int32_t id = request(&w, "GET", "/", 0);
  pump(&w);
  pass(&w, 300, NULL);
  CHECK(!w.answers[id].closed);
  teardown(&w);
}

static void a_window_that_stays_shut_ends_its_stream_only(void) {
  world w;
  const nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
  open_world(&w);
  w.hold = true;
  nghttp2_submit_settings(w.client, 0, &shut, 1);
  int32_t stuck = request(&w, "GET", "/", 0), waiting = request(&w, "GET", "/", 0);
  pump(&w);
  http_respond(w.seen[0].x, 200, NULL, 0, false);
  http_body(w.seen[0].x, base_span_str("hello"), false);
  pass(&w, 60, NULL);
  CHECK(!w.answers[stuck].closed);
  pass(&w, 10, NULL);
  CHECK(w.answers[stuck].closed);
  CHECK_INT(w.answers[stuck].code, NGHTTP2_CANCEL);
  CHECK_INT(w.seen[0].aborted, 1);
  CHECK(!w.answers[waiting].closed);
  CHECK_OK(w.error);
  teardown(&w);
}

static void one_byte_of_window(world *w) {
  nghttp2_submit_window_update(w->client, 0, 1, 1);
  pump(w);
}

static void a_window_that_opens_slowly_does_not(void) {
  world w;
  const nghttp2_settings_entry shut = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
  setup(&w, &limits);
  nghttp2_session_del(w.client);
  make_client(&w, true);
  w.now_ms = 1;
  w.hold = true;
  nghttp2_submit_settings(w.client, 0, &shut, 1);
  int32_t id = request(&w, "GET", "/", 0);
  pump(&w);
  http_respond(w.seen[0].x, 200, NULL, 0, false);
  char text[256] = {0};
  http_body(w.seen[0].x, base_span_of(text, sizeof text), false);
  pass(&w, 300, one_byte_of_window);
  CHECK(!w.answers[id].closed);
  CHECK_INT(w.answers[id].body, 60);
  teardown(&w);
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
/* HEADERS of stream 1 without END_HEADERS, ":method: GET"; CONTINUATION with one more field (":scheme: http"). */
static const char head_part[] = "\0\0\1\1\1\0\0\0\1\x82";
static const char continued[] = "\0\0\1\x09\0\0\0\0\1\x86";

static void next_part(world *w) { feed(w, base_span_of(continued, 4)); }

static void a_head_that_does_not_end_ends_the_connection(void) {
  for (int drip = 0; drip < 2; drip++) {
    world w;
    setup(&w, &limits);
    w.now_ms = 1;
    feed(&w, base_span_of(preface, sizeof preface - 1));
    feed(&w, base_span_of(head_part, sizeof head_part - 1));
    CHECK_OK(w.error);
    int64_t start = w.now_ms;
    while (base_is_ok(w.error) && w.now_ms < start + 60 * SECOND) {
      w.now_ms += LOOK;
      if (drip && w.now_ms == start + LOOK) {
        next_part(&w); /* half a frame does not start the clock anew */
      }
      w.error = gw_h2_session_on_time(w.server, w.now_ms);
    }
    CHECK_ERR(w.error, BASE_E_DEADLINE);
    CHECK_INT(w.now_ms - start, 10 * SECOND);
    gw_h2_session_flush(w.server);
    CHECK_MSG(base_buf_size(&w.to_client) > 0, "%s", "a GOAWAY says why");
    CHECK(gw_h2_session_done(w.server));
    CHECK_INT(w.requests, 0);
    teardown(&w);
  }
}

static void whole_heads_start_no_clock(void) {
  world w;
  open_world(&w);
  w.decline = true;
  const nghttp2_nv bad[] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
                            NV("connection", "close")};
  request(&w, "GET", "/", 0);
  nghttp2_submit_request(w.client, NULL, bad, 5, NULL, NULL);
  pump(&w);
  pass(&w, 300, NULL);
  CHECK_OK(w.error);
  CHECK_INT(w.goaways, 0);
  teardown(&w);
}

TEST_MAIN(TEST(a_body_that_stops_is_408), TEST(a_body_that_comes_slowly_is_waited_for),
          TEST(a_body_that_we_hold_back_is_waited_for), TEST(a_quiet_call_that_is_answered_goes_on),
          TEST(an_answer_that_is_long_in_coming_is_no_fault_of_the_peer),
          TEST(a_window_that_stays_shut_ends_its_stream_only), TEST(a_window_that_opens_slowly_does_not),
          TEST(a_head_that_does_not_end_ends_the_connection), TEST(whole_heads_start_no_clock))
