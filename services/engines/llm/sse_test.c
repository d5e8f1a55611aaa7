#include "llm/sse.h"

#include <stdlib.h>

#include "base/test.h"

enum { OUT_SIZE = 512 };

static void note(char *out, base_span data) {
  size_t n = strlen(out);
  snprintf(out + n, OUT_SIZE - n, "<%.*s>", BASE_SPAN_ARG(data));
}

/* Events as "<data><data>", an error's name behind them, "|" before what the end gave. Bytes come in runs of `step`. */
static void decode(base_span in, size_t step, char out[OUT_SIZE]) {
  llm_sse s;
  base_span data;
  base_err e = BASE_OK;
  llm_sse_init(&s);
  out[0] = 0;
  while (in.n) {
    base_span some = base_span_of(in.p, step < in.n ? step : in.n);
    in = base_span_of(in.p + some.n, in.n - some.n);
    while (base_is_ok(e = llm_sse_next(&s, &some, &data)))
      note(out, data);
    if (!base_is(e, BASE_E_NEED_MORE)) break;
    CHECK_INT(some.n, 0);
  }
  if (base_is_ok(e) || base_is(e, BASE_E_NEED_MORE)) {
    if (base_is_ok(llm_sse_end(&s, &data))) {
      strncpy(out + strlen(out), "|", 2);
      note(out, data);
    }
    CHECK_ERR(llm_sse_end(&s, &data), BASE_E_NEED_MORE);
  } else {
    strncpy(out + strlen(out), base_err_name(e), OUT_SIZE - strlen(out));
  }
  llm_sse_dispose(&s);
}

static void any_split_gives_the_same(void) {
  static const struct {
    const char *in, *want;
  } rows[] = {
      {"", ""},
      {"data: a\n\n", "<a>"},
      {"data:a\n\n", "<a>"},
      {"data:  a\n\n", "< a>"},
      {"data: a\r\n\r\n", "<a>"},
      {"data: a\r\r", "<a>"},
      {"data: a\r\n\n", "<a>"},
      {"data: a\n\r\n", "<a>"},
      {"data: a\n\ndata: b\n\n", "<a><b>"},
      {"data: a\n\n\n\n\r\n\rdata: b\n\n", "<a><b>"},
      {"data: a\ndata: b\n\n", "<a\nb>"},
      {"data: a\r\ndata: b\r\n\r\n", "<a\nb>"},
      {"data: a\rdata: b\r\r", "<a\nb>"},
      {"data\n\n", "<>"},
      {"data:\ndata:\n\n", "<\n>"},
      {": keep-alive\n\n", ""},
      {": data: no\n\ndata: a\n\n", "<a>"},
      {"event: message\nid: 3\nretry: 10\ndata: a\n\n", "<a>"},
      {"event: end\n\n", ""},
      {"dat: a\ndatas: b\n data: c\nDATA: d\n\n", ""},
      {"\xef\xbb\xbf"
       "data: a\n\n",
       "<a>"},
      {"data: a\n\n\xef\xbb\xbf"
       "data: b\n\n",
       "<a>"},
      {"data: {\"x\":\"a: b\"}\n\n", "<{\"x\":\"a: b\"}>"},
      {"data: a", "|<a>"},
      {"data: a\n", "|<a>"},
      {"data: a\r", "|<a>"},
      {"data: a\n\ndata: b\n", "<a>|<b>"},
      {"data: a\n\ndata: b\nid: 4", "<a>|<b>"},
      {"data: a\n\n: done", "<a>"},
      {"data: ma\xc3\xa7\xc3\xa3\n\n", "<ma\xc3\xa7\xc3\xa3>"},
      {"data: \xff\xfe\n\n", "<\xff\xfe>"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[OUT_SIZE];
    for (size_t step = 1; step <= strlen(rows[i].in) + 1; step++) {
      decode(base_span_str(rows[i].in), step, got);
      CHECK_MSG(strcmp(got, rows[i].want) == 0, "row %zu, %zu at once: \"%s\" for \"%s\"", i, step, got, rows[i].want);
    }
  }
}

static void nul_is_a_byte(void) {
  llm_sse s;
  base_span in = base_span_of("data: a\0b\n\n", 11), data;
  llm_sse_init(&s);
  CHECK_OK(llm_sse_next(&s, &in, &data));
  CHECK(base_span_eq(data, base_span_of("a\0b", 3)));
  llm_sse_dispose(&s);
}

/* `line` again and again: no peer makes it hold more than one event's bound. */
static base_err flood(const char *line, size_t bytes) {
  llm_sse s;
  base_err e = base_fail(BASE_E_NEED_MORE);
  llm_sse_init(&s);
  for (size_t sent = 0; sent < bytes && base_is(e, BASE_E_NEED_MORE); sent += strlen(line)) {
    base_span in = base_span_str(line), data;
    e = llm_sse_next(&s, &in, &data);
    CHECK(base_buf_size(&s.line) + base_buf_size(&s.data) <= 2 * (size_t)LLM_SSE_EVENT_MAX);
  }
  llm_sse_dispose(&s);
  return e;
}

static void what_is_held_is_bounded(void) {
  CHECK_ERR(flood("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 2 * LLM_SSE_EVENT_MAX), BASE_E_TOO_LARGE);
  CHECK_ERR(flood("data: xxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 2 * LLM_SSE_EVENT_MAX), BASE_E_TOO_LARGE);
  CHECK_ERR(flood(": a comment that nobody reads\n", 2 * LLM_SSE_EVENT_MAX), BASE_E_NEED_MORE);
  CHECK_ERR(flood("\n", 2 * LLM_SSE_EVENT_MAX), BASE_E_NEED_MORE);
}

TEST_MAIN(TEST(any_split_gives_the_same), TEST(nul_is_a_byte), TEST(what_is_held_is_bounded))
