/* gRPC-Web between an exchange that takes notes, the real stream heart, and the fake upstream. */
#include "gateway/http/grpc_web.h"

#include <stdlib.h>

#include "base/test.h"
#include "gateway/http/testing_exchange.h"
#include "gateway/upstream/fake.h"
#include "wire/frame.h"

enum { MAX_HEADERS = 12 };

#define H(n, v)                                                                    \
  {                                                                                \
    {(const uint8_t *)(n), sizeof(n) - 1}, { (const uint8_t *)(v), sizeof(v) - 1 } \
  }
#define SPAN(s) base_span_of(s, sizeof(s) - 1)

static const http_header plain[] = {H("content-type", "application/grpc-web+proto")};
static const http_header cors[] = {H("access-control-allow-origin", "https://a.example"), H("vary", "origin")};
static const char message[] = "\0\0\0\0\3abc";

typedef struct {
  gw_fake up;
  gw_gate gate;
  gw_grpc_web_options options;
  testing_exchange t;
} world;

static void handle(world *w, const char *method, const char *path, const http_header *headers, size_t n) {
  gw_fake_init(&w->up);
  w->gate = (gw_gate){.upstream = &w->up.base};
  testing_exchange_init(&w->t);
  w->options = (gw_grpc_web_options){.gate = &w->gate};
  http_request r = {.method = base_span_str(method),
                    .path = base_span_str(path),
                    .authority = base_span_str("localhost"),
                    .headers = headers,
                    .header_count = n,
                    .peer = "127.0.0.1"};
  gw_grpc_web_handle(&w->options, &w->t.x, &r, cors, 2);
}
static void begin(world *w) { handle(w, "POST", "/p.S/M", plain, 1); }
static void done(world *w, bool aborted) {
  testing_close(&w->t, aborted);
  gw_fake_end_cancelled(&w->up);
  CHECK(w->up.calls == NULL);
  gw_fake_dispose(&w->up);
  testing_exchange_dispose(&w->t);
}

static bool body_is(const world *w, base_span want) { return base_span_eq(base_buf_span(&w->t.body), want); }

static void unary_call_passes_unread(void) {
  world w;
  begin(&w);
  gw_fake_call *c = w.up.calls;
  REQUIRE(c != NULL);
  CHECK_STR(c->path, "/p.S/M");
  CHECK_INT(c->timeout_ms, 0);
  CHECK_INT(c->credit, 64 << 10);
  testing_browser_sends(&w.t, SPAN(message));
  testing_browser_ends(&w.t);
  CHECK(base_span_eq(base_buf_span(&c->written), SPAN(message)));
  CHECK(c->ended);
  gw_fake_take(c);
  CHECK_INT(w.t.consumed, 8);
  gw_fake_headers(c, "a", "b");
  CHECK_INT(w.t.status, 200);
  CHECK(testing_has(&w.t, "content-type: application/grpc-web+proto"));
  CHECK(testing_has(&w.t, "a: b"));
  CHECK(testing_has(&w.t, "access-control-allow-origin: https://a.example"));
  CHECK(
      testing_has(&w.t, "access-control-expose-headers: grpc-status, grpc-message, grpc-status-details-bin, vary, a"));
  gw_fake_data(c, SPAN("\0\0\0\0\2hi"));
  CHECK(!w.t.ended);
  gw_fake_status(c, 0, "");
  CHECK(w.t.ended);
  CHECK(body_is(&w, SPAN("\0\0\0\0\2hi\x80\0\0\0\x10grpc-status: 0\r\n")));
  done(&w, false);
}

static void body_may_come_in_any_split(void) {
  static const char body[] = "\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1x";
  for (size_t step = 1; step < sizeof body; step++) {
    world w;
    begin(&w);
    for (size_t at = 0; at < sizeof body - 1; at += step) {
      size_t n = sizeof body - 1 - at < step ? sizeof body - 1 - at : step;
      testing_browser_sends(&w.t, base_span_of(body + at, n));
    }
    testing_browser_ends(&w.t);
    CHECK(base_span_eq(base_buf_span(&w.up.calls->written), SPAN(body)));
    gw_fake_take(w.up.calls);
    CHECK_INT(w.t.consumed, sizeof body - 1);
    gw_fake_status(w.up.calls, 0, "");
    done(&w, false);
  }
}

