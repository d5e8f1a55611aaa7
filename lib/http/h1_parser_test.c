#include "http/h1_parser.h"

#include <stdlib.h>

#include "base/test.h"

enum { MAX_TEXT = 8192, MAX_HEAD = 1024 };

/* What the parser told, as one line: "GET / a.example x=1; [body] . " where "." ends a request and "!400" refuses it. */
typedef struct {
  h1_parser p;
  h1_head head;
  char text[MAX_TEXT];
  size_t n;
  bool in_body;
} run;

static void say(run *r, base_span s, const char *after) {
  size_t room = sizeof r->text - r->n;
  int n = snprintf(r->text + r->n, room, "%.*s%s", BASE_SPAN_ARG(s), after);
  r->n += n > 0 && (size_t)n < room ? (size_t)n : 0;
}
static void say_text(run *r, const char *text) { say(r, base_span_str(text), ""); }

static void on_head(void *ctx, const http_request *q, const h1_facts *f) {
  run *r = ctx;
  say(r, q->method, " ");
  say(r, q->path, " ");
  say(r, q->authority, " ");
  for (size_t i = 0; i < q->header_count; i++) {
    say(r, q->headers[i].name, "=");
    say(r, q->headers[i].value, ";");
  }
  const struct {
    bool on;
    const char *name;
  } flags[] = {{f->http10, "1.0 "},
               {!f->keep_alive, "close "},
               {f->expects_continue, "continue "},
               {f->wants_upgrade, "upgrade "}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    say_text(r, flags[i].on ? flags[i].name : "");
  }
  r->in_body = false;
}

/* Pieces of one body read as one, however it was split. */
static void on_body(void *ctx, base_span bytes) {
  run *r = ctx;
  say_text(r, r->in_body ? "" : "[");
  say(r, bytes, "");
  r->in_body = true;
}

static const h1_events events = {on_head, on_body};

static void start(run *r) {
  memset(r, 0, sizeof *r);
  h1_head_init(&r->head, MAX_HEAD);
  h1_parser_init(&r->p, &events, r);
  r->p.head = &r->head;
}

/* False after a refusal. */
static bool feed(run *r, base_span bytes) {
  while (bytes.n > 0) {
    size_t n = 0;
    enum h1_step step = h1_parser_feed(&r->p, bytes, &n);
    if (step == H1_ERROR) {
      r->n += (size_t)snprintf(r->text + r->n, sizeof r->text - r->n, "!%d", h1_parser_status(&r->p));
      return false;
    }
    bytes = base_span_of(bytes.p + n, bytes.n - n);
    if (step == H1_NEED_MORE) {
      continue;
    }
    say_text(r, r->in_body ? "]." : ".");
    r->in_body = false;
    h1_head_clear(&r->head);
    if (step == H1_UPGRADE) {
      say_text(r, "rest=");
      say(r, bytes, "");
      return true;
    }
  }
  return true;
}

static void end(run *r) { h1_head_dispose(&r->head); }

