#include "base/test.h"
#include "wc/fake/chat_bench.h"

static void test_refused_here(void) {
  static bench b;
  bench_open(&b);
  static char longest[2002];
  memset(longest, 'a', 2001);
  static const char *const rows[] = {"", " \n\t ", "\xff", longest};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const wc_chat_question q = {.text = rows[i], .language = "", .session_id = "", .context = ""};
    uint32_t id;
    CHECK_ERR(wc_chat_ask(b.chat, &q, &id), BASE_E_INVALID);
  }
  b.service.gw.plat.refuse = true;
  for (int i = 0; i < WC_CHAT_QUEUE_MAX; i++)
    bench_ask(&b, "a");
  const wc_chat_question q = {.text = "a", .language = "", .session_id = "", .context = ""};
  uint32_t id;
  CHECK_ERR(wc_chat_ask(b.chat, &q, &id), BASE_E_EXHAUSTED);
  CHECK_ERR(wc_chat_open(b.chat, ""), BASE_E_PRECONDITION);
  CHECK_ERR(wc_chat_retry(b.chat, 1), BASE_E_PRECONDITION);
  CHECK_ERR(wc_chat_retry(b.chat, 999), BASE_E_NOT_FOUND);
  CHECK_ERR(wc_chat_rate(b.chat, 999, 1), BASE_E_NOT_FOUND);
  CHECK_ERR(wc_chat_rate(b.chat, 1, 1), BASE_E_PRECONDITION);
  wc_chat_stop(b.chat, 999);
  bench_close(&b);
}

