/* What a server may say to a call, rightly and wrongly, in frames written by hand: each answer gives exactly one status, however the bytes are split and
 * wherever they break off. */
#include "gateway/upstream/h2/testing_world.h"

/* Frames on stream 1, separated by '|': H headers, h headers with END_STREAM, T continuation of a block without its end, t with; fields "name=value"
 * separated by ';' ('#n' in a value stands for n times 'x'). D data, d with END_STREAM: "LENGTH:BYTES" is a gRPC message whose head says LENGTH, "=BYTES" are the
 * bytes themselves. R code: RST_STREAM. G last,code: GOAWAY. */
static void put_value(base_buf *b, base_span name, base_span value) {
  char *repeated = NULL;
  if (value.n > 1 && value.p[0] == '#') {
    size_t n = strtoul((const char *)value.p + 1, NULL, 10);
    repeated = malloc(n);
    memset(repeated, 'x', n);
    value = base_span_of(repeated, n);
  }
  put_field(b, name, value);
  free(repeated);
}

static void put_block(base_buf *b, const char *fields, size_t n) {
  for (size_t at = 0; at < n;) {
    const char *equals = memchr(fields + at, '=', n - at);
    const char *end = memchr(fields + at, ';', n - at);
    size_t stop = end ? (size_t)(end - fields) : n;
    size_t mark = (size_t)(equals - fields);
    put_value(b, base_span_of(fields + at, mark - at), base_span_of(fields + mark + 1, stop - mark - 1));
    at = stop + 1;
  }
}

static void put_data(base_buf *b, const char *text, size_t n) {
  if (n > 0 && text[0] == '=') {
    put(b, base_span_of(text + 1, n - 1));
    return;
  }
  const char *colon = memchr(text, ':', n);
  if (colon) {
    uint8_t head[WIRE_FRAME_HEAD];
    wire_frame_head(head, 0, (uint32_t)strtoul(text, NULL, 10));
    put(b, base_span_of(head, sizeof head));
    put(b, base_span_of(colon + 1, n - 1 - (size_t)(colon - text)));
  }
}

static void put_item(base_buf *out, const char *item, size_t n) {
  base_buf payload;
  base_buf_init(&payload, 1 << 20);
  uint8_t flags = NGHTTP2_FLAG_END_HEADERS;
  switch (item[0]) {
  case 'h': flags |= NGHTTP2_FLAG_END_STREAM; /* fallthrough */
  case 'H':
    put_block(&payload, item + 1, n - 1);
    put_frame(out, NGHTTP2_HEADERS, flags, 1, base_buf_span(&payload));
    break;
  case 'B':
    put_block(&payload, item + 1, n - 1);
    put_frame(out, NGHTTP2_HEADERS, 0, 1, base_buf_span(&payload));
    break;
  case 'D':
  case 'd':
    put_data(&payload, item + 1, n - 1);
    put_frame(out, NGHTTP2_DATA, item[0] == 'd' ? NGHTTP2_FLAG_END_STREAM : 0, 1, base_buf_span(&payload));
    break;
  case 'R':
    CHECK_OK(base_buf_u32(&payload, (uint32_t)strtoul(item + 1, NULL, 10)));
    put_frame(out, NGHTTP2_RST_STREAM, 0, 1, base_buf_span(&payload));
    break;
  case 'G': {
    char *comma = NULL;
    CHECK_OK(base_buf_u32(&payload, (uint32_t)strtoul(item + 1, &comma, 10)));
    CHECK_OK(base_buf_u32(&payload, (uint32_t)strtoul(comma + 1, NULL, 10)));
    put_frame(out, NGHTTP2_GOAWAY, 0, 0, base_buf_span(&payload));
    break;
  }
  default: CHECK(false);
  }
  base_buf_dispose(&payload);
}

static void compile(base_buf *out, const char *script) {
  for (const char *at = script; *at;) {
    const char *end = strchr(at, '|');
    size_t n = end ? (size_t)(end - at) : strlen(at);
    put_item(out, at, n);
    at += n + (end != NULL);
  }
}

