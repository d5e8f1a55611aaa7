#include "gateway/limits/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/test.h"
#include "gateway/limits/memory.h"

static gw_limits *make(gw_limits_options o) {
  gw_limits *l = NULL;
  CHECK_OK(gw_limits_new(&o, &l));
  return l;
}

static base_err call(gw_limits *l, const char *address, const char *subject, int64_t now_ms) {
  wire_status why;
  wire_status_init(&why);
  base_err e = gw_limits_call_started(l, address, subject, now_ms, &why);
  wire_status_dispose(&why);
  return e;
}
static bool refused(gw_limits *l, const char *address, const char *subject, int64_t now_ms) {
  return base_is(call(l, address, subject, now_ms), BASE_E_EXHAUSTED);
}

static void defaults_fill_what_is_not_said(void) {
  gw_limits_options o = gw_limits_with_defaults(&(gw_limits_options){.calls = 7});
  CHECK_INT(o.calls, 7);
  CHECK_INT(o.connections, 10000);
  CHECK_INT(o.body_ms, 30000);
  CHECK_INT(o.lifetime_ms, 0);
  CHECK(o.memory_bytes > 0 && o.memory_bytes <= gw_memory_total());
}

static void connections_have_two_ceilings(void) {
  gw_limits *l = make((gw_limits_options){.connections = 5, .connections_per_address = 2});
  CHECK(gw_limits_connected(l, "10.0.0.1"));
  CHECK(gw_limits_connected(l, "10.0.0.1"));
  CHECK_MSG(!gw_limits_connected(l, "10.0.0.1"), "%s", "the address has its two");
  CHECK(gw_limits_connected(l, "2001:db8::1"));
  CHECK(gw_limits_connected(l, "2001:db8::2"));
  CHECK_MSG(!gw_limits_connected(l, "2001:db8::3"), "%s", "a /64 is one address");
  CHECK(gw_limits_connected(l, "10.0.0.2"));
  CHECK_MSG(!gw_limits_connected(l, "10.0.0.3"), "%s", "five in total");
  gw_limits_disconnected(l, "10.0.0.2");
  CHECK(gw_limits_connected(l, "10.0.0.3"));
  gw_limits_disconnected(l, "10.0.0.9"); /* never came: nothing happens */
  CHECK(!gw_limits_connected(l, "10.0.0.4"));
  gw_limits_free(l);
}

static void rates_by_address_and_by_identity(void) {
  gw_limits *l = make((gw_limits_options){
      .rate_per_address = 10, .burst_per_address = 4, .rate_per_identity = 10, .burst_per_identity = 2});
  CHECK_OK(call(l, "10.0.0.1", "ada", 0));
  CHECK_OK(call(l, "10.0.0.2", "ada", 0));
  CHECK_MSG(refused(l, "10.0.0.3", "ada", 0), "%s", "one identity from many addresses");
  CHECK_OK(call(l, "10.0.0.1", "bob", 0));
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  CHECK_MSG(refused(l, "10.0.0.1", "eve", 0), "%s", "one address with many identities");
  CHECK_OK(call(l, "10.0.0.1", "", 100));
  CHECK(refused(l, "10.0.0.1", "", 100));
  for (int i = 0; i < 100; i++) {
    CHECK_OK(call(l, "", "", 0));
  }
  gw_limits_free(l);
}

static void open_calls_have_a_ceiling(void) {
  gw_limits *l = make((gw_limits_options){.calls = 2});
  CHECK_OK(call(l, "", "", 0));
  CHECK_OK(call(l, "10.0.0.2", "", 0));
  CHECK(refused(l, "10.0.0.3", "", 0));
  CHECK_MSG(refused(l, "10.0.0.3", "", 0), "%s", "a refusal takes no place, and gives none back");
  gw_limits_call_ended(l, "");
  CHECK_OK(call(l, "10.0.0.3", "", 0));
  CHECK(refused(l, "10.0.0.3", "", 0));
  gw_limits_free(l);
}

static void open_calls_of_one_address_have_one_too(void) {
  gw_limits *l = make((gw_limits_options){.calls = 5, .calls_per_address = 2});
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  CHECK(refused(l, "10.0.0.1", "", 0));
  CHECK_OK(call(l, "10.0.0.2", "", 0));
  gw_limits_call_ended(l, "10.0.0.2");
  CHECK_MSG(refused(l, "10.0.0.1", "", 0), "%s", "another's end gives nothing");
  gw_limits_call_ended(l, "10.0.0.1");
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  gw_limits_free(l);
}

static void penalties_are_paid_with_calls_and_then_connections(void) {
  gw_limits *l = make((gw_limits_options){.rate_per_address = 1, .burst_per_address = 25});
  int64_t now = base_now_ms();
  gw_limits_punish(l, "10.0.0.1", GW_PENALTY_BROKEN_OFF);
  gw_limits_punish(l, "10.0.0.1", GW_PENALTY_BROKEN_OFF);
  for (int i = 0; i < 5; i++) {
    CHECK_OK(call(l, "10.0.0.1", "", now));
  }
  CHECK(refused(l, "10.0.0.1", "", now));
  CHECK(gw_limits_connected(l, "10.0.0.1"));
  gw_limits_punish(l, "10.0.0.1", GW_PENALTY_FLOOD);
  CHECK(!gw_limits_connected(l, "10.0.0.1"));
  CHECK(gw_limits_connected(l, "10.0.0.2"));
  gw_limits_punish(l, "", GW_PENALTY_FLOOD);
  gw_limits_free(l);
}

