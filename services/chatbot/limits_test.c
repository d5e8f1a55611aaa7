#include "chatbot/limits.h"

#include <stdio.h>

#include "base/test.h"

static chatbot_limits *limits_of(int64_t a_minute, int64_t running) {
  chatbot_limits *l = NULL;
  CHECK_OK(chatbot_limits_new(&(chatbot_limit_options){.a_minute = a_minute, .running = running}, &l));
  return l;
}

/* 0: let in; else the retry delay, with the limit in *which. */
static int64_t ask(chatbot_limits *l, const char *who, int64_t now_ms, enum chatbot_limit *which) {
  int64_t retry_ms = 0;
  base_err e = chatbot_limits_enter(l, who, now_ms, false, which, &retry_ms);
  CHECK(base_is_ok(e) ? retry_ms == 0 : base_is(e, BASE_E_EXHAUSTED) && retry_ms > 0);
  return retry_ms;
}

static void a_minutes_questions(void) {
  static const struct {
    int64_t now_ms, retry_ms;
    const char *why;
  } rows[] = {
      {1000, 0, "the first"},
      {1000, 0, "at the same moment"},
      {1000, 0, "the third of three"},
      {1000, 20000, "one too many: until a third of a minute has passed"},
      {11000, 10000, "the refused one was not counted"},
      {20999, 1, "a millisecond too early"},
      {21000, 0, "when it was told"},
      {21000, 20000, "and no more than one"},
      {101000, 0, "after a long while"},
      {101000, 0, "all three are there again"},
      {101000, 0, "the last of them"},
      {101000, 20000, "and not more for waiting longer"},
  };
  chatbot_limits *l = limits_of(3, 0);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t retry_ms = ask(l, "user:alice", rows[i].now_ms, &which);
    CHECK_MSG(retry_ms == rows[i].retry_ms, "%s: %lld", rows[i].why, (long long)retry_ms);
    CHECK(retry_ms == 0 || which == CHATBOT_LIMIT_RATE);
    if (retry_ms == 0) chatbot_limits_leave(l, "user:alice");
  }
  CHECK_INT(ask(l, "user:bob", 101000, &which), 0); /* another's */
  chatbot_limits_free(l);
}

static void answers_at_once(void) {
  chatbot_limits *l = limits_of(0, 2);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  CHECK(ask(l, "user:alice", 0, &which) > 0);
  CHECK_INT(which, CHATBOT_LIMIT_RUNNING);
  CHECK_INT(ask(l, "user:bob", 0, &which), 0);
  chatbot_limits_leave(l, "user:alice");
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  CHECK(ask(l, "user:alice", 0, &which) > 0);
  int64_t retry_ms = 0;
  CHECK_OK(chatbot_limits_enter(l, "user:alice", 0, true, &which, &retry_ms)); /* it ends one of them */
  chatbot_limits_leave(l, "user:alice");
  CHECK(ask(l, "user:alice", 0, &which) > 0);
  chatbot_limits_free(l);
}

/* A refusal for answers at once uses up no question of the minute. */
static void refusals_cost_nothing(void) {
  chatbot_limits *l = limits_of(2, 1);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  for (int i = 0; i < 10; i++)
    CHECK(ask(l, "user:alice", 0, &which) > 0);
  chatbot_limits_leave(l, "user:alice");
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  chatbot_limits_free(l);
}

/* Nor is taking one's own place over a way round the rate. */
static void repeats_are_questions(void) {
  chatbot_limits *l = limits_of(2, 1);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  int64_t retry_ms = 0;
  CHECK_INT(ask(l, "user:alice", 0, &which), 0);
  CHECK_OK(chatbot_limits_enter(l, "user:alice", 0, true, &which, &retry_ms));
  CHECK_ERR(chatbot_limits_enter(l, "user:alice", 0, true, &which, &retry_ms), BASE_E_EXHAUSTED);
  CHECK_INT(which, CHATBOT_LIMIT_RATE);
  chatbot_limits_free(l);
}

static void no_limits(void) {
  chatbot_limits *l = limits_of(0, 0);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  for (int i = 0; i < 1000; i++)
    CHECK_INT(ask(l, "address:127.0.0.1", 5, &which), 0);
  chatbot_limits_free(l);
}

/* Those who asked nothing for a minute make room; those who wait for an answer stay. */
static void many_callers(void) {
  chatbot_limits *l = limits_of(1, 0);
  enum chatbot_limit which = CHATBOT_LIMIT_TOKENS;
  int64_t retry_ms = 0;
  char who[64];
  for (int i = 0; i < CHATBOT_CALLERS_MAX; i++) {
    snprintf(who, sizeof who, "address:%d", i);
    CHECK_OK(chatbot_limits_enter(l, who, 1000, false, &which, &retry_ms));
    if (i > 0) chatbot_limits_leave(l, who);
  }
  CHECK(base_is(chatbot_limits_enter(l, "one more", 1000, false, &which, &retry_ms), BASE_E_NO_MEMORY));
  CHECK_OK(chatbot_limits_enter(l, "one more", 62000, false, &which, &retry_ms));
  chatbot_limits_leave(l, "address:0");
  chatbot_limits_free(l);
}

TEST_MAIN(TEST(a_minutes_questions), TEST(answers_at_once), TEST(refusals_cost_nothing), TEST(repeats_are_questions),
          TEST(no_limits), TEST(many_callers))
