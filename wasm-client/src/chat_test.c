#include "wc/chat.h"

#include <stdlib.h>

#include "base/test.h"
#include "wc/fake/fake_chatbot.h"
#include "wc/session.h"

typedef struct {
  fake_chatbot service;
  wc_session *session;
  wc_chat *chat;
  int told, cleared, sources, shrunk;
  char answer[8192]; /* the last batch told */
  char states[4096]; /* "1:QUEUED 1:ASKING ..." */
  size_t longest;
} bench;

static void on_chat(void *ctx) { (void)ctx; }
static void on_cleared(void *ctx) {
  bench *b = ctx;
  b->cleared++;
  b->states[0] = 0;
}

static void on_message(void *ctx, const wc_chat_message *m, unsigned changes, base_span answer) {
  static const char *const names[] = {
#define X(name) #name,
      WC_CHAT_STATES(X)
#undef X
  };
  bench *b = ctx;
  size_t n = strlen(b->states);
  if (changes & WC_CHAT_CHANGED_STATE)
    snprintf(b->states + n, sizeof b->states - n, "%s%u:%s", n ? " " : "", m->id, names[m->state]);
  b->sources += (changes & WC_CHAT_CHANGED_SOURCES) != 0;
  if (!(changes & WC_CHAT_CHANGED_ANSWER)) return;
  b->told++;
  if (strncmp((const char *)answer.p, "{\"keep\":0,\"blocks\":[]}", answer.n) == 0 && b->longest) b->shrunk++;
  if (answer.n > b->longest) b->longest = answer.n;
  snprintf(b->answer, sizeof b->answer, "%.*s", BASE_SPAN_ARG(answer));
}

static const wc_chat_events events = {on_chat, on_cleared, on_message};

static void run(bench *b, int64_t ms) { fake_run(&b->service.gw.plat, ms); }

static void page_new(bench *b) {
  const wc_session_options options = {.url = "ws://test/"};
  b->states[0] = 0;
  CHECK_OK(wc_session_new(&b->service.gw.plat.base, &options, &b->session));
  CHECK_OK(wc_chat_new(&b->service.gw.plat.base, wc_session_channel(b->session), &events, b, &b->chat));
}

static void page_open(bench *b) {
  page_new(b);
  run(b, 10);
}

static void page_close(bench *b) {
  wc_chat_free(b->chat);
  wc_session_free(b->session);
  run(b, 100);
}

static void bench_open(bench *b) {
  memset(b, 0, sizeof *b);
  fake_chatbot_init(&b->service, 1);
  page_open(b);
}

static void bench_close(bench *b) {
  page_close(b);
  fake_chatbot_dispose(&b->service);
}

static uint32_t ask(bench *b, const char *text) {
  const wc_chat_question q = {.text = text, .language = "", .session_id = "", .context = ""};
  uint32_t id = 0;
  CHECK_OK(wc_chat_ask(b->chat, &q, &id));
  return id;
}

static void check_answer(bench *b, uint32_t id, enum wc_chat_state state, const char *want) {
  const wc_chat_message *m = wc_chat_find(b->chat, id);
  REQUIRE(m);
  CHECK_INT(m->state, state);
  CHECK_MSG(base_span_is(base_buf_span(&m->answer), want), "got \"%.*s\", want \"%s\"",
            BASE_SPAN_ARG(base_buf_span(&m->answer)), want);
}

