#include "gateway/http2/testing_world.h"

static void answers_a_request_in_any_split(void) {
  for (size_t chunk = 0; chunk < 40; chunk++) {
    world w;
    setup(&w, NULL);
    w.chunk = chunk;
    int32_t id = request(&w, "POST", "/a?b=c", 70000);
    pump(&w);
    CHECK_OK(w.error);
    CHECK_STR(w.method, "POST");
    CHECK_STR(w.path, "/a?b=c");
    CHECK_STR(w.authority, "localhost:1");
    CHECK_INT(w.seen[0].body, 70000);
    CHECK_INT(w.seen[0].ended, 1);
    CHECK_INT(w.seen[0].closed, 1);
    CHECK_INT(w.seen[0].aborted, 0);
    CHECK_INT(w.answers[id].status, 200);
    CHECK_INT(w.answers[id].body, 5);
    CHECK_STR(w.answers[id].header, "yes");
    CHECK_INT(w.answers[id].code, NGHTTP2_NO_ERROR);
    CHECK_INT(gw_h2_session_streams(w.server), 0);
    teardown(&w);
  }
}

static void unhandled_requests_are_404(void) {
  world w;
  setup(&w, NULL);
  w.decline = true;
  int32_t id = request(&w, "POST", "/", 100000);
  pump(&w);
  CHECK_INT(w.answers[id].status, 404);
  CHECK(w.answers[id].closed);
  teardown(&w);
}

static void head_has_no_body(void) {
  world w;
  setup(&w, NULL);
  int32_t id = request(&w, "HEAD", "/", 0);
  pump(&w);
  CHECK_INT(w.answers[id].status, 200);
  CHECK_INT(w.answers[id].body, 0);
  CHECK_INT(w.seen[0].aborted, 0);
  teardown(&w);
}

/* Status 0: the stream is reset by nghttp2's own checks, and the application hears nothing. */
static void wrong_requests_are_refused(void) {
  static const struct {
    const char *why;
    int status;
    nghttp2_nv nv[6];
    size_t n;
  } rows[] = {
      {"TRACE", 501, {NV(":method", "TRACE"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a")}, 4},
      {"CONNECT", 501, {NV(":method", "CONNECT"), NV(":authority", "a:1")}, 2},
      {"lower-case method",
       501,
       {NV(":method", "get"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a")},
       4},
      {"asterisk form",
       400,
       {NV(":method", "OPTIONS"), NV(":scheme", "http"), NV(":path", "*"), NV(":authority", "a")},
       4},
      {"absolute form",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "http://a/"), NV(":authority", "a")},
       4},
      {"fragment", 400, {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/a#b"), NV(":authority", "a")}, 4},
      {"blank in path",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/a b"), NV(":authority", "a")},
       4},
      {"UTF-8 in path",
       400,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/\xc3\xa7"), NV(":authority", "a")},
       4},
      {"no path", 0, {NV(":method", "GET"), NV(":scheme", "http"), NV(":authority", "a")}, 3},
      {"empty path", 0, {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", ""), NV(":authority", "a")}, 4},
      {"no authority", 0, {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/")}, 3},
      {"user in authority",
       400,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "u@a")},
       4},
      {"empty authority", 0, {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "")}, 4},
      {"slash in authority",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a/b")},
       4},
      {"other host",
       400,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"), NV("host", "b")},
       5},
      {"two paths",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":path", "/b"), NV(":authority", "a")},
       5},
      {"pseudo-header last",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV("a", "b"), NV(":authority", "a")},
       5},
      {"unknown pseudo-header",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"), NV(":x", "b")},
       5},
      {"connection",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
        NV("connection", "close")},
       5},
      {"transfer-encoding",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
        NV("transfer-encoding", "chunked")},
       5},
      {"te gzip",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"), NV("te", "gzip")},
       5},
      {"newline in value",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"), NV("a", "b\r\nc: d")},
       5},
      {"content-length that lies",
       0,
       {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
        NV("content-length", "5")},
       5},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    setup(&w, NULL);
    int32_t id = nghttp2_submit_request(w.client, NULL, rows[i].nv, rows[i].n, NULL, NULL);
    pump(&w);
    CHECK_MSG(w.answers[id].status == rows[i].status, "%s: got %d", rows[i].why, w.answers[id].status);
    CHECK_MSG(w.answers[id].closed, "%s", rows[i].why);
    CHECK_MSG((w.answers[id].code != NGHTTP2_NO_ERROR) == (rows[i].status == 0), "%s: code %u", rows[i].why,
              w.answers[id].code);
    CHECK_MSG(w.requests == 0, "%s", rows[i].why);
    int32_t next = request(&w, "GET", "/", 0);
    pump(&w);
    CHECK_MSG(w.answers[next].status == 200, "%s: the connection is of no use any more", rows[i].why);
    teardown(&w);
  }
}

static void host_may_stand_for_authority(void) {
  world w;
  setup(&w, NULL);
  const nghttp2_nv nv[] = {NV(":method", "GET"),    NV(":scheme", "http"), NV(":path", "/"),
                           NV("host", "localhost"), NV("te", "trailers"),  NV("a", "b")};
  nghttp2_submit_request(w.client, NULL, nv, 6, NULL, NULL);
  pump(&w);
  CHECK_STR(w.authority, "localhost");
  CHECK_INT(w.header_count, 1); /* neither host nor te */
  teardown(&w);
}

static void cookie_crumbs_are_joined(void) {
  world w;
  setup(&w, NULL);
  const nghttp2_nv nv[] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"),    NV(":authority", "a"),
                           NV("cookie", "a=b"),  NV("x", "y"),          NV("cookie", "c=d"), NV("cookie", "e=f")};
  nghttp2_submit_request(w.client, NULL, nv, 8, NULL, NULL);
  pump(&w);
  CHECK_STR(w.cookie, "a=b; c=d; e=f");
  CHECK_INT(w.header_count, 2);
  teardown(&w);
}

