/* Doubts over sockets: streams and whole answers, their ends, repeats, cancels and limits. The engine is the scripted one, whose answers stand in the questions (llm/fake.h). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/metrics.h"
#include "base/test.h"
#include "chatbot/testing.h"
#include "llm/fake.h"

#define RUBISCO "What does rubisco bind? "

static testing_stream s, t;

static void begin(const char *const *settings) {
  testing_begin(false, settings);
  testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
}

/* Limits are for callers who can be told apart. */
static void begin_as_alice(const char *const *settings) {
  testing_begin(true, settings);
  testing_token = svc_world_token(testing_world, "alice", "student");
  testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
}

/* The value of a metric's line, "name{labels}". */
static int64_t metric(const char *name) {
  base_buf text;
  base_buf_init(&text, 1 << 20);
  CHECK_OK(base_metrics_write(&text));
  CHECK_OK(base_buf_u8(&text, 0));
  char wanted[128];
  snprintf(wanted, sizeof wanted, "\n%s ", name);
  const char *line = strstr((const char *)base_buf_span(&text).p, wanted);
  CHECK(line != NULL);
  int64_t value = line ? strtoll(line + strlen(wanted), NULL, 10) : 0;
  base_buf_dispose(&text);
  return value;
}

/* Until the condition holds; a test that waits for ever is stopped from outside. */
#define UNTIL(condition) \
  while (!(condition))   \
  usleep(2000)

/* -- parts --------------------------------------------------------------------------------------------------------- */

static void a_stream_has_sources_text_and_one_final(void) {
  begin(NULL);
  testing_doubt(RUBISCO "fake:text=20", &s);
  CHECK_INT(s.reply.code, OK);
  CHECK_INT(s.sources_count, 1);
  CHECK_INT(s.texts_before_sources, 0);
  CHECK_INT(s.pieces, 20);
  CHECK_INT(s.finals, 1);
  CHECK_INT(s.after_final, 0);
  CHECK_INT(s.finish, STOP);
  CHECK_STR(s.engine, "fake");
  CHECK_STR(s.message_id, "");
  CHECK(s.prompt_tokens > 0 && s.answer_tokens > 0);
  testing_end();
}

static void citations_are_the_materials_words(void) {
  begin(NULL);
  testing_doubt(RUBISCO "fake:text=2,quote=1,text=1,lie", &s);
  CHECK_INT(s.reply.code, OK);
  REQUIRE(s.citations == 1);
  CHECK_INT(s.cited[0].number, 1);
  CHECK(strncmp(testing_lesson + s.cited[0].begin, s.cited[0].quote, strlen(s.cited[0].quote)) == 0);
  CHECK_INT(s.cited[0].end - s.cited[0].begin, strlen(s.cited[0].quote));
  CHECK(strncmp(s.text + s.cited[0].answer_offset, "[1]", 3) == 0);
  CHECK_INT(s.cited[0].start_ms, -1);
  CHECK_STR(s.cited[0].title, "Photosynthesis");
  CHECK(strstr(s.text, "[1: ") == NULL);
  testing_end();
}

static void whole_answers(void) {
  begin(NULL);
  svc_reply r = testing_resolve(RUBISCO "fake:text=2,quote=1", "");
  REQUIRE(r.code == OK);
  const Ponte__Chatbot__V1__ChatbotDuvidaResponse *answer =
      (const Ponte__Chatbot__V1__ChatbotDuvidaResponse *)r.response;
  CHECK(strstr(answer->resposta, "[1]") != NULL);
  CHECK_INT(answer->finish_reason, STOP);
  CHECK_INT(answer->n_citations, 1);
  testing_end();
}

