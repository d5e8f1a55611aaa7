#include "base/test.h"
#include "wc/fake/chat_bench.h"

static void test_answered(void) {
  static bench b;
  bench_open(&b);
  uint32_t id = bench_ask(&b, "Why?");
  bench_run(&b, 1000);
  bench_check(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
  CHECK_STR(b.states, "1:QUEUED 1:ASKING 1:DONE"); /* all of it came in one frame */
  CHECK_STR(b.answer, "{\"keep\":0,\"blocks\":[[[\"p\"],\"Re: Why? \",[\"cite\",1,9],0,\".\",0]]}");
  const wc_chat_message *m = wc_chat_find(b.chat, id);
  CHECK_INT(m->passage_count, 1);
  CHECK_STR(m->passages[0]->text, "the very words");
  CHECK_INT(m->citation_count, 1);
  CHECK_STR(m->citations[0]->quote, "very words");
  CHECK_INT(m->finish, PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP);
  CHECK_INT(b.service.conversations, 1);
  CHECK(wc_chat_conversation(b.chat)[0] != 0);
  CHECK(!wc_chat_is_busy(b.chat));
  bench_close(&b);
}

/* Wherever the connection is cut, each question is answered once and what the reader sees never shrinks. */
static void test_cut_everywhere(void) {
  for (int piece = 1; piece < FAKE_PIECES; piece++) {
    static bench b;
    bench_open(&b);
    b.service.cut_after = piece;
    uint32_t first = bench_ask(&b, "One?"), second = bench_ask(&b, "Two?");
    bench_run(&b, 20000);
    bench_check(&b, first, WC_CHAT_DONE, "Re: One? [1].");
    bench_check(&b, second, WC_CHAT_DONE, "Re: Two? [1].");
    CHECK_INT(b.service.rows[0].answered, 1);
    CHECK_INT(b.service.rows[1].answered, 1);
    CHECK_INT(b.service.row_count, 2);
    CHECK_INT(b.service.conversations, 1);
    bench_close(&b);
  }
  for (int frames = 1; frames < 30; frames++) {
    static bench b;
    bench_open(&b);
    b.service.gw.cut_after = frames;
    uint32_t id = bench_ask(&b, "One?");
    bench_run(&b, 60000);
    bench_check(&b, id, WC_CHAT_DONE, "Re: One? [1].");
    CHECK_INT(b.service.row_count, 1);
    CHECK_INT(b.service.rows[0].answered, 1);
    bench_close(&b);
  }
}

static void test_reading_goes_on_after_a_cut(void) {
  static bench b;
  bench_open(&b);
  b.service.hang_after = 3;
  uint32_t id = bench_ask(&b, "Why so?");
  bench_run(&b, 1000);
  char before[sizeof b.answer];
  memcpy(before, b.answer, sizeof before);
  int told = b.told;
  b.service.hang_after = 2; /* the second try comes less far */
  fake_close(b.service.gw.socket, WC_CLOSE_LOST);
  bench_run(&b, 3000);
  CHECK_INT(b.shrunk, 0);
  CHECK_MSG(b.told == told || strstr(b.answer, "\"blocks\":[]"), "%s after %s", b.answer, before);
  b.service.hang_after = -1;
  fake_close(b.service.gw.socket, WC_CLOSE_LOST);
  bench_run(&b, 10000);
  bench_check(&b, id, WC_CHAT_DONE, "Re: Why so? [1].");
  CHECK_INT(b.shrunk, 0);
  bench_close(&b);
}

static void test_offline_and_reload(void) {
  static bench b;
  bench_open(&b);
  b.service.gw.plat.refuse = true;
  bench_ask(&b, "One?");
  bench_ask(&b, "Two?");
  bench_run(&b, 30000);
  CHECK_INT(b.service.row_count, 0);
  bench_page_close(&b);
  bench_page_open(&b); /* reloaded while offline */
  bench_run(&b, 30000);
  const wc_chat_message *m = wc_chat_find(b.chat, 1);
  REQUIRE(m);
  CHECK_STR(m->question, "One?");
  CHECK_INT(m->state, WC_CHAT_QUEUED);
  CHECK_INT(m->code, 14);
  b.service.gw.plat.refuse = false;
  wc_session_retry_now(b.session);
  wc_chat_retry_now(b.chat);
  bench_run(&b, 2000);
  CHECK_INT(b.service.row_count, 2);
  CHECK_INT(fake_chatbot_row(&b.service, "One?")->answered, 1);
  CHECK_INT(fake_chatbot_row(&b.service, "Two?")->answered, 1);
  CHECK_INT(b.service.conversations, 1);
  bench_page_close(&b);
  bench_page_open(&b); /* the conversation is there, and nothing is asked again */
  bench_run(&b, 2000);
  CHECK_INT(b.service.row_count, 2);
  bench_check_shown(&b, "One? Two? ");
  bench_check(&b, b.shown[1], WC_CHAT_DONE, "Re: Two? [1].");
  CHECK(!wc_chat_is_busy(b.chat));
  bench_close(&b);
}

/* The page goes away while the answer streams: the next one asks with the same key. */
static void test_reload_inside_an_answer(void) {
  for (int hang = 0; hang < FAKE_PIECES; hang++) {
    static bench b;
    bench_open(&b);
    b.service.hang_after = hang;
    bench_ask(&b, "Why?");
    bench_run(&b, 1000);
    bench_page_close(&b);
    b.service.hang_after = -1;
    bench_page_open(&b);
    bench_run(&b, 2000);
    CHECK_INT(b.service.row_count, 1);
    CHECK_INT(b.service.rows[0].answered, 1);
    CHECK_INT(b.cleared, 1); /* the history took its place */
    CHECK(!wc_chat_is_busy(b.chat));
    bench_close(&b);
  }
}

static void test_stop(void) {
  static bench b;
  bench_open(&b);
  b.service.hang_after = 2;
  uint32_t first = bench_ask(&b, "One?"), second = bench_ask(&b, "Two?");
  bench_run(&b, 1000);
  CHECK_INT(b.service.cancelled, 0);
  wc_chat_stop(b.chat, second); /* not asked yet */
  wc_chat_stop(b.chat, first);
  wc_chat_stop(b.chat, first);
  bench_run(&b, 1000);
  CHECK_INT(b.service.cancelled, 1);
  CHECK_INT(b.service.row_count, 1);
  CHECK_INT(wc_chat_find(b.chat, first)->state, WC_CHAT_STOPPED);
  CHECK_INT(wc_chat_find(b.chat, second)->state, WC_CHAT_STOPPED);
  CHECK(base_buf_size(&wc_chat_find(b.chat, first)->answer) > 0);
  b.service.hang_after = -1;
  CHECK_OK(wc_chat_retry(b.chat, first));
  bench_run(&b, 1000);
  bench_check(&b, first, WC_CHAT_DONE, "Re: One? [1].");
  CHECK_INT(b.service.row_count, 1);
  bench_page_close(&b);
  bench_page_open(&b); /* what was stopped is not asked after a reload */
  bench_run(&b, 1000);
  CHECK_INT(b.service.row_count, 1);
  bench_close(&b);
}

static void test_forget(void) {
  static bench b;
  bench_open(&b);
  b.service.hang_after = 1;
  bench_ask(&b, "Secret?");
  bench_run(&b, 1000);
  wc_chat_forget(b.chat);
  bench_run(&b, 1000);
  CHECK_INT(b.service.cancelled, 1);
  CHECK_INT(b.cleared, 1);
  bench_page_close(&b);
  bench_page_open(&b);
  bench_run(&b, 1000);
  CHECK_STR(b.states, "");
  CHECK_INT(b.service.row_count, 1);
  bench_close(&b);
}

/* What one reader asked and did not see answered is never asked in another's name. */
static void test_readers(void) {
  static const struct {
    const char *before, *after;                      /* NULL: nobody has signed in */
    enum { STAYS, RELOADS, RELOADS_SIGNED_IN } page; /* SIGNED_IN: the reader is known before the record is read */
    int asked;
  } rows[] = {{"a", "a", STAYS, 1},
              {"a", "b", STAYS, 0},
              {NULL, "a", STAYS, 1},
              {"a", "a", RELOADS, 1},
              {"a", "b", RELOADS, 0},
              {NULL, "b", RELOADS, 1},
              {"a", NULL, RELOADS, 0}, /* the next reader's token may be there before their name is */
              {"a", "a", RELOADS_SIGNED_IN, 1},
              {"a", "b", RELOADS_SIGNED_IN, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    bench_open(&b);
    b.service.gw.plat.refuse = true;
    if (rows[i].before) CHECK_OK(wc_chat_set_reader(b.chat, rows[i].before));
    bench_ask(&b, "Secret?");
    bench_run(&b, 1000);
    if (rows[i].page != STAYS) bench_page_close(&b);
    if (rows[i].page == RELOADS) bench_page_open(&b);
    if (rows[i].page == RELOADS_SIGNED_IN) bench_page_new(&b);
    if (rows[i].after) CHECK_OK(wc_chat_set_reader(b.chat, rows[i].after));
    b.service.gw.plat.refuse = false;
    bench_run(&b, 20000);
    CHECK_MSG(b.service.row_count == rows[i].asked, "row %d: %d", (int)i, b.service.row_count);
    bench_close(&b);
  }
}

/* No record, no lock: it works as long as the page lives. */
static void test_without_records(void) {
  static bench b;
  memset(&b, 0, sizeof b);
  fake_chatbot_init(&b.service, 1);
  b.service.gw.plat.no_records = true;
  bench_page_open(&b);
  uint32_t id = bench_ask(&b, "Why?");
  bench_run(&b, 1000);
  bench_check(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
  bench_close(&b);
}

static void test_two_pages(void) {
  static bench b;
  bench_open(&b);
  wc_chat *first = b.chat;
  b.service.gw.plat.refuse = true;
  bench_ask(&b, "One?");
  CHECK_OK(wc_chat_new(&b.service.gw.plat.base, wc_session_channel(b.session), &bench_events, &b, &b.chat));
  bench_ask(&b, "Two?");
  bench_run(&b, 1000);
  wc_chat_free(first); /* the second page takes over what the first has left behind */
  bench_run(&b, 1000);
  b.service.gw.plat.refuse = false;
  bench_run(&b, 20000);
  CHECK_INT(b.service.row_count, 2);
  CHECK_INT(fake_chatbot_row(&b.service, "One?")->answered, 1);
  CHECK_INT(fake_chatbot_row(&b.service, "Two?")->answered, 1);
  bench_close(&b);
}

static void ignore(void *ctx, base_err e) { (void)ctx, (void)e; }

static void test_damaged_record(void) {
  static const char *const rows[] = {"\x02", "\x01", "\x01\xff\xff\xff\xff\x7f", "\x01\x09", "\x01\x01q\x02\x0a\x7f",
                                     "x"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    memset(&b, 0, sizeof b);
    fake_chatbot_init(&b.service, 1);
    wc_plat *plat = &b.service.gw.plat.base;
    bench_page_open(&b);
    bench_page_close(&b);
    plat->vt->record_put(plat, "chat", base_span_str(rows[i]), ignore, NULL);
    bench_page_open(&b);
    uint32_t id = bench_ask(&b, "Why?");
    bench_run(&b, 1000);
    bench_check(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
    bench_close(&b);
  }
}

TEST_MAIN(TEST(test_answered), TEST(test_cut_everywhere), TEST(test_reading_goes_on_after_a_cut),
          TEST(test_offline_and_reload), TEST(test_reload_inside_an_answer), TEST(test_stop), TEST(test_forget),
          TEST(test_readers), TEST(test_without_records), TEST(test_two_pages), TEST(test_damaged_record))
