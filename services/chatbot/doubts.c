/* Doubts: who may ask how much, what is kept of it, and the answer on its way to the caller. */
#include <stdio.h>

#include "base/log.h"
#include "chatbot/messages.h"
#include "chatbot/spending.h"

enum {
  UNARY_MAX = 24, /* of the service's 32 threads for unary calls, so that whole answers leave some for the rest */
  UNARY_RETRY_MS = 1000,
  REPEATED_PIECE = 240 /* bytes */
};

typedef Ponte__Chatbot__V1__ResolveDuvidaStreamResponse part;
typedef Ponte__Chatbot__V1__ResolveDuvidaStreamRequest stream_request;

/* -- limits -------------------------------------------------------------------------------------------------------- */

/* The embedded engine asks nobody else. */
static bool costs(const chatbot *b) { return strcmp(llm_name(b->llm), "embedded") != 0; }

/* "": nobody whom limits are for. */
static void name_caller(svc_call *c, char who[CHATBOT_WHO_SIZE]) {
  const char *user = svc_caller(c);
  char network[SVC_NETWORK_SIZE] = "";
  who[0] = '\0';
  if (!user[0]) svc_caller_network(c, network);
  if (user[0]) snprintf(who, CHATBOT_WHO_SIZE, "user:%s", user);
  if (network[0]) snprintf(who, CHATBOT_WHO_SIZE, "address:%s", network);
}

static base_err require_tokens(svc_call *c, const char *who) {
  const chatbot *b = svc_state(c);
  int64_t spent = 0, limit = chatbot_limits_options(b->limits)->tokens_a_day;
  if (!limit || !costs(b)) return BASE_OK;
  BASE_TRY(chatbot_spent(b->store, who, svc_now_us(c), &spent));
  if (spent < limit) return BASE_OK;
  chatbot_observe_refused(CHATBOT_LIMIT_TOKENS);
  return svc_fail_retry(c, RPC_REASON_QUOTA_EXCEEDED, chatbot_spending_left_ms(svc_now_us(c)),
                        "today's tokens are used up: ask again tomorrow (UTC)");
}

static base_err enter(svc_call *c, const char *who, bool takes_place) {
  const chatbot *b = svc_state(c);
  enum chatbot_limit which = CHATBOT_LIMIT_RATE;
  int64_t retry_ms = 0;
  if (!who[0]) return BASE_OK;
  BASE_TRY(require_tokens(c, who));
  base_err e = chatbot_limits_enter(b->limits, who, base_now_ms(), takes_place, &which, &retry_ms);
  if (!base_is(e, BASE_E_EXHAUSTED)) return e;
  chatbot_observe_refused(which);
  if (which == CHATBOT_LIMIT_RUNNING) {
    return svc_fail_retry(c, RPC_REASON_TOO_MANY_CALLS, retry_ms,
                          "as many of your questions as may be are being answered: wait for one of them");
  }
  return svc_fail_retry(c, RPC_REASON_QUOTA_EXCEEDED, retry_ms, "too many questions in a minute: wait %lld s",
                        (long long)((retry_ms + 999) / 1000));
}

static void spend(svc_call *c, const char *who, const chatbot_answer *a) {
  const chatbot *b = svc_state(c);
  if (!who[0] || !a->was_asked || !costs(b)) return;
  base_err e = chatbot_spend(b->store, who, svc_now_us(c), a->prompt_tokens + a->answer_tokens);
  if (!base_is_ok(e)) BASE_LOG(BASE_LOG_WARN, "tokens were not counted", LOG_STR("error", base_err_name(e)));
}

/* -- whole answers ------------------------------------------------------------------------------------------------- */

static base_err respond(svc_call *c, const chatbot_answer *a, Ponte__Chatbot__V1__ChatbotDuvidaResponse *response) {
  if (a->finish == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_MAX_TOKENS) {
    return svc_fail(c, RPC_REASON_ANSWER_CUT, NULL,
                    "the answer is longer than the engine may write: ask for less, or as a stream");
  }
  if (a->finish == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_SAFETY) {
    return svc_fail(c, RPC_REASON_ANSWER_BLOCKED, NULL, "the engine's provider blocked the answer: ask in other words");
  }
  base_span text = base_buf_span(&a->text);
  response->resposta = svc_alloc(c, text.n + 1);
  if (!response->resposta) return base_fail(BASE_E_NO_MEMORY);
  if (text.n) memcpy(response->resposta, text.p, text.n);
  response->citations = a->citations;
  response->n_citations = a->citation_count;
  response->finish_reason = a->finish;
  return BASE_OK;
}