/* As the contract's older clients ask: everything in the context. */
static void the_context_alone_is_enough(void) {
  testing_begin(false, NULL);
  svc_reply r = testing_resolve("O que a rubisco fixa? fake:quote=1",
                                "Na aula de hoje: a enzima rubisco fixa o gás carbônico do ar.");
  REQUIRE(r.code == OK);
  const Ponte__Chatbot__V1__ChatbotDuvidaResponse *answer =
      (const Ponte__Chatbot__V1__ChatbotDuvidaResponse *)r.response;
  CHECK_INT(answer->finish_reason, STOP);
  REQUIRE(answer->n_citations == 1);
  CHECK_STR(answer->citations[0]->material_id, "");
  CHECK_INT(answer->citations[0]->start_ms, -1);
  r = testing_resolve("O que a rubisco fixa?", " \n ");
  CHECK_INT(r.code, OK);
  CHECK_INT(((const Ponte__Chatbot__V1__ChatbotDuvidaResponse *)r.response)->finish_reason, NOT_IN_MATERIAL);
  testing_end();
}

static void what_the_material_does_not_say(void) {
  static const struct {
    const char *question, *language, *begins;
  } rows[] = {
      {"Quem descobriu o Brasil em mil e quinhentos?", "", "O material não responde"},
      {"Who discovered the moons of the planet Jupiter?", "", "The material does not answer"},
      {"Who discovered the moons of the planet Jupiter?", "pt-BR", "O material não responde"},
      {"Quem descobriu o Brasil em mil e quinhentos?", "en", "The material does not answer"},
  };
  begin(NULL);
  int asked = llm_fake_running();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(rows[i].question);
    r.language = (char *)rows[i].language;
    testing_ask_stream(&r, &s);
    CHECK_INT(s.reply.code, OK);
    CHECK_INT(s.finish, NOT_IN_MATERIAL);
    CHECK_MSG(strncmp(s.text, rows[i].begins, strlen(rows[i].begins)) == 0, "%s", s.text);
    CHECK_INT(s.passages, 0);
  }
  CHECK_INT(llm_fake_running(), asked);
  testing_end();
}

/* -- ends ---------------------------------------------------------------------------------------------------------- */

