#include "chatbot/answer.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/trace.h"
#include "chatbot/cite.h"
#include "chatbot/records.h"
#include "search/terms.h"

enum {
  RETRY_MS = 2000,     /* of an engine that says nothing about it */
  LONGEST_MS = 300000, /* of an answer, when the caller has set no deadline */
  BYTES_A_TOKEN = 4    /* of estimates */
};

_Static_assert(LLM_STOP + 1 == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP &&
                   LLM_NOT_IN_MATERIAL + 1 == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_NOT_IN_MATERIAL &&
                   LLM_MAX_TOKENS + 1 == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_MAX_TOKENS &&
                   LLM_SAFETY + 1 == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_SAFETY,
               "finishes stand in the .proto's order");

/* What one answer is made with. */
typedef struct {
  svc_call *call;
  chatbot *service;
  chatbot_run *run;
  const chatbot_question *question;
  const chatbot_listener *to;
  chatbot_answer *out;
  cite *cite;
  base_buf checked; /* of one piece */
  int64_t begun_us;
} answering;

/* -- failures ------------------------------------------------------------------------------------------------------ */

/* Neither question nor answer reaches the log. */
static void log_failure(const answering *a, base_err e, const char *why) {
  char trace_id[BASE_TRACE_ID_SIZE];
  svc_trace_id(a->call, trace_id);
  BASE_LOG(BASE_LOG_WARN, "the answering engine failed", LOG_STR("engine", a->out->engine),
           LOG_STR("error", base_err_name(e)), LOG_STR("why", why), LOG_STR("trace_id", trace_id));
}

static base_err fail_engine(const answering *a) {
  return svc_fail(a->call, RPC_REASON_ENGINE_FAILED, NULL,
                  "the answering engine failed at this; the server's log knows more under the call's trace id");
}