static void refusals_carry_the_headers_for_the_origin(void) {
  const nghttp2_nv rows[][5] = {
      {NV(":method", "TRACE"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
       NV("origin", "https://b")},
      {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"), NV("origin", "https://b")},
  };
  world w;
  setup(&w, NULL);
  w.decline = true;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int32_t id = nghttp2_submit_request(w.client, NULL, rows[i], 5, NULL, NULL);
    pump(&w);
    CHECK_INT(w.answers[id].status, i == 0 ? 501 : 404);
    CHECK_STR(w.answers[id].header, "https://b");
  }
  teardown(&w);
}

static void too_many_header_bytes_are_431(void) {
  static char value[20000];
  memset(value, 'v', sizeof value - 1);
  world w;
  setup(&w, NULL);
  const nghttp2_nv nv[] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
                           NV("a", value)};
  int32_t id = nghttp2_submit_request(w.client, NULL, nv, 5, NULL, NULL);
  pump(&w);
  CHECK_INT(w.answers[id].status, 431);
  nghttp2_nv many[204] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a")};
  for (size_t i = 4; i < 204; i++) {
    many[i] = (nghttp2_nv)NV("a", "b");
  }
  id = nghttp2_submit_request(w.client, NULL, many, 204, NULL, NULL);
  pump(&w);
  CHECK_INT(w.answers[id].status, 431);
  CHECK_INT(w.requests, 0);
  teardown(&w);
}

static void a_stream_waits_for_consume_and_no_other_does(void) {
  world w;
  setup(&w, NULL);
  w.keep_window = w.hold = true;
  request(&w, "POST", "/", 200000);
  pump(&w);
  CHECK_INT(w.seen[0].body, 65535);
  size_t left = w.body_left;
  w.keep_window = false;
  request(&w, "POST", "/",
          3 * BIG); /* more than the connection's window: it reopens although the first stream is stuck */
  pump(&w);
  CHECK_INT(w.seen[1].body, 3 * BIG);
  w.body_left = left;
  http_consume(w.seen[0].x, 65535);
  pump(&w);
  CHECK_INT(w.seen[0].body, 131070);
  teardown(&w);
  CHECK_INT(w.seen[0].aborted, 1);
}