#define H "Host: a.example\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
static const struct {
  const char *in, *want, *reason;
} rows[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", "GET / a.example .", "the simplest"},
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / a.example .", "an empty line first, RFC 9112 2.2"},
    {"GET /a?b=c HTTP/1.1\r\n" H "X-A:  1 \r\nx-b:\r\n\r\n", "GET /a?b=c a.example x-a=1;x-b=;.",
     "names fold, values are trimmed"},
    {"GET / HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n", "GET / a.example .GET /2 a.example .", "pipelined"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n" H "\r\n",
     "POST / a.example content-length=3;[abc].GET / a.example .", "a body, then the next"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
     "POST / a.example [abcde].GET / a.example .", "chunks, an extension, a trailer, the next"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "POST / a.example content-length=0;.", "an empty body"},
    {"GET / HTTP/1.0\r\n\r\n", "GET /  1.0 close .", "HTTP/1.0 needs no Host"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /  1.0 .", "HTTP/1.0 keep-alive"},
    {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "GET / a.example close .", "close"},
    {"GET / HTTP/1.1\r\n" H
     "Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nTE: trailers\r\nKeep-Alive: 5\r\n\r\n",
     "GET / a.example x-c=3;.", "hop-by-hop fields end here"},
    {"GET http://b.example:81/p?q HTTP/1.1\r\n" H "\r\n", "GET /p?q b.example:81 .", "absolute-form wins over Host"},
    {"GET http://b.example HTTP/1.1\r\n" H "\r\n", "GET / b.example .", "absolute-form without a path"},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * a.example .", "asterisk-form"},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / [::1]:80 .", "an IPv6 host"},
    {"GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]\r\n\r\n", "GET / [::ffff:1.2.3.4] .", "with dots"},
    {"POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
     "POST / a.example content-length=1;continue [x].", "100-continue"},
    {"POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 0\r\n\r\n", "POST / a.example content-length=0;.",
     "100-continue without a body needs no 100"},
    {"GET /ws HTTP/1.1\r\n" H
     "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x80",
     "GET /ws a.example sec-websocket-version=13;upgrade .rest=\x81\x80", "an upgrade leaves the rest alone"},
    {"GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", "GET / a.example .", "Upgrade without Connection is nothing"},
    {"POST / HTTP/1.1\r\n" H "Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\r\n" H
     "\r\n",
     "POST / a.example content-length=2;[ab].GET / a.example .", "an upgrade with a body is an ordinary request"},
    {"GET / HTTP/1.1\r\n" H "Upgrade: \t\r\nConnection: upgrade\r\n\r\n", "GET / a.example .",
     "an upgrade to nothing is none"},
    {"GET / HTTP/1.0\r\n" H "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", "GET / a.example 1.0 close .",
     "no upgrade on 1.0"},
    /* smuggling and framing */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n" CHUNKED "\r\n", "!400", "Content-Length and chunked"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "Content-Length: 3\r\n\r\n", "!400", "chunked and Content-Length"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", "!400", "Content-Length twice"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3,3\r\n\r\n", "!400", "a list of lengths"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", "!400", "a signed length"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", "!400", "a negative length"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n", "!400", "a hexadecimal length"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n", "!400", "a length past 64 bits"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", "!400", "an empty length"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3 3\r\n\r\n", "!400", "two numbers"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "!501", "a coding we do not take off"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", "!400", "chunked twice"},
    {"POST / HTTP/1.1\r\n" H CHUNKED CHUNKED "\r\n", "!400", "two fields"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", "!400", "chunked not last"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", "!501", "not chunked"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", "!501", "quoted"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\x0b"
     "chunked\r\n\r\n",
     "!400", "a vertical tab"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n", "!400", "space before the colon"},
    {"POST / HTTP/1.1\r\n" H "X: 1\r\n Transfer-Encoding: chunked\r\n\r\n", "!400", "folding"},
    {"POST / HTTP/1.0\r\n" H CHUNKED "\r\n0\r\n\r\n", "!400", "chunked on 1.0"},
    {"GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "!400", "a body on GET"},
    {"HEAD / HTTP/1.1\r\n" H CHUNKED "\r\n0\r\n\r\n", "!400", "a body on HEAD"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\nx\r\n", "POST / a.example !400", "a chunk size without digits"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n-1\r\n", "POST / a.example !400", "a negative chunk"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n1\r\nab\r\n", "POST / a.example [a!400", "a chunk longer than it says"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n1\nab", "POST / a.example !400", "a bare LF after the size"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n1 \r\na\r\n", "POST / a.example !400", "a space after the size"},
    {"POST / HTTP/1.1\r\n" H CHUNKED "\r\n11111111111111111\r\n", "POST / a.example !400", "a chunk past 64 bits"},
    {"GET / HTTP/1.1\n" H "\r\n", "!505", "a bare LF after the version"},
    {"GET / HTTP/1.1\r\nHost: a.example\n\r\n", "!400", "a bare LF after a field"},
    {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", "!400", "a bare CR"},
    {"GET / HTTP/1.1\r\n" H "X\x01: a\r\n\r\n", "!400", "a control byte in a name"},
    {"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", "!400", "no name"},
    {"GET / HTTP/1.1\r\n" H "X a\r\n\r\n", "!400", "no colon"},
    /* Host */
    {"GET / HTTP/1.1\r\n\r\n", "!400", "no Host"},
    {"GET / HTTP/1.1\r\n" H H "\r\n", "!400", "two Hosts"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "!400", "an empty Host"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "!400", "a space in Host"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400", "a path in Host"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!400", "user information in Host"},
    {"GET / HTTP/1.1\r\nHost: a,b:80:80\r\n\r\n", "!400", "two ports"},
    {"GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", "!400", "a port too large"},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "!400", "a port without digits"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "!400", "an open bracket"},
    {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", "!400", "empty brackets"},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "!400", "bytes after the bracket"},
    {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "!400", "IPv6 without brackets"},
    {"GET http://b.example/ HTTP/1.1\r\n\r\n", "!400", "absolute-form does not replace Host"},
    /* request line */
    {"GET HTTP/1.1\r\n" H "\r\n", "!400", "no target"},
    {"GET a HTTP/1.1\r\n" H "\r\n", "!400", "no form at all"},
    {"GET * HTTP/1.1\r\n" H "\r\n", "!400", "asterisk on GET"},
    {"GET /#f HTTP/1.1\r\n" H "\r\n", "!400", "a fragment"},
    {"GET /\x80 HTTP/1.1\r\n" H "\r\n", "!400", "a raw byte above ASCII"},
    {"GET ftp://b.example/ HTTP/1.1\r\n" H "\r\n", "!400", "another scheme"},
    {"GET http:///x HTTP/1.1\r\n" H "\r\n", "!400", "absolute-form without a host"},
    {"GET http://u@b.example/ HTTP/1.1\r\n" H "\r\n", "!400", "user information in the target"},
    {"CONNECT a.example:443 HTTP/1.1\r\n" H "\r\n", "!501", "CONNECT"},
    {"PROPFIND / HTTP/1.1\r\n" H "\r\n", "!501", "a method we do not know"},
    {"get / HTTP/1.1\r\n" H "\r\n", "!400", "lower case"},
    {"FOO / HTTP/1.1\r\n" H "\r\n", "!400", "no method at all"},
    {"GET / HTTP/2.0\r\n" H "\r\n", "!505", "version 2.0 in text"},
    {"GET / HTTP/0.9\r\n" H "\r\n", "!505", "version 0.9"},
    {"GET / HTTP/1.2\r\n" H "\r\n", "!505", "version 1.2"},
    {"GET / HTTQ/1.1\r\n" H "\r\n", "!400", "another protocol"},
    {"GET /\r\n\r\n", "!505", "no version (0.9 as it was)"},
    {"\x16\x03\x01\x02", "!400", "TLS on a plain port"},
    {"POST / HTTP/1.1\r\n" H "Expect: magic\r\nContent-Length: 1\r\n\r\n", "!417", "an expectation we cannot meet"},
};

static void a_table_of_requests(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    run r;
    start(&r);
    feed(&r, base_span_str(rows[i].in));
    CHECK_MSG(strcmp(r.text, rows[i].want) == 0, "%s: got \"%s\", want \"%s\"", rows[i].reason, r.text, rows[i].want);
    end(&r);
  }
}

static void any_split_reads_the_same(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span in = base_span_str(rows[i].in);
    bool upgrade = strstr(rows[i].want, "rest=") != NULL; /* what the rest is depends on the split */
    for (size_t cut = 1; cut < in.n && !upgrade; cut++) {
      run r;
      start(&r);
      if (feed(&r, base_span_of(in.p, cut))) {
        feed(&r, base_span_of(in.p + cut, in.n - cut));
      }
      bool same = strcmp(r.text, rows[i].want) == 0;
      CHECK_MSG(same, "%s at %zu: got \"%s\"", rows[i].reason, cut, r.text);
      end(&r);
      if (!same) {
        break;
      }
    }
    run r;
    start(&r);
    for (size_t at = 0; at < in.n && !upgrade && feed(&r, base_span_of(in.p + at, 1)); at++) {
    }
    CHECK_MSG(upgrade || strcmp(r.text, rows[i].want) == 0, "%s byte by byte: got \"%s\"", rows[i].reason, r.text);
    end(&r);
  }
}

/* A head with `n` bytes of the pattern between two texts. */
static void try_long(const char *before, const char *pattern, size_t times, const char *after, const char *want,
                     const char *reason) {
  size_t unit = strlen(pattern), n = strlen(before) + unit * times + strlen(after);
  char *in = malloc(n + 1), *at = in + strlen(before);
  memcpy(in, before, strlen(before));
  for (size_t i = 0; i < times; i++, at += unit) {
    memcpy(at, pattern, unit);
  }
  memcpy(at, after, strlen(after) + 1);
  run r;
  start(&r);
  feed(&r, base_span_str(in));
  size_t tail = strlen(want);
  CHECK_MSG(r.n >= tail && strcmp(r.text + r.n - tail, want) == 0, "%s: got \"%s\", want \"%s\"", reason, r.text, want);
  end(&r);
  free(in);
}

static void every_size_has_a_limit(void) {
  try_long("GET /", "a", 900, " HTTP/1.1\r\n" H "\r\n", ".", "a target that fits");
  try_long("GET /", "a", 9000, " HTTP/1.1\r\n" H "\r\n", "!414", "a target too long");
  try_long("GET / HTTP/1.1\r\n" H "X: ", "a", 900, "\r\n\r\n", ".", "a value that fits");
  try_long("GET / HTTP/1.1\r\n" H "X: ", "a", 1100, "\r\n\r\n", "!431", "a value too long");
  try_long("GET / HTTP/1.1\r\n" H "X", "a", 1100, ": 1\r\n\r\n", "!431", "a name too long");
  try_long("GET / HTTP/1.1\r\n" H, "x: 1\r\n", 99, "\r\n", ".", "100 fields");
  try_long("GET / HTTP/1.1\r\n" H, "x: 1\r\n", 100, "\r\n", "!431", "101 fields");
  try_long("POST / HTTP/1.1\r\n" H CHUNKED "\r\n1;", "x", 9000, "\r\na\r\n", "!431", "chunk extensions");
  try_long("POST / HTTP/1.1\r\n" H CHUNKED "\r\n0\r\nX: ", "x", 9000, "\r\n\r\n", "!431", "trailers");
}

TEST_MAIN(TEST(a_table_of_requests), TEST(any_split_reads_the_same), TEST(every_size_has_a_limit))
