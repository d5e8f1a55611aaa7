#include "wc/attach.h"

#include <stdlib.h>

#include "base/test.h"
#include "pb/message.h"
#include "ponte/chatbot/v1/chatbot.pb-c.h"
#include "wc/fake/fake_unary.h"
#include "wc/session.h"

enum { KEPT_MAX = 2048, PAGES = 2 };

/* What the service has, as text: "session/result ". */
typedef struct {
  fake_unary unary;
  wc_session *sessions[PAGES];
  wc_attach *attach, *pages[PAGES]; /* of one browser; attach: the first */
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

static void page_open(bench *b, int i) {
  wc_plat *plat = &b->unary.gw.plat.base;
  CHECK_OK(wc_session_new(plat, &(wc_session_options){.url = "ws://test/ponte.v1"}, &b->sessions[i]));
  CHECK_OK(wc_attach_new(plat, wc_session_channel(b->sessions[i]), on_state, b, &b->pages[i]));
  b->attach = b->pages[0];
}

static void page_close(bench *b, int i) {
  wc_attach_free(b->pages[i]);
  wc_session_free(b->sessions[i]);
  b->pages[i] = NULL;
  b->sessions[i] = NULL;
  b->attach = b->pages[0];
}

static void bench_open(bench *b, uint64_t seed) {
  memset(b, 0, sizeof *b);
  fake_unary_init(&b->unary, seed);
  b->unary.on_request = on_request;
  b->unary.ctx = b;
  page_open(b, 0);
  CHECK_OK(wc_attach_begin(b->attach, "s1", "Aula", false));
}

static void bench_close(bench *b) {
  for (int i = 0; i < PAGES; i++)
    page_close(b, i);
  fake_unary_dispose(&b->unary);
}

static base_err tell(wc_attach *a, const char *id, const char *text, bool is_final) {
  Ponte__Transcription__V1__TranscriptionResult r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Segment s = PONTE__TRANSCRIPTION__V1__SEGMENT__INIT;
  s.text = (char *)text;
  s.is_final = is_final;
  r.result_id = (char *)id;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  r.segment = &s;
  return wc_attach_add(a, &r);
}

static base_err say(bench *b, const char *id, const char *text, bool is_final) {
  return tell(b->attach, id, text, is_final);
}

static base_err say_number(bench *b, int i, const char *text) {
  char id[16];
  snprintf(id, sizeof id, "%d", i);
  return say(b, id, text, true);
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
  wc_attach_forget(b.attach); /* nobody sits here */
  CHECK_OK(wc_attach_set_reader(b.attach, "ana"));
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
  CHECK_OK(wc_attach_set_reader(b.attach, "bia"));
  CHECK_OK(wc_attach_begin(b.attach, "s2", "", false));
  CHECK_OK(say(&b, "c", "theirs", true));
  run(&b, 1);
  CHECK_OK(wc_attach_set_reader(b.attach, "ana")); /* while it is on its way */
  run(&b, 1000);
  CHECK_INT(b.state, WC_ATTACH_NOTHING); /* and its answer says nothing */
  CHECK_OK(wc_attach_begin(b.attach, "s3", "", false));
  CHECK_OK(say(&b, "d", "ours", true));
  run(&b, 1000);
  CHECK(strstr(b.kept, "s3/d"));
  bench_close(&b);
}

static void test_as_much_as_waits(void) {
  bench b;
  bench_open(&b, 1);
  b.unary.gw.plat.refuse = true;
  for (int i = 0; i < WC_ATTACH_ITEMS_MAX; i++) {
    CHECK_OK(say_number(&b, i, "word"));
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

/* -- what outlives the page */

static size_t kept_bytes(const bench *b) { return fake_record_of(&b->unary.gw.plat, "attach").n; }

/* A page that begins where none was, or as the next one; NULL: nobody has signed in. */
static wc_attach *begin_page(bench *b, int i, const char *reader) {
  page_open(b, i);
  wc_attach_keep(b->pages[i]);
  if (reader) CHECK_OK(wc_attach_set_reader(b->pages[i], reader));
  return b->pages[i];
}

/* A page of `reader` that said `id` in session `s1` and was closed before the service was there. */
static void leave_behind(bench *b, const char *reader, const char *id) {
  int code = b->fail_code;
  bench_open(b, 1);
  b->fail_code = code ? code : 14;
  wc_attach_keep(b->attach);
  if (reader) CHECK_OK(wc_attach_set_reader(b->attach, reader));
  CHECK_OK(say(b, id, "not sent", true));
  run(b, 1000);
  page_close(b, 0);
  CHECK(kept_bytes(b) > 0);
  b->fail_code = b->calls = 0;
}

static void test_what_is_answered_soon_is_not_written(void) {
  bench b;
  bench_open(&b, 1);
  wc_attach_keep(b.attach);
  for (int i = 0; i < 50; i++) {
    CHECK_OK(say_number(&b, i, "word"));
    run(&b, 700);
  }
  CHECK_INT(b.added, 50);
  CHECK_INT(b.unary.gw.plat.puts, 0);
  bench_close(&b);
}

static void test_writes_are_few(void) {
  bench b;
  bench_open(&b, 1);
  wc_attach_keep(b.attach);
  b.fail_code = 16;
  for (int i = 0; i < 400; i++) {
    CHECK_OK(say_number(&b, i, "word"));
    run(&b, 10);
  }
  CHECK_MSG(b.unary.gw.plat.puts <= 4000 / 250, "%d writes", b.unary.gw.plat.puts);
  b.fail_code = 0;
  page_close(&b, 0);
  begin_page(&b, 0, NULL);
  run(&b, 1000);
  CHECK(b.added >= 375 && b.calls > 1); /* what the last quarter of a second brought was not written yet */
  CHECK_INT(kept_bytes(&b), 0);
  bench_close(&b);
}

static void test_the_next_page_sends_it(void) {
  static const struct {
    const char *why, *left_by, *comes;
    int code; /* of the service, until somebody signs in late */
    bool sent, stays;
  } rows[] = {{"nobody signs in here", NULL, NULL, 0, true, false},
              {"nobody's, and somebody must sign in", NULL, NULL, 16, false, true},
              {"nobody's words are not the next reader's", NULL, "ana", 0, false, false},
              {"hers", "ana", "ana", 0, true, false},
              {"not another reader's", "ana", "bia", 0, false, false},
              {"it waits for her", "ana", NULL, 0, false, true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b = {0};
    leave_behind(&b, rows[i].left_by, "a");
    b.fail_code = rows[i].code;
    begin_page(&b, 0, rows[i].comes);
    run(&b, 2000);
    CHECK_MSG(strcmp(b.kept, rows[i].sent ? "s1/a " : "") == 0, "%s: %s", rows[i].why, b.kept);
    CHECK_MSG((kept_bytes(&b) > 0) == rows[i].stays, "%s: %zu bytes", rows[i].why, kept_bytes(&b));
    CHECK_MSG(b.calls == (rows[i].sent || rows[i].code), "%s: %d calls", rows[i].why, b.calls);
    if (rows[i].sent) CHECK_STR(b.last_title, "Aula");
    CHECK_OK(wc_attach_set_reader(b.attach, "ana"));
    b.fail_code = 0;
    run(&b, 20000);
    bool was_hers = rows[i].sent || (rows[i].left_by && rows[i].stays);
    CHECK_MSG(strcmp(b.kept, was_hers ? "s1/a " : "") == 0, "%s: %s", rows[i].why, b.kept);
    CHECK_INT(kept_bytes(&b), 0);
    bench_close(&b);
  }
}

/* What somebody left stays hers while another recording, of nobody, waits beside it. */
static void test_beside_what_somebody_left(void) {
  bench b = {.fail_code = 16};
  leave_behind(&b, "ana", "a");
  b.fail_code = 16;
  begin_page(&b, 0, NULL);
  CHECK_OK(wc_attach_begin(b.attach, "s2", "", false));
  CHECK_OK(say(&b, "b", "nobody's", true));
  run(&b, 1000);
  page_close(&b, 0);
  b.fail_code = 0;
  begin_page(&b, 0, NULL);
  run(&b, 1000);
  CHECK_STR(b.kept, "s2/b ");
  CHECK_OK(wc_attach_set_reader(b.attach, "ana"));
  run(&b, 1000);
  CHECK_STR(b.kept, "s2/b s1/a ");
  CHECK_INT(kept_bytes(&b), 0);
  bench_close(&b);
}

static void test_another_page_sends_it(void) {
  bench b;
  bench_open(&b, 1);
  wc_attach_keep(b.attach);
  b.fail_code = 14;
  CHECK_OK(say(&b, "a", "of the first", true));
  run(&b, 1000);
  CHECK_OK(wc_attach_begin(begin_page(&b, 1, NULL), "s2", "", false));
  CHECK_OK(tell(b.pages[1], "b", "of the second", true));
  run(&b, 1000);
  page_close(&b, 0); /* the second one has the record now, with both */
  run(&b, 1000);
  page_close(&b, 1);
  b.fail_code = 0;
  b.calls = 0;
  begin_page(&b, 1, NULL);
  run(&b, 2000);
  CHECK_STR(b.kept, "s1/a s2/b ");
  CHECK_INT(b.calls, 2);
  CHECK_INT(kept_bytes(&b), 0);
  bench_close(&b);
}

static void test_sign_out_empties_the_record(void) {
  for (int holder = 0; holder < PAGES; holder++) {
    bench b;
    bench_open(&b, 1);
    wc_attach_keep(b.attach);
    CHECK_OK(wc_attach_set_reader(b.attach, "ana"));
    b.fail_code = 14;
    CHECK_OK(say(&b, "a", "hers", true));
    run(&b, 1000);
    CHECK(kept_bytes(&b) > 0);
    begin_page(&b, 1, "ana");
    run(&b, 100);
    wc_attach_forget(b.pages[1 - holder]); /* each page hears of it, in any order */
    run(&b, holder);
    wc_attach_forget(b.pages[holder]);
    run(&b, 1);
    CHECK_INT(kept_bytes(&b), 0);
    b.fail_code = 0;
    for (int i = 0; i < PAGES; i++)
      CHECK_OK(wc_attach_set_reader(b.pages[i], "bia"));
    run(&b, 60000);
    CHECK_STR(b.kept, "");
    bench_close(&b);
  }
  bench b = {0}; /* with nothing in the page itself */
  leave_behind(&b, "ana", "a");
  begin_page(&b, 0, "ana");
  wc_attach_forget(b.attach);
  run(&b, 1000);
  CHECK_INT(kept_bytes(&b), 0);
  bench_close(&b);
}

static void test_nothing_holds_up_the_next_recording(void) {
  bench b = {0};
  leave_behind(&b, NULL, "a");
  b.fail_code = 3;
  begin_page(&b, 0, NULL);
  run(&b, 1000);
  CHECK_INT(b.state, WC_ATTACH_REFUSED);
  CHECK_INT(kept_bytes(&b), 0);
  CHECK_OK(wc_attach_set_reader(b.attach, "ana"));
  b.fail_code = 14;
  CHECK_OK(wc_attach_begin(b.attach, "s1", "", false));
  CHECK_OK(say(&b, "e", "waits for another try", true));
  run(&b, 30);
  wc_attach_forget(b.attach); /* and the next recording does not wait for it */
  b.fail_code = 0;
  CHECK_OK(wc_attach_begin(b.attach, "s2", "", false));
  CHECK_OK(say(&b, "b", "this one is good", true));
  run(&b, 1000);
  CHECK_STR(b.kept, "s2/b ");
  bench_close(&b);
}

static void test_a_platform_that_fails(void) {
  for (int lost = 0; lost < 2; lost++) {
    bench b;
    bench_open(&b, 1);
    b.unary.gw.plat.no_records = !lost;
    b.unary.gw.plat.lost_puts = lost;
    wc_attach_keep(b.attach);
    b.fail_code = 14;
    CHECK_OK(say(&b, "a", "kept nowhere", true));
    run(&b, 1000);
    CHECK_INT(kept_bytes(&b), 0);
    CHECK_OK(say(&b, "b", "or with the next", true));
    run(&b, 1000);
    if (lost) {
      page_close(&b, 0);
      begin_page(&b, 0, NULL);
    }
    b.fail_code = 0;
    run(&b, 60000);
    CHECK_STR(b.kept, "s1/a s1/b ");
    bench_close(&b);
  }
}

/* Of more than a record holds the oldest are in it. */
static void test_as_much_as_a_record_holds(void) {
  bench b;
  char *text = calloc(1, 8193);
  REQUIRE(text);
  memset(text, 'x', 8192);
  bench_open(&b, 1);
  b.unary.gw.plat.refuse = true;
  wc_attach_keep(b.attach);
  for (int i = 0; i < 200; i++) {
    CHECK_OK(say_number(&b, i, text));
  }
  run(&b, 1000);
  page_close(&b, 0);
  b.unary.gw.plat.refuse = false;
  begin_page(&b, 0, NULL);
  run(&b, 5000);
  CHECK_MSG(b.added >= 90 && b.added < 128, "%d", b.added);
  CHECK(strncmp(b.kept, "s1/0 s1/1 s1/2 ", 15) == 0);
  CHECK_INT(kept_bytes(&b), 0);
  free(text);
  bench_close(&b);
}

static void on_put(void *ctx, base_err e) { *(base_err *)ctx = e; }

/* Every cut and every changed byte: what can be read is sent, and nothing breaks. */
static void test_damaged_records(void) {
  bench b = {0};
  leave_behind(&b, NULL, "a");
  base_span record = fake_record_of(&b.unary.gw.plat, "attach");
  size_t n = record.n;
  uint8_t *bytes = malloc(n);
  REQUIRE(bytes);
  memcpy(bytes, record.p, n);
  for (size_t i = 0; i < 2 * n; i++) {
    uint8_t flip = (uint8_t)(1 + fake_random(&b.unary.gw.plat) % 255);
    b.kept[0] = 0;
    if (i >= n) bytes[i - n] ^= flip;
    base_err put = base_fail(BASE_E_IO);
    fake_record_put(&b.unary.gw.plat.base, "attach", base_span_of(bytes, i < n ? i : n), on_put, &put);
    run(&b, 0);
    CHECK_OK(put);
    begin_page(&b, 0, NULL);
    run(&b, 100);
    page_close(&b, 0);
    if (i < n) CHECK_STR(b.kept, "");
    if (i >= n) bytes[i - n] ^= flip;
  }
  free(bytes);
  bench_close(&b);
}

/* Pages come and go and connections are cut at random: each result that the record had is kept once, in the order of its session. */
static void test_pages_closed_at_random(void) {
  for (uint64_t seed = 0; seed < 40; seed++) {
    bench b;
    char session[16], id[16];
    int said = 0;
    bench_open(&b, seed);
    page_close(&b, 0);
    for (int i = 0; i < 60; i++) {
      int page = (int)(fake_random(&b.unary.gw.plat) % PAGES);
      b.cut_one_in = 2;
      if (!b.pages[page]) {
        begin_page(&b, page, "ana");
        snprintf(session, sizeof session, "s%d", i);
        CHECK_OK(wc_attach_begin(b.pages[page], session, "", false));
      }
      snprintf(id, sizeof id, "%d", said++);
      CHECK_OK(tell(b.pages[page], id, "word", true));
      run(&b, 300 + fake_random(&b.unary.gw.plat) % 500);
      if (fake_random(&b.unary.gw.plat) % 3 > 0 || b.pages[1 - page]) continue; /* another page may hold the record */
      page_close(&b, page);
      run(&b, fake_random(&b.unary.gw.plat) % 50);
    }
    b.cut_one_in = 0;
    for (int i = 0; i < PAGES; i++)
      if (!b.pages[i]) begin_page(&b, i, "ana");
    run(&b, 60000);
    CHECK_MSG(b.added == said, "seed %d: %d of %d", (int)seed, b.added, said);
    CHECK_INT(kept_bytes(&b), 0);
    long last[64] = {0};
    for (char *p = b.kept; *p; p++) { /* "session/result " */
      long of = strtol(p + 1, &p, 10), result = strtol(p + 1, &p, 10);
      CHECK_MSG(result >= last[of], "seed %d: session %ld: %ld", (int)seed, of, result);
      last[of] = result;
    }
    bench_close(&b);
  }
}

static void test_freed_at_every_moment(void) {
  for (int ms = 0; ms < 300; ms += 3) {
    bench b = {0};
    leave_behind(&b, "ana", "a");
    begin_page(&b, 0, "ana");
    run(&b, ms % 30);
    if (ms > 200) wc_attach_forget(b.attach);
    run(&b, ms);
    page_close(&b, 0);
    run(&b, ms % 2 ? 1000 : 0);
    bench_close(&b);
  }
}

TEST_MAIN(TEST(test_right_away), TEST(test_what_is_no_final), TEST(test_long_texts_are_cut_between_characters),
          TEST(test_refusals), TEST(test_another_reader), TEST(test_as_much_as_waits), TEST(test_cuts),
          TEST(test_what_is_answered_soon_is_not_written), TEST(test_writes_are_few), TEST(test_the_next_page_sends_it),
          TEST(test_beside_what_somebody_left), TEST(test_another_page_sends_it),
          TEST(test_sign_out_empties_the_record), TEST(test_nothing_holds_up_the_next_recording),
          TEST(test_a_platform_that_fails), TEST(test_as_much_as_a_record_holds), TEST(test_damaged_records),
          TEST(test_pages_closed_at_random), TEST(test_freed_at_every_moment))