/* An answer that never ends is the engine's failure: the caller did not ask for too much. */
static base_err within_limit(const answering *a, base_err e) {
  if (!base_is(e, BASE_E_TOO_LARGE)) return e;
  log_failure(a, e, "it wrote more than an answer holds");
  return fail_engine(a);
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

static base_err tell(answering *a, base_span piece) {
  if (piece.n == 0) return BASE_OK;
  if (base_buf_size(&a->out->text) == 0) chatbot_observe_first_piece(base_now_us() - a->begun_us);
  BASE_TRY(within_limit(a, base_buf_append(&a->out->text, piece)));
  return a->to && a->to->on_text ? a->to->on_text(a->to->ctx, piece) : BASE_OK;
}

/* What may go on of the engine's text. */
static base_err take(answering *a, base_span piece) {
  base_buf_clear(&a->checked);
  BASE_TRY(within_limit(a, cite_push(a->cite, piece, &a->checked)));
  return tell(a, base_buf_span(&a->checked));
}

static base_err take_end(answering *a, const llm_event *end) {
  base_buf_clear(&a->checked);
  BASE_TRY(within_limit(a, cite_end(a->cite, &a->checked)));
  BASE_TRY(tell(a, base_buf_span(&a->checked)));
  a->out->finish = (Ponte__Chatbot__V1__FinishReason)((int)end->finish + 1);
  a->out->prompt_tokens = end->prompt_tokens;
  a->out->answer_tokens = end->answer_tokens;
  return BASE_OK;
}

/* -- citations ----------------------------------------------------------------------------------------------------- */

/* The times of the words themselves. */
static void set_times(const material *m, Ponte__Chatbot__V1__Citation *citation) {
  int64_t start_ms = -1, end_ms = -1;
  material_times(m->cues, m->cue_count, (size_t)citation->begin, (size_t)citation->end, &start_ms, &end_ms);
  if (start_ms < 0) return;
  citation->start_ms = start_ms;
  citation->end_ms = end_ms;
}

/* Of all citations of one material, which is loaded once for them; they keep the passage's times if it is gone by now. */
static base_err add_times_of(answering *a, const char *material_id) {
  chatbot_loaded l;
  base_err e = chatbot_material_load(a->service->store, material_id, &l);
  for (size_t i = 0; base_is_ok(e) && i < a->out->citation_count; i++) {
    Ponte__Chatbot__V1__Citation *citation = a->out->citations[i];
    if (citation->start_ms >= 0 && strcmp(citation->material_id, material_id) == 0) set_times(&l.body, citation);
  }
  chatbot_loaded_dispose(&l);
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

/* The first citation with times of its material, in which all others find theirs, too. */
static bool is_first(const chatbot_answer *out, size_t at) {
  const Ponte__Chatbot__V1__Citation *citation = out->citations[at];
  if (citation->start_ms < 0 || !citation->material_id[0]) return false;
  for (size_t i = 0; i < at; i++)
    if (out->citations[i]->start_ms >= 0 && strcmp(out->citations[i]->material_id, citation->material_id) == 0)
      return false;
  return true;
}

static base_err add_times(answering *a) {
  for (size_t i = 0; i < a->out->citation_count; i++)
    if (is_first(a->out, i)) BASE_TRY(add_times_of(a, a->out->citations[i]->material_id));
  return BASE_OK;
}

static base_err add_citation(answering *a, const cite_citation *from) {
  const Ponte__Chatbot__V1__Passage *p = a->out->sources.passages[from->number - 1];
  Ponte__Chatbot__V1__Citation *citation = svc_alloc(a->call, sizeof *citation);
  size_t n = from->end - from->begin;
  char *quote = svc_alloc(a->call, n + 1);
  if (!citation || !quote) return base_fail(BASE_E_NO_MEMORY);
  memcpy(quote, p->text + from->begin, n);
  ponte__chatbot__v1__citation__init(citation);
  citation->number = from->number;
  citation->material_id = p->material_id;
  citation->begin = p->begin + (int32_t)from->begin;
  citation->end = p->begin + (int32_t)from->end;
  citation->quote = quote;
  citation->answer_offset = (int32_t)from->answer_offset;
  citation->title = p->title;
  citation->start_ms = p->start_ms;
  citation->end_ms = p->end_ms;
  a->out->citations[a->out->citation_count++] = citation;
  return BASE_OK;
}

static base_err add_citations(answering *a) {
  size_t count = 0;
  const cite_citation *all = cite_citations(a->cite, &count);
  chatbot_observe_dropped(cite_dropped(a->cite));
  a->out->citations = svc_alloc(a->call, (count + 1) * sizeof *a->out->citations);
  if (!a->out->citations) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < count; i++)
    BASE_TRY(add_citation(a, &all[i]));
  return add_times(a);
}

/* -- the engine ---------------------------------------------------------------------------------------------------- */

/* What the caller is told of an engine's error. */
static base_err explain(answering *a, base_err e) {
  llm_why why = {0};
  if (chatbot_run_answer(a->run)) llm_explain(chatbot_run_answer(a->run), &why);
  if (base_is(e, BASE_E_CANCELLED) && base_now_ms() >= svc_deadline_ms(a->call)) return base_fail(BASE_E_DEADLINE);
  if (base_is(e, BASE_E_CANCELLED) || base_is(e, BASE_E_DEADLINE) || base_is(e, BASE_E_NO_MEMORY)) return e;
  log_failure(a, e, why.text);
  if (base_is(e, BASE_E_UNAVAILABLE) || base_is(e, BASE_E_EXHAUSTED)) {
    int64_t retry_ms = why.retry_after_ms > 0 ? why.retry_after_ms : RETRY_MS;
    return svc_fail_retry(a->call, RPC_REASON_ENGINE_UNAVAILABLE, retry_ms,
                          "the answering engine cannot be reached or is overloaded: ask again later");
  }
  return fail_engine(a);
}

static void on_over(void *ctx) { chatbot_run_cancel(ctx); }

static base_err read_answer(answering *a) {
  llm_event event;
  for (;;) {
    base_err e = llm_next(chatbot_run_answer(a->run), &event);
    if (!base_is_ok(e)) return explain(a, e);
    if (event.kind == LLM_END) return take_end(a, &event);
    BASE_TRY(take(a, event.text));
  }
}

static void fill_request(const answering *a, llm_passage passages[CHATBOT_SOURCES_MAX], llm_request *out) {
  const chatbot_sources *s = &a->out->sources;
  int64_t deadline_ms = svc_deadline_ms(a->call), longest_ms = base_now_ms() + LONGEST_MS;
  for (size_t i = 0; i < s->count; i++) {
    const Ponte__Chatbot__V1__Passage *p = s->passages[i];
    passages[i] = (llm_passage){p->title, p->heading, base_span_str(p->text), s->scores[i], s->supports[i]};
  }
  *out = (llm_request){.question = a->question->text,
                       .language = a->question->language ? a->question->language : "",
                       .passages = passages,
                       .passage_count = s->count,
                       .turns = a->question->turns,
                       .turn_count = a->question->turn_count,
                       .deadline_ms = deadline_ms < longest_ms ? deadline_ms : longest_ms};
}

/* Nobody pays for an engine that cannot be reached or is overloaded, or asking again would use up the day. */
static bool is_free(const answering *a, base_err e) {
  return base_is(e, BASE_E_UNAVAILABLE) && base_buf_size(&a->out->text) == 0;
}

/* What was sent and what came, when the engine does not count. */
static void estimate(const answering *a, const llm_request *request) {
  size_t prompt = strlen(request->question);
  for (size_t i = 0; i < request->passage_count; i++)
    prompt += request->passages[i].text.n;
  for (size_t i = 0; i < request->turn_count; i++)
    prompt += strlen(request->turns[i].question) + strlen(request->turns[i].answer);
  if (a->out->prompt_tokens == 0) a->out->prompt_tokens = (int64_t)prompt / BYTES_A_TOKEN + 1;
  if (a->out->answer_tokens == 0) a->out->answer_tokens = (int64_t)base_buf_size(&a->out->text) / BYTES_A_TOKEN;
}

static base_err ask_engine(answering *a) {
  const chatbot_sources *s = &a->out->sources;
  llm_passage passages[CHATBOT_SOURCES_MAX];
  base_span texts[CHATBOT_SOURCES_MAX];
  llm_request request;
  fill_request(a, passages, &request);
  for (size_t i = 0; i < s->count; i++)
    texts[i] = passages[i].text;
  a->cite = cite_new(texts, s->count);
  if (!a->cite) return base_fail(BASE_E_NO_MEMORY);
  base_err e = chatbot_run_start(a->run, a->service->llm, &request);
  if (base_is_ok(e)) {
    a->out->was_asked = true;
    svc_watch(a->call, on_over, a->run);
    e = read_answer(a);
    svc_watch(a->call, NULL, NULL);
    if (!is_free(a, e)) estimate(a, &request);
  } else {
    e = explain(a, e);
  }
  chatbot_run_stop(a->run);
  if (base_is_ok(e)) e = add_citations(a);
  cite_free(a->cite);
  return e;
}

/* -- without an engine --------------------------------------------------------------------------------------------- */

static base_err refuse(answering *a) {
  const chatbot_question *q = a->question;
  const char *language = q->language && q->language[0] ? q->language : search_language(base_span_str(q->text));
  BASE_TRY(tell(a, base_span_str(llm_refusal(language))));
  a->out->finish = PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_NOT_IN_MATERIAL;
  return BASE_OK;
}

/* -- all of it ----------------------------------------------------------------------------------------------------- */

static enum chatbot_end end_of(base_err e, const chatbot_answer *a) {
  static const enum chatbot_end ends[] = {CHATBOT_END_FAILED, CHATBOT_END_STOP, CHATBOT_END_NOT_IN_MATERIAL,
                                          CHATBOT_END_MAX_TOKENS, CHATBOT_END_SAFETY};
  if (base_is(e, BASE_E_CANCELLED)) return CHATBOT_END_CANCELLED;
  if (base_is(e, BASE_E_DEADLINE)) return CHATBOT_END_DEADLINE;
  return base_is_ok(e) ? ends[a->finish] : CHATBOT_END_FAILED;
}

static base_err answer(answering *a) {
  BASE_TRY(chatbot_find_sources(a->call, a->question, &a->out->sources));
  if (a->to && a->to->on_sources) BASE_TRY(a->to->on_sources(a->to->ctx, &a->out->sources));
  return a->out->sources.count == 0 ? refuse(a) : ask_engine(a);
}

base_err chatbot_answer_question(svc_call *c, chatbot_run *run, const chatbot_question *q, const chatbot_listener *to,
                                 chatbot_answer *out) {
  chatbot *b = svc_state(c);
  answering a = {.call = c, .service = b, .run = run, .question = q, .to = to, .out = out, .begun_us = base_now_us()};
  *out = (chatbot_answer){.engine = llm_name(b->llm)};
  base_buf_init(&out->text, CHATBOT_ANSWER_MAX);
  base_buf_init(&a.checked, CHATBOT_ANSWER_MAX);
  base_err e = answer(&a);
  if (!base_is_ok(e)) out->finish = PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED;
  chatbot_observe_end(out->engine, end_of(e, out));
  base_buf_dispose(&a.checked);
  return e;
}

void chatbot_answer_dispose(chatbot_answer *a) { base_buf_dispose(&a->text); }
