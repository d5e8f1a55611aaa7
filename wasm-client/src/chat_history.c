/* chat_history.c - a conversation as the service keeps it, page by page, and the reader's ratings. */
#include <stdlib.h>
#include <string.h>

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/chat_int.h"
#include "wc/retry.h"

enum { MESSAGES_AT_ONCE = 50, CALL_TIMEOUT_MS = 20000 };

/* What failed here and was never answered there is not in the history, but the reader has seen it. */
static void keep_failed(wc_chat *c) {
  for (wc_chat_entry *e = c->list.first, *next; e; e = next) {
    next = e->next;
    e->changed = WC_CHAT_CHANGED_STATE | WC_CHAT_CHANGED_SOURCES | WC_CHAT_CHANGED_ANSWER;
    if (e->m.state == WC_CHAT_FAILED || wc_chat_is_pending(e))
      wc_chat_list_append(&c->fetched, e);
    else
      wc_chat_entry_free(e);
  }
}

/* The pages so far, and which one is next. */
static void drop_pages(wc_chat *c) {
  wc_chat_list_clear(&c->fetched);
  free(c->page_token);
  c->page_token = NULL;
}

static void forget_fetch(wc_chat *c) {
  drop_pages(c);
  c->fetch_due = false;
  c->fetch_attempt = 0;
  c->chat_changed = true;
  wc_chat_tell(c, 0);
}

static void show_fetched(wc_chat *c) {
  keep_failed(c);
  c->list = c->fetched;
  c->fetched = (wc_chat_list){0};
  c->cleared = true;
  forget_fetch(c);
}

static base_err take_page(wc_chat *c, const Ponte__Chatbot__V1__GetConversationResponse *reply) {
  for (size_t i = 0; i < reply->n_messages; i++) {
    wc_chat_entry *e = wc_chat_entry_of(c, reply->messages[i]);
    if (!e) return base_fail(BASE_E_NO_MEMORY);
    wc_chat_list_append(&c->fetched, e);
  }
  free(c->page_token);
  c->page_token = strdup(reply->next_page_token);
  return c->page_token ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static size_t count(const wc_chat_list *l) {
  size_t n = 0;
  for (const wc_chat_entry *e = l->first; e; e = e->next)
    n++;
  return n;
}

static void on_failed(wc_chat *c, const wire_status *status) {
  enum wc_chat_cure cure = wc_chat_cure_of(status);
  int64_t delay = wc_retry_delay_ms(status, WC_RETRY_QUICK, c->fetch_attempt++, wc_random_u32(c->plat));
  drop_pages(c);
  if (cure == WC_CHAT_SIGN_IN) {
    c->needs_sign_in = c->chat_changed = true;
    wc_chat_tell(c, 0);
  } else if (cure == WC_CHAT_ALWAYS && delay >= 0) {
    c->waiting = true;
    c->plat->vt->timer_set(c->retry, delay);
  } else { /* it is gone, or not this reader's: the next question begins another */
    c->conversation[0] = 0;
    forget_fetch(c);
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
  if (!wanted)
    drop_pages(c);
  else if (!reply)
    on_failed(c, status);
  else if (!base_is_ok(take_page(c, reply)))
    forget_fetch(c);
  else if (!c->page_token[0] || count(&c->fetched) >= WC_CHAT_HISTORY_MAX)
    show_fetched(c);
  wc_chat_pump(c);
}

base_err wc_chat_fetch(wc_chat *c) {
  static const ponte_chatbot_v1_get_conversation_events events = {.on_reply = on_page};
  static char first[] = "";
  const ponte_call_options options = {.timeout_ms = CALL_TIMEOUT_MS};
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  r.conversation_id = c->conversation;
  r.page_size = MESSAGES_AT_ONCE;
  r.page_token = c->page_token ? c->page_token : first;
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
