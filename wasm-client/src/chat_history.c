/* chat_history.c - a conversation as the service keeps it, read back from its end page by page, and the reader's ratings. */
#include <stdlib.h>
#include <string.h>

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/chat_int.h"
#include "wc/retry.h"

enum { CALL_TIMEOUT_MS = 20000 };

/* What failed here and was never answered there is not in the history, but the reader has seen it. */
static void keep_failed(wc_chat *c, wc_chat_list *fetched) {
  for (wc_chat_entry *e = c->list.first, *next; e; e = next) {
    next = e->next;
    e->changed = WC_CHAT_CHANGED_STATE | WC_CHAT_CHANGED_SOURCES | WC_CHAT_CHANGED_ANSWER;
    if (e->m.state == WC_CHAT_FAILED || wc_chat_is_pending(e))
      wc_chat_list_append(fetched, e);
    else
      wc_chat_entry_free(e);
  }
}

void wc_chat_end_fetch(wc_chat *c) {
  c->fetch_due = false;
  c->fetch_attempt = 0;
  c->chat_changed = true;
  wc_chat_tell(c, 0);
}

void wc_chat_lose_conversation(wc_chat *c) {
  c->conversation[0] = 0;
  free(c->page_token);
  c->page_token = NULL;
  wc_chat_end_fetch(c);
}

/* The newest comes first, and each one before it goes to the front. */
static base_err take_messages(wc_chat *c, const Ponte__Chatbot__V1__GetConversationResponse *reply, wc_chat_list *out) {
  for (size_t i = 0; i < reply->n_messages; i++) {
    wc_chat_entry *e = wc_chat_entry_of(c, reply->messages[i]);
    if (!e) return base_fail(BASE_E_NO_MEMORY);
    e->next = out->first;
    out->first = e;
    if (!out->last) out->last = e;
  }
  return BASE_OK;
}

static base_err take_page(wc_chat *c, const Ponte__Chatbot__V1__GetConversationResponse *reply) {
  wc_chat_list fetched = {0};
  bool more = reply->next_page_token[0];
  char *token = more ? strdup(reply->next_page_token) : NULL;
  base_err err = more && !token ? base_fail(BASE_E_NO_MEMORY) : take_messages(c, reply, &fetched);
  if (!base_is_ok(err)) {
    wc_chat_list_clear(&fetched);
    free(token);
    return err;
  }
  if (c->page_token && fetched.last) { /* before those that are here */
    fetched.last->next = c->list.first;
    if (c->list.last) fetched.last = c->list.last;
    c->list = fetched;
  } else if (!c->page_token) {
    keep_failed(c, &fetched);
    c->list = fetched;
    c->cleared = true;
  }
  free(c->page_token);
  c->page_token = token;
  return BASE_OK;
}

/* It was removed, or is not this reader's, or never was one. */
static bool is_gone(const wire_status *status) {
  return status->code == BASE_GRPC_NOT_FOUND || status->code == BASE_GRPC_PERMISSION_DENIED ||
         status->code == BASE_GRPC_INVALID_ARGUMENT;
}

static void on_failed(wc_chat *c, const wire_status *status) {
  enum wc_chat_cure cure = wc_chat_cure_of(status);
  int64_t delay = wc_retry_delay_ms(status, WC_RETRY_QUICK, c->fetch_attempt++, wc_random_u32(c->plat));
  if (cure == WC_CHAT_SIGN_IN) {
    c->needs_sign_in = c->chat_changed = true;
    wc_chat_tell(c, 0);
  } else if (cure == WC_CHAT_ALWAYS && delay >= 0) {
    c->waiting = true;
    c->plat->vt->timer_set(c->retry, delay);
  } else if (c->page_token || !is_gone(status)) { /* what is here stays, and may be asked for again */
    wc_chat_end_fetch(c);
  } else {
    wc_chat_lose_conversation(c);
    wc_chat_record_put(c);
  }
}

static void on_page(void *ctx, ponte_call *call, const Ponte__Chatbot__V1__GetConversationResponse *reply,
                    const wire_status *status) {
  wc_chat *c = ctx;
  bool wanted = !c->abandoned;
  (void)call;
  c->call = NULL;
  c->abandoned = false;
  if (!wc_chat_end(c)) return;
  if (wanted && !reply) on_failed(c, status);
  if (wanted && reply) {
    (void)!base_is_ok(take_page(c, reply)); /* without memory for it nothing changes */
    wc_chat_end_fetch(c);
  }
  wc_chat_pump(c);
}

base_err wc_chat_fetch(wc_chat *c) {
  static const ponte_chatbot_v1_get_conversation_events events = {.on_reply = on_page};
  static char newest[] = "";
  const ponte_call_options options = {.timeout_ms = CALL_TIMEOUT_MS};
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  r.conversation_id = c->conversation;
  r.page_size = WC_CHAT_PAGE;
  r.page_token = c->page_token ? c->page_token : newest;
  r.newest_first = true;
  BASE_TRY(ponte_chatbot_v1_get_conversation(c->channel, &options, &r, &events, c, &c->call));
  wc_chat_begin(c);
  return BASE_OK;
}

/* -- ratings */

typedef struct {
  wc_chat *chat;
  char message_id[BASE_UUID_SIZE];
  Ponte__Chatbot__V1__Rating rating;
} rating;

static void on_rated(void *ctx, ponte_call *call, const Google__Protobuf__Empty *reply, const wire_status *status) {
  rating r = *(rating *)ctx;
  (void)call, (void)status;
  free(ctx);
  if (!wc_chat_end(r.chat)) return;
  for (wc_chat_entry *e = r.chat->list.first; e; e = e->next) {
    if (strcmp(e->m.message_id, r.message_id) != 0) continue;
    if (reply) e->m.rating = r.rating;
    wc_chat_changed(r.chat, e, WC_CHAT_CHANGED_STATE);
  }
}

base_err wc_chat_rate(wc_chat *c, uint32_t id, Ponte__Chatbot__V1__Rating wanted) {
  static const ponte_chatbot_v1_give_feedback_events events = {.on_reply = on_rated};
  const ponte_call_options options = {.timeout_ms = CALL_TIMEOUT_MS};
  const wc_chat_message *m = wc_chat_find(c, id);
  if (!m) return base_fail(BASE_E_NOT_FOUND);
  if (!m->message_id[0]) return base_fail(BASE_E_PRECONDITION);
  rating *mine = calloc(1, sizeof *mine);
  if (!mine) return base_fail(BASE_E_NO_MEMORY);
  *mine = (rating){.chat = c, .rating = wanted};
  memcpy(mine->message_id, m->message_id, sizeof mine->message_id);
  Ponte__Chatbot__V1__GiveFeedbackRequest r = PONTE__CHATBOT__V1__GIVE_FEEDBACK_REQUEST__INIT;
  r.message_id = mine->message_id;
  r.rating = wanted;
  ponte_call *call;
  base_err err = ponte_chatbot_v1_give_feedback(c->channel, &options, &r, &events, mine, &call);
  if (!base_is_ok(err)) {
    free(mine);
    return err;
  }
  wc_chat_begin(c);
  return BASE_OK;
}
