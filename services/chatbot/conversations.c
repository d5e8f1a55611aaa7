/* Conversations and feedback: their owner's alone. */
#include <stdio.h>

#include "chatbot/messages.h"
#include "svc/row_key.h"
#include "svc/timestamp.h"

enum {
  MESSAGES_PAGE_MAX = 100, /* each with its passages: some ten KiB */
  CONVERSATIONS_MAX = 1000 /* of one user */
};

typedef Ponte__Chatbot__V1__Conversation conversation;

enum { ID, OWNER, TITLE, CREATED, UPDATED, COUNT };
#define COLUMNS "conversation_id, owner_id, title, created_us, updated_us, message_count"

static const store_statement insert = {"INSERT INTO conversations (" COLUMNS ") VALUES ($1, $2, $3, $4, $4, 0)"};
static const store_statement select_one = {"SELECT " COLUMNS " FROM conversations WHERE conversation_id = $1"};
static const store_statement select_page = {"SELECT " COLUMNS " FROM conversations WHERE owner_id = $1"
                                            " AND (updated_us, conversation_id) < ($2, $3)"
                                            " ORDER BY updated_us DESC, conversation_id DESC LIMIT $4"};
static const store_statement count_all = {"SELECT COUNT(*) FROM conversations WHERE owner_id = $1"};
static const store_statement delete_one = {"DELETE FROM conversations WHERE conversation_id = $1"};

static base_err read_conversation(svc_call *c, store_rows *rows, conversation *out) {
  Google__Protobuf__Timestamp *times = svc_alloc(c, 2 * sizeof *times);
  ponte__chatbot__v1__conversation__init(out);
  out->conversation_id = svc_strdup(c, store_column_text(rows, ID));
  out->title = svc_strdup(c, store_column_text(rows, TITLE));
  if (!times || !out->conversation_id || !out->title) return base_fail(BASE_E_NO_MEMORY);
  svc_timestamp(store_column_int(rows, CREATED), &times[0]);
  svc_timestamp(store_column_int(rows, UPDATED), &times[1]);
  out->create_time = &times[0];
  out->update_time = &times[1];
  out->message_count = (int32_t)store_column_int(rows, COUNT);
  return BASE_OK;
}

/* The conversation, if it is the caller's. */
static base_err find(svc_call *c, store_tx *tx, const char *conversation_id, conversation *out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_one, STORE_VALUES(store_text(conversation_id)), &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return svc_fail(c, RPC_REASON_NOT_FOUND, "conversation_id", "there is no such conversation");
  }
  BASE_TRY(e);
  BASE_TRY(svc_require(c, store_column_text(rows, OWNER), NULL));
  return read_conversation(c, rows, out);
}

/* The token of the page behind the row of this time and id. */
static base_err next_page(svc_call *c, const Google__Protobuf__Timestamp *time, const char *id, char **out) {
  int64_t us = 0;
  return svc_time_us(time, &us) ? svc_next_page_row(c, us, id, out) : base_fail(BASE_E_INTERNAL);
}

/* Without an identity there is one owner, who has no limit. */
static base_err require_room(svc_call *c, store_tx *tx) {
  store_rows *rows = NULL;
  if (!svc_caller(c)[0]) return BASE_OK;
  BASE_TRY(store_query(tx, &count_all, STORE_VALUES(store_text(svc_caller(c))), &rows));
  BASE_TRY(store_next(rows));
  if (store_column_int(rows, 0) < CONVERSATIONS_MAX) return BASE_OK;
  return svc_fail(c, RPC_REASON_QUOTA_EXCEEDED, NULL,
                  "you have %d conversations, and one user has no more: delete some that are no longer needed",
                  CONVERSATIONS_MAX);
}

