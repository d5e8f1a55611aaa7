#include "wc/attach.h"

#include <stdlib.h>

#include "base/test.h"
#include "pb/message.h"
#include "ponte/chatbot/v1/chatbot.pb-c.h"
#include "wc/fake/fake_unary.h"
#include "wc/session.h"

enum { KEPT_MAX = 2048 };

/* What the service has, as text: "session/result ". */
typedef struct {
  fake_unary unary;
  wc_session *session;
  wc_attach *attach;
  char kept[KEPT_MAX * 16];
  int calls, added, largest, fail_code, cut_one_in;
  bool last_shared, lose;
  char last_title[64];
  enum wc_attach_state state;
  int states[8], code;
} bench;

static void on_request(void *ctx, const fake_call *c, base_span bytes) {
  bench *b = ctx;
  pb_arena arena;
  ProtobufCMessage *message;
  b->calls++;
  CHECK_STR(c->path, "/ponte.chatbot.v1.ChatbotService/AppendTranscript");
  if (b->fail_code) {
    fake_unary_fail(c, b->fail_code, "REASON", 0);
    return;
  }
  uint32_t dice = fake_random(&b->unary.gw.plat);
  bool cut = b->cut_one_in && dice % (uint32_t)b->cut_one_in == 0;
  if (cut && dice & 0x10000) { /* before it was done */
    fake_close(c->socket, WC_CLOSE_LOST);
    return;
  }
  if (cut) fake_close(c->socket, WC_CLOSE_LOST); /* or before the answer arrives */
  pb_arena_init(&arena, 4 << 20);
  if (!base_is_ok(pb_unpack(&ponte__chatbot__v1__append_transcript_request__descriptor, bytes, &arena, &message)))
    abort();
  const Ponte__Chatbot__V1__AppendTranscriptRequest *r = (const Ponte__Chatbot__V1__AppendTranscriptRequest *)message;
  Ponte__Chatbot__V1__AppendTranscriptResponse answer = PONTE__CHATBOT__V1__APPEND_TRANSCRIPT_RESPONSE__INIT;
  for (size_t i = 0; i < r->n_segments; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s ", r->session_id, r->segments[i]->result_id);
    if (strstr(b->kept, name)) continue;
    size_t n = strlen(b->kept);
    snprintf(b->kept + n, sizeof b->kept - n, "%s", name);
    answer.added++;
  }
  CHECK(r->n_segments > 0);
  if ((int)r->n_segments > b->largest) b->largest = (int)r->n_segments;
  b->added += answer.added;
  b->last_shared = r->shared;
  snprintf(b->last_title, sizeof b->last_title, "%s", r->title);
  pb_arena_dispose(&arena);
  fake_unary_reply(c, &answer.base);
}

static void on_state(void *ctx, enum wc_attach_state state, const wire_status *status) {
  bench *b = ctx;
  b->state = state;
  b->states[state]++;
  b->code = status ? status->code : 0;
}

static void run(bench *b, int64_t ms) { fake_run(&b->unary.gw.plat, ms); }

static void bench_open(bench *b, uint64_t seed) {
  memset(b, 0, sizeof *b);
  fake_unary_init(&b->unary, seed);
  b->unary.on_request = on_request;
  b->unary.ctx = b;
  wc_plat *plat = &b->unary.gw.plat.base;
  CHECK_OK(wc_session_new(plat, &(wc_session_options){.url = "ws://test/ponte.v1"}, &b->session));
  CHECK_OK(wc_attach_new(plat, wc_session_channel(b->session), on_state, b, &b->attach));
  CHECK_OK(wc_attach_begin(b->attach, "s1", "Aula", false));
}

static void bench_close(bench *b) {
  wc_attach_free(b->attach);
  wc_session_free(b->session);
  fake_unary_dispose(&b->unary);
}