#define OK_HEAD ":status=200;content-type=application/grpc"
#define UNPROCESSED "did not take"
enum { ANY = -2, NONE = -1 };

static const struct row {
  const char *script;
  int code, headers;
  size_t data;
  int64_t reset; /* what we answer on the stream */
  const char *text;
} rows[] = {
    /* good answers */
    {"H" OK_HEAD "|D5:hello|hgrpc-status=0", 0, 1, 10, NONE, ""},
    {"H" OK_HEAD "+proto;x-test=a|D0:|D1:x|hgrpc-status=0;x-test=b", 0, 1, 11, NONE, ""},
    {"H" OK_HEAD ";x-test=a|hgrpc-status=5;grpc-message=no%20%C3%BC", 5, 1, 0, NONE, "no \xc3\xbc"},
    {"h" OK_HEAD ";grpc-status=12;grpc-message=what", 12, 0, 0, NONE, "what"},
    {"h:status=404;content-type=text/html;grpc-status=7", 7, 0, 0, NONE, ""},
    {"H:status=103;x-test=early|H:status=100|H" OK_HEAD "|D3:abc|hgrpc-status=0", 0, 1, 8, NONE, ""},
    {"B:status=200;content-type=application/grpc|", NONE, 0, 0, NONE, ""},
    {"H" OK_HEAD ";grpc-encoding=gzip|D=\1|D=\1|hgrpc-status=0", 13, 1, 2, NONE, "inside a message"},
    {"H" OK_HEAD "|D3:ab|D=c|D2:xy|hgrpc-status=0;grpc-status-details-bin=CAU", 0, 1, 15, NONE, ""},
    {"H:status=200;content-type=APPLICATION/GRPC;charset=x|hgrpc-status=0", 0, 1, 0, NONE, ""},
    {"h" OK_HEAD ";grpc-status=999", 999, 0, 0, NONE, ""},
    /* not gRPC at all: http-grpc-status-mapping.md */
    {"H:status=200;content-type=text/html|d=<html>", 2, 0, 0, NGHTTP2_CANCEL,
     "HTTP 200 with content-type \"text/html\""},
    {"H:status=200;content-type=application/grpc-web|d=", 2, 0, 0, NGHTTP2_CANCEL, "no gRPC"},
    {"H:status=200|d=", 2, 0, 0, NGHTTP2_CANCEL, "no gRPC"},
    {"h:status=400", 13, 0, 0, NONE, "HTTP 400"},
    {"h:status=401", 16, 0, 0, NONE, "HTTP 401"},
    {"h:status=403", 7, 0, 0, NONE, "HTTP 403"},
    {"h:status=404", 12, 0, 0, NONE, "HTTP 404"},
    {"h:status=429", 14, 0, 0, NONE, "HTTP 429"},
    {"h:status=502", 14, 0, 0, NONE, "HTTP 502"},
    {"h:status=503;content-type=application/grpc", 14, 0, 0, NONE, "HTTP 503"},
    {"h:status=504", 14, 0, 0, NONE, "HTTP 504"},
    {"h:status=301;location=/x", 2, 0, 0, NONE, "HTTP 301"},
    {"H:status=503;content-type=text/plain|d=upstream", 14, 0, 0, NGHTTP2_CANCEL, "text/plain"},
    /* no status, or a wrong one */
    {"h" OK_HEAD, 2, 0, 0, NONE, "without a grpc-status"},
    {"H" OK_HEAD "|D1:x|hx-test=a", 2, 1, 6, NONE, "without a grpc-status"},
    {"H" OK_HEAD "|d1:x", 2, 1, 6, NONE, "without trailers"},
    {"H" OK_HEAD "|d=", 2, 1, 0, NONE, "without trailers"},
    {"H" OK_HEAD "|hgrpc-status=zero", 2, 1, 0, NONE, "zero"},
    {"H" OK_HEAD "|hgrpc-status=-1", 2, 1, 0, NONE, "-1"},
    {"H" OK_HEAD "|hgrpc-status=", 2, 1, 0, NONE, "grpc-status"},
    {"H" OK_HEAD "|hgrpc-status=0;grpc-status=0", 2, 1, 0, NONE, "second"},
    {"H" OK_HEAD "|hgrpc-status=99999999999", 2, 1, 0, NONE, "99999999999"},
    {"h:status=200;grpc-status=x", 2, 0, 0, NONE, "no gRPC"},
    /* framing */
    {"H" OK_HEAD "|D5:hell|hgrpc-status=0", 13, 1, 9, NONE, "inside a message"},
    {"H" OK_HEAD "|D=\1|d=", 13, 1, 1, NONE, "inside a message"},
    {"H" OK_HEAD "|d5:hell", 13, 1, 9, NONE, "inside a message"},
    {"H" OK_HEAD "|D=\x80|hgrpc-status=0", 13, 1, 0, NGHTTP2_CANCEL, "not framed"},
    {"H" OK_HEAD "|D=<html>|hgrpc-status=0", 13, 1, 0, NGHTTP2_CANCEL, "not framed"},
    {"H" OK_HEAD "|D1001:x|hgrpc-status=0", 8, 1, 0, NGHTTP2_CANCEL, "larger than 1000"},
    {"H" OK_HEAD "|D1000:x|R8", 14, 1, 6, NONE, "CANCEL"},
    {"H" OK_HEAD "|D4294967295:x", 8, 1, 0, NGHTTP2_CANCEL, "larger than 1000"},
    /* order of frames: nghttp2 refuses, we say why */
    {"D1:x", 14, 0, 0, ANY, "rules of HTTP/2 on its connection"},
    {"H" OK_HEAD "|Hx-test=a", 13, 1, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H" OK_HEAD "|h:status=200;grpc-status=0", 13, 1, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"Hcontent-type=application/grpc", 13, 0, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H:status=abc", 13, 0, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H" OK_HEAD ";connection=close", 13, 0, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H:status=200;:status=200", 13, 0, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H" OK_HEAD ";content-length=3|D9:x", 13, 1, 0, NGHTTP2_PROTOCOL_ERROR, "rules of HTTP/2"},
    {"H" OK_HEAD "|hgrpc-status=0|D1:x", 0, 1, 0, ANY, ""},
    {"H" OK_HEAD "|hgrpc-status=0|hgrpc-status=1", 0, 1, 0, ANY, ""},
    {"h:status=103", 13, 0, 0, ANY, "rules of HTTP/2"},
    /* headers that cannot be carried, and too many of them */
    {"H" OK_HEAD ";x-bin=!!", 13, 0, 0, NGHTTP2_CANCEL, "cannot hold: x-bin"},
    {"H" OK_HEAD ";x-test=\xc3\xbc", 13, 0, 0, NGHTTP2_CANCEL, "cannot hold: x-test"},
    {"H" OK_HEAD ";x-test=#3000", 8, 0, 0, NGHTTP2_CANCEL, "larger than 2000 bytes or too many, at x-test"},
    {"H" OK_HEAD "|hgrpc-status=0;x-test=#3000", 8, 1, 0, NONE, "larger than 2000"},
    {"h" OK_HEAD ";grpc-status=0;x-test=#3000", 8, 0, 0, NONE, "larger than 2000"},
    {"H" OK_HEAD "|hgrpc-status=0;x-bin=A", 13, 1, 0, NONE, "x-bin"},
    /* RST_STREAM: PROTOCOL-HTTP2.md, "Errors" */
    {"R0", 13, 0, 0, NONE, "NO_ERROR"},
    {"R1", 13, 0, 0, NONE, "PROTOCOL_ERROR"},
    {"R2", 13, 0, 0, NONE, "INTERNAL_ERROR"},
    {"H" OK_HEAD "|D1:x|R2", 13, 1, 6, NONE, "INTERNAL_ERROR"},
    {"R3", 13, 0, 0, NONE, "FLOW_CONTROL_ERROR"},
    {"R7", 14, 0, 0, NONE, UNPROCESSED},
    {"R8", 14, 0, 0, NONE, "CANCEL"},
    {"R11", 8, 0, 0, NONE, "ENHANCE_YOUR_CALM"},
    {"R12", 7, 0, 0, NONE, "INADEQUATE_SECURITY"},
    {"R4000000000", 2, 0, 0, NONE, "4000000000"},
    {"H" OK_HEAD "|hgrpc-status=0|R0", 0, 1, 0, ANY, ""},
    {"H" OK_HEAD "|hgrpc-status=0|R8", 0, 1, 0, ANY, ""},
    /* GOAWAY */
    {"G0,0", 14, 0, 0, NONE, UNPROCESSED},
    {"G0,11", 14, 0, 0, NONE, UNPROCESSED},
    {"G2147483647,0|H" OK_HEAD "|hgrpc-status=3", 3, 1, 0, NONE, ""},
    {"G2147483647,0|G1,0|H" OK_HEAD "|hgrpc-status=3", 3, 1, 0, NONE, ""},
    {"G2147483647,0|G0,0", 14, 0, 0, NONE, UNPROCESSED},
    {"G1,2", NONE, 0, 0, NONE, ""},
};

/* One call with its request complete, or not. */
static told *begin(world *w, bool half_closed) {
  static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0};
  setup(w, &(gw_h2c_options){.authority = "a", .max_message_bytes = 1000, .max_header_bytes = 2000});
  flush(w);
  feed(w, base_span_of(settings, sizeof settings));
  told *t = start(w);
  credit(t, PATH_CREDIT);
  CHECK_OK(write_message(t, 10, half_closed));
  flush(w);
  return t;
}