static void ends_and_errors(void) {
  static const struct {
    const char *script;
    int stream_code, finish, unary_code;
    const char *stream_reason, *unary_reason;
    int64_t retry_ms;
  } rows[] = {
      {"fake:text=1,end=STOP", OK, STOP, OK, "", "", 0},
      {"fake:text=1,end=NOT_IN_MATERIAL", OK, NOT_IN_MATERIAL, OK, "", "", 0},
      {"fake:text=3,end=MAX_TOKENS", OK, MAX_TOKENS, RANGE, "", "ANSWER_CUT", 0},
      {"fake:text=3,end=SAFETY", OK, SAFETY, PRECONDITION, "", "ANSWER_BLOCKED", 0},
      {"fake:end=SAFETY", OK, SAFETY, PRECONDITION, "", "ANSWER_BLOCKED", 0},
      {"fake:error=UNAVAILABLE", UNAVAILABLE, 0, UNAVAILABLE, "ENGINE_UNAVAILABLE", "ENGINE_UNAVAILABLE", 1500},
      {"fake:text=2,error=UNAVAILABLE", UNAVAILABLE, 0, UNAVAILABLE, "ENGINE_UNAVAILABLE", "ENGINE_UNAVAILABLE", 1500},
      {"fake:error=EXHAUSTED", UNAVAILABLE, 0, UNAVAILABLE, "ENGINE_UNAVAILABLE", "ENGINE_UNAVAILABLE", 1500},
      {"fake:text=2,error=MALFORMED", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
      {"fake:error=DENIED", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
      {"fake:error=INVALID", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
      {"fake:text=1,nonsense", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
      {"fake:big=300000", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
      {"fake:big=200000,big=200000", 13, 0, 13, "ENGINE_FAILED", "ENGINE_FAILED", 0},
  };
  begin(NULL);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char question[256];
    snprintf(question, sizeof question, RUBISCO "%s", rows[i].script);
    testing_doubt(question, &s);
    CHECK_MSG(s.reply.code == rows[i].stream_code && strcmp(s.reply.reason, rows[i].stream_reason) == 0, "%s: %d %s",
              rows[i].script, s.reply.code, s.reply.reason);
    CHECK_INT(s.finals, rows[i].stream_code == OK);
    CHECK_INT(s.finish, rows[i].finish);
    CHECK_INT(s.reply.retry_after_ms, rows[i].retry_ms);
    svc_reply r = testing_resolve(question, "");
    CHECK_MSG(r.code == rows[i].unary_code && strcmp(r.reason, rows[i].unary_reason) == 0, "%s: %d %s", rows[i].script,
              r.code, r.reason);
    CHECK(r.code == OK || r.response == NULL);
  }
  CHECK_INT(llm_fake_running(), 0);
  testing_end();
}

static void a_cancelled_stream_stops_the_engine(void) {
  static const char cancels[] = "ponte_chatbot_answers_total{engine=\"fake\",end=\"cancelled\"}";
  begin(NULL);
  int64_t before = metric(cancels);
  int cancelled = llm_fake_cancelled();
  s.cancel_after = 3;
  testing_doubt(RUBISCO "fake:endless", &s);
  s.cancel_after = 0;
  CHECK_INT(s.reply.code, CANCELLED);
  CHECK_INT(s.finals, 0);
  UNTIL(llm_fake_running() == 0 && metric(cancels) > before);
  CHECK_INT(llm_fake_cancelled(), cancelled + 1);
  CHECK_INT(metric(cancels), before + 1);
  UNTIL(metric("ponte_chatbot_running") == 0);
  testing_end();
}

static svc_reply resolve_within(const char *question, int64_t timeout_ms, _Atomic int *cancel_at_one) {
  Ponte__Chatbot__V1__ChatbotDuvidaRequest r = PONTE__CHATBOT__V1__CHATBOT_DUVIDA_REQUEST__INIT;
  r.duvida = (char *)question;
  return svc_world_ask(testing_world, &(svc_question){.service = "chatbot",
                                                      .method = &ponte_chatbot_v1_service.methods[0],
                                                      .request = &r.base,
                                                      .timeout_ms = timeout_ms,
                                                      .cancel_at_one = cancel_at_one});
}

static void *cancel_when_it_runs(void *ctx) {
  UNTIL(llm_fake_running() == 1);
  atomic_store((_Atomic int *)ctx, 1);
  return NULL;
}

static void a_cancelled_answer_stops_the_engine(void) {
  static _Atomic int cancel;
  pthread_t thread;
  begin(NULL);
  CHECK_INT(pthread_create(&thread, NULL, cancel_when_it_runs, (void *)&cancel), 0);
  CHECK_INT(resolve_within(RUBISCO "fake:wait", 0, &cancel).code, CANCELLED);
  pthread_join(thread, NULL);
  UNTIL(llm_fake_running() == 0);
  testing_end();
}

static void the_deadline_stops_the_engine(void) {
  begin(NULL);
  CHECK_INT(resolve_within(RUBISCO "fake:wait", 300, NULL).code, 4);
  UNTIL(llm_fake_running() == 0);
  testing_end();
}

static void stopping_the_service_stops_the_engine(void) {
  begin(NULL);
  s.cancel_after = 1;
  testing_doubt(RUBISCO "fake:text=1,wait", &s);
  s.cancel_after = 0;
  testing_end(); /* at once */
  CHECK_INT(llm_fake_running(), 0);
}

/* -- repeats ------------------------------------------------------------------------------------------------------- */

static Ponte__Chatbot__V1__ResolveDuvidaStreamRequest keyed(const char *question, const char *key) {
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(question);
  r.idempotency_key = (char *)key;
  return r;
}

static void a_repeat_is_told_the_kept_answer(void) {
  begin(NULL);
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO "fake:text=100,quote=1", "one");
  int64_t repeats = metric("ponte_chatbot_repeats_total");
  testing_ask_stream(&r, &s);
  REQUIRE(s.reply.code == OK && s.citations == 1);
  CHECK(s.message_id[0]);
  svc_world_restart(testing_world);
  testing_ask_stream(&r, &t);
  CHECK_INT(t.reply.code, OK);
  CHECK_STR(t.text, s.text);
  CHECK(t.pieces > 1 && t.sources_count == 1 && t.texts_before_sources == 0 && t.finals == 1);
  CHECK_INT(t.passages, s.passages);
  CHECK_STR(t.first_passage, s.first_passage);
  CHECK_STR(t.message_id, s.message_id);
  CHECK_INT(t.citations, 1);
  CHECK_STR(t.cited[0].quote, s.cited[0].quote);
  CHECK_INT(t.answer_tokens, s.answer_tokens);
  CHECK_INT(metric("ponte_chatbot_repeats_total"), repeats + 1);
  r.duvida = (char *)RUBISCO "fake:text=1";
  testing_ask_stream(&r, &t);
  CHECK_STR(t.reply.reason, "KEY_REUSED");
  testing_end();
}

/* What failed is asked again. */
static void a_failed_answer_is_not_kept(void) {
  begin(NULL);
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO "fake:text=2,error=UNAVAILABLE", "one");
  int64_t failed = metric("ponte_chatbot_answers_total{engine=\"fake\",end=\"failed\"}");
  for (int i = 1; i <= 3; i++) {
    testing_ask_stream(&r, &s);
    CHECK_INT(s.reply.code, UNAVAILABLE);
    CHECK_INT(metric("ponte_chatbot_answers_total{engine=\"fake\",end=\"failed\"}"), failed + i);
  }
  testing_end();
}

static void *ask_for_ever(void *ctx) {
  testing_ask_stream(ctx, &t);
  return NULL;
}

/* The caller lost its connection and asks again, before anybody here has noticed. */
static void a_repeat_takes_the_place_of_what_runs(void) {
  begin(NULL);
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO "fake:text=1,pause=400,text=1", "one");
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, ask_for_ever, &r), 0);
  UNTIL(llm_fake_running() == 1);
  testing_ask_stream(&r, &s);
  pthread_join(thread, NULL);
  CHECK_INT(s.reply.code, OK);
  CHECK_INT(s.finals, 1);
  CHECK_INT(t.reply.code, CANCELLED);
  CHECK_INT(t.finals, 0);
  CHECK_INT(llm_fake_running(), 0);
  testing_end();
}