static void an_error_before_any_byte_is_in_the_headers(void) {
  world w;
  begin(&w);
  gw_fake_status(w.up.calls, 5, "no such \xc3\xa7 thing");
  CHECK_INT(w.t.status, 200);
  CHECK(w.t.ended);
  CHECK(testing_has(&w.t, "grpc-status: 5"));
  CHECK(testing_has(&w.t, "grpc-message: no such %C3%A7 thing"));
  CHECK(testing_has(&w.t, "content-length: 0"));
  CHECK(testing_has(&w.t, "access-control-allow-origin: https://a.example"));
  CHECK(body_is(&w, SPAN("")));
  /* The browser still sends: it must not stop in the middle for want of window. */
  testing_browser_sends(&w.t, SPAN(message));
  CHECK_INT(w.t.consumed, 8);
  testing_browser_ends(&w.t);
  done(&w, false);
}

static void an_error_in_mid_stream_is_a_trailer_frame(void) {
  world w;
  begin(&w);
  gw_fake_headers(w.up.calls, "a", "b");
  gw_fake_data(w.up.calls, SPAN(message));
  gw_fake_status(w.up.calls, 14, "gone");
  CHECK(w.t.ended);
  CHECK(!w.t.reset);
  CHECK(body_is(&w, SPAN("\0\0\0\0\3abc\x80\0\0\0\x25grpc-status: 14\r\ngrpc-message: gone\r\n")));
  done(&w, false);
}

static void an_end_inside_a_message_takes_it_back(void) {
  for (size_t n = 1; n < sizeof message - 1; n++) {
    world w;
    begin(&w);
    gw_fake_headers(w.up.calls, "a", "b");
    gw_fake_data(w.up.calls, SPAN(message));
    gw_fake_data(w.up.calls, base_span_of(message, n));
    CHECK(body_is(&w, SPAN(message)));
    gw_fake_status(w.up.calls, 14, "gone");
    CHECK_MSG(w.t.ended && !w.t.reset, "after %zu bytes", n);
    CHECK(body_is(&w, SPAN("\0\0\0\0\3abc\x80\0\0\0\x25grpc-status: 14\r\ngrpc-message: gone\r\n")));
    done(&w, false);
  }
}

static void a_service_that_breaks_its_framing_is_told_on(void) {
  static const base_span rows[] = {{(const uint8_t *)"\x80\0\0\0\0", 5}, {(const uint8_t *)"HTTP/1.1 502", 12}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    begin(&w);
    gw_fake_headers(w.up.calls, "a", "b");
    gw_fake_data(w.up.calls, rows[i]);
    CHECK(w.up.calls->cancelled);
    gw_fake_end_cancelled(&w.up);
    base_span body = base_buf_span(&w.t.body);
    CHECK_MSG(w.t.ended && memmem(body.p, body.n, "grpc-status: 13\r\n", 17) && body.p[0] == 0x80, "row %zu", i);
    done(&w, false);
  }
}

static void data_before_headers_is_answered_too(void) {
  world w;
  begin(&w);
  gw_fake_data(w.up.calls, SPAN(message));
  CHECK_INT(w.t.status, 200);
  gw_fake_status(w.up.calls, 0, "");
  CHECK(w.t.ended);
  done(&w, false);
}

static void a_slow_browser_holds_the_service(void) {
  world w;
  begin(&w);
  gw_fake_call *c = w.up.calls;
  gw_fake_headers(c, "a", "b");
  gw_fake_data(c, SPAN(message));
  CHECK_INT(c->credit, 64 << 10); /* given back at once */
  w.t.stuck = HTTP_WRITABLE_LOW + 1;
  gw_fake_data(c, SPAN(message));
  gw_fake_data(c, SPAN(message));
  CHECK_INT(c->credit, (64 << 10) - 16);
  w.t.stuck = 0;
  w.t.x.handler->on_writable(w.t.x.ctx, &w.t.x);
  CHECK_INT(c->credit, 64 << 10);
  w.t.x.handler->on_writable(w.t.x.ctx, &w.t.x);
  CHECK_INT(c->credit, 64 << 10); /* not twice */
  gw_fake_status(c, 0, "");
  w.t.x.handler->on_writable(w.t.x.ctx, &w.t.x);
  done(&w, false);
}

