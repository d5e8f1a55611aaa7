#include "base/test.h"
#include "wc/fake/chat_bench.h"

/* Five questions that were answered, and the id of their conversation. */
static void open_with_history(bench *b, char id[64]) {
  bench_open(b);
  static const char *const questions[] = {"1?", "2?", "3?", "4?", "5?"};
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
    bench_ask(b, questions[i]);
  bench_run(b, 2000);
  snprintf(id, 64, "%s", wc_chat_conversation(b->chat));
}

static void test_history_and_rating(void) {
  static bench b;
  char id[64];
  open_with_history(&b, id);
  CHECK_OK(wc_chat_rate(b.chat, 4, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL));
  bench_run(&b, 1000);
  CHECK_INT(wc_chat_find(b.chat, 4)->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  CHECK_OK(wc_chat_open(b.chat, ""));
  bench_run(&b, 1000);
  CHECK_INT(b.cleared, 1);
  CHECK_STR(b.states, "");
  bench_ask(&b, "Another?");
  bench_run(&b, 1000);
  CHECK_INT(b.service.conversations, 2);
  CHECK_OK(wc_chat_open(b.chat, id));
  bench_run(&b, 1000);
  bench_check_shown(&b, "4? 5? ");
  CHECK_INT(wc_chat_find(b.chat, b.shown[0])->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  CHECK_INT(wc_chat_find(b.chat, b.shown[0])->state, WC_CHAT_DONE);
  b.service.refuse_code = 5;
  b.service.refuse_reason = "NOT_FOUND";
  b.service.refuse_method = "GetConversation";
  CHECK_OK(wc_chat_open(b.chat, id)); /* removed elsewhere */
  bench_run(&b, 1000);
  CHECK_STR(wc_chat_conversation(b.chat), "");
  CHECK(!wc_chat_is_busy(b.chat));
  CHECK_ERR(wc_chat_open(b.chat, "1234567890123456789012345678901234567890"), BASE_E_INVALID);
  bench_close(&b);
}

/* A long conversation is read back page by page, while it goes on. */
static void test_earlier(void) {
  static bench b;
  char id[64];
  open_with_history(&b, id);
  CHECK(!wc_chat_has_earlier(b.chat));
  CHECK_ERR(wc_chat_earlier(b.chat), BASE_E_PRECONDITION); /* all of it was asked here */
  CHECK_OK(wc_chat_open(b.chat, id));
  CHECK(wc_chat_is_fetching(b.chat));
  CHECK_ERR(wc_chat_earlier(b.chat), BASE_E_PRECONDITION); /* not before the first page is here */
  bench_run(&b, 1000);
  CHECK(!wc_chat_is_fetching(b.chat) && wc_chat_has_earlier(b.chat));
  int cleared = b.cleared;
  bench_ask(&b, "6?");
  CHECK_OK(wc_chat_earlier(b.chat));
  CHECK_ERR(wc_chat_earlier(b.chat), BASE_E_PRECONDITION);
  bench_run(&b, 1000);
  bench_check_shown(&b, "2? 3? 4? 5? 6? ");
  CHECK_INT(b.cleared, cleared); /* what was here has stayed */
  CHECK(wc_chat_has_earlier(b.chat));
  CHECK_OK(wc_chat_earlier(b.chat));
  bench_run(&b, 1000);
  bench_check_shown(&b, "1? 2? 3? 4? 5? 6? ");
  for (size_t i = 0; i < b.shown_count; i++)
    CHECK_INT(wc_chat_find(b.chat, b.shown[i])->state, WC_CHAT_DONE);
  CHECK(!wc_chat_has_earlier(b.chat));
  CHECK_ERR(wc_chat_earlier(b.chat), BASE_E_PRECONDITION);
  bench_page_close(&b);
  bench_page_open(&b);
  bench_run(&b, 1000);
  bench_check_shown(&b, "5? 6? "); /* after a reload it begins at the end again */
  bench_close(&b);
}

/* What goes wrong on the way to earlier messages takes nothing from those that are here. */
static void test_earlier_fails(void) {
  static const struct {
    int code;
    const char *reason;
    bool goes_on; /* by itself, when the service is well again */
  } rows[] = {{14, NULL, true},
              {14, "STORE_UNAVAILABLE", true},
              {16, "TOKEN_EXPIRED", true},
              {3, "INVALID_FIELD", false},
              {5, "NOT_FOUND", false},
              {7, "NOT_ALLOWED", false},
              {8, "QUOTA_EXCEEDED", false},
              {13, NULL, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    char id[64];
    open_with_history(&b, id);
    CHECK_OK(wc_chat_open(b.chat, id));
    bench_run(&b, 1000);
    b.service.refuse_code = rows[i].code;
    b.service.refuse_reason = rows[i].reason;
    b.service.refuse_method = "GetConversation";
    CHECK_OK(wc_chat_earlier(b.chat));
    bench_run(&b, 5000);
    bench_check_shown(&b, "4? 5? ");
    CHECK_STR(wc_chat_conversation(b.chat), id);
    CHECK_MSG(wc_chat_is_fetching(b.chat) == rows[i].goes_on, "row %d", (int)i);
    b.service.refuse_code = 0;
    if (rows[i].goes_on)
      wc_chat_retry_now(b.chat);
    else
      CHECK_OK(wc_chat_earlier(b.chat));
    bench_run(&b, 1000);
    bench_check_shown(&b, "2? 3? 4? 5? ");
    bench_close(&b);
  }
}

/* Removed elsewhere, as a question finds out: what came before it cannot be fetched any more, least of all as pages of the next conversation. */
static void test_gone_before_a_question(void) {
  static bench b;
  char id[64];
  open_with_history(&b, id);
  CHECK_OK(wc_chat_open(b.chat, id));
  bench_run(&b, 1000);
  CHECK(wc_chat_has_earlier(b.chat));
  b.service.refuse_code = BASE_GRPC_NOT_FOUND;
  b.service.refuse_reason = "NOT_FOUND";
  uint32_t question = bench_ask(&b, "6?");
  bench_run(&b, 1000);
  CHECK_INT(wc_chat_find(b.chat, question)->state, WC_CHAT_FAILED);
  CHECK(!wc_chat_has_earlier(b.chat));
  CHECK_ERR(wc_chat_earlier(b.chat), BASE_E_PRECONDITION);
  b.service.refuse_code = 0;
  CHECK_OK(wc_chat_retry(b.chat, question));
  bench_run(&b, 1000);
  CHECK_INT(wc_chat_find(b.chat, question)->state, WC_CHAT_DONE);
  CHECK(strcmp(wc_chat_conversation(b.chat), id) != 0);
  bench_check_shown(&b, "4? 5? 6? ");
  bench_close(&b);
}

/* What says nothing about the conversation does not end it: the next question goes on with it, and it can be opened again. */
static void test_first_page_fails(void) {
  static const struct {
    int code;
    const char *reason;
    bool stays;
  } rows[] = {{BASE_GRPC_DEADLINE_EXCEEDED, NULL, true},
              {BASE_GRPC_INTERNAL, NULL, true},
              {BASE_GRPC_RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", true},
              {BASE_GRPC_UNKNOWN, NULL, true},
              {BASE_GRPC_NOT_FOUND, "NOT_FOUND", false},
              {BASE_GRPC_PERMISSION_DENIED, "NOT_ALLOWED", false},
              {BASE_GRPC_INVALID_ARGUMENT, "INVALID_FIELD", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    char id[64];
    open_with_history(&b, id);
    b.service.refuse_code = rows[i].code;
    b.service.refuse_reason = rows[i].reason;
    b.service.refuse_method = "GetConversation";
    CHECK_OK(wc_chat_open(b.chat, id));
    bench_run(&b, 1000);
    CHECK(!wc_chat_is_busy(b.chat) && !wc_chat_has_earlier(b.chat));
    bench_ask(&b, "6?");
    bench_run(&b, 1000);
    CHECK_MSG((strcmp(wc_chat_conversation(b.chat), id) == 0) == rows[i].stays, "row %d", (int)i);
    b.service.refuse_code = 0;
    snprintf(id, sizeof id, "%s", wc_chat_conversation(b.chat));
    CHECK_OK(wc_chat_open(b.chat, id));
    bench_run(&b, 1000);
    bench_check_shown(&b, rows[i].stays ? "5? 6? " : "6? ");
    bench_close(&b);
  }
}

/* Another conversation while one is on its way: nothing of the first is shown, and its pages are not asked of the second. */
static void test_open_while_fetching(void) {
  for (int ms = 0; ms < 40; ms++) {
    static bench b;
    char id[64];
    open_with_history(&b, id);
    CHECK_OK(wc_chat_open(b.chat, id));
    bench_run(&b, 1000);
    CHECK_OK(wc_chat_earlier(b.chat));
    bench_run(&b, ms);
    CHECK_OK(wc_chat_open(b.chat, ms % 2 ? id : ""));
    bench_run(&b, 1000);
    bench_check_shown(&b, ms % 2 ? "4? 5? " : "");
    CHECK(wc_chat_has_earlier(b.chat) == (ms % 2 == 1));
    CHECK(!wc_chat_is_busy(b.chat));
    bench_close(&b);
  }
}

/* What waits between two tries to fetch one conversation is no matter of the next one. */
static void test_another_conversation_does_not_wait(void) {
  static bench b;
  bench_open(&b);
  bench_ask(&b, "One?");
  bench_run(&b, 1000);
  char id[64];
  snprintf(id, sizeof id, "%s", wc_chat_conversation(b.chat));
  b.service.refuse_code = 14;
  b.service.refuse_method = "GetConversation";
  CHECK_OK(wc_chat_open(b.chat, id));
  bench_run(&b, 60000); /* the back-off has reached its cap */
  CHECK(wc_chat_is_busy(b.chat));
  CHECK_OK(wc_chat_open(b.chat, ""));
  uint32_t next = bench_ask(&b, "Two?");
  bench_run(&b, 100);
  bench_check(&b, next, WC_CHAT_DONE, "Re: Two? [1].");
  bench_close(&b);
}

TEST_MAIN(TEST(test_history_and_rating), TEST(test_earlier), TEST(test_earlier_fails),
          TEST(test_gone_before_a_question), TEST(test_first_page_fails), TEST(test_open_while_fetching),
          TEST(test_another_conversation_does_not_wait))