static base_err say(bench *b, const char *id, const char *text, bool is_final) {
  Ponte__Transcription__V1__TranscriptionResult r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Segment s = PONTE__TRANSCRIPTION__V1__SEGMENT__INIT;
  s.text = (char *)text;
  s.is_final = is_final;
  r.result_id = (char *)id;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  r.segment = &s;
  return wc_attach_add(b->attach, &r);
}

static void test_right_away(void) {
  bench b;
  bench_open(&b, 1);
  CHECK_OK(say(&b, "a", "hello", true));
  run(&b, 900);
  CHECK_STR(b.kept, "s1/a ");
  CHECK_STR(b.last_title, "Aula");
  CHECK_INT(b.state, WC_ATTACH_SAVED);
  CHECK_OK(say(&b, "b", "one", true));
  CHECK_OK(say(&b, "c", "moment", true));
  run(&b, 900);
  CHECK_INT(b.calls, 2);
  CHECK_STR(b.kept, "s1/a s1/b s1/c ");
  CHECK_OK(wc_attach_begin(b.attach, "s2", "Outra", true));
  CHECK_OK(say(&b, "a", "again", true));
  run(&b, 900);
  CHECK_STR(b.kept, "s1/a s1/b s1/c s2/a ");
  CHECK(b.last_shared);
  bench_close(&b);
}

static void test_what_is_no_final(void) {
  bench b;
  bench_open(&b, 1);
  Ponte__Transcription__V1__TranscriptionResult progress = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Progress p = PONTE__TRANSCRIPTION__V1__PROGRESS__INIT;
  progress.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS;
  progress.progress = &p;
  CHECK_OK(wc_attach_add(b.attach, &progress));
  CHECK_OK(say(&b, "a", "not yet", false));
  CHECK_OK(say(&b, "a", "", true));
  CHECK_OK(say(&b, "", "without an id", true));
  run(&b, 1000);
  CHECK_INT(b.calls, 0);
  bench_close(&b);
}

static void test_long_texts_are_cut_between_characters(void) {
  bench b;
  bench_open(&b, 1);
  char *text = malloc(8194);
  REQUIRE(text);
  memset(text, 'x', 8193);
  text[8191] = '\xc3', text[8192] = '\xa3', text[8193] = 0;
  CHECK_OK(say(&b, "a", text, true));
  run(&b, 1000);
  CHECK_STR(b.kept, "s1/a ");
  free(text);
  bench_close(&b);
}