static void check(const struct row *row, const world *w, const told *t, const char *how) {
  if (row->code == NONE) {
    CHECK_MSG(t->statuses == 0, "%s, %s", row->script, how);
    return;
  }
  CHECK_MSG(t->statuses == 1, "%s, %s: %d statuses", row->script, how, t->statuses);
  CHECK_MSG(t->code == row->code, "%s, %s: code %d (%s)", row->script, how, t->code, t->text);
  CHECK_MSG(strstr(t->text, row->text) != NULL, "%s, %s: \"%s\"", row->script, how, t->text);
  CHECK_MSG(t->headers == row->headers, "%s, %s: %d headers", row->script, how, t->headers);
  CHECK_MSG(t->unprocessed == (strcmp(row->text, UNPROCESSED) == 0), "%s, %s", row->script, how);
  CHECK_MSG(w->deaths == 0 || w->goings > 0 || row->reset == ANY, "%s, %s: died", row->script, how);
}

static void every_answer_gives_one_status(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *row = &rows[i];
    for (int half_closed = 0; half_closed < 2; half_closed++) {
      for (size_t chunk = 0; chunk < 3; chunk++) {
        world w;
        base_buf bytes;
        base_buf_init(&bytes, 1 << 20);
        compile(&bytes, row->script);
        told *t = begin(&w, half_closed);
        w.chunk = chunk;
        feed(&w, base_buf_span(&bytes));
        flush(&w);
        check(row, &w, t, half_closed ? "half-closed" : "open");
        if (row->code != NONE && row->reset != ANY) {
          /* Our own request was not complete, so an answer that is ends it with NO_ERROR: RFC 9113 section 8.1. */
          bool server_ended = strstr(row->script, "|h") || row->script[0] == 'h' || strstr(row->script, "|d");
          int64_t want = row->reset == NONE && !half_closed && server_ended ? NGHTTP2_NO_ERROR : row->reset;
          int64_t got = sent_u32(&w, NGHTTP2_RST_STREAM, 1, 0);
          CHECK_MSG(got == want, "%s, %d: RST_STREAM %d", row->script, half_closed, (int)got);
          if (row->reset == NONE && chunk == 0) {
            CHECK_MSG(t->data == row->data, "%s: %zu bytes", row->script, t->data);
          }
        }
        base_buf_dispose(&bytes);
        teardown(&w);
      }
    }
  }
}

