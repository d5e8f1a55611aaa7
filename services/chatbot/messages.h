/* messages.h - questions and their answers in the store: of conversations, and of idempotency keys, so that a question that comes again is told the answer that was kept. */
#ifndef PONTE_CHATBOT_MESSAGES_H
#define PONTE_CHATBOT_MESSAGES_H

#include "chatbot/answer.h"

typedef Ponte__Chatbot__V1__Message chatbot_message;

enum {
  CHATBOT_HISTORY_BYTES = 16384, /* of earlier questions and answers that an engine is told, the last ones */
  CHATBOT_MESSAGES_MAX = 2000,   /* of a conversation */
  CHATBOT_TITLE_CHARACTERS = 80  /* of a conversation that is named by its first question */
};

/* What is asked; texts of the call. */
typedef struct {
  const char *conversation_id, *key; /* "": none */
  const char *question;
  const char *attempt; /* of the run that will answer */
  uint8_t hash[SVC_HASH_SIZE];
} chatbot_asked;

/* What the store said to it; the call's memory. */
typedef struct {
  const char *message_id;
  const char *taken_from;      /* the attempt whose place was taken; "": none */
  const chatbot_message *kept; /* the answer is there already; NULL: it is to be made */
  int64_t prompt_tokens, answer_tokens;
  const char *engine;
  llm_turn *turns; /* of the conversation before this question */
  size_t turn_count;
} chatbot_claimed;

/* Whether the key has a whole answer; writes nothing. KEY_REUSED is told. */
base_err chatbot_message_look(svc_call *c, const chatbot_asked *asked, chatbot_claimed *out) BASE_MUST_USE;
/* Keeps the question and gives it to this attempt. Told: KEY_REUSED, NOT_FOUND (the conversation), NOT_ALLOWED, QUOTA_EXCEEDED (it is full). */
base_err chatbot_message_claim(svc_call *c, const chatbot_asked *asked, chatbot_claimed *out) BASE_MUST_USE;
/* Keeps the answer as it is. CANCELLED: another attempt has the question now, or it is gone. */
base_err chatbot_message_keep(svc_call *c, const char *message_id, const char *attempt,
                              const chatbot_answer *answer) BASE_MUST_USE;
/* Those of keys alone, older than a week. */
void chatbot_messages_purge(store *s, int64_t wall_us);

typedef struct {
  const char *conversation_id;
  int64_t after_us; /* in the order that is asked for */
  const char *after_id;
  int limit;
  bool newest_first; /* or else the oldest */
} chatbot_messages_query;
base_err chatbot_messages_list(svc_call *c, store_tx *tx, const chatbot_messages_query *query, chatbot_message ***out,
                               size_t *count) BASE_MUST_USE;
/* Whose it is. NOT_FOUND. */
base_err chatbot_message_owner(svc_call *c, store_tx *tx, const char *message_id, const char **out) BASE_MUST_USE;
base_err chatbot_message_rate(store_tx *tx, const char *message_id, int64_t rating, const char *comment) BASE_MUST_USE;
base_err chatbot_messages_delete(store_tx *tx, const char *conversation_id) BASE_MUST_USE;

#endif
