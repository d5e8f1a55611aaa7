#include "llm/sse.h"

void llm_sse_init(llm_sse *s) {
  *s = (llm_sse){0};
  base_buf_init(&s->line, LLM_SSE_EVENT_MAX);
  base_buf_init(&s->data, LLM_SSE_EVENT_MAX);
}

void llm_sse_dispose(llm_sse *s) {
  base_buf_dispose(&s->line);
  base_buf_dispose(&s->data);
}

static base_err take_field(llm_sse *s, base_span line) {
  size_t name = 0;
  while (name < line.n && line.p[name] != ':')
    name++;
  bool colon = name < line.n;
  if (!base_span_is(base_span_of(line.p, name), "data")) return BASE_OK;
  base_span value = base_span_of(line.p + name, line.n - name);
  if (colon) value = base_span_of(value.p + 1, value.n - 1);
  if (value.n && value.p[0] == ' ') value = base_span_of(value.p + 1, value.n - 1);
  if (s->has_data) BASE_TRY(base_buf_u8(&s->data, '\n'));
  s->has_data = true;
  return base_buf_append(&s->data, value);
}

/* OK: the line ended an event. */
static base_err take_line(llm_sse *s) {
  base_span line = base_buf_span(&s->line);
  if (!s->begun && base_span_starts(line, "\xef\xbb\xbf")) line = base_span_of(line.p + 3, line.n - 3);
  s->begun = true;
  if (line.n) BASE_TRY(take_field(s, line));
  base_buf_clear(&s->line);
  return line.n == 0 && s->has_data ? BASE_OK : base_fail(BASE_E_NEED_MORE);
}

static void forget_given(llm_sse *s) {
  if (!s->given) return;
  base_buf_clear(&s->data);
  s->has_data = s->given = false;
}

static base_err give(llm_sse *s, base_span *data) {
  s->given = true;
  *data = base_buf_span(&s->data);
  return BASE_OK;
}

base_err llm_sse_next(llm_sse *s, base_span *in, base_span *data) {
  forget_given(s);
  while (in->n) {
    if (s->after_cr && in->p[0] == '\n') *in = base_span_of(in->p + 1, in->n - 1);
    s->after_cr = false;
    size_t n = 0;
    while (n < in->n && in->p[n] != '\n' && in->p[n] != '\r')
      n++;
    BASE_TRY(base_buf_append(&s->line, base_span_of(in->p, n)));
    if (n == in->n) {
      *in = base_span_of(in->p + n, 0);
      break;
    }
    s->after_cr = in->p[n] == '\r';
    *in = base_span_of(in->p + n + 1, in->n - n - 1);
    bool blank = base_buf_size(&s->line) == 0;
    base_err e = take_line(s);
    if (base_is_ok(e) && blank) return give(s, data);
    if (!base_is_ok(e) && !base_is(e, BASE_E_NEED_MORE)) return e;
  }
  return base_fail(BASE_E_NEED_MORE);
}

base_err llm_sse_end(llm_sse *s, base_span *data) {
  forget_given(s);
  if (base_buf_size(&s->line)) {
    base_err e = take_line(s);
    if (!base_is_ok(e) && !base_is(e, BASE_E_NEED_MORE)) return e;
  }
  return s->has_data ? give(s, data) : base_fail(BASE_E_NEED_MORE);
}