static base_err resolve(svc_call *c, const Ponte__Chatbot__V1__ChatbotDuvidaRequest *request,
                        Ponte__Chatbot__V1__ChatbotDuvidaResponse *response) {
  chatbot *b = svc_state(c);
  const chatbot_question q = {.text = request->duvida, .context = request->aula_contexto};
  char who[CHATBOT_WHO_SIZE];
  chatbot_run run;
  chatbot_answer a;
  name_caller(c, who);
  BASE_TRY(enter(c, who, false));
  chatbot_run_begin(&b->running, &run);
  base_err e = chatbot_answer_question(c, &run, &q, NULL, &a);
  spend(c, who, &a);
  chatbot_run_end(&run);
  chatbot_limits_leave(b->limits, who);
  if (base_is_ok(e)) e = respond(c, &a, response);
  chatbot_answer_dispose(&a);
  return e;
}

base_err chatbot_resolve_duvida(svc_call *c, const Ponte__Chatbot__V1__ChatbotDuvidaRequest *request,
                                Ponte__Chatbot__V1__ChatbotDuvidaResponse *response) {
  chatbot *b = svc_state(c);
  bool has_room = atomic_fetch_add(&b->unary, 1) < UNARY_MAX;
  base_err e = has_room ? resolve(c, request, response)
                        : svc_fail_retry(c, RPC_REASON_TOO_MANY_CALLS, UNARY_RETRY_MS,
                                         "the server writes as many whole answers as it can: try again, or ask as a "
                                         "stream");
  atomic_fetch_sub(&b->unary, 1);
  return e;
}

/* -- parts of a stream --------------------------------------------------------------------------------------------- */

static base_err put_sources(void *ctx, const chatbot_sources *s) {
  part p = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  Ponte__Chatbot__V1__Sources sources = PONTE__CHATBOT__V1__SOURCES__INIT;
  sources.passages = (Ponte__Chatbot__V1__Passage **)s->passages;
  sources.n_passages = s->count;
  p.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES;
  p.sources = &sources;
  return ponte_chatbot_v1_resolve_duvida_stream_put(ctx, &p);
}

static base_err put_text(void *ctx, base_span piece) {
  part p = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  base_buf text;
  base_buf_init(&text, CHATBOT_ANSWER_MAX + 1);
  base_err e = base_buf_append(&text, piece);
  if (base_is_ok(e)) e = base_buf_u8(&text, 0);
  if (base_is_ok(e)) {
    p.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT;
    p.text = (char *)base_buf_span(&text).p;
    e = ponte_chatbot_v1_resolve_duvida_stream_put(ctx, &p);
  }
  base_buf_dispose(&text);
  return e;
}

typedef struct {
  Ponte__Chatbot__V1__FinishReason finish;
  int64_t prompt_tokens, answer_tokens;
  Ponte__Chatbot__V1__Citation **citations;
  size_t citation_count;
  const char *message_id, *engine;
} ending;

static base_err put_final(svc_call *c, const ending *end) {
  part p = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  Ponte__Chatbot__V1__Final final = PONTE__CHATBOT__V1__FINAL__INIT;
  Ponte__Chatbot__V1__Usage usage = PONTE__CHATBOT__V1__USAGE__INIT;
  usage.prompt_tokens = end->prompt_tokens;
  usage.answer_tokens = end->answer_tokens;
  final.finish_reason = end->finish;
  final.usage = &usage;
  final.citations = end->citations;
  final.n_citations = end->citation_count;
  final.message_id = (char *)end->message_id;
  final.engine = (char *)end->engine;
  p.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL;
  p.final = &final;
  return ponte_chatbot_v1_resolve_duvida_stream_put(c, &p);
}

/* -- an answer that was kept --------------------------------------------------------------------------------------- */

/* The bytes of the next piece: whole characters. */
static size_t piece_of(base_span text) {
  size_t n = text.n < REPEATED_PIECE ? text.n : REPEATED_PIECE;
  while (n < text.n && n > 0 && (text.p[n] & 0xc0) == 0x80)
    n--;
  return n;
}