/* In the same process at once: left alone, the older one would write for ever. */
static void what_was_replaced_is_stopped(void) {
  begin(NULL);
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO "fake:endless", "one");
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, ask_for_ever, &r), 0);
  UNTIL(llm_fake_running() == 1);
  s.cancel_after = 5;
  testing_ask_stream(&r, &s);
  s.cancel_after = 0;
  pthread_join(thread, NULL);
  CHECK_INT(t.reply.code, CANCELLED);
  UNTIL(llm_fake_running() == 0);
  testing_end();
}

/* -- limits -------------------------------------------------------------------------------------------------------- */

static void too_many_questions(void) {
  begin_as_alice((const char *[]){"chatbot_questions", "3", NULL});
  for (int i = 0; i < 3; i++) {
    testing_doubt(RUBISCO, &s);
    CHECK_INT(s.reply.code, OK);
  }
  testing_doubt(RUBISCO, &s);
  CHECK_INT(s.reply.code, EXHAUSTED);
  CHECK_STR(s.reply.reason, "QUOTA_EXCEEDED");
  CHECK(s.reply.retry_after_ms > 0 && s.reply.retry_after_ms <= 20000);
  svc_reply r = testing_resolve(RUBISCO, "");
  CHECK_STR(r.reason, "QUOTA_EXCEEDED");
  testing_token = svc_world_token(testing_world, "bob", "student");
  testing_doubt(RUBISCO, &s);
  CHECK_INT(s.reply.code, OK);
  testing_end();
}

static void a_repeat_counts_for_no_limit(void) {
  begin_as_alice((const char *[]){"chatbot_questions", "1", NULL});
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO, "one");
  for (int i = 0; i < 3; i++) {
    testing_ask_stream(&r, &s);
    CHECK_INT(s.reply.code, OK);
  }
  testing_doubt(RUBISCO, &s);
  CHECK_STR(s.reply.reason, "QUOTA_EXCEEDED");
  testing_end();
}

