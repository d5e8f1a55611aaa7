/* A hostile peer: nghttp2's client where it misbehaves enough, and raw frames where not. */
#include "gateway/http2/testing_world.h"

static void flood_of_resets_ends_the_connection(void) {
  world w;
  setup(&w, &(gw_h2_options){.resets_burst = 5, .resets_per_s = 1});
  w.hold = true;
  for (int i = 0; i < 12 && base_is_ok(w.error); i++) {
    int32_t id = request(&w, "GET", "/", 0);
    pump(&w);
    nghttp2_submit_rst_stream(w.client, 0, id, NGHTTP2_CANCEL);
    pump(&w);
  }
  CHECK(gw_h2_session_done(w.server));
  CHECK_INT(w.goaways, 1);
  CHECK_MSG(w.requests >= 5 && w.requests <= 7, "%zu", w.requests);
  teardown(&w);
}

static void slow_resets_are_no_flood(void) {
  world w;
  setup(&w, &(gw_h2_options){.resets_burst = 1000, .resets_per_s = 1});
  for (int i = 0; i < 5; i++) {
    int32_t id = request(&w, "GET", "/", 0);
    nghttp2_submit_rst_stream(w.client, 0, id, NGHTTP2_CANCEL);
    w.now_ms += 1000;
    pump(&w);
  }
  CHECK_OK(w.error);
  CHECK_INT(w.goaways, 0);
  teardown(&w);
}

