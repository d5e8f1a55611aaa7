/* A ponte.v1 connection and the clock: silence, and what calls change about it. */
#include "gateway/ws/mux_harness.h"

static void time_closes_and_pings(void) {
  struct harness h;
  harness_open(&h, NULL);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 5000);
  gw_mux_on_time(h.mux, 4999);
  CHECK_INT(h.closes, 0);
  gw_mux_on_time(h.mux, 5000);
  CHECK_INT(h.close_code, 4002);
  harness_free(&h);

  harness_open(&h, NULL);
  wire_mux_hello wants = {.version = 1, .ping_interval_ms = 7000};
  CHECK_OK(wire_mux_put_hello(&h.out, &wants));
  harness_tell(&h, 0);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 7000);
  gw_mux_on_time(h.mux, 7000);
  gw_mux_flush(h.mux, 7000);
  CHECK_INT(harness_count(&h, WIRE_MUX_PING, 0, NULL), 1);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 14000);
  gw_mux_on_time(h.mux, 59999);
  CHECK_INT(h.closes, 0);
  gw_mux_on_time(h.mux, 60000);
  CHECK_INT(h.closes, 1);
  harness_free(&h);
}

static void calls_make_it_ask_sooner(void) {
  struct harness h;
  harness_hello(&h, 1000);
  CHECK(!gw_mux_vt.is_busy(h.mux));
  harness_put_open(&h, 1);
  harness_tell(&h, 0);
  CHECK(gw_mux_vt.is_busy(h.mux));
  CHECK_INT(gw_mux_next_due_ms(h.mux), 10000);
  gw_mux_on_time(h.mux, 10000);
  gw_mux_flush(h.mux, 10000);
  CHECK_INT(harness_count(&h, WIRE_MUX_PING, 0, NULL), 1);
  gw_mux_on_time(h.mux, 29999);
  CHECK_INT(h.closes, 0);
  gw_fake_status(h.up.calls, 0, ""); /* without calls there is time again */
  gw_mux_flush(h.mux, 29999);
  CHECK(!gw_mux_vt.is_busy(h.mux));
  CHECK_INT(gw_mux_next_due_ms(h.mux), 30000);
  gw_mux_on_time(h.mux, 30000);
  CHECK_INT(h.closes, 0);
  harness_put_open(&h, 2);
  harness_tell(&h, 50000);
  gw_mux_on_time(h.mux, 79999);
  CHECK_INT(h.closes, 0);
  gw_mux_on_time(h.mux, 80000);
  CHECK_INT(h.closes, 1);
  harness_free(&h);
}

TEST_MAIN(TEST(time_closes_and_pings), TEST(calls_make_it_ask_sooner))