base_err chatbot_create_conversation(svc_call *c, store_tx *tx,
                                     const Ponte__Chatbot__V1__CreateConversationRequest *request,
                                     Ponte__Chatbot__V1__Conversation *response) {
  BASE_TRY(require_room(c, tx));
  Google__Protobuf__Timestamp *time = svc_alloc(c, sizeof *time);
  response->conversation_id = svc_new_id(c);
  if (!time || !response->conversation_id) return base_fail(BASE_E_NO_MEMORY);
  svc_timestamp(svc_now_us(c), time);
  response->title = request->title;
  response->create_time = response->update_time = time;
  return store_exec(tx, &insert,
                    STORE_VALUES(store_text(response->conversation_id), store_text(svc_caller(c)),
                                 store_text(request->title), store_int(svc_now_us(c))),
                    NULL);
}

base_err chatbot_get_conversation(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GetConversationRequest *request,
                                  Ponte__Chatbot__V1__GetConversationResponse *response) {
  svc_page page = svc_call_page(c);
  svc_row_key after = {.us = request->newest_first ? INT64_MAX : INT64_MIN};
  conversation *found = svc_alloc(c, sizeof *found);
  if (!found) return base_fail(BASE_E_NO_MEMORY);
  if (page.after && !svc_row_key_read(page.after, &after)) return svc_fail_page_token(c);
  BASE_TRY(find(c, tx, request->conversation_id, found));
  response->conversation = found;
  int size = page.size < MESSAGES_PAGE_MAX ? page.size : MESSAGES_PAGE_MAX;
  const chatbot_messages_query query = {request->conversation_id, after.us, after.id, size + 1, request->newest_first};
  BASE_TRY(chatbot_messages_list(c, tx, &query, &response->messages, &response->n_messages));
  if (response->n_messages <= (size_t)size) return BASE_OK;
  response->n_messages = (size_t)size;
  const chatbot_message *last = response->messages[size - 1];
  return next_page(c, last->create_time, last->message_id, &response->next_page_token);
}

base_err chatbot_list_conversations(svc_call *c, store_tx *tx,
                                    const Ponte__Chatbot__V1__ListConversationsRequest *request,
                                    Ponte__Chatbot__V1__ListConversationsResponse *response) {
  svc_page page = svc_call_page(c);
  svc_row_key after = {.us = INT64_MAX};
  store_rows *rows = NULL;
  (void)request;
  if (page.after && !svc_row_key_read(page.after, &after)) return svc_fail_page_token(c);
  response->conversations = svc_alloc(c, (size_t)page.size * sizeof *response->conversations);
  if (!response->conversations) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(store_query(
      tx, &select_page,
      STORE_VALUES(store_text(svc_caller(c)), store_int(after.us), store_text(after.id), store_int(page.size + 1)),
      &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    if (response->n_conversations == (size_t)page.size) { /* the one more */
      const conversation *last = response->conversations[page.size - 1];
      return next_page(c, last->update_time, last->conversation_id, &response->next_page_token);
    }
    conversation *one = svc_alloc(c, sizeof *one);
    if (!one) return base_fail(BASE_E_NO_MEMORY);
    BASE_TRY(read_conversation(c, rows, one));
    response->conversations[response->n_conversations++] = one;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

base_err chatbot_delete_conversation(svc_call *c, store_tx *tx,
                                     const Ponte__Chatbot__V1__DeleteConversationRequest *request,
                                     Google__Protobuf__Empty *response) {
  conversation found;
  (void)response;
  BASE_TRY(find(c, tx, request->conversation_id, &found));
  BASE_TRY(chatbot_messages_delete(tx, request->conversation_id));
  return store_exec(tx, &delete_one, STORE_VALUES(store_text(request->conversation_id)), NULL);
}

base_err chatbot_give_feedback(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GiveFeedbackRequest *request,
                               Google__Protobuf__Empty *response) {
  const char *owner_id = "";
  (void)response;
  base_err e = chatbot_message_owner(c, tx, request->message_id, &owner_id);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return svc_fail(c, RPC_REASON_NOT_FOUND, "message_id", "there is no such answer");
  }
  BASE_TRY(e);
  BASE_TRY(svc_require(c, owner_id, NULL));
  return chatbot_message_rate(tx, request->message_id, request->rating, request->comment);
}