static void a_refusal_says_when_to_come_back(void) {
  gw_limits *l = make((gw_limits_options){.rate_per_address = 4, .burst_per_address = 1});
  wire_status why;
  base_span value;
  wire_status_init(&why);
  CHECK_OK(gw_limits_call_started(l, "10.0.0.1", "", 0, &why));
  CHECK(base_is(gw_limits_call_started(l, "10.0.0.1", "", 0, &why), BASE_E_EXHAUSTED));
  CHECK_INT(why.code, 8);
  CHECK(wire_metadata_get(&why.trailers, "grpc-retry-pushback-ms", &value) && base_span_is(value, "250"));
  CHECK(wire_metadata_get(&why.trailers, "grpc-status-details-bin", &value));
  CHECK(memmem(value.p, value.n, "RATE_LIMITED", 12) != NULL);
  CHECK(memmem(value.p, value.n, "RetryInfo", 9) != NULL);
  wire_status_dispose(&why);
  gw_limits_free(l);
}

static void a_full_memory_sheds(void) {
  static const struct {
    uint32_t percent;
    bool calls, connections;
    const char *reason;
  } rows[] = {
      {50, true, true, "half full"},         {88, true, true, "not yet"},
      {92, false, true, "calls are shed"},   {87, false, true, "and stay so until it is well again"},
      {98, false, false, "connections too"}, {500, false, false, "far too much"},
      {92, false, true, "only calls again"}, {40, true, true, "well again"},
  };
  gw_limits *l = make((gw_limits_options){.memory_bytes = UINT64_MAX});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_limits_set(l, &(gw_limits_options){.memory_bytes = gw_memory_resident() / rows[i].percent * 100});
    gw_limits_look(l);
    CHECK_MSG(gw_limits_has_memory(l) == rows[i].calls, "%s", rows[i].reason);
    CHECK_MSG(base_is_ok(call(l, "", "", 0)) == rows[i].calls, "%s", rows[i].reason);
    bool connected = gw_limits_connected(l, "10.0.0.1");
    CHECK_MSG(connected == rows[i].connections, "%s", rows[i].reason);
  }
  gw_limits_free(l);
}

static void new_numbers_count_for_what_is_there(void) {
  gw_limits *l = make((gw_limits_options){.connections = 2, .calls = 2});
  CHECK(gw_limits_connected(l, "10.0.0.1") && gw_limits_connected(l, "10.0.0.1"));
  CHECK_OK(call(l, "10.0.0.1", "", 0));
  gw_limits_set(l, &(gw_limits_options){.connections = 3, .calls = 1, .burst_per_address = 1});
  CHECK(gw_limits_connected(l, "10.0.0.1"));
  CHECK(!gw_limits_connected(l, "10.0.0.1"));
  CHECK(refused(l, "10.0.0.1", "", 0));
  gw_limits_free(l);
}

static void connections_are_no_more_than_descriptors(void) {
  struct rlimit few = {.rlim_cur = 20, .rlim_max = 40};
  if (setrlimit(RLIMIT_NOFILE, &few) != 0) {
    return;
  }
  gw_limits *l = make((gw_limits_options){0});
  int connections = 0;
  while (gw_limits_connected(l, "10.0.0.1")) {
    connections++;
  }
  CHECK_MSG(connections == 20, "%d: half of the hard limit", connections);
  gw_limits_free(l);
}

enum { THREADS = 4, ROUNDS = 2000 };
static void *hammer(void *ctx) {
  gw_limits *l = ctx;
  for (int i = 0; i < ROUNDS; i++) {
    char address[16];
    snprintf(address, sizeof address, "10.0.0.%d", i % 8);
    if (gw_limits_connected(l, address)) {
      if (base_is_ok(call(l, address, "ada", i))) {
        gw_limits_call_ended(l, address);
      }
      gw_limits_disconnected(l, address);
    }
  }
  return NULL;
}

static void threads_share_one(void) {
  gw_limits *l = make((gw_limits_options){.connections = 3, .calls = 2});
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    CHECK_INT(pthread_create(&threads[i], NULL, hammer, l), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_OK(call(l, "", "", 0));
  CHECK_OK(call(l, "", "", 0));
  CHECK_MSG(refused(l, "", "", 0), "%s", "every call that ended was given back, and none twice");
  for (int i = 0; i < 3; i++) {
    CHECK(gw_limits_connected(l, "10.0.0.1"));
  }
  CHECK(!gw_limits_connected(l, "10.0.0.1"));
  gw_limits_free(l);
}

static net_loop *loop;
static void stop_when_short(void *ctx) {
  net_timer **timer = ctx;
  net_timer_set(*timer, 1);
  net_loop_stop(loop);
}

static void a_loop_looks(void) {
  gw_limits *l = make((gw_limits_options){.memory_bytes = 100 << 10});
  net_timer *timer = NULL;
  CHECK_OK(net_loop_new(NULL, &loop));
  CHECK_OK(gw_limits_watch(l, loop));
  timer = net_timer_new(loop, stop_when_short, &timer);
  CHECK(gw_limits_has_memory(l));
  while (gw_limits_has_memory(l)) {
    net_timer_set(timer, 1);
    net_loop_run(loop);
  }
  net_loop_free(loop);
  gw_limits_free(l);
}

TEST_MAIN(TEST(defaults_fill_what_is_not_said), TEST(connections_have_two_ceilings),
          TEST(rates_by_address_and_by_identity), TEST(open_calls_have_a_ceiling),
          TEST(open_calls_of_one_address_have_one_too), TEST(penalties_are_paid_with_calls_and_then_connections),
          TEST(a_refusal_says_when_to_come_back), TEST(a_full_memory_sheds), TEST(new_numbers_count_for_what_is_there),
          TEST(threads_share_one), TEST(a_loop_looks), TEST(connections_are_no_more_than_descriptors))