static void too_many_at_once(void) {
  begin_as_alice((const char *[]){"chatbot_running", "1", NULL});
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(RUBISCO "fake:text=1,pause=300");
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, ask_for_ever, &r), 0);
  UNTIL(llm_fake_running() == 1);
  testing_doubt(RUBISCO, &s);
  CHECK_INT(s.reply.code, EXHAUSTED);
  CHECK_STR(s.reply.reason, "TOO_MANY_CALLS");
  CHECK(s.reply.retry_after_ms > 0);
  pthread_join(thread, NULL);
  CHECK_INT(t.reply.code, OK);
  testing_doubt(RUBISCO, &s);
  CHECK_INT(s.reply.code, OK);
  testing_end();
}

/* Whoever lost the connection of the one answer that may run gets it back. */
static void a_repeat_needs_no_free_place(void) {
  begin_as_alice((const char *[]){"chatbot_running", "1", NULL});
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = keyed(RUBISCO "fake:endless", "one");
  pthread_t thread;
  CHECK_INT(pthread_create(&thread, NULL, ask_for_ever, &r), 0);
  UNTIL(llm_fake_running() == 1);
  testing_doubt(RUBISCO, &s);
  CHECK_STR(s.reply.reason, "TOO_MANY_CALLS");
  s.cancel_after = 5;
  testing_ask_stream(&r, &s);
  s.cancel_after = 0;
  CHECK_STR(s.reply.reason, "");
  CHECK_INT(s.pieces, 5);
  if (s.pieces) pthread_join(thread, NULL);
  CHECK_INT(t.reply.code, CANCELLED);
  testing_end();
}

/* Also over a restart, and for answers that were broken off. */
static void the_days_tokens(void) {
  begin_as_alice((const char *[]){"chatbot_tokens", "20", NULL});
  s.cancel_after = 1;
  testing_doubt(RUBISCO "fake:endless", &s);
  s.cancel_after = 0;
  CHECK_INT(s.reply.code, CANCELLED);
  UNTIL(metric("ponte_chatbot_running") == 0);
  svc_world_restart(testing_world);
  testing_doubt(RUBISCO, &s);
  CHECK_INT(s.reply.code, EXHAUSTED);
  CHECK_STR(s.reply.reason, "QUOTA_EXCEEDED");
  CHECK(s.reply.retry_after_ms > 0 && s.reply.retry_after_ms <= 86400000);
  testing_end();
}

static void failures_cost_nothing(void) {
  begin_as_alice((const char *[]){"chatbot_tokens", "20", NULL});
  for (int i = 0; i < 3; i++) {
    testing_doubt(RUBISCO "fake:error=UNAVAILABLE", &s);
    CHECK_INT(s.reply.code, UNAVAILABLE);
    CHECK_STR(s.reply.reason, "ENGINE_UNAVAILABLE");
  }
  testing_doubt(RUBISCO "fake:text=3,error=UNAVAILABLE", &s); /* what was written does */
  CHECK_STR(s.reply.reason, "ENGINE_UNAVAILABLE");
  testing_doubt(RUBISCO, &s);
  CHECK_STR(s.reply.reason, "QUOTA_EXCEEDED");
  testing_end();
}

static svc_reply resolve_from(const char *address) {
  Ponte__Chatbot__V1__ChatbotDuvidaRequest r = PONTE__CHATBOT__V1__CHATBOT_DUVIDA_REQUEST__INIT;
  r.duvida = (char *)RUBISCO;
  return svc_world_ask(testing_world, &(svc_question){.service = "chatbot",
                                                      .method = &ponte_chatbot_v1_service.methods[0],
                                                      .request = &r.base,
                                                      .metadata = (const char *[]){"x-ponte-client", address, NULL}});
}

/* Without identities; of IPv6 a subscriber has a whole /64. */
static void callers_are_networks(void) {
  begin((const char *[]){"chatbot_questions", "1", NULL});
  CHECK_INT(resolve_from("2001:db8:1:2::7").code, OK);
  CHECK_STR(resolve_from("2001:db8:1:2:8000::1").reason, "QUOTA_EXCEEDED");
  CHECK_INT(resolve_from("2001:db8:1:3::7").code, OK);
  CHECK_INT(resolve_from("203.0.113.7").code, OK);
  CHECK_INT(resolve_from("203.0.113.8").code, OK);
  CHECK_STR(resolve_from("203.0.113.8").reason, "QUOTA_EXCEEDED");
  testing_end();
}

