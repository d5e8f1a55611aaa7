#include "wc/live.h"

#include <stdlib.h>

#include "base/test.h"
#include "wc/fake/fake_service.h"
#include "wc/session.h"

typedef struct {
  fake_service service;
  wc_session *session;
  wc_live *live;
  int64_t covered; /* committed_end of the last result */
  int finals, progress, interims, drained, reconnects;
  bool broken; /* a gap, an overlap or a repetition */
  enum wc_live_state last;
  int code;
} bench;

static void on_state(void *ctx, enum wc_live_state state, const wire_status *status) {
  bench *b = ctx;
  b->last = state;
  if (status) b->code = status->code;
  b->reconnects += state == WC_LIVE_RECONNECTING;
}

static void on_result(void *ctx, const wc_result *r) {
  bench *b = ctx;
  if (r->committed_end < b->covered) b->broken = true;
  if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS) {
    b->progress++;
  } else if (!r->segment->is_final) {
    b->interims++;
    if (r->segment->start_sample < b->covered) b->broken = true;
  } else {
    b->finals++;
    char want[16];
    snprintf(want, sizeof want, "w%d", (int)(b->covered / FAKE_BLOCK));
    if (r->segment->start_sample != b->covered || r->segment->end_sample != r->committed_end ||
        strcmp(r->segment->text, want) != 0)
      b->broken = true;
  }
  b->covered = r->committed_end;
}

static void on_drained(void *ctx) { ((bench *)ctx)->drained++; }

static const wc_live_events events = {on_state, on_result, on_drained};

static void bench_open(bench *b, uint64_t seed, wc_live_options o) {
  memset(b, 0, sizeof *b);
  fake_service_init(&b->service, seed);
  wc_session_options so = {.url = "ws://test/"};
  CHECK_OK(wc_session_new(&b->service.gw.plat.base, &so, &b->session));
  o.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  o.sample_rate_hz = FAKE_RATE;
  o.interim_results = true;
  CHECK_OK(wc_live_new(&b->service.gw.plat.base, wc_session_channel(b->session), &o, &events, b, &b->live));
}

static void bench_close(bench *b) {
  wc_live_free(b->live);
  wc_session_free(b->session);
  fake_service_dispose(&b->service);
}

static base_err push(bench *b) {
  uint8_t packet[8];
  fake_packet(wc_live_pushed(b->live), packet);
  return wc_live_push(b->live, FAKE_PACKET, base_span_of(packet, sizeof packet));
}

static void run(bench *b, int64_t ms) { fake_run(&b->service.gw.plat, ms); }

static void test_undisturbed(void) {
  static bench b;
  bench_open(&b, 1, (wc_live_options){0});
  for (int i = 0; i < 503; i++) {
    CHECK_OK(push(&b));
    run(&b, 20);
  }
  CHECK_INT(b.last, WC_LIVE_LIVE);
  CHECK(wc_live_pushed(b.live) - wc_live_committed(b.live) <= 2 * FAKE_BLOCK);
  wc_live_end(b.live);
  wc_live_end(b.live);
  CHECK_ERR(push(&b), BASE_E_PRECONDITION);
  run(&b, 100);
  CHECK_INT(b.last, WC_LIVE_DONE);
  CHECK_INT(b.covered, 503 * FAKE_PACKET);
  CHECK_INT(b.reconnects, 0);
  CHECK(!b.broken && b.finals > 80 && b.progress > 19 && b.interims > 100);
  CHECK_INT(b.service.violations, 0);
  bench_close(&b);
}

/* The promise: however often the connection dies, each sample is covered exactly once. */
static void test_random_cuts(void) {
  for (uint64_t seed = 1; seed <= 40; seed++) {
    static bench b;
    bench_open(&b, seed, (wc_live_options){0});
    b.service.cut_one_in = 5 + (int)(seed % 5) * 30;
    int packets = 200 + (int)(seed * 13 % 100);
    for (int i = 0; i < packets; i++) {
      CHECK_OK(push(&b));
      b.service.gw.plat.refuse = fake_random(&b.service.gw.plat) % 20 == 0;
      run(&b, fake_random(&b.service.gw.plat) % 60);
    }
    b.service.gw.plat.refuse = false;
    wc_live_end(b.live);
    for (int i = 0; i < 3000 && b.last != WC_LIVE_DONE && b.last != WC_LIVE_FAILED; i++) {
      if (i == 500)
        b.service.cut_one_in = 0; /* one in five can keep a stream of hundreds of messages from ever ending */
      run(&b, 100);
    }
    CHECK_MSG(b.last == WC_LIVE_DONE, "seed %d: state %d, status %d", (int)seed, (int)b.last, b.code);
    CHECK_MSG(b.covered == (int64_t)packets * FAKE_PACKET, "seed %d: %d", (int)seed, (int)b.covered);
    CHECK_MSG(!b.broken && b.service.violations == 0, "seed %d", (int)seed);
    CHECK_MSG(b.reconnects > 0, "seed %d", (int)seed);
    bench_close(&b);
  }
}

