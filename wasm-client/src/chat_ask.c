/* chat_ask.c - the calls of a chat, one at a time: the conversation is made with the first question, then each question is answered by a stream. */
#include <stdio.h>
#include <string.h>

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/chat_int.h"
#include "wc/reason.h"
#include "wc/retry.h"

enum {
  ANSWER_TIMEOUT_MS = 180000,
  CALL_TIMEOUT_MS = 20000,
  FEW = 5, /* tries for statuses that may be a bug as well as a lost connection */
};

/* Which statuses a new try may cure. A service that gives a reason means it, but for those that say "not now". */
enum wc_chat_cure wc_chat_cure_of(const wire_status *status) {
  static const struct {
    int code;
    const char *reason; /* NULL: any */
    enum wc_chat_cure cure;
  } rows[] = {{BASE_GRPC_UNAVAILABLE, "", WC_CHAT_ALWAYS},
              {BASE_GRPC_UNAVAILABLE, "SHUTTING_DOWN", WC_CHAT_ALWAYS},
              {BASE_GRPC_UNAVAILABLE, "PEER_UNAVAILABLE", WC_CHAT_ALWAYS},
              {BASE_GRPC_UNAVAILABLE, "STORE_UNAVAILABLE", WC_CHAT_ALWAYS},
              {BASE_GRPC_UNAUTHENTICATED, NULL, WC_CHAT_SIGN_IN},
              {BASE_GRPC_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", WC_CHAT_FEW_TIMES},
              {BASE_GRPC_CANCELLED, "", WC_CHAT_FEW_TIMES},
              {BASE_GRPC_UNKNOWN, "", WC_CHAT_FEW_TIMES},
              {BASE_GRPC_ABORTED, "", WC_CHAT_FEW_TIMES},
              {BASE_GRPC_INTERNAL, "", WC_CHAT_FEW_TIMES}};
  base_span reason = wc_reason(status);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool fits = !rows[i].reason || base_span_is(reason, rows[i].reason);
    if (rows[i].code == status->code && fits) return rows[i].cure;
  }
  return WC_CHAT_NEVER;
}

static void give_up(wc_chat *c, wc_chat_entry *e, const wire_status *status) {
  if (status->code == BASE_GRPC_NOT_FOUND) { /* its conversation is gone: another try begins one of its own */
    if (strcmp(c->conversation, e->conversation) == 0) wc_chat_lose_conversation(c);
    e->conversation[0] = 0;
    wc_chat_new_key(c, e);
  }
  wc_chat_set_why(e, status);
  wc_chat_set_state(c, e, WC_CHAT_FAILED);
  wc_chat_wait_from(c, e, status);
  wc_chat_record_put(c);
}

static void try_again(wc_chat *c, wc_chat_entry *e, const wire_status *status) {
  enum wc_chat_cure cure = wc_chat_cure_of(status);
  int64_t delay = wc_retry_delay_ms(status, WC_RETRY_QUICK, e->attempt, wc_random_u32(c->plat));
  if (cure == WC_CHAT_NEVER || delay < 0 || (cure == WC_CHAT_FEW_TIMES && e->tries >= FEW)) {
    give_up(c, e, status);
    return;
  }
  e->attempt++;
  e->tries++;
  wc_chat_set_why(e, status);
  wc_chat_set_state(c, e, WC_CHAT_QUEUED);
  c->needs_sign_in = cure == WC_CHAT_SIGN_IN;
  if (c->needs_sign_in) return;
  c->waiting = true;
  c->plat->vt->timer_set(c->retry, delay);
}

static void fail_here(wc_chat *c, wc_chat_entry *e, const char *text) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, BASE_GRPC_RESOURCE_EXHAUSTED, "%s", text);
  give_up(c, e, &status);
  wire_status_dispose(&status);
}

/* -- an answer */

static void on_message(void *ctx, ponte_call *call, const Ponte__Chatbot__V1__ResolveDuvidaStreamResponse *r) {
  wc_chat *c = ctx;
  wc_chat_entry *e = c->running;
  base_err err = BASE_OK;
  if (c->detached || !e || e->has_final) return;
  if (e->m.state != WC_CHAT_ANSWERING) wc_chat_set_state(c, e, WC_CHAT_ANSWERING);
  switch (r->part_case) {
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES:
    err = wc_chat_take_sources(e, r->sources);
    wc_chat_changed(c, e, WC_CHAT_CHANGED_SOURCES);
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT:
    err = base_buf_str(&e->m.answer, r->text);
    wc_chat_changed(c, e, WC_CHAT_CHANGED_ANSWER);
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL: err = wc_chat_take_final(e, r->final); break;
  default: break; /* of a newer service */
  }
  if (base_is_ok(err)) return;
  c->running = NULL;
  c->abandoned = true;
  ponte_call_cancel(call);
  fail_here(c, e, "the answer is too large for this page");
}