static void test_answered(void) {
  static bench b;
  bench_open(&b);
  uint32_t id = ask(&b, "Why?");
  run(&b, 1000);
  check_answer(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
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
    ask(&b, "a");
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

/* Wherever the connection is cut, each question is answered once and what the reader sees never shrinks. */
static void test_cut_everywhere(void) {
  for (int piece = 1; piece < FAKE_PIECES; piece++) {
    static bench b;
    bench_open(&b);
    b.service.cut_after = piece;
    uint32_t first = ask(&b, "One?"), second = ask(&b, "Two?");
    run(&b, 20000);
    check_answer(&b, first, WC_CHAT_DONE, "Re: One? [1].");
    check_answer(&b, second, WC_CHAT_DONE, "Re: Two? [1].");
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
    uint32_t id = ask(&b, "One?");
    run(&b, 60000);
    check_answer(&b, id, WC_CHAT_DONE, "Re: One? [1].");
    CHECK_INT(b.service.row_count, 1);
    CHECK_INT(b.service.rows[0].answered, 1);
    bench_close(&b);
  }
}

static void test_reading_goes_on_after_a_cut(void) {
  static bench b;
  bench_open(&b);
  b.service.hang_after = 3;
  uint32_t id = ask(&b, "Why so?");
  run(&b, 1000);
  char before[sizeof b.answer];
  memcpy(before, b.answer, sizeof before);
  int told = b.told;
  b.service.hang_after = 2; /* the second try comes less far */
  fake_close(b.service.gw.socket, WC_CLOSE_LOST);
  run(&b, 3000);
  CHECK_INT(b.shrunk, 0);
  CHECK_MSG(b.told == told || strstr(b.answer, "\"blocks\":[]"), "%s after %s", b.answer, before);
  b.service.hang_after = -1;
  fake_close(b.service.gw.socket, WC_CLOSE_LOST);
  run(&b, 10000);
  check_answer(&b, id, WC_CHAT_DONE, "Re: Why so? [1].");
  CHECK_INT(b.shrunk, 0);
  bench_close(&b);
}

static void test_offline_and_reload(void) {
  static bench b;
  bench_open(&b);
  b.service.gw.plat.refuse = true;
  ask(&b, "One?");
  ask(&b, "Two?");
  run(&b, 30000);
  CHECK_INT(b.service.row_count, 0);
  page_close(&b);
  page_open(&b); /* reloaded while offline */
  run(&b, 30000);
  const wc_chat_message *m = wc_chat_find(b.chat, 1);
  REQUIRE(m);
  CHECK_STR(m->question, "One?");
  CHECK_INT(m->state, WC_CHAT_QUEUED);
  CHECK_INT(m->code, 14);
  b.service.gw.plat.refuse = false;
  wc_session_retry_now(b.session);
  wc_chat_retry_now(b.chat);
  run(&b, 2000);
  CHECK_INT(b.service.row_count, 2);
  CHECK_INT(fake_chatbot_row(&b.service, "One?")->answered, 1);
  CHECK_INT(fake_chatbot_row(&b.service, "Two?")->answered, 1);
  CHECK_INT(b.service.conversations, 1);
  page_close(&b);
  page_open(&b); /* the conversation is there, and nothing is asked again */
  run(&b, 2000);
  CHECK_INT(b.service.row_count, 2);
  CHECK_STR(b.states, "1:DONE 2:DONE");
  check_answer(&b, 2, WC_CHAT_DONE, "Re: Two? [1].");
  CHECK(!wc_chat_is_busy(b.chat));
  bench_close(&b);
}

/* The page goes away while the answer streams: the next one asks with the same key. */
static void test_reload_inside_an_answer(void) {
  for (int hang = 0; hang < FAKE_PIECES; hang++) {
    static bench b;
    bench_open(&b);
    b.service.hang_after = hang;
    ask(&b, "Why?");
    run(&b, 1000);
    page_close(&b);
    b.service.hang_after = -1;
    page_open(&b);
    run(&b, 2000);
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
  uint32_t first = ask(&b, "One?"), second = ask(&b, "Two?");
  run(&b, 1000);
  CHECK_INT(b.service.cancelled, 0);
  wc_chat_stop(b.chat, second); /* not asked yet */
  wc_chat_stop(b.chat, first);
  wc_chat_stop(b.chat, first);
  run(&b, 1000);
  CHECK_INT(b.service.cancelled, 1);
  CHECK_INT(b.service.row_count, 1);
  CHECK_INT(wc_chat_find(b.chat, first)->state, WC_CHAT_STOPPED);
  CHECK_INT(wc_chat_find(b.chat, second)->state, WC_CHAT_STOPPED);
  CHECK(base_buf_size(&wc_chat_find(b.chat, first)->answer) > 0);
  b.service.hang_after = -1;
  CHECK_OK(wc_chat_retry(b.chat, first));
  run(&b, 1000);
  check_answer(&b, first, WC_CHAT_DONE, "Re: One? [1].");
  CHECK_INT(b.service.row_count, 1);
  page_close(&b);
  page_open(&b); /* what was stopped is not asked after a reload */
  run(&b, 1000);
  CHECK_INT(b.service.row_count, 1);
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
    uint32_t id = ask(&b, "Why?");
    run(&b, 60000);
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
    run(&b, 2000);
    check_answer(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
    CHECK_INT(b.service.row_count, 1);
    CHECK_INT(b.service.conversations, rows[i].code == 5 ? 2 : 1);
    bench_close(&b);
  }
}

/* A stream that ends well but without its end is no answer. */
static void test_no_final(void) {
  static bench b;
  bench_open(&b);
  b.service.no_final = true;
  uint32_t id = ask(&b, "Why?");
  run(&b, 60000);
  CHECK_INT(wc_chat_find(b.chat, id)->state, WC_CHAT_FAILED); /* after a few tries */
  CHECK_INT(wc_chat_find(b.chat, id)->code, 13);
  b.service.no_final = false;
  CHECK_OK(wc_chat_retry(b.chat, id));
  run(&b, 1000);
  check_answer(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
  CHECK_INT(b.service.rows[0].answered, 1);
  bench_close(&b);
}

static void test_finish_reasons(void) {
  for (int finish = 1; finish <= 4; finish++) {
    static bench b;
    bench_open(&b);
    b.service.finish = (Ponte__Chatbot__V1__FinishReason)finish;
    uint32_t id = ask(&b, "Why?");
    run(&b, 1000);
    CHECK_INT(wc_chat_find(b.chat, id)->finish, finish);
    CHECK_OK(wc_chat_retry(b.chat, id)); /* a new key: the kept answer would be the same */
    run(&b, 1000);
    CHECK_INT(b.service.row_count, 2);
    bench_close(&b);
  }
}

static void test_history_and_rating(void) {
  static bench b;
  bench_open(&b);
  for (int i = 0; i < 5; i++)
    ask(&b, "Again?");
  run(&b, 2000);
  CHECK_OK(wc_chat_rate(b.chat, 2, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL));
  run(&b, 1000);
  CHECK_INT(wc_chat_find(b.chat, 2)->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  char id[64];
  snprintf(id, sizeof id, "%s", wc_chat_conversation(b.chat));
  CHECK_OK(wc_chat_open(b.chat, ""));
  run(&b, 1000);
  CHECK_INT(b.cleared, 1);
  CHECK_STR(b.states, "");
  ask(&b, "Another?");
  run(&b, 1000);
  CHECK_INT(b.service.conversations, 2);
  CHECK_OK(wc_chat_open(b.chat, id));
  run(&b, 1000);
  CHECK_STR(b.states, "7:DONE 8:DONE 9:DONE 10:DONE 11:DONE"); /* three pages */
  CHECK_INT(wc_chat_find(b.chat, 8)->rating, PONTE__CHATBOT__V1__RATING__RATING_HELPFUL);
  CHECK_OK(wc_chat_open(b.chat, id));
  for (int calls = b.service.call_count, ms = 0; b.service.call_count < calls + 2 && ms < 1000; ms++)
    run(&b, 1);
  CHECK_OK(wc_chat_open(b.chat, id)); /* between two pages: from the first one again */
  run(&b, 1000);
  CHECK_STR(b.states, "14:DONE 15:DONE 16:DONE 17:DONE 18:DONE");
  b.service.refuse_code = 5;
  b.service.refuse_reason = "NOT_FOUND";
  b.service.refuse_method = "GetConversation";
  CHECK_OK(wc_chat_open(b.chat, id)); /* removed elsewhere */
  run(&b, 1000);
  CHECK_STR(wc_chat_conversation(b.chat), "");
  CHECK(!wc_chat_is_busy(b.chat));
  CHECK_ERR(wc_chat_open(b.chat, "1234567890123456789012345678901234567890"), BASE_E_INVALID);
  bench_close(&b);
}

/* What waits between two tries to fetch one conversation is no matter of the next one. */
static void test_another_conversation_does_not_wait(void) {
  static bench b;
  bench_open(&b);
  ask(&b, "One?");
  run(&b, 1000);
  char id[64];
  snprintf(id, sizeof id, "%s", wc_chat_conversation(b.chat));
  b.service.refuse_code = 14;
  b.service.refuse_method = "GetConversation";
  CHECK_OK(wc_chat_open(b.chat, id));
  run(&b, 60000); /* the back-off has reached its cap */
  CHECK(wc_chat_is_busy(b.chat));
  CHECK_OK(wc_chat_open(b.chat, ""));
  uint32_t next = ask(&b, "Two?");
  run(&b, 100);
  check_answer(&b, next, WC_CHAT_DONE, "Re: Two? [1].");
  bench_close(&b);
}

static void test_forget(void) {
  static bench b;
  bench_open(&b);
  b.service.hang_after = 1;
  ask(&b, "Secret?");
  run(&b, 1000);
  wc_chat_forget(b.chat);
  run(&b, 1000);
  CHECK_INT(b.service.cancelled, 1);
  CHECK_INT(b.cleared, 1);
  page_close(&b);
  page_open(&b);
  run(&b, 1000);
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
    ask(&b, "Secret?");
    run(&b, 1000);
    if (rows[i].page != STAYS) page_close(&b);
    if (rows[i].page == RELOADS) page_open(&b);
    if (rows[i].page == RELOADS_SIGNED_IN) page_new(&b);
    if (rows[i].after) CHECK_OK(wc_chat_set_reader(b.chat, rows[i].after));
    b.service.gw.plat.refuse = false;
    run(&b, 20000);
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
  page_open(&b);
  uint32_t id = ask(&b, "Why?");
  run(&b, 1000);
  check_answer(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
  bench_close(&b);
}

static void test_two_pages(void) {
  static bench b;
  bench_open(&b);
  wc_chat *first = b.chat;
  b.service.gw.plat.refuse = true;
  ask(&b, "One?");
  CHECK_OK(wc_chat_new(&b.service.gw.plat.base, wc_session_channel(b.session), &events, &b, &b.chat));
  ask(&b, "Two?");
  run(&b, 1000);
  wc_chat_free(first); /* the second page takes over what the first has left behind */
  run(&b, 1000);
  b.service.gw.plat.refuse = false;
  run(&b, 20000);
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
    page_open(&b);
    page_close(&b);
    plat->vt->record_put(plat, "chat", base_span_str(rows[i]), ignore, NULL);
    page_open(&b);
    uint32_t id = ask(&b, "Why?");
    run(&b, 1000);
    check_answer(&b, id, WC_CHAT_DONE, "Re: Why? [1].");
    bench_close(&b);
  }
}

static void test_too_large_answer(void) {
  static bench b;
  bench_open(&b);
  b.service.endless = true;
  static char question[200];
  memset(question, 'q', sizeof question - 1);
  uint32_t id = ask(&b, question);
  run(&b, 5000);
  CHECK_INT(wc_chat_find(b.chat, id)->state, WC_CHAT_FAILED);
  CHECK_INT(wc_chat_find(b.chat, id)->code, 8);
  CHECK_INT(b.service.cancelled, 1);
  bench_close(&b);
}

TEST_MAIN(TEST(test_answered), TEST(test_refused_here), TEST(test_cut_everywhere),
          TEST(test_reading_goes_on_after_a_cut), TEST(test_offline_and_reload), TEST(test_reload_inside_an_answer),
          TEST(test_stop), TEST(test_refusals), TEST(test_no_final), TEST(test_finish_reasons),
          TEST(test_history_and_rating), TEST(test_another_conversation_does_not_wait), TEST(test_forget),
          TEST(test_readers), TEST(test_without_records), TEST(test_two_pages), TEST(test_damaged_record),
          TEST(test_too_large_answer))