static void provoked_resets_count_too(void) {
  world w;
  setup(&w, &(gw_h2_options){.resets_burst = 5, .resets_per_s = 1});
  const nghttp2_nv nv[] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":path", "/"), NV(":authority", "a"),
                           NV("connection", "close")};
  for (int i = 0; i < 12 && base_is_ok(w.error); i++) {
    nghttp2_submit_request(w.client, NULL, nv, 5, NULL, NULL);
    pump(&w);
  }
  CHECK_ERR(w.error, BASE_E_EXHAUSTED);
  CHECK_INT(w.goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
  teardown(&w);
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

/* Raw frames, again and again, from a peer that reads nothing. True if the connection was ended, with bounded output. */
static void flood(const char *why, const void *first, size_t first_n, const void *frame, size_t n, int times) {
  world w;
  setup(&w, NULL);
  feed(&w, base_span_of(preface, sizeof preface - 1));
  feed(&w, base_span_of(first, first_n));
  w.stuck = true;
  w.stuck_bytes = BIG;
  int i = 0;
  for (; i < times && base_is_ok(w.error) && !gw_h2_session_done(w.server); i++) {
    feed(&w, base_span_of(frame, n));
    gw_h2_session_flush(w.server);
  }
  CHECK_MSG(i < times, "%s", why);
  w.stuck_bytes = 0;
  gw_h2_session_flush(w.server);
  CHECK_MSG(gw_h2_session_done(w.server), "%s", why);
  CHECK_MSG(base_buf_size(&w.to_client) < 10000, "%s: %zu bytes", why, base_buf_size(&w.to_client));
  teardown(&w);
}

static void floods_are_bounded(void) {
  static const uint8_t open_stream[] = {0,    0,    8,    1,    4, 0,   0,   0,  1,
                                        0x83, 0x86, 0x84, 0x01, 3, 'a', ':', '1'}; /* POST / */
  static const uint8_t open_headers[] = {0, 0, 3, 1, 0, 0, 0, 0, 1, 0x82, 0x86, 0x84};
  static const uint8_t ping[] = {0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
  static const uint8_t priority[] = {0, 0, 5, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 7};
  static const uint8_t empty_data[] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
  static const uint8_t continuation[] = {0, 0, 1, 9, 0, 0, 0, 0, 1, 0x90};
  static const uint8_t empty_continuation[] = {0, 0, 0, 9, 0, 0, 0, 0, 1};
  flood("ping", NULL, 0, ping, sizeof ping, 5000);
  flood("settings", NULL, 0, settings, sizeof settings, 5000);
  flood("priority", NULL, 0, priority, sizeof priority, 5000);
  flood("empty data", open_stream, sizeof open_stream, empty_data, sizeof empty_data, 5000);
  flood("continuation", open_headers, sizeof open_headers, continuation, sizeof continuation, 100);
  flood("empty continuation", open_headers, sizeof open_headers, empty_continuation, sizeof empty_continuation, 100);
}

static void no_http2_at_all(void) {
  static const char *const wrong[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
                                      "\x16\x03\x01"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    world w;
    setup(&w, NULL);
    feed(&w, base_span_str(wrong[i]));
    CHECK_ERR(w.error, BASE_E_MALFORMED);
    gw_h2_session_flush(w.server);
    CHECK(gw_h2_session_done(w.server));
    teardown(&w);
  }
}

/* Ids passed over are closed; ids that were used and ended may see late frames. RFC 9113 section 5.1.1. */
static void skipped_ids_are_an_error_and_used_ones_are_not(void) {
  static const struct {
    uint8_t ids[8];
    bool ok;
    const char *reason;
  } rows[] = {
      {{1, 3, 5}, true, "one after the other"},
      {{5, 9}, true, "gaps alone"},
      {{5, 3}, false, "passed over by the first"},
      {{1, 5, 3}, false, "passed over later"},
      {{1, 3, 5, 3}, true, "used, and ended: nghttp2 knows it still and answers by itself"},
      {{1, 3, 5, 1}, true, "used first, the same"},
      {{3, 7, 11, 15, 19, 1}, true, "too long ago to be known"},
      {{3, 7, 11, 15, 19, 17}, false, "the latest gap"},
      {{3, 7, 11, 15, 19, 5}, false, "the oldest gap that is known"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    setup(&w, NULL);
    w.decline = true;
    feed(&w, base_span_of(preface, sizeof preface - 1));
    for (int k = 0; k < 8 && rows[i].ids[k]; k++) {
      /* HEADERS, END_STREAM and END_HEADERS: GET, http, "/", :authority "a" */
      const uint8_t frame[] = {0, 0, 6, 1, 5, 0, 0, 0, rows[i].ids[k], 0x82, 0x86, 0x84, 0x41, 1, 'a'};
      feed(&w, base_span_of(frame, sizeof frame));
      gw_h2_session_flush(w.server);
    }
    CHECK_MSG(base_is_ok(w.error) == rows[i].ok, "%s", rows[i].reason);
    CHECK_MSG(rows[i].ok || gw_h2_session_done(w.server), "%s", rows[i].reason);
    teardown(&w);
  }
}

/* One field of 3 KiB enters HPACK's table; each byte after it names it again. */
static void a_head_far_too_long_ends_the_connection(void) {
  static const struct {
    int references;
    int code;
    const char *reason;
  } rows[] = {{2, 0, "fits"},
              {8, 0, "431"},
              {30, NGHTTP2_ENHANCE_YOUR_CALM, "far too long"},
              {8000, NGHTTP2_ENHANCE_YOUR_CALM, "a bomb"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    setup(&w, NULL);
    w.decline = true;
    static uint8_t frame[16384];
    const uint8_t head[] = {0x82, 0x86, 0x84, 0x41, 1, 'a', 0x40, 1, 'x', 0x7f, 0x81, 0x17};
    size_t n = sizeof head + 3072 + (size_t)rows[i].references;
    memset(frame, 'v', sizeof frame);
    const uint8_t first[] = {0, (uint8_t)(n >> 8), (uint8_t)n, 1, 5, 0, 0, 0, 1};
    memcpy(frame, first, sizeof first);
    memcpy(frame + sizeof first, head, sizeof head);
    memset(frame + sizeof first + sizeof head + 3072, 0xbe, (size_t)rows[i].references);
    feed(&w, base_span_of(preface, sizeof preface - 1));
    feed(&w, base_span_of(frame, sizeof first + n));
    CHECK_MSG(base_is(w.error, rows[i].code ? BASE_E_EXHAUSTED : BASE_E_OK), "%s: %s", rows[i].reason,
              base_err_name(w.error));
    CHECK_MSG(w.requests == (i == 0), "%s", rows[i].reason);
    gw_h2_session_flush(w.server);
    CHECK_MSG(gw_h2_session_done(w.server) == (rows[i].code != 0), "%s", rows[i].reason);
    teardown(&w);
  }
}

TEST_MAIN(TEST(a_head_far_too_long_ends_the_connection), TEST(skipped_ids_are_an_error_and_used_ones_are_not),
          TEST(flood_of_resets_ends_the_connection), TEST(slow_resets_are_no_flood), TEST(provoked_resets_count_too),
          TEST(floods_are_bounded), TEST(no_http2_at_all))
