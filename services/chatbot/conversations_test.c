/* Conversations, their history and feedback, over sockets. The scripted engine's step "said" tells the question before (llm/fake.h). */
#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"
#include "chatbot/testing.h"

#define RUBISCO "What does rubisco bind? "

typedef Ponte__Chatbot__V1__GetConversationResponse conversation_message;
typedef Ponte__Chatbot__V1__ListConversationsResponse conversations_message;

static testing_stream s;

static bool is_refused(svc_reply r, int code, const char *reason, const char *field) {
  bool as_wanted = r.code == code && strcmp(r.reason, reason) == 0 && strcmp(r.field, field) == 0 && r.message[0];
  if (!as_wanted) printf("got %d %s \"%s\" (%s)\n", r.code, r.reason, r.field, r.message);
  return as_wanted;
}

static void begin(bool auth) {
  testing_begin(auth, NULL);
  if (auth) testing_token = svc_world_token(testing_world, "alice", "student");
  testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
}

static void ask_in(const char *conversation_id, const char *question, const char *key) {
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(question);
  r.conversation_id = (char *)conversation_id;
  r.idempotency_key = (char *)key;
  testing_ask_stream(&r, &s);
}

static const conversation_message *get(const char *id) { return testing_need(testing_get_conversation(id)); }

static const conversations_message *list(int page_size, const char *page_token) {
  Ponte__Chatbot__V1__ListConversationsRequest r = PONTE__CHATBOT__V1__LIST_CONVERSATIONS_REQUEST__INIT;
  r.page_size = page_size;
  r.page_token = (char *)page_token;
  return testing_need(testing_ask(&r.base));
}

static svc_reply delete_conversation(const char *id) {
  Ponte__Chatbot__V1__DeleteConversationRequest r = PONTE__CHATBOT__V1__DELETE_CONVERSATION_REQUEST__INIT;
  r.conversation_id = (char *)id;
  return testing_ask(&r.base);
}

static svc_reply rate(const char *message_id, int rating, const char *comment) {
  Ponte__Chatbot__V1__GiveFeedbackRequest r = PONTE__CHATBOT__V1__GIVE_FEEDBACK_REQUEST__INIT;
  r.message_id = (char *)message_id;
  r.rating = (Ponte__Chatbot__V1__Rating)rating;
  r.comment = (char *)comment;
  return testing_ask(&r.base);
}

static void questions_and_answers_are_remembered(void) {
  begin(false);
  const char *id = testing_conversation("");
  ask_in(id, RUBISCO "fake:quote=1", "");
  REQUIRE(s.reply.code == OK);
  ask_in(id, "And which enzyme of the Calvin cycle was that? fake:said", "");
  CHECK_INT(s.reply.code, OK);
  CHECK_MSG(strstr(s.text, "rubisco"), "the engine was told: %s", s.text);
  svc_world_restart(testing_world);
  const conversation_message *c = get(id);
  CHECK_STR(c->conversation->title, RUBISCO "fake:quote=1");
  CHECK_INT(c->conversation->message_count, 2);
  REQUIRE(c->n_messages == 2);
  CHECK_STR(c->messages[0]->duvida, RUBISCO "fake:quote=1");
  CHECK(strstr(c->messages[0]->resposta, "[1]") != NULL);
  CHECK_INT(c->messages[0]->finish_reason, STOP);
  CHECK_INT(c->messages[0]->n_citations, 1);
  CHECK(c->messages[0]->n_passages > 0 && c->messages[0]->create_time);
  CHECK_STR(c->messages[1]->message_id, s.message_id);
  testing_end();
}

/* Of an answer that was broken off, what came. */
static void a_part_of_an_answer_is_remembered_as_one(void) {
  begin(false);
  const char *id = testing_conversation("Leaves");
  ask_in(id, RUBISCO "fake:text=2,error=UNAVAILABLE", "");
  CHECK_INT(s.reply.code, UNAVAILABLE);
  const conversation_message *c = get(id);
  CHECK_STR(c->conversation->title, "Leaves");
  REQUIRE(c->n_messages == 1);
  CHECK_INT(c->messages[0]->finish_reason, 0);
  CHECK(c->messages[0]->resposta[0]);
  ask_in(id, RUBISCO "fake:said", ""); /* it is no history: a model would take it for what it says */
  CHECK_INT(s.reply.code, OK);
  CHECK(strstr(s.text, "error") == NULL);
  testing_end();
}

static void a_repeat_is_no_second_message(void) {
  begin(false);
  const char *id = testing_conversation("");
  for (int i = 0; i < 3; i++) {
    ask_in(id, RUBISCO "fake:text=3", "key");
    CHECK_INT(s.reply.code, OK);
  }
  CHECK_INT(get(id)->n_messages, 1);
  CHECK_INT(get(id)->conversation->message_count, 1);
  testing_end();
}