static void test_refusals(void) {
  static const struct {
    int code;
    const char *reason;
    enum wc_chat_state state;
    bool sign_in;
  } rows[] = {
      {14, NULL, WC_CHAT_QUEUED, false},
      {14, "SHUTTING_DOWN", WC_CHAT_QUEUED, false},
      {14, "ENGINE_UNAVAILABLE", WC_CHAT_FAILED, false},
      {16, "NO_IDENTITY", WC_CHAT_QUEUED, true},
      {16, "TOKEN_EXPIRED", WC_CHAT_QUEUED, true},
      {16, NULL, WC_CHAT_QUEUED, true},
      {8, "QUOTA_EXCEEDED", WC_CHAT_FAILED, false},
      {8, NULL, WC_CHAT_FAILED, false},
      {13, "ENGINE_FAILED", WC_CHAT_FAILED, false},
      {13, NULL, WC_CHAT_FAILED, false}, /* after a few tries */
      {8, "TOO_MANY_CALLS", WC_CHAT_FAILED, false},
      {3, "INVALID_FIELD", WC_CHAT_FAILED, false},
      {5, "NOT_FOUND", WC_CHAT_FAILED, false},
      {7, "NOT_ALLOWED", WC_CHAT_FAILED, false},
      {4, NULL, WC_CHAT_FAILED, false},
      {12, NULL, WC_CHAT_FAILED, false},
      {99, NULL, WC_CHAT_FAILED, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    bench_open(&b);
    b.service.refuse_code = rows[i].code;
    b.service.refuse_reason = rows[i].reason;
    uint32_t id = bench_ask(&b, "Why?");
    bench_run(&b, 60000);
    const wc_chat_message *m = wc_chat_find(b.chat, id);
    CHECK_MSG(m->state == rows[i].state, "row %d: state %d", (int)i, (int)m->state);
    CHECK_MSG(wc_chat_needs_sign_in(b.chat) == rows[i].sign_in, "row %d", (int)i);
    CHECK_INT(m->code, rows[i].code);
    CHECK_STR(m->reason, rows[i].reason ? rows[i].reason : "");
    b.service.refuse_code = 0;
    if (m->state == WC_CHAT_FAILED)
      CHECK_OK(wc_chat_retry(b.chat, id));
    else
      wc_chat_retry_now(b.chat);
    bench_run(&b, 2000);
    bench_check(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
    CHECK_INT(b.service.row_count, 1);
    CHECK_INT(b.service.conversations, rows[i].code == 5 ? 2 : 1);
    bench_close(&b);
  }
}

/* What the service says of when to come back is told each second; nothing can be retried before, and everything after. */
static void test_countdown(void) {
  static bench b;
  bench_open(&b);
  b.service.refuse_code = 8;
  b.service.refuse_reason = "QUOTA_EXCEEDED";
  b.service.refuse_retry_ms = 2500;
  uint32_t first = bench_ask(&b, "One?");
  bench_run(&b, 100);
  const wc_chat_message *m = wc_chat_find(b.chat, first);
  REQUIRE(m);
  CHECK_INT(m->state, WC_CHAT_FAILED);
  CHECK_INT(m->wait_s, 3);
  CHECK_STR(m->question, "One?");
  CHECK_ERR(wc_chat_retry(b.chat, first), BASE_E_PRECONDITION);
  b.service.refuse_retry_ms = INT64_C(3600) * 1000;
  uint32_t second = bench_ask(&b, "Two?");
  bench_run(&b, 1100);
  CHECK_INT(m->wait_s, 2);
  CHECK_INT(wc_chat_find(b.chat, second)->wait_s, 3599);
  b.states[0] = 0;
  bench_run(&b, 1000);
  CHECK_STR(b.states, "1:FAILED 2:FAILED"); /* each is told as its own second ends */
  b.service.refuse_code = 0;
  CHECK_ERR(wc_chat_retry(b.chat, first), BASE_E_PRECONDITION);
  bench_run(&b, 500);
  CHECK_INT(m->wait_s, 0);
  CHECK_OK(wc_chat_retry(b.chat, first));
  bench_run(&b, 1000);
  bench_check(&b, first, WC_CHAT_DONE, "Re: One? [1].");
  CHECK_ERR(wc_chat_retry(b.chat, second), BASE_E_PRECONDITION);
  CHECK_OK(wc_chat_open(b.chat, "")); /* the clock goes on without what it counted for */
  bench_run(&b, 5000);
  CHECK_STR(b.states, "");
  bench_close(&b);
}

/* Only a refusal counts, and only if it says when. */
static void test_no_countdown(void) {
  static const struct {
    int code;
    const char *reason;
    int64_t retry_ms;
    int wait_s;
  } rows[] = {{8, "QUOTA_EXCEEDED", 0, 0},
              {8, NULL, 5000, 0},
              {14, "STORE_UNAVAILABLE", 5000, 0}, /* asked again by itself */
              {14, "ENGINE_UNAVAILABLE", 1, 1},
              {8, "QUOTA_EXCEEDED", INT64_C(365) * 24 * 3600 * 1000, 0}, /* a year is no answer */
              {8, "QUOTA_EXCEEDED", INT64_C(364) * 24 * 3600 * 1000, 364 * 24 * 3600}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    bench_open(&b);
    b.service.refuse_code = rows[i].code;
    b.service.refuse_reason = rows[i].reason;
    b.service.refuse_retry_ms = rows[i].retry_ms;
    uint32_t id = bench_ask(&b, "Why?");
    int most = 0;
    for (int ms = 0; ms < 50; ms++) {
      bench_run(&b, 1);
      int wait_s = wc_chat_find(b.chat, id)->wait_s;
      if (wait_s > most) most = wait_s;
    }
    CHECK_MSG(most == rows[i].wait_s, "row %d: %d s", (int)i, most);
    bench_close(&b);
  }
}

/* A stream that ends well but without its end is no answer. */
static void test_no_final(void) {
  static bench b;
  bench_open(&b);
  b.service.no_final = true;
  uint32_t id = bench_ask(&b, "Why?");
  bench_run(&b, 60000);
  CHECK_INT(wc_chat_find(b.chat, id)->state, WC_CHAT_FAILED); /* after a few tries */
  CHECK_INT(wc_chat_find(b.chat, id)->code, 13);
  b.service.no_final = false;
  CHECK_OK(wc_chat_retry(b.chat, id));
  bench_run(&b, 1000);
  bench_check(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
  CHECK_INT(b.service.rows[0].answered, 1);
  bench_close(&b);
}

static void test_finish_reasons(void) {
  for (int finish = 1; finish <= 4; finish++) {
    static bench b;
    bench_open(&b);
    b.service.finish = (Ponte__Chatbot__V1__FinishReason)finish;
    uint32_t id = bench_ask(&b, "Why?");
    bench_run(&b, 1000);
    CHECK_INT(wc_chat_find(b.chat, id)->finish, finish);
    CHECK_OK(wc_chat_retry(b.chat, id)); /* a new key: the kept answer would be the same */
    bench_run(&b, 1000);
    CHECK_INT(b.service.row_count, 2);
    bench_close(&b);
  }
}

static void test_too_large_answer(void) {
  static bench b;
  bench_open(&b);
  b.service.endless = true;
  static char question[200];
  memset(question, 'q', sizeof question - 1);
  uint32_t id = bench_ask(&b, question);
  bench_run(&b, 5000);
  CHECK_INT(wc_chat_find(b.chat, id)->state, WC_CHAT_FAILED);
  CHECK_INT(wc_chat_find(b.chat, id)->code, 8);
  CHECK_INT(b.service.cancelled, 1);
  bench_close(&b);
}

TEST_MAIN(TEST(test_refused_here), TEST(test_refusals), TEST(test_countdown), TEST(test_no_countdown),
          TEST(test_no_final), TEST(test_finish_reasons), TEST(test_too_large_answer))