/* A message of n bytes, frame and all. */
static void service_sends(gw_fake_call *c, uint32_t n) {
  uint8_t *frame = calloc(1, n);
  REQUIRE(frame != NULL);
  wire_frame_head(frame, 0, n - WIRE_FRAME_HEAD);
  gw_fake_data(c, base_span_of(frame, n));
  free(frame);
}

static void the_whole_window_is_for_browsers_that_read(void) {
  world w;
  begin(&w);
  gw_fake_call *c = w.up.calls;
  gw_fake_headers(c, "a", "b");
  w.t.stuck = 60000;
  service_sends(c, 60000);
  CHECK_MSG(c->credit == 64 << 10, "%s", "nothing has left yet");
  w.t.stuck = 50000;
  service_sends(c, 60000);
  CHECK_MSG(c->credit == 256 << 10, "%s", "70000 bytes have");
  service_sends(c, 60000);
  CHECK_MSG(c->credit == 256 << 10, "%s", "and once is enough");
  gw_fake_status(c, 0, "");
  done(&w, false);
}

static void a_browser_that_leaves_cancels_the_call(void) {
  world w;
  begin(&w);
  testing_browser_sends(&w.t, SPAN(message));
  testing_close(&w.t, true);
  CHECK(w.up.calls != NULL && w.up.calls->cancelled);
  gw_fake_end_cancelled(&w.up);
  CHECK(w.up.calls == NULL);
  CHECK_INT(w.t.status, 0);
  gw_fake_dispose(&w.up);
  testing_exchange_dispose(&w.t);
}

static void broken_bodies_end_with_a_status(void) {
  static const struct {
    const char *why;
    base_span body;
    int code;
  } rows[] = {
      {"half a head", {(const uint8_t *)"\0\0\0", 3}, 13},
      {"half a message", {(const uint8_t *)"\0\0\0\0\3ab", 7}, 13},
      {"garbage after a message", {(const uint8_t *)"\0\0\0\0\1agarbage", 13}, 13},
      {"half a head after a message", {(const uint8_t *)"\0\0\0\0\1a\0", 7}, 13},
      {"trailers from the browser", {(const uint8_t *)"\x80\0\0\0\0", 5}, 13},
      {"compressed", {(const uint8_t *)"\1\0\0\0\1a", 6}, 13},
      {"too long", {(const uint8_t *)"\0\x7f\xff\xff\xff", 5}, 8},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    char line[32];
    begin(&w);
    testing_browser_sends(&w.t, rows[i].body);
    testing_browser_ends(&w.t);
    CHECK_MSG(w.up.calls && w.up.calls->cancelled, "%s", rows[i].why);
    gw_fake_end_cancelled(&w.up);
    snprintf(line, sizeof line, "grpc-status: %d", rows[i].code);
    CHECK_MSG(testing_has(&w.t, line), "%s: %.*s", rows[i].why, BASE_SPAN_ARG(base_buf_span(&w.t.head)));
    done(&w, false);
  }
}

static const http_header text_type[] = {H("content-type", "application/grpc-web-text+proto")};

