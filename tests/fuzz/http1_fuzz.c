/* HTTP/1 requests: byte 0 is the size of the pieces, the rest is what a connection sends. However it is split, the same requests come out and
 * a refusal ends them at the same place; and what comes out keeps the promises of http_request. */
#include "fuzz.h"

#include "http/h1_parser.h"

enum { MAX_HEAD = 4096, MAX_TRANSCRIPT = 1 << 20 };

typedef struct {
  h1_parser p;
  h1_head head;
  base_buf told; /* everything the parser said */
} run;

static void note(run *r, base_span s, char after) {
  FUZZ_OK(base_buf_append(&r->told, s));
  FUZZ_OK(base_buf_u8(&r->told, (uint8_t)after));
}

/* No byte that could start another line, here or in a log. */
static void check_plain(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    FUZZ_CHECK(s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != 0);
  }
}

static void on_head(void *ctx, const http_request *q, const h1_facts *f) {
  run *r = ctx;
  FUZZ_CHECK(q->path.n > 0 && (q->path.p[0] == '/' || base_span_is(q->path, "*")));
  FUZZ_CHECK(f->http10 || q->authority.n > 0);
  FUZZ_CHECK(q->header_count <= H1_MAX_FIELDS);
  FUZZ_CHECK(!f->wants_upgrade || (!f->has_body && q->upgrade.n > 0));
  FUZZ_CHECK(!f->chunked || (f->content_length == 0 && !f->http10));
  note(r, q->method, ' ');
  check_plain(q->path);
  note(r, q->path, ' ');
  check_plain(q->authority);
  note(r, q->authority, '\n');
  for (size_t i = 0; i < q->header_count; i++) {
    base_span name = q->headers[i].name;
    check_plain(name);
    check_plain(q->headers[i].value);
    for (size_t k = 0; k < name.n; k++) {
      FUZZ_CHECK(name.p[k] < 'A' || name.p[k] > 'Z');
    }
    FUZZ_CHECK(name.n > 0 && !base_span_is(name, "transfer-encoding") && !base_span_is(name, "connection"));
    note(r, name, ':');
    note(r, q->headers[i].value, '\n');
  }
  note(r, base_span_of(f, 0), f->keep_alive ? 'k' : 'c');
}

static void on_body(void *ctx, base_span bytes) { FUZZ_OK(base_buf_append(&((run *)ctx)->told, bytes)); }

static const h1_events events = {on_head, on_body};

/* True: all was taken; an upgrade ends it with the rest unread. */
static enum h1_step feed(run *r, base_span bytes) {
  enum h1_step step = H1_NEED_MORE;
  while (bytes.n > 0) {
    size_t n = 0;
    step = h1_parser_feed(&r->p, bytes, &n);
    FUZZ_CHECK(n <= bytes.n);
    bytes = base_span_of(bytes.p + n, bytes.n - n);
    if (step == H1_ERROR || step == H1_UPGRADE) {
      return step;
    }
    FUZZ_CHECK(step == H1_END || bytes.n == 0);
    if (step == H1_END) {
      note(r, base_span_of(NULL, 0), '.');
      h1_head_clear(&r->head);
    }
  }
  return step;
}

static void read_all(run *r, base_span in, size_t piece) {
  enum h1_step step = H1_NEED_MORE;
  h1_head_init(&r->head, MAX_HEAD);
  base_buf_init(&r->told, MAX_TRANSCRIPT);
  h1_parser_init(&r->p, &events, r);
  r->p.head = &r->head;
  while (in.n > 0 && step != H1_ERROR && step != H1_UPGRADE) {
    size_t n = piece < in.n ? piece : in.n;
    step = feed(r, base_span_of(in.p, n));
    in = base_span_of(in.p + n, in.n - n);
  }
  if (step == H1_ERROR) {
    int status = h1_parser_status(&r->p);
    FUZZ_CHECK(status >= 400 && status < 600);
    FUZZ_OK(base_buf_u8(&r->told, '!')); /* of two mistakes, which is seen first depends on the split */
  }
}

static void end(run *r) {
  h1_head_dispose(&r->head);
  base_buf_dispose(&r->told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run whole, split;
  if (size < 1) {
    return 0;
  }
  base_span in = base_span_of(data + 1, size - 1);
  read_all(&whole, in, in.n);
  read_all(&split, in, (size_t)data[0] + 1);
  FUZZ_CHECK(base_span_eq(base_buf_span(&whole.told), base_buf_span(&split.told)));
  end(&whole);
  end(&split);
  return 0;
}
