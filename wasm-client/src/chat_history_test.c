#include "base/test.h"
#include "wc/fake/chat_bench.h"

static void test_history_and_rating(void) {
  static bench b;
  bench_open(&b);
  for (int i = 0; i < 5; i++)
    bench_ask(&b, "Again?");
  bench_run(&b, 2000);
  CHECK_OK(wc_chat_rate(b.chat, 2, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL));
  bench_run(&b, 1000);
  CHECK_INT(wc_chat_find(b.chat, 2)->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  char id[64];
  snprintf(id, sizeof id, "%s", wc_chat_conversation(b.chat));
  CHECK_OK(wc_chat_open(b.chat, ""));
  bench_run(&b, 1000);
  CHECK_INT(b.cleared, 1);
  CHECK_STR(b.states, "");
  bench_ask(&b, "Another?");
  bench_run(&b, 1000);
  CHECK_INT(b.service.conversations, 2);
  CHECK_OK(wc_chat_open(b.chat, id));
  bench_run(&b, 1000);
  CHECK_STR(b.states, "7:DONE 8:DONE 9:DONE 10:DONE 11:DONE"); /* three pages */
  CHECK_INT(wc_chat_find(b.chat, 8)->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  CHECK_OK(wc_chat_open(b.chat, id));
  for (int calls = b.service.call_count, ms = 0; b.service.call_count < calls + 2 && ms < 1000; ms++)
    bench_run(&b, 1);
  CHECK_OK(wc_chat_open(b.chat, id)); /* between two pages: from the first one again */
  bench_run(&b, 1000);
  CHECK_STR(b.states, "14:DONE 15:DONE 16:DONE 17:DONE 18:DONE");
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

TEST_MAIN(TEST(test_history_and_rating), TEST(test_another_conversation_does_not_wait))