static base_err repeat(svc_call *c, const chatbot_claimed *claimed) {
  const chatbot_message *m = claimed->kept;
  chatbot_sources sources = {0};
  for (size_t i = 0; i < m->n_passages && i < CHATBOT_SOURCES_MAX; i++)
    sources.passages[sources.count++] = m->passages[i];
  chatbot_observe_repeat();
  BASE_TRY(put_sources(c, &sources));
  for (base_span text = base_span_str(m->resposta); text.n > 0;) {
    size_t n = piece_of(text);
    BASE_TRY(put_text(c, base_span_of(text.p, n)));
    text = base_span_of(text.p + n, text.n - n);
  }
  return put_final(c, &(ending){m->finish_reason, claimed->prompt_tokens, claimed->answer_tokens, m->citations,
                                m->n_citations, m->message_id, claimed->engine});
}

/* -- streams ------------------------------------------------------------------------------------------------------- */

static bool is_kept(const chatbot_asked *asked) { return asked->conversation_id[0] || asked->key[0]; }

/* What came of an answer that is not whole is kept for its conversation; the error that ended it is what counts. */
static base_err keep_part(svc_call *c, const char *message_id, const char *attempt, const chatbot_answer *a,
                          base_err why) {
  base_err e = message_id[0] ? chatbot_message_keep(c, message_id, attempt, a) : BASE_OK;
  (void)e;
  return why;
}

/* The answer is kept before `final` is told: whoever saw it sees the same again. */
static base_err finish(svc_call *c, const char *message_id, const char *attempt, const chatbot_answer *a) {
  if (message_id[0]) BASE_TRY(chatbot_message_keep(c, message_id, attempt, a));
  return put_final(c, &(ending){a->finish, a->prompt_tokens, a->answer_tokens, a->citations, a->citation_count,
                                message_id, a->engine});
}

static base_err answer(svc_call *c, chatbot_run *run, const stream_request *r, const chatbot_claimed *claimed,
                       const char *who) {
  const chatbot_question q = {.text = r->duvida,
                              .context = r->aula_contexto,
                              .language = r->language,
                              .session_id = r->session_id,
                              .material_ids = r->material_ids,
                              .material_count = r->n_material_ids,
                              .turns = claimed->turns,
                              .turn_count = claimed->turn_count};
  const chatbot_listener to = {put_sources, put_text, c};
  chatbot_answer a;
  base_err e = chatbot_answer_question(c, run, &q, &to, &a);
  spend(c, who, &a);
  e = base_is_ok(e) ? finish(c, claimed->message_id, run->attempt, &a)
                    : keep_part(c, claimed->message_id, run->attempt, &a, e);
  chatbot_answer_dispose(&a);
  return e;
}

static base_err run_stream(svc_call *c, chatbot_run *run, const stream_request *r, const chatbot_asked *asked,
                           const char *who) {
  chatbot *b = svc_state(c);
  chatbot_claimed claimed = {.message_id = "", .taken_from = ""};
  if (is_kept(asked)) BASE_TRY(chatbot_message_claim(c, asked, &claimed));
  if (claimed.kept) return repeat(c, &claimed);
  if (claimed.taken_from[0]) chatbot_running_cancel(&b->running, claimed.taken_from);
  return answer(c, run, r, &claimed, who);
}

base_err chatbot_resolve_duvida_stream(svc_call *c, const stream_request *r) {
  chatbot *b = svc_state(c);
  chatbot_asked asked = {.conversation_id = r->conversation_id, .key = r->idempotency_key, .question = r->duvida};
  chatbot_claimed before = {.taken_from = ""};
  char who[CHATBOT_WHO_SIZE];
  chatbot_run run;
  BASE_TRY(svc_request_hash(c, asked.hash));
  if (asked.key[0]) BASE_TRY(chatbot_message_look(c, &asked, &before));
  if (before.kept) return repeat(c, &before); /* costs nothing, so no limit counts it */
  name_caller(c, who);
  BASE_TRY(enter(c, who, before.taken_from[0] && chatbot_running_has(&b->running, before.taken_from)));
  chatbot_run_begin(&b->running, &run);
  asked.attempt = run.attempt;
  base_err e = run_stream(c, &run, r, &asked, who);
  chatbot_run_end(&run);
  chatbot_limits_leave(b->limits, who);
  return e;
}