/* The trailers of status 0 begin a run of their own, and nothing is padded inside a message. */
static void text_both_ways(void) {
  static const char body[] = "AAAAAANhYmM=AAAAAAA="; /* "abc" and an empty message, as two runs */
  for (size_t step = 1; step < sizeof body; step++) {
    world w;
    handle(&w, "POST", "/p.S/M", text_type, 1);
    gw_fake_call *c = w.up.calls;
    REQUIRE(c != NULL);
    for (size_t at = 0; at < sizeof body - 1; at += step) {
      testing_browser_sends(&w.t, base_span_of(body + at, sizeof body - 1 - at < step ? sizeof body - 1 - at : step));
    }
    testing_browser_ends(&w.t);
    CHECK(c->ended && base_span_eq(base_buf_span(&c->written), SPAN("\0\0\0\0\3abc\0\0\0\0\0")));
    gw_fake_take(c);
    CHECK_INT(w.t.consumed, sizeof body - 1);
    gw_fake_headers(c, "a", "b");
    for (size_t at = 0; at < sizeof message - 1; at += step) {
      gw_fake_data(c, base_span_of(message + at, sizeof message - 1 - at < step ? sizeof message - 1 - at : step));
    }
    gw_fake_status(c, 0, "");
    CHECK(testing_has(&w.t, "content-type: application/grpc-web-text+proto"));
    CHECK_MSG(body_is(&w, SPAN("AAAAAANhYmM=gAAAABBncnBjLXN0YXR1czogMA0K")), "%.*s",
              BASE_SPAN_ARG(base_buf_span(&w.t.body)));
    done(&w, false);
  }
}

static void text_is_counted_back_as_it_is_taken(void) {
  world w;
  handle(&w, "POST", "/p.S/M", text_type, 1);
  gw_fake_call *c = w.up.calls;
  REQUIRE(c != NULL);
  testing_browser_sends(&w.t, SPAN("AAAAAANhYmM=")); /* a whole message, which the service does not take */
  CHECK_INT(w.t.consumed, 0);
  testing_browser_sends(&w.t, SPAN("AAAAAANhYmM=A"));
  CHECK_INT(w.t.consumed, 0);
  gw_fake_take(c);
  CHECK_INT(w.t.consumed, 25); /* also the character that stands for nothing yet */
  testing_browser_sends(&w.t, SPAN("AAA"));
  CHECK_INT(w.t.consumed, 28);
  testing_close(&w.t, true);
  gw_fake_end_cancelled(&w.up);
  gw_fake_dispose(&w.up);
  testing_exchange_dispose(&w.t);
}

static void bad_text_ends_with_a_status(void) {
  static const struct {
    const char *why, *text;
  } rows[] = {
      {"binary in text", "\1\2\3\4"},
      {"a frame cut off in base64", "AAAAAANh"},
      {"cut off inside a group", "AAAAAANhYmM"},
      {"padding inside a group", "AAAA=AAA"},
      {"not the alphabet", "AAAA-AAA"},
      {"a flag of trailers", "gAAAAAA="},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    handle(&w, "POST", "/p.S/M", text_type, 1);
    testing_browser_sends(&w.t, base_span_str(rows[i].text));
    testing_browser_ends(&w.t);
    CHECK_MSG(w.up.calls && w.up.calls->cancelled, "%s", rows[i].why);
    gw_fake_end_cancelled(&w.up);
    CHECK_MSG(testing_has(&w.t, "grpc-status: 13"), "%s", rows[i].why);
    CHECK_MSG(testing_has(&w.t, "content-type: application/grpc-web-text+proto"), "%s", rows[i].why);
    done(&w, false);
  }
}

static void what_is_no_call_is_refused(void) {
  static const struct {
    const char *why, *method, *path, *type;
    int status;
  } rows[] = {
      {"GET", "GET", "/p.S/M", "application/grpc-web", 405},
      {"text of JSON", "POST", "/p.S/M", "application/grpc-web-text+json", 415},
      {"Thrift", "POST", "/p.S/M", "application/grpc-web+thrift", 415},
      {"a longer name", "POST", "/p.S/M", "application/grpc-website", 415},
      {"JSON", "POST", "/p.S/M", "application/grpc-web+json", 415},
      {"no method", "POST", "/p.S", "application/grpc-web", 404},
      {"root", "POST", "/", "application/grpc-web", 404},
      {"three parts", "POST", "/a/p.S/M", "application/grpc-web", 404},
      {"a query", "POST", "/p.S/M?a=b", "application/grpc-web", 404},
      {"a blank", "POST", "/p.S/M%20", "application/grpc-web", 404},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    world w;
    http_header type = {base_span_str("content-type"), base_span_str(rows[i].type)};
    handle(&w, rows[i].method, rows[i].path, &type, 1);
    CHECK_MSG(w.t.status == rows[i].status, "%s: got %d", rows[i].why, w.t.status);
    CHECK_MSG(testing_has(&w.t, "access-control-allow-origin: https://a.example"), "%s", rows[i].why);
    CHECK_MSG(w.t.ended && base_buf_size(&w.t.body) > 0, "%s", rows[i].why);
    CHECK_MSG(w.up.calls == NULL, "%s", rows[i].why);
    CHECK_MSG(testing_has(&w.t, "allow: POST") == (rows[i].status == 405), "%s", rows[i].why);
    testing_browser_sends(&w.t, SPAN(message));
    CHECK_INT(w.t.consumed, 8);
    testing_browser_ends(&w.t);
    done(&w, false);
  }
}