static void test_refusals(void) {
  static const struct {
    int code;
    enum wc_attach_state state;
    bool again;
  } rows[] = {{14, WC_ATTACH_WAITING, true},  {8, WC_ATTACH_WAITING, true},        {4, WC_ATTACH_WAITING, true},
              {13, WC_ATTACH_WAITING, true},  {16, WC_ATTACH_NEEDS_SIGN_IN, true}, {7, WC_ATTACH_REFUSED, false},
              {12, WC_ATTACH_REFUSED, false}, {3, WC_ATTACH_REFUSED, false},       {9, WC_ATTACH_REFUSED, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    bench_open(&b, 1);
    b.fail_code = rows[i].code;
    CHECK_OK(say(&b, "a", "hello", true));
    run(&b, 30);
    CHECK_MSG(b.state == rows[i].state && b.code == rows[i].code, "%d: state %d", rows[i].code, b.state);
    CHECK_OK(say(&b, "b", "more", true));
    run(&b, 60000);
    if (rows[i].state != WC_ATTACH_WAITING) CHECK_MSG(b.calls == 1, "%d: %d calls", rows[i].code, b.calls);
    b.fail_code = 0;
    if (rows[i].again) wc_attach_retry_now(b.attach);
    run(&b, 1000);
    CHECK_MSG(strcmp(b.kept, rows[i].again ? "s1/a s1/b " : "") == 0, "%d: %s", rows[i].code, b.kept);
    CHECK_OK(wc_attach_begin(b.attach, "s2", "", false));
    CHECK_OK(say(&b, "c", "the next recording", true));
    run(&b, 1000);
    CHECK(strstr(b.kept, "s2/c"));
    bench_close(&b);
  }
}

static void test_another_reader(void) {
  bench b;
  bench_open(&b, 1);
  b.fail_code = 16;
  CHECK_OK(say(&b, "a", "mine", true));
  run(&b, 30);
  wc_attach_forget(b.attach);
  CHECK_INT(b.state, WC_ATTACH_NEEDS_SIGN_IN); /* never from inside a function */
  run(&b, 1);
  CHECK_INT(b.state, WC_ATTACH_NOTHING);
  CHECK_OK(say(&b, "b", "mine too", true));
  b.fail_code = 0;
  wc_attach_retry_now(b.attach);
  run(&b, 1000);
  CHECK_STR(b.kept, "");
  CHECK_OK(wc_attach_begin(b.attach, "s2", "", false));
  CHECK_OK(say(&b, "c", "theirs", true));
  wc_attach_forget(b.attach); /* while it is on its way */
  run(&b, 1000);
  CHECK_INT(b.state, WC_ATTACH_NOTHING); /* and its answer says nothing */
  CHECK_OK(wc_attach_begin(b.attach, "s3", "", false));
  CHECK_OK(say(&b, "d", "ours", true));
  run(&b, 1000);
  CHECK(strstr(b.kept, "s3/d"));
  b.fail_code = 14;
  CHECK_OK(say(&b, "e", "waits for another try", true));
  run(&b, 30);
  wc_attach_forget(b.attach);
  b.fail_code = 0;
  CHECK_OK(wc_attach_begin(b.attach, "s4", "", false));
  CHECK_OK(say(&b, "f", "does not wait for it", true));
  run(&b, 1000);
  CHECK(strstr(b.kept, "s4/f") && !strstr(b.kept, "s3/e"));
  bench_close(&b);
}

static void test_as_much_as_waits(void) {
  bench b;
  bench_open(&b, 1);
  b.unary.gw.plat.refuse = true;
  char id[16];
  for (int i = 0; i < WC_ATTACH_ITEMS_MAX; i++) {
    snprintf(id, sizeof id, "%d", i);
    CHECK_OK(say(&b, id, "word", true));
  }
  CHECK_ERR(say(&b, "more", "word", true), BASE_E_EXHAUSTED);
  b.calls = 0;
  bench_close(&b);
}

/* The connection is cut at random, before and after the service has kept what was sent: each result is kept once, in order. */
static void test_cuts(void) {
  for (uint64_t seed = 0; seed < 40; seed++) {
    bench b;
    char want[KEPT_MAX * 16] = "", id[16];
    bench_open(&b, seed);
    b.cut_one_in = 3;
    for (int i = 0; i < 300; i++) {
      snprintf(id, sizeof id, "%d", i);
      snprintf(want + strlen(want), sizeof want - strlen(want), "s1/%s ", id);
      CHECK_OK(say(&b, id, "word", true));
      run(&b, fake_random(&b.unary.gw.plat) % 200);
    }
    b.cut_one_in = 0;
    run(&b, 60000);
    CHECK_MSG(strcmp(b.kept, want) == 0, "seed %d", (int)seed);
    CHECK_INT(b.added, 300);
    CHECK_INT(b.state, WC_ATTACH_SAVED);
    CHECK(b.largest <= WC_ATTACH_BATCH_MAX);
    bench_close(&b);
  }
}

static void test_freed_while_a_call_runs(void) {
  bench b;
  bench_open(&b, 1);
  CHECK_OK(say(&b, "a", "hello", true));
  run(&b, 2);
  bench_close(&b);
}

TEST_MAIN(TEST(test_right_away), TEST(test_what_is_no_final), TEST(test_long_texts_are_cut_between_characters),
          TEST(test_refusals), TEST(test_another_reader), TEST(test_as_much_as_waits), TEST(test_cuts),
          TEST(test_freed_while_a_call_runs))