static void finish(wc_chat *c, wc_chat_entry *e) {
  base_buf_clear(&e->held);
  wc_chat_changed(c, e, WC_CHAT_CHANGED_ANSWER | WC_CHAT_CHANGED_SOURCES); /* which of them are cited */
  wc_chat_set_state(c, e, WC_CHAT_DONE);
  wc_chat_record_put(c);
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  wc_chat *c = ctx;
  wc_chat_entry *e = c->running;
  (void)call;
  c->call = NULL;
  c->running = NULL;
  c->abandoned = false;
  if (!wc_chat_end(c)) return;
  if (e && e->has_final) {
    finish(c, e);
  } else if (e && status->code == 0) {
    wire_status early;
    wire_status_init(&early);
    wire_status_set(&early, BASE_GRPC_INTERNAL, "the answer ended without its end");
    try_again(c, e, &early);
    wire_status_dispose(&early);
  } else if (e) {
    try_again(c, e, status);
  }
  wc_chat_pump(c);
}

static base_err ask(wc_chat *c, wc_chat_entry *e) {
  static const ponte_chatbot_v1_resolve_duvida_stream_events events = {.on_message = on_message,
                                                                       .on_status = on_status};
  const ponte_call_options options = {.timeout_ms = ANSWER_TIMEOUT_MS};
  wc_chat_request r = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_REQUEST__INIT;
  r.duvida = e->m.question;
  r.aula_contexto = e->context;
  r.session_id = e->session_id;
  r.language = e->language;
  r.conversation_id = e->conversation;
  r.idempotency_key = e->key;
  /* What was read already stays in sight until this try has come as far. */
  if (base_buf_size(&e->m.answer) > base_buf_size(&e->held)) {
    base_buf last = e->held;
    e->held = e->m.answer;
    e->m.answer = last;
  }
  base_buf_clear(&e->m.answer);
  BASE_TRY(ponte_chatbot_v1_resolve_duvida_stream(c->channel, &options, &r, &events, c, &c->call));
  c->running = e;
  wc_chat_begin(c);
  if (e->m.code == 0)
    wc_chat_set_state(c, e,
                      WC_CHAT_ASKING); /* after a lost try it waits, for all that is known, until something comes */
  return BASE_OK;
}

/* -- the conversation */

static void on_created(void *ctx, ponte_call *call, const Ponte__Chatbot__V1__Conversation *reply,
                       const wire_status *status) {
  wc_chat *c = ctx;
  wc_chat_entry *e = c->running;
  (void)call;
  c->call = NULL;
  c->running = NULL;
  c->abandoned = false;
  if (!wc_chat_end(c)) return;
  size_t n = reply ? strlen(reply->conversation_id) : 0;
  if (e && n > 0 && n < sizeof c->conversation) {
    memcpy(c->conversation, reply->conversation_id, n + 1);
    memcpy(e->conversation, c->conversation, sizeof e->conversation);
    c->chat_changed = true;
    wc_chat_set_state(c, e, WC_CHAT_QUEUED);
    wc_chat_record_put(c);
  } else if (e) {
    try_again(c, e, status);
  }
  wc_chat_pump(c);
}

static base_err create(wc_chat *c, wc_chat_entry *e) {
  static const ponte_chatbot_v1_create_conversation_events events = {.on_reply = on_created};
  const ponte_call_options options = {.timeout_ms = CALL_TIMEOUT_MS};
  char key[sizeof e->key + 16];
  snprintf(key, sizeof key, "%s-conversation", e->key);
  Ponte__Chatbot__V1__CreateConversationRequest r = PONTE__CHATBOT__V1__CREATE_CONVERSATION_REQUEST__INIT;
  r.idempotency_key = key;
  BASE_TRY(ponte_chatbot_v1_create_conversation(c->channel, &options, &r, &events, c, &c->call));
  c->running = e;
  wc_chat_begin(c);
  return BASE_OK;
}

/* -- what is due */

static wc_chat_entry *next_question(const wc_chat *c) {
  wc_chat_entry *e = c->list.first;
  while (e && (e->m.state != WC_CHAT_QUEUED || e->unconfirmed))
    e = e->next;
  return e;
}

void wc_chat_pump(wc_chat *c) {
  while (!c->call && !c->waiting && !c->needs_sign_in && !c->reading) {
    wc_chat_entry *e = next_question(c);
    if (!e) {
      if (c->fetch_due && !base_is_ok(wc_chat_fetch(c))) wc_chat_end_fetch(c);
      return;
    }
    if (!e->stored) return; /* asked when the record has it */
    if (!e->conversation[0]) memcpy(e->conversation, c->conversation, sizeof e->conversation);
    base_err err = e->conversation[0] ? ask(c, e) : create(c, e);
    if (!base_is_ok(err)) fail_here(c, e, "out of memory");
  }
}

void wc_chat_abandon(wc_chat *c) {
  c->running = NULL;
  if (!c->call) return;
  c->abandoned = true;
  ponte_call_cancel(c->call);
}