static void content_types_are_recognised(void) {
  static const struct {
    const char *type;
    bool is;
    const char *answer;
  } rows[] = {
      {"application/grpc-web", true, "content-type: application/grpc-web"},
      {"application/grpc-web+proto", true, "content-type: application/grpc-web+proto"},
      {"Application/gRPC-Web+Proto; charset=utf-8", true, "content-type: application/grpc-web+proto"},
      {"application/grpc-web-text", true, "content-type: application/grpc-web-text"},
      {"application/grpc-web-text+proto", true, "content-type: application/grpc-web-text+proto"},
      {"application/grpc-web-text+json", true, "content-type: text/plain; charset=utf-8"},
      {"application/grpc", false, NULL},
      {"application/json", false, NULL},
      {"", false, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    http_header type = {base_span_str("content-type"), base_span_str(rows[i].type)};
    http_request r = {.headers = &type, .header_count = 1};
    CHECK_MSG(gw_grpc_web_is(&r) == rows[i].is, "%s", rows[i].type);
    if (rows[i].answer) {
      world w;
      handle(&w, "POST", "/p.S/M", &type, 1);
      if (w.up.calls) {
        gw_fake_status(w.up.calls, 0, "");
      }
      CHECK_MSG(testing_has(&w.t, rows[i].answer), "%s", rows[i].type);
      done(&w, false);
    }
  }
  CHECK(!gw_grpc_web_is(&(http_request){0}));
}

static void an_upstream_that_cannot_start_gives_its_status(void) {
  world w;
  gw_fake_init(&w.up);
  w.gate = (gw_gate){.upstream = &w.up.base};
  testing_exchange_init(&w.t);
  w.up.start_error = base_fail(BASE_E_UNAVAILABLE);
  w.options = (gw_grpc_web_options){.gate = &w.gate};
  http_request r = {.method = SPAN("POST"), .path = SPAN("/p.S/M"), .headers = plain, .header_count = 1};
  gw_grpc_web_handle(&w.options, &w.t.x, &r, NULL, 0);
  CHECK_INT(w.t.status, 200);
  CHECK(testing_has(&w.t, "grpc-status: 14"));
  CHECK(w.t.ended);
  done(&w, false);
}

TEST_MAIN(TEST(unary_call_passes_unread), TEST(body_may_come_in_any_split),
          TEST(an_error_before_any_byte_is_in_the_headers), TEST(an_error_in_mid_stream_is_a_trailer_frame),
          TEST(an_end_inside_a_message_takes_it_back), TEST(a_service_that_breaks_its_framing_is_told_on),
          TEST(text_both_ways), TEST(text_is_counted_back_as_it_is_taken), TEST(bad_text_ends_with_a_status),
          TEST(data_before_headers_is_answered_too), TEST(a_slow_browser_holds_the_service),
          TEST(the_whole_window_is_for_browsers_that_read), TEST(a_browser_that_leaves_cancels_the_call),
          TEST(broken_bodies_end_with_a_status), TEST(what_is_no_call_is_refused), TEST(content_types_are_recognised),
          TEST(an_upstream_that_cannot_start_gives_its_status))
