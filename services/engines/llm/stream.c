#include "llm/stream.h"

#include <stdio.h>

#include "llm/json.h"
#include "llm/prompt.h"

enum { LEAD_MAX = 256 };

void llm_stream_init(llm_stream *s, const llm_provider *provider, const char *language) {
  *s = (llm_stream){.provider = provider, .language = language};
  llm_sse_init(&s->sse);
  base_buf_init(&s->raw, LLM_SSE_EVENT_MAX + 4);
  base_buf_init(&s->lead, LEAD_MAX);
}

void llm_stream_dispose(llm_stream *s) {
  llm_sse_dispose(&s->sse);
  base_buf_dispose(&s->raw);
  base_buf_dispose(&s->lead);
}

static base_err fail(llm_stream *s, const char *why) {
  s->trouble = (llm_trouble){.error = base_fail(BASE_E_MALFORMED)};
  snprintf(s->trouble.why, sizeof s->trouble.why, "%s", why);
  return s->trouble.error;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static base_err give(llm_stream *s, base_span text, base_buf *out) {
  while (s->state == LLM_LEAD_MARK && text.n && is_blank(text.p[0]))
    text = base_span_of(text.p + 1, text.n - 1);
  if (text.n == 0) return BASE_OK;
  s->state = LLM_LEAD_TEXT;
  s->has_text = true;
  return base_buf_append(out, text);
}

/* One character of the answer's begin. */
static base_err lead_char(llm_stream *s, base_span c, base_buf *out) {
  static const char mark[] = LLM_NOT_IN_MATERIAL_MARK;
  BASE_TRY(base_buf_append(&s->lead, c));
  base_span lead = base_buf_span(&s->lead), rest = lead;
  while (rest.n && is_blank(rest.p[0]))
    rest = base_span_of(rest.p + 1, rest.n - 1);
  if (rest.n < sizeof mark && lead.n < LEAD_MAX - 4 &&
      base_span_ieq(rest, base_span_of(mark, rest.n < sizeof mark ? rest.n : 0))) {
    if (rest.n < sizeof mark - 1) return BASE_OK;
    s->state = LLM_LEAD_MARK;
    s->not_in_material = true;
    return BASE_OK;
  }
  s->state = LLM_LEAD_TEXT;
  return give(s, lead, out);
}

static base_err chars(llm_stream *s, base_span text, base_buf *out) {
  while (text.n && s->state == LLM_LEAD_OPEN) {
    size_t n = llm_utf8_char(text);
    BASE_TRY(lead_char(s, base_span_of(text.p, n), out));
    text = base_span_of(text.p + n, text.n - n);
  }
  return give(s, text, out);
}

/* Gives on what is whole; at the end also what is not, as U+FFFD. */
static base_err join(llm_stream *s, bool end, base_buf *out) {
  base_span in = base_buf_span(&s->raw);
  size_t at = 0;
  while (at < in.n) {
    size_t run = at;
    for (size_t n; run < in.n && (n = llm_utf8_char(base_span_of(in.p + run, in.n - run))) > 0;)
      run += n;
    if (run > at) BASE_TRY(chars(s, base_span_of(in.p + at, run - at), out));
    at = run;
    if (at == in.n || (!end && llm_utf8_torn(base_span_of(in.p + at, in.n - at)))) break;
    BASE_TRY(chars(s, base_span_str("\xef\xbf\xbd"), out));
    at++;
  }
  base_buf_consume(&s->raw, at);
  return BASE_OK;
}

static base_err take_event(llm_stream *s, base_span data, base_buf *out) {
  llm_delta d = {.text = &s->raw};
  size_t before = base_buf_size(&s->raw);
  if (base_span_trim(data).n == 0) return BASE_OK;
  base_err e = llm_provider_event(s->provider, data, &d);
  if (base_is(e, BASE_E_NO_MEMORY)) return e;
  if (!base_is_ok(e)) return fail(s, "an event that its protocol does not know, or a finish reason that is no success");
  if (!base_is_ok(d.trouble.error)) {
    s->trouble = d.trouble;
    return d.trouble.error;
  }
  bool text = base_buf_size(&s->raw) > before;
  if (text && !d.finished && s->finish != LLM_SAFETY) s->finished = false;
  /* Nothing that follows makes a blocked answer whole. */
  if (d.finished && !(s->finished && s->finish == LLM_SAFETY)) s->finish = d.finish;
  s->finished = s->finished || d.finished;
  if (d.prompt_tokens) s->prompt_tokens = d.prompt_tokens;
  if (d.answer_tokens) s->answer_tokens = d.answer_tokens;
  return join(s, false, out);
}

static base_err told(llm_stream *s, base_err e) {
  return base_is(e, BASE_E_TOO_LARGE) ? fail(s, "an event that is too large") : e;
}

base_err llm_stream_push(llm_stream *s, base_span bytes, base_buf *out) {
  base_span data;
  base_err e;
  while (base_is_ok(e = llm_sse_next(&s->sse, &bytes, &data))) {
    e = take_event(s, data, out);
    if (!base_is_ok(e)) return told(s, e);
  }
  return base_is(e, BASE_E_NEED_MORE) ? BASE_OK : told(s, e);
}

static base_err flush(llm_stream *s, base_buf *out) {
  BASE_TRY(join(s, true, out));
  if (s->state == LLM_LEAD_OPEN && base_buf_size(&s->lead)) {
    s->state = LLM_LEAD_TEXT;
    BASE_TRY(give(s, base_buf_span(&s->lead), out));
  }
  if (s->not_in_material && !s->has_text) {
    BASE_TRY(give(s, base_span_str(llm_refusal(s->language)), out));
  }
  return BASE_OK;
}

base_err llm_stream_end(llm_stream *s, base_buf *out) {
  base_span data;
  base_err e = llm_sse_end(&s->sse, &data);
  if (base_is_ok(e)) {
    e = take_event(s, data, out);
    if (base_is(e, BASE_E_MALFORMED)) return fail(s, "the answer was cut: it ended inside an event");
  }
  if (!base_is_ok(e) && !base_is(e, BASE_E_NEED_MORE)) return told(s, e);
  if (!s->finished) return fail(s, "the answer was cut: it ended without a finish reason");
  BASE_TRY(flush(s, out));
  if (s->finish != LLM_STOP) return BASE_OK;
  if (!s->has_text) return fail(s, "the answer ended without a word");
  if (s->not_in_material) s->finish = LLM_NOT_IN_MATERIAL;
  return BASE_OK;
}