/* From this machine, without identities: nobody is told from anybody. */
static void tools_have_no_limits(void) {
  begin((const char *[]){"chatbot_questions", "1", "chatbot_tokens", "1", NULL});
  for (int i = 0; i < 3; i++) {
    testing_doubt(RUBISCO, &s);
    CHECK_INT(s.reply.code, OK);
  }
  testing_end();
}

/* -- many ---------------------------------------------------------------------------------------------------------- */

enum { MANY = 40 };
static testing_stream many[MANY];

static void *ask_alone(void *ctx) {
  testing_doubt(RUBISCO "fake:text=30,quote=1", ctx);
  return NULL;
}

/* More than the threads that unary calls have, each with its own answer. */
static void many_at_once(void) {
  pthread_t threads[MANY];
  begin(NULL);
  for (int i = 0; i < MANY; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, ask_alone, &many[i]), 0);
  for (int i = 0; i < MANY; i++) {
    pthread_join(threads[i], NULL);
    CHECK_INT(many[i].reply.code, OK);
    CHECK_INT(many[i].finals, 1);
    CHECK_STR(many[i].text, many[0].text);
  }
  testing_end();
}

static void what_is_no_question(void) {
  static const struct {
    const char *why, *question, *conversation_id, *material_id, *field;
  } rows[] = {
      {"no question", "", "", NULL, "duvida"},
      {"a conversation that is none", "x", "42", NULL, "conversation_id"},
      {"a material that is none", "x", "", "42", "material_ids[0]"},
  };
  begin(NULL);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(rows[i].question);
    char *ids[] = {(char *)rows[i].material_id};
    r.conversation_id = (char *)rows[i].conversation_id;
    r.material_ids = ids;
    r.n_material_ids = rows[i].material_id ? 1 : 0;
    testing_ask_stream(&r, &s);
    CHECK_MSG(s.reply.code == INVALID && strcmp(s.reply.field, rows[i].field) == 0, "%s: %d %s", rows[i].why,
              s.reply.code, s.reply.field);
  }
  testing_end();
}

/* Only the materials that are named. */
static void chosen_materials(void) {
  begin(NULL);
  const char *other = testing_add("Other", PLAIN, "Rubisco is a word in this text, too.", false);
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(RUBISCO);
  char *ids[] = {(char *)other, (char *)testing_nobody};
  r.material_ids = ids;
  r.n_material_ids = 2;
  testing_ask_stream(&r, &s);
  CHECK_STR(s.first_material, other);
  CHECK_INT(s.passages, 1);
  r.material_ids = ids + 1;
  r.n_material_ids = 1;
  testing_ask_stream(&r, &s);
  CHECK_INT(s.passages, 0);
  testing_end();
}

TEST_MAIN(TEST(a_stream_has_sources_text_and_one_final), TEST(citations_are_the_materials_words), TEST(whole_answers),
          TEST(the_context_alone_is_enough), TEST(what_the_material_does_not_say), TEST(ends_and_errors),
          TEST(a_cancelled_stream_stops_the_engine), TEST(a_cancelled_answer_stops_the_engine),
          TEST(the_deadline_stops_the_engine), TEST(stopping_the_service_stops_the_engine),
          TEST(a_repeat_is_told_the_kept_answer), TEST(a_failed_answer_is_not_kept),
          TEST(a_repeat_takes_the_place_of_what_runs), TEST(what_was_replaced_is_stopped), TEST(too_many_questions),
          TEST(a_repeat_counts_for_no_limit), TEST(too_many_at_once), TEST(a_repeat_needs_no_free_place),
          TEST(callers_are_networks), TEST(the_days_tokens), TEST(failures_cost_nothing), TEST(tools_have_no_limits),
          TEST(many_at_once), TEST(what_is_no_question), TEST(chosen_materials))