static void a_title_is_a_questions_beginning(void) {
  begin(false);
  const char *id = testing_conversation("");
  char question[512] = "";
  while (strlen(question) < 300)
    snprintf(question + strlen(question), sizeof question - strlen(question), "%s", "não é rubisco ");
  ask_in(id, question, "");
  CHECK_INT(s.reply.code, OK);
  const char *title = get(id)->conversation->title;
  size_t characters = 0;
  for (const char *p = title; *p; p++)
    characters += ((unsigned char)*p & 0xc0) != 0x80;
  CHECK_INT(characters, 80);
  CHECK(strncmp(title, question, strlen(title)) == 0);
  testing_end();
}

static void conversations_in_pages(void) {
  begin(false);
  const char *ids[3];
  for (int i = 0; i < 3; i++) {
    char title[8];
    snprintf(title, sizeof title, "%d", i);
    ids[i] = testing_conversation(title);
  }
  ask_in(ids[0], RUBISCO, ""); /* the last changed */
  char token[1024] = "", seen[8] = "";
  do {
    const conversations_message *page = list(2, token);
    for (size_t i = 0; i < page->n_conversations; i++)
      snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s", page->conversations[i]->title);
    snprintf(token, sizeof token, "%s", page->next_page_token);
  } while (token[0] && strlen(seen) < 6);
  CHECK_STR(seen, "021");
  for (int i = 0; i < 4; i++)
    ask_in(ids[1], RUBISCO, "");
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  r.conversation_id = (char *)ids[1];
  r.page_size = 3;
  svc_reply reply = testing_ask(&r.base);
  REQUIRE(reply.code == OK);
  CHECK_INT(((const conversation_message *)reply.response)->n_messages, 3);
  r.page_token = ((const conversation_message *)reply.response)->next_page_token;
  CHECK(r.page_token[0]);
  reply = testing_ask(&r.base);
  REQUIRE(reply.code == OK);
  CHECK_INT(((const conversation_message *)reply.response)->n_messages, 1);
  CHECK_STR(((const conversation_message *)reply.response)->next_page_token, "");
  r.newest_first = true; /* another list: the token is not of it */
  CHECK(is_refused(testing_ask(&r.base), INVALID, "INVALID_FIELD", "page_token"));
  testing_end();
}

/* Read back from the end, page by page, it is what it is read from the beginning. */
static void a_conversation_is_read_from_either_end(void) {
  begin(false);
  const char *id = testing_conversation("");
  for (int i = 0; i < 5; i++)
    ask_in(id, RUBISCO, "");
  char forth[5][64], back[5][64], token[1024] = "";
  const conversation_message *whole = get(id);
  REQUIRE(whole->n_messages == 5);
  for (int i = 0; i < 5; i++)
    snprintf(forth[i], sizeof forth[i], "%s", whole->messages[i]->message_id);
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  r.conversation_id = (char *)id;
  r.page_size = 2;
  r.newest_first = true;
  size_t n = 0, pages = 0;
  do {
    r.page_token = token;
    const conversation_message *page = testing_need(testing_ask(&r.base));
    for (size_t i = 0; i < page->n_messages && n < 5; i++)
      snprintf(back[n++], sizeof back[0], "%s", page->messages[i]->message_id);
    snprintf(token, sizeof token, "%s", page->next_page_token);
    pages++;
    if (pages == 1) ask_in(id, RUBISCO, ""); /* what is asked meanwhile is in none of the pages behind */
  } while (token[0] && pages < 9);
  CHECK_INT(pages, 3);
  REQUIRE(n == 5);
  for (int i = 0; i < 5; i++)
    CHECK_STR(back[i], forth[4 - i]);
  r.page_token = (char *)"";
  r.conversation_id = (char *)testing_conversation("");
  const conversation_message *none = testing_need(testing_ask(&r.base));
  CHECK_INT(none->n_messages, 0);
  CHECK_STR(none->next_page_token, "");
  testing_end();
}

static void what_is_deleted_is_gone(void) {
  begin(false);
  const char *id = testing_conversation("");
  ask_in(id, RUBISCO, "");
  char message_id[64];
  snprintf(message_id, sizeof message_id, "%s", s.message_id);
  CHECK_INT(delete_conversation(id).code, OK);
  CHECK(is_refused(testing_get_conversation(id), NOT_FOUND, "NOT_FOUND", "conversation_id"));
  CHECK(is_refused(delete_conversation(id), NOT_FOUND, "NOT_FOUND", "conversation_id"));
  CHECK(is_refused(rate(message_id, 1, ""), NOT_FOUND, "NOT_FOUND", "message_id"));
  ask_in(id, RUBISCO, "");
  CHECK(is_refused(s.reply, NOT_FOUND, "NOT_FOUND", "conversation_id"));
  CHECK_INT(list(0, "")->n_conversations, 0);
  testing_end();
}