/* Broken off at each byte: the call ends as it should have, or the connection's loss is its status; never two, never none. */
static void truncated_answers_end_too(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf bytes;
    base_buf_init(&bytes, 1 << 20);
    compile(&bytes, rows[i].script);
    for (size_t n = 0; n < base_buf_size(&bytes) && n < 300; n++) {
      world w;
      told *t = begin(&w, true);
      feed(&w, base_span_of(base_buf_span(&bytes).p, n));
      flush(&w);
      gw_h2c_close(w.s, "cut");
      CHECK_MSG(t->statuses == 1, "%s at %zu", rows[i].script, n);
      CHECK_MSG(t->code == rows[i].code || t->code == 14, "%s at %zu: %d", rows[i].script, n, t->code);
      CHECK_MSG(w.deaths == 0 || w.goings > 0 || rows[i].reset == ANY, "%s at %zu", rows[i].script, n);
      teardown(&w);
    }
    base_buf_dispose(&bytes);
  }
}

/* -- floods -------------------------------------------------------------------------------------------------------------- */

static void flood(const char *why, const char *first, const void *frame, size_t n, int times) {
  world w;
  base_buf opening;
  told *t = begin(&w, false);
  base_buf_init(&opening, 4096);
  compile(&opening, first);
  feed(&w, base_buf_span(&opening));
  w.queued = 1 << 20; /* it reads nothing either */
  int i = 0;
  for (; i < times && w.deaths == 0; i++) {
    feed(&w, base_span_of(frame, n));
    flush(&w);
  }
  CHECK_MSG(w.deaths == 1 && i < times, "%s: alive after %d", why, i);
  CHECK_MSG(!base_is_ok(w.why), "%s", why);
  CHECK_MSG(t->statuses == 1 && (t->code == 14 || t->code == 13) && !t->unprocessed, "%s: %d %s", why, t->code,
            t->text);
  CHECK_MSG(base_buf_size(&w.out) < 10000, "%s: %zu bytes", why, base_buf_size(&w.out));
  base_buf_dispose(&opening);
  teardown(&w);
}
#define FLOOD(why, first, times, ...)                  \
  do {                                                 \
    static const uint8_t frame__[] = {__VA_ARGS__};    \
    flood(why, first, frame__, sizeof frame__, times); \
  } while (0)