static void a_full_socket_holds_the_body_back(void) {
  static char bytes[BIG];
  world w;
  setup(&w, NULL);
  w.hold = true;
  nghttp2_session_set_local_window_size(w.client, 0, 0, 4 * BIG);
  int32_t id = request(&w, "GET", "/", 0);
  nghttp2_session_set_local_window_size(w.client, 0, id, 4 * BIG);
  pump(&w);
  nghttp2_session_set_local_window_size(w.client, 0, id, 4 * BIG);
  w.stuck = true;
  http_respond(w.seen[0].x, 200, NULL, 0, false);
  http_body(w.seen[0].x, base_span_of(bytes, sizeof bytes), false);
  CHECK_INT(http_queued(w.seen[0].x), BIG);
  pump(&w);
  CHECK(w.answers[id].body > 0 && w.answers[id].body <= 200000);
  CHECK_INT(w.seen[0].writable, 0);
  w.stuck = false;
  w.stuck_bytes = 0;
  w.writes = 0;
  pump(&w);
  CHECK_INT(w.answers[id].body, BIG);
  CHECK_INT(w.seen[0].writable, 1);
  CHECK_MSG(w.writes < 40, "%zu writes", w.writes); /* gathered, not one a frame */
  http_body(w.seen[0].x, base_span_str("x"), true);
  pump(&w);
  CHECK_INT(w.answers[id].body, BIG + 1);
  CHECK_INT(w.seen[0].aborted, 0);
  CHECK_INT(w.seen[0].closed, 1);
  teardown(&w);
}

static void resets_reach_both_sides(void) {
  world w;
  setup(&w, NULL);
  w.hold = true;
  int32_t first = request(&w, "GET", "/", 0), second = request(&w, "GET", "/", 0);
  pump(&w);
  nghttp2_submit_rst_stream(w.client, 0, first, NGHTTP2_CANCEL);
  http_respond(w.seen[1].x, 200, NULL, 0, false);
  http_reset(w.seen[1].x);
  http_body(w.seen[1].x, base_span_str("too late"), true);
  CHECK_INT(w.seen[1].closed, 0); /* never from inside */
  pump(&w);
  CHECK_INT(w.seen[0].closed, 1);
  CHECK_INT(w.seen[0].aborted, 1);
  CHECK_INT(w.seen[1].closed, 1);
  CHECK_INT(w.seen[1].aborted, 1);
  CHECK_INT(w.answers[second].code, NGHTTP2_INTERNAL_ERROR);
  CHECK_INT(w.answers[second].body, 0);
  teardown(&w);
}

static void an_early_answer_stops_the_request(void) {
  world w;
  setup(&w, NULL);
  w.early = true;
  int32_t id = request(&w, "POST", "/", BIG);
  pump(&w);
  CHECK_INT(w.answers[id].status, 200);
  CHECK(w.body_left > 0); /* not all of it was sent */
  CHECK(w.answers[id].closed);
  CHECK_INT(w.answers[id].code, NGHTTP2_NO_ERROR);
  CHECK_INT(w.seen[0].aborted, 0);
  CHECK_INT(w.seen[0].closed, 1);
  teardown(&w);
}

static void drain_finishes_what_runs(void) {
  world w;
  setup(&w, NULL);
  w.hold = true;
  int32_t id = request(&w, "GET", "/", 0);
  pump(&w);
  gw_h2_session_drain(w.server);
  gw_h2_session_drain(w.server);
  pump(&w);
  CHECK_INT(w.goaways, 2); /* the notice, then the real one */
  CHECK_INT(w.goaway_code, NGHTTP2_NO_ERROR);
  CHECK(!gw_h2_session_done(w.server));
  http_respond(w.seen[0].x, 200, NULL, 0, true);
  pump(&w);
  CHECK_INT(w.answers[id].status, 200);
  CHECK(gw_h2_session_done(w.server));
  teardown(&w);
}

static void streams_above_the_limit_are_refused(void) {
  world w;
  setup(&w, &(gw_h2_options){.max_streams = 2});
  w.hold = true;
  int32_t ids[3];
  for (int i = 0; i < 3; i++) {
    ids[i] = request(&w, "GET", "/", 0); /* before the client knows the limit */
  }
  pump(&w);
  CHECK_INT(w.requests, 2);
  CHECK_INT(w.answers[ids[2]].code, NGHTTP2_REFUSED_STREAM);
  teardown(&w);
}

TEST_MAIN(TEST(answers_a_request_in_any_split), TEST(unhandled_requests_are_404), TEST(head_has_no_body),
          TEST(wrong_requests_are_refused), TEST(host_may_stand_for_authority), TEST(cookie_crumbs_are_joined),
          TEST(refusals_carry_the_headers_for_the_origin), TEST(too_many_header_bytes_are_431),
          TEST(a_stream_waits_for_consume_and_no_other_does), TEST(a_full_socket_holds_the_body_back),
          TEST(resets_reach_both_sides), TEST(an_early_answer_stops_the_request), TEST(drain_finishes_what_runs),
          TEST(streams_above_the_limit_are_refused))