static void feedback(void) {
  begin(false);
  const char *id = testing_conversation("");
  ask_in(id, RUBISCO, "");
  CHECK_INT(rate(s.message_id, 2, "not what I asked").code, OK);
  CHECK_INT(get(id)->messages[0]->rating, 2);
  CHECK_INT(rate(s.message_id, 1, "").code, OK);
  CHECK_INT(get(id)->messages[0]->rating, 1);
  CHECK(is_refused(rate(s.message_id, 7, ""), INVALID, "INVALID_FIELD", "rating"));
  CHECK(is_refused(rate("42", 1, ""), INVALID, "INVALID_FIELD", "message_id"));
  CHECK(is_refused(rate(testing_nobody, 1, ""), NOT_FOUND, "NOT_FOUND", "message_id"));
  testing_end();
}

static void conversations_are_their_owners_alone(void) {
  begin(true);
  const char *hers = testing_conversation("hers");
  ask_in(hers, RUBISCO, "key");
  CHECK_INT(s.reply.code, OK);
  char message_id[64];
  snprintf(message_id, sizeof message_id, "%s", s.message_id);
  static const struct {
    const char *subject, *roles;
  } others[] = {{"bob", "student"}, {"teacher", "teacher"}, {"admin", "admin"}};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    testing_token = svc_world_token(testing_world, others[i].subject, others[i].roles);
    CHECK(is_refused(testing_get_conversation(hers), DENIED, "NOT_ALLOWED", ""));
    CHECK(is_refused(delete_conversation(hers), DENIED, "NOT_ALLOWED", ""));
    CHECK(is_refused(rate(message_id, 1, ""), DENIED, "NOT_ALLOWED", ""));
    ask_in(hers, RUBISCO, "");
    CHECK(is_refused(s.reply, DENIED, "NOT_ALLOWED", ""));
    CHECK_INT(list(0, "")->n_conversations, 0);
    ask_in("", "Who is Bob? fake:text=1", "key"); /* the same key of another caller is another key */
    CHECK_INT(s.reply.code, OK);
  }
  testing_token = svc_world_token(testing_world, "alice", "student");
  CHECK_INT(get(hers)->n_messages, 1);
  testing_end();
}

/* -- limits -------------------------------------------------------------------------------------------------------- */

static svc_reply create(void) {
  Ponte__Chatbot__V1__CreateConversationRequest r = PONTE__CHATBOT__V1__CREATE_CONVERSATION_REQUEST__INIT;
  return testing_ask(&r.base);
}

static base_err fill_conversations(void *ctx, store_tx *tx) {
  static const store_statement add = {
      "INSERT INTO conversations (conversation_id, owner_id, title, created_us, updated_us, message_count)"
      " VALUES ($1, $2, '', 1, 1, 0)"};
  char id[BASE_UUID_SIZE];
  for (int i = 0; i < 999; i++) {
    base_uuid7(id);
    BASE_TRY(store_exec(tx, &add, STORE_VALUES(store_text(id), store_text(ctx)), NULL));
  }
  return BASE_OK;
}

static void too_many_conversations(void) {
  begin(true);
  CHECK_OK(store_write(testing_store(), fill_conversations, (void *)"alice"));
  const char *last = testing_conversation("the last one");
  CHECK(is_refused(create(), EXHAUSTED, "QUOTA_EXCEEDED", ""));
  testing_token = svc_world_token(testing_world, "bob", "student");
  CHECK_INT(create().code, OK);
  testing_token = svc_world_token(testing_world, "alice", "student");
  CHECK_INT(delete_conversation(last).code, OK);
  CHECK_INT(create().code, OK);
  CHECK(is_refused(create(), EXHAUSTED, "QUOTA_EXCEEDED", ""));
  testing_end();
}

static base_err fill_conversation(void *ctx, store_tx *tx) {
  static const store_statement set = {"UPDATE conversations SET message_count = 1999 WHERE conversation_id = $1"};
  return store_exec(tx, &set, STORE_VALUES(store_text(ctx)), NULL);
}

/* What is kept there is told again also then. */
static void a_full_conversation(void) {
  begin(false);
  const char *id = testing_conversation(""), *other = testing_conversation("");
  CHECK_OK(store_write(testing_store(), fill_conversation, (void *)id));
  ask_in(id, RUBISCO, "key");
  CHECK_INT(s.reply.code, OK);
  ask_in(id, RUBISCO, "");
  CHECK(is_refused(s.reply, EXHAUSTED, "QUOTA_EXCEEDED", "conversation_id"));
  ask_in(id, RUBISCO, "key");
  CHECK_INT(s.reply.code, OK);
  CHECK_INT(get(id)->conversation->message_count, 2000);
  ask_in(other, RUBISCO, "");
  CHECK_INT(s.reply.code, OK);
  testing_end();
}

TEST_MAIN(TEST(too_many_conversations), TEST(a_full_conversation), TEST(questions_and_answers_are_remembered),
          TEST(a_part_of_an_answer_is_remembered_as_one), TEST(a_repeat_is_no_second_message),
          TEST(a_title_is_a_questions_beginning), TEST(conversations_in_pages),
          TEST(a_conversation_is_read_from_either_end), TEST(what_is_deleted_is_gone), TEST(feedback),
          TEST(conversations_are_their_owners_alone))