static void floods_end_the_session(void) {
  FLOOD("ping", "", 5000, 0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
  FLOOD("settings", "", 5000, 0, 0, 0, 4, 0, 0, 0, 0, 0);
  FLOOD("priority", "", 5000, 0, 0, 5, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 7);
  FLOOD("empty data", "H" OK_HEAD, 5000, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  FLOOD("100 continue", "", 5000, 0, 0, 13, 1, 4, 0, 0, 0, 1, 0, 7, ':', 's', 't', 'a', 't', 'u', 's', 3, '1', '0',
        '0');
  FLOOD("continuation", "B:status=200", 100, 0, 0, 1, 9, 0, 0, 0, 0, 1, 0x90);
  FLOOD("empty continuation", "B:status=200", 100, 0, 0, 0, 9, 0, 0, 0, 0, 1);
  FLOOD("reset of what was never opened", "", 2, 0, 0, 4, 3, 0, 0, 0, 0, 9, 0, 0, 0, 8);
  FLOOD("push", "", 2, 0, 0, 5, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0x88);
}

static void no_http2_at_all(void) {
  static const char *const wrong[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                      "\x15\x03\x03\x01\x02\x02\x46 and more of that",
                                      "SSH-2.0-OpenSSH_9.2\r\n and more"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    for (size_t chunk = 0; chunk < 2; chunk++) {
      world w;
      setup(&w, NULL);
      flush(&w);
      w.chunk = chunk;
      feed(&w, base_span_str(wrong[i]));
      flush(&w);
      CHECK_MSG(w.deaths == 1 && !base_is_ok(w.why), "%zu: %d deaths", i, w.deaths);
      CHECK_INT(gw_h2c_room(w.s), 0);
      teardown(&w);
    }
  }
}

TEST_MAIN(TEST(every_answer_gives_one_status), TEST(truncated_answers_end_too), TEST(floods_end_the_session),
          TEST(no_http2_at_all))