/* A file is pushed as fast as the service takes it. */
static void test_drained(void) {
  static bench b;
  bench_open(&b, 3, (wc_live_options){0});
  b.service.gw.call_credit = 2000;
  int pushed = 0;
  for (int i = 0; i < 200; i++) {
    while (pushed < 10000 && wc_live_unsent(b.live) < 1000) {
      CHECK_OK(push(&b));
      pushed++;
    }
    run(&b, 10);
  }
  CHECK_INT(pushed, 10000);
  CHECK(b.drained > 0);
  wc_live_end(b.live);
  run(&b, 1000);
  CHECK_INT(b.last, WC_LIVE_DONE);
  CHECK_INT(b.covered, 10000 * FAKE_PACKET);
  bench_close(&b);
}

static void test_statuses(void) {
  static const struct {
    int code;
    const char *pushback;
    bool again;
  } rows[] = {{14, NULL, true},  {8, "1500", true}, {8, "-1", false}, {8, "soon", false},
              {4, NULL, true},   {10, NULL, true},  {13, NULL, true}, {2, NULL, true},
              {1, NULL, true},   {3, NULL, false},  {5, NULL, false}, {7, NULL, false},
              {16, NULL, false}, {12, NULL, false}, {9, NULL, false}, {99, NULL, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static bench b;
    bench_open(&b, 5, (wc_live_options){0});
    b.service.refuse_code = rows[i].code;
    b.service.pushback = rows[i].pushback;
    CHECK_OK(push(&b));
    run(&b, 50);
    CHECK_MSG(b.last == (rows[i].again ? WC_LIVE_RECONNECTING : WC_LIVE_FAILED), "status %d", rows[i].code);
    CHECK_INT(b.code, rows[i].code);
    if (rows[i].pushback && rows[i].again) {
      run(&b, 1300);
      CHECK_INT(b.reconnects, 1);
      run(&b, 300);
      CHECK_INT(b.reconnects, 2);
    }
    b.service.refuse_code = 0;
    wc_live_end(b.live);
    run(&b, 10000);
    CHECK_MSG(b.last == (rows[i].again ? WC_LIVE_DONE : WC_LIVE_FAILED), "status %d: state %d", rows[i].code,
              (int)b.last);
    bench_close(&b);
  }
}

static void test_few_tries(void) {
  static bench b;
  bench_open(&b, 5, (wc_live_options){0});
  b.service.refuse_code = 13;
  CHECK_OK(push(&b));
  run(&b, 60000);
  CHECK_INT(b.last, WC_LIVE_FAILED);
  CHECK_INT(b.reconnects, 5);
  bench_close(&b);
}

static void test_early_ok_goes_on(void) {
  static bench b;
  bench_open(&b, 5, (wc_live_options){0});
  b.service.end_early = true;
  for (int i = 0; i < 100; i++) {
    CHECK_OK(push(&b));
    run(&b, 20);
  }
  wc_live_end(b.live);
  run(&b, 2000);
  CHECK_INT(b.reconnects, 1);
  CHECK_INT(b.last, WC_LIVE_DONE);
  CHECK_INT(b.covered, 100 * FAKE_PACKET);
  bench_close(&b);
}

static void test_offline_too_long(void) {
  static bench b;
  bench_open(&b, 5, (wc_live_options){.keep_max_ms = 2000});
  b.service.gw.plat.refuse = true;
  int accepted = 0;
  for (int i = 0; i < 150; i++) {
    base_err err = push(&b);
    accepted += base_is_ok(err);
    if (i == 100) CHECK_ERR(err, BASE_E_EXHAUSTED);
    run(&b, 20);
  }
  CHECK_INT(accepted, 100);
  CHECK_INT(b.last, WC_LIVE_FAILED);
  CHECK_INT(b.code, 8);
  bench_close(&b);
}

static void test_retry_now(void) {
  static bench b;
  bench_open(&b, 5, (wc_live_options){0});
  b.service.gw.plat.refuse = true;
  CHECK_OK(push(&b));
  run(&b, 30000);
  CHECK_INT(b.last, WC_LIVE_RECONNECTING);
  b.service.gw.plat.refuse = false;
  wc_session_retry_now(b.session);
  wc_live_retry_now(b.live);
  run(&b, 20);
  CHECK_INT(b.last, WC_LIVE_LIVE);
  bench_close(&b);
}

static void test_bad_packets(void) {
  static bench b;
  bench_open(&b, 5, (wc_live_options){0});
  static uint8_t big[65537];
  CHECK_ERR(wc_live_push(b.live, 0, base_span_str("x")), BASE_E_INVALID);
  CHECK_ERR(wc_live_push(b.live, 1281, base_span_str("x")), BASE_E_INVALID);
  CHECK_ERR(wc_live_push(b.live, 320, base_span_of(NULL, 0)), BASE_E_INVALID);
  CHECK_ERR(wc_live_push(b.live, 320, base_span_of(big, sizeof big)), BASE_E_INVALID);
  CHECK_INT(wc_live_pushed(b.live), 0);
  bench_close(&b);
}

TEST_MAIN(TEST(test_undisturbed), TEST(test_random_cuts), TEST(test_drained), TEST(test_statuses), TEST(test_few_tries),
          TEST(test_early_ok_goes_on), TEST(test_offline_too_long), TEST(test_retry_now), TEST(test_bad_packets))
