#include "gateway/ws/mux_harness.h"

static uint8_t bytes[1 << 20]; /* zeroes */

static void hello_comes_first_from_the_gateway(void) {
  struct harness h;
  harness_open(&h, &(gw_mux_options){.call_credit = 1234, .max_calls = 7});
  harness_flush(&h);
  CHECK_INT(h.count, 1);
  CHECK_INT(h.got[0].type, WIRE_MUX_HELLO);
  harness_free(&h);
}

static void carries_a_call(void) {
  struct harness h;
  struct got last = {0};
  harness_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_put_message(&h, 1, 10, false);
  harness_put_message(&h, 1, 20, true);
  harness_tell(&h, 0);
  gw_fake_call *call = h.up.calls;
  REQUIRE(call);
  CHECK_STR(call->path, "/pkg.Service/Method");
  CHECK_INT(call->credit, 1000);
  CHECK_INT(base_buf_size(&call->written), 40);
  CHECK(call->ended);
  gw_fake_headers(call, "k", "v");
  gw_fake_data(call, base_span_of(bytes, 100));
  gw_fake_take(call);
  gw_fake_status(call, 3, "wrong");
  harness_flush(&h);
  CHECK_INT(harness_count(&h, WIRE_MUX_HEADERS, 1, NULL), 1);
  CHECK_INT(harness_data(&h, 1), 100);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, &last), 1);
  CHECK_INT(last.number, 3);
  CHECK_INT(h.got[h.count - 1].type, WIRE_MUX_STATUS);
  CHECK_INT(gw_mux_calls(h.mux), 0);
  /* What was in flight for the closed call. */
  harness_put_message(&h, 1, 10, false);
  CHECK_OK(wire_mux_put_cancel(&h.out, 1));
  CHECK_OK(wire_mux_put_credit(&h.out, 1, 5));
  harness_tell(&h, 0);
  CHECK_INT(h.closes, 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, NULL), 1);
  harness_free(&h);
}

/* -- what closes the connection -- */

static void put_raw(struct harness *h, const char *hex) {
  for (; hex[0]; hex += 2) {
    unsigned byte = 0;
    CHECK_INT(sscanf(hex, "%2x", &byte), 1);
    CHECK_OK(base_buf_u8(&h->out, (uint8_t)byte));
  }
}

static void bad_frames_close(void) {
  static const struct {
    const char *hex; /* after HELLO and OPEN 5 */
    int code;
    const char *reason;
  } rows[] = {
      {"", 1002, "an empty message"},
      {"12", 1002, "a truncated head"},
      {"1200000000050000", 1002, "a head one byte short"},
      {"120000000005000005aabb", 1002, "a truncated payload"},
      {"120200000005000000", 1002, "an unknown flag"},
      {"140100000005000000", 1002, "END on CANCEL"},
      {"7f0000000000000000", 1002, "an unknown type below 0x80"},
      {"120000000000000000", 1002, "DATA on the connection"},
      {"2000000000050000080000000000000000", 1002, "PING on a call"},
      {"120000000006000000", 1002, "DATA for a call never opened"},
      {"140000000006000000", 1002, "CANCEL for a call never opened"},
      {"150000000006000004"
       "00000001",
       1002, "CREDIT for a call never opened"},
      {"150000000005000004"
       "00000000",
       1002, "CREDIT of nothing"},
      {"150000000005000004"
       "80000000",
       1002, "CREDIT beyond 2^31-1"},
      {"150000000005000003"
       "000001",
       1002, "a short CREDIT"},
      {"140000000005000001"
       "00",
       1002, "CANCEL with a payload"},
      {"110000000005000001"
       "00",
       1002, "HEADERS from a client"},
      {"13000000000500000300"
       "0000",
       1002, "STATUS from a client"},
      {"220000000000000008"
       "0000000000000000",
       1002, "DRAIN from a client"},
      {"010000000000000013"
       "000100000000000000000000000000000000"
       "00",
       1002, "a second HELLO"},
      {"100000000005000008"
       "022f61"
       "00000000"
       "00",
       1002, "OPEN with an id that is used"},
      {"100000000004000008"
       "022f61"
       "00000000"
       "00",
       1002, "OPEN with a lower id"},
      {"100000000006000002"
       "022f",
       1002, "OPEN cut off inside the path"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct harness h;
    harness_hello(&h, 1000);
    harness_put_open(&h, 5);
    harness_tell(&h, 0);
    put_raw(&h, rows[i].hex);
    harness_tell(&h, 0);
    CHECK_MSG(h.closes == 1 && h.close_code == rows[i].code, "%s: %d", rows[i].reason, h.close_code);
    CHECK_MSG(h.up.calls && h.up.calls->cancelled, "%s: the service goes on", rows[i].reason);
    CHECK_MSG(gw_mux_calls(h.mux) == 0, "%s", rows[i].reason);
    harness_put_open(&h, 9);
    harness_tell(&h, 0);
    CHECK_MSG(h.closes == 1, "%s: a closed session still listens", rows[i].reason);
    harness_free(&h);
  }
}

static void bad_hello_closes(void) {
  static const struct {
    const char *hex;
    const char *reason;
  } rows[] = {
      {"100000000001000008"
       "022f61"
       "00000000"
       "00",
       "OPEN before HELLO"},
      {"2000000000000000080000000000000000", "PING before HELLO"},
      {"010000000000000013"
       "000200000000000000000000000000000000"
       "00",
       "another version"},
      {"010000000000000013"
       "000180000000000000000000000000000000"
       "00",
       "credit beyond 2^31-1"},
      {"010000000000000012"
       "000100000000000000000000000000000000",
       "no token field"},
      {"800000000000000000", "an extension before HELLO"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct harness h;
    harness_open(&h, NULL);
    put_raw(&h, rows[i].hex);
    harness_tell(&h, 0);
    /* A frame whose form is wrong is 1002 whatever it says. */
    CHECK_MSG(h.closes == 1 && (h.close_code == 4002 || h.close_code == 1002), "%s: %d", rows[i].reason, h.close_code);
    CHECK_MSG(i == 4 || h.close_code == 4002, "%s: %d", rows[i].reason, h.close_code);
    harness_free(&h);
  }
}

static void data_after_end_closes(void) {
  struct harness h;
  harness_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_put_message(&h, 1, 0, true);
  harness_put_message(&h, 1, 0, false);
  harness_tell(&h, 0);
  CHECK_INT(h.close_code, 1002);
  harness_free(&h);
}

static void unknown_high_types_are_ignored(void) {
  struct harness h;
  harness_hello(&h, 1000);
  put_raw(&h, "80ff00000007000002aabb"
              "ff0000000000000000");
  harness_tell(&h, 0);
  CHECK_INT(h.closes, 0);
  harness_free(&h);
}

static void credit_overrun_closes(void) {
  for (int over = 0; over < 2; over++) {
    struct harness h;
    harness_open(&h, &(gw_mux_options){.call_credit = 100});
    harness_put_hello(&h, 1000);
    harness_put_open(&h, 1);
    harness_put_message(&h, 1, 45, false);
    harness_put_message(&h, 1, 45 + (uint32_t)over, over);
    harness_tell(&h, 0);
    CHECK_INT(h.close_code, over ? 4003 : 0);
    harness_free(&h);
  }
}

/* -- flow control -- */

static void consumed_bytes_come_back_as_credit(void) {
  struct harness h;
  struct got last = {0};
  harness_open(&h, &(gw_mux_options){.call_credit = 100});
  harness_put_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_put_message(&h, 1, 35, false);
  harness_tell(&h, 0);
  gw_fake_take(h.up.calls);
  harness_flush(&h);
  CHECK_INT(harness_count(&h, WIRE_MUX_CREDIT, 1, NULL), 0);
  harness_put_message(&h, 1, 35, false);
  harness_tell(&h, 0);
  gw_fake_take(h.up.calls);
  harness_flush(&h);
  CHECK_INT(harness_count(&h, WIRE_MUX_CREDIT, 1, &last), 1);
  CHECK_INT(last.number, 80);
  harness_put_message(&h, 1, 95, false); /* 20 left and 80 given */
  harness_tell(&h, 0);
  CHECK_INT(h.closes, 0);
  harness_put_message(&h, 1, 0, false);
  harness_tell(&h, 0);
  CHECK_INT(h.close_code, 4003);
  harness_free(&h);
}

static void a_message_longer_than_the_window_gets_through(void) {
  struct harness h;
  uint8_t head[5] = {0, 0, 0, 1, 0x2c}; /* 300 bytes, window 100 */
  size_t sent = 0, allowed = 100;
  harness_open(&h, &(gw_mux_options){.call_credit = 100});
  harness_put_hello(&h, 1000);
  harness_put_open(&h, 1);
  CHECK_OK(wire_mux_put_data(&h.out, 1, base_span_of(head, 5), false));
  harness_tell(&h, 0);
  for (sent = 5; sent < 305;) {
    size_t n = allowed - sent < 305 - sent ? allowed - sent : 305 - sent;
    CHECK_OK(wire_mux_put_data(&h.out, 1, base_span_of(bytes, n), false));
    int before = h.count;
    harness_tell(&h, 0);
    sent += n;
    for (int i = before; i < h.count; i++) {
      allowed += h.got[i].type == WIRE_MUX_CREDIT ? h.got[i].number : 0;
    }
    REQUIRE(sent == 305 || allowed > sent);
  }
  CHECK_INT(base_buf_size(&h.up.calls->written), 305);
  harness_free(&h);
}

static void the_clients_credit_holds_data_and_status_back(void) {
  struct harness h;
  harness_hello(&h, 100);
  harness_put_open(&h, 1);
  harness_tell(&h, 0);
  gw_fake_data(h.up.calls, base_span_of(bytes, 250));
  gw_fake_status(h.up.calls, 0, "");
  harness_flush(&h);
  CHECK_INT(harness_data(&h, 1), 100);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, NULL), 0);
  CHECK_OK(wire_mux_put_credit(&h.out, 1, 149));
  harness_tell(&h, 0);
  CHECK_INT(harness_data(&h, 1), 249);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, NULL), 0);
  harness_put_message(&h, 1, 3, false); /* the client does not know yet */
  CHECK_OK(wire_mux_put_credit(&h.out, 1, 1));
  harness_tell(&h, 0);
  CHECK_INT(harness_data(&h, 1), 250);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, NULL), 1);
  CHECK_INT(h.closes, 0);
  harness_free(&h);
}

static void the_service_is_asked_for_no_more_than_fits(void) {
  struct harness h;
  harness_hello(&h, 0x7fffffff);
  harness_put_open(&h, 1);
  harness_tell(&h, 0);
  CHECK_INT(h.up.calls->credit, 65536); /* the local window, whatever the client takes */
  gw_fake_data(h.up.calls, base_span_of(bytes, 65536));
  harness_flush(&h);
  CHECK_INT(h.up.calls->credit, 65536);
  h.hold = true; /* the socket is full */
  h.queued = 1 << 20;
  gw_fake_data(h.up.calls, base_span_of(bytes, 65536));
  gw_fake_data(h.up.calls, base_span_of(bytes, 1 << 19)); /* a long message overruns what was asked */
  harness_flush(&h);
  CHECK_INT(harness_data(&h, 1), 65536);
  CHECK(h.up.calls->credit <= 0);
  h.hold = false;
  h.queued = 0;
  gw_mux_writable(h.mux);
  harness_flush(&h);
  CHECK_INT(harness_data(&h, 1), 2 * 65536 + (1 << 19));
  CHECK_INT(h.up.calls->credit, 65536);
  harness_free(&h);
}

static void one_slow_call_stops_only_itself(void) {
  struct harness h;
  harness_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_put_open(&h, 2);
  harness_tell(&h, 0);
  gw_fake_call *second = h.up.calls, *first = second->next;
  gw_fake_data(first, base_span_of(bytes, 5000));
  gw_fake_data(second, base_span_of(bytes, 500));
  harness_flush(&h);
  CHECK_INT(harness_data(&h, 1), 1000);
  CHECK_INT(harness_data(&h, 2), 500);
  CHECK(first->credit <= 0);
  gw_fake_status(second, 0, "");
  harness_flush(&h);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 2, NULL), 1);
  harness_free(&h);
}

static void calls_take_turns_when_the_socket_reopens(void) {
  struct harness h;
  harness_hello(&h, 0x7fffffff);
  harness_put_open(&h, 1);
  harness_put_open(&h, 2);
  harness_tell(&h, 0);
  gw_fake_call *second = h.up.calls, *first = second->next;
  h.hold = true;
  h.queued = 1 << 20;
  gw_fake_data(first, base_span_of(bytes, 1 << 19));
  gw_fake_data(second, base_span_of(bytes, 1 << 19));
  h.queued = 0;
  gw_mux_writable(h.mux);
  harness_flush(&h);
  CHECK(harness_data(&h, 1) > 0 && harness_data(&h, 1) < 1 << 19);
  CHECK(harness_data(&h, 2) > 0 && harness_data(&h, 2) < 1 << 19);
  harness_free(&h);
}

/* -- ends -- */

static void cancel_gets_its_status_without_credit(void) {
  struct harness h;
  struct got last = {0};
  harness_hello(&h, 10);
  harness_put_open(&h, 1);
  harness_put_open(&h, 2);
  harness_tell(&h, 0);
  gw_fake_call *second = h.up.calls, *first = second->next;
  gw_fake_data(first, base_span_of(bytes, 100));
  gw_fake_data(second, base_span_of(bytes, 100));
  gw_fake_status(second, 0, ""); /* held back by the credit */
  CHECK_OK(wire_mux_put_cancel(&h.out, 1));
  CHECK_OK(wire_mux_put_cancel(&h.out, 1));
  CHECK_OK(wire_mux_put_cancel(&h.out, 2));
  harness_tell(&h, 0);
  CHECK(first->cancelled);
  gw_fake_end_cancelled(&h.up);
  harness_flush(&h);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, &last), 1);
  CHECK_INT(last.number, 1);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 2, &last), 1);
  CHECK_INT(last.number, 1);
  CHECK_INT(gw_mux_calls(h.mux), 0);
  harness_free(&h);
}

static void calls_that_cannot_be_get_a_status(void) {
  struct harness h;
  struct got last = {0};
  wire_mux_open bad = {.path = base_span_str("/no-method")};
  harness_open(&h, &(gw_mux_options){.max_calls = 1});
  harness_put_hello(&h, 1000);
  wire_metadata_init(&bad.metadata);
  CHECK_OK(wire_mux_put_open(&h.out, 1, &bad));
  harness_put_open(&h, 2);
  harness_put_open(&h, 3);
  harness_put_message(&h, 3, 4, true); /* sent before the refusal could be known */
  harness_tell(&h, 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, &last), 1);
  CHECK_INT(last.number, 3);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 2, NULL), 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 3, &last), 1);
  CHECK_INT(last.number, 8);
  gw_fake_status(h.up.calls, 0, "");
  h.up.start_error = base_fail(BASE_E_UNIMPLEMENTED);
  harness_put_open(&h, 4);
  harness_tell(&h, 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 4, &last), 1);
  CHECK_INT(last.number, 12);
  CHECK_INT(h.closes, 0);
  harness_free(&h);
}

static void the_token_travels_with_each_call(void) {
  struct harness h;
  base_span value;
  harness_open(&h, NULL);
  wire_mux_hello with_token = {.version = 1, .token = base_span_str("first")};
  CHECK_OK(wire_mux_put_hello(&h.out, &with_token));
  harness_put_open(&h, 1);
  CHECK_OK(wire_mux_put_auth(&h.out, base_span_str("second")));
  harness_put_open(&h, 2);
  harness_tell(&h, 0);
  gw_fake_call *second = h.up.calls, *first = second->next;
  CHECK(wire_metadata_get(&first->metadata, "authorization", &value) && base_span_is(value, "Bearer first"));
  CHECK(wire_metadata_get(&second->metadata, "authorization", &value) && base_span_is(value, "Bearer second"));
  harness_free(&h);
}

static void ping_is_answered(void) {
  struct harness h;
  harness_hello(&h, 0);
  CHECK_OK(wire_mux_put_ping(&h.out, false, 0x0102030405060708));
  CHECK_OK(wire_mux_put_ping(&h.out, true, 1));
  harness_tell(&h, 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_PONG, 0, NULL), 1);
  CHECK_INT(harness_count(&h, WIRE_MUX_PING, 0, NULL), 0);
  harness_free(&h);
}

/* The client's answer to the PING that comes with the first DRAIN. */
static void hear_of_the_drain(struct harness *h, int64_t now_ms) {
  CHECK_OK(wire_mux_put_ping(&h->out, true, UINT64_MAX));
  harness_tell(h, now_ms);
}

static void drain_lets_calls_finish(void) {
  struct harness h;
  struct got last = {0};
  harness_hello(&h, 1000);
  harness_put_open(&h, 3);
  harness_tell(&h, 0);
  gw_mux_drain(h.mux, 100, 2000);
  gw_mux_flush(h.mux, 100);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, &last), 1);
  CHECK_INT(last.number, UINT32_MAX);
  CHECK_INT(harness_count(&h, WIRE_MUX_PING, 0, NULL), 1);
  harness_put_open(&h, 4); /* it was on its way */
  harness_tell(&h, 200);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 4, NULL), 0);
  CHECK_OK(wire_mux_put_ping(&h.out, true, 7)); /* another PONG is not the answer */
  harness_tell(&h, 200);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, NULL), 1);
  hear_of_the_drain(&h, 200);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, &last), 2);
  CHECK_INT(last.number, 4);
  CHECK_INT(h.closes, 0);
  harness_put_open(&h, 5);
  harness_tell(&h, 300);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 5, &last), 1);
  CHECK_INT(last.number, 14);
  gw_fake_status(h.up.calls, 0, "");
  gw_fake_status(h.up.calls, 0, "");
  gw_mux_flush(h.mux, 300);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 3, &last), 1);
  CHECK_INT(last.number, 0);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 4, &last), 1);
  CHECK_INT(last.number, 0);
  CHECK_INT(h.close_code, 4001);
  harness_free(&h);
}

static void drain_ends_calls_after_the_grace(void) {
  struct harness h;
  struct got last = {0};
  harness_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_tell(&h, 0);
  gw_mux_drain(h.mux, 100, 2000);
  gw_mux_flush(h.mux, 100);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 1100);
  gw_mux_on_time(h.mux, 1100); /* a client that does not answer */
  gw_mux_flush(h.mux, 1100);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, &last), 2);
  CHECK_INT(last.number, 1);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 2100);
  gw_mux_on_time(h.mux, 2100);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, &last), 1);
  CHECK_INT(last.number, 14);
  CHECK_INT(h.close_code, 4001);
  CHECK(h.up.calls->cancelled);
  harness_free(&h);
}

static void connections_without_a_call_drain(void) {
  struct harness h;
  harness_open(&h, &(gw_mux_options){.idle_ms = 1000});
  harness_put_hello(&h, 1000);
  harness_tell(&h, 0);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 1000);
  harness_put_open(&h, 1);
  harness_tell(&h, 500);
  gw_mux_on_time(h.mux, 1500);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, NULL), 0);
  gw_fake_status(h.up.calls, 0, "");
  gw_mux_flush(h.mux, 1600);
  CHECK_INT(gw_mux_next_due_ms(h.mux), 2500);
  gw_mux_on_time(h.mux, 2499);
  gw_mux_flush(h.mux, 2499);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, NULL), 0);
  gw_mux_on_time(h.mux, 2500);
  gw_mux_flush(h.mux, 2500);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, NULL), 1);
  hear_of_the_drain(&h, 2600);
  CHECK_INT(h.close_code, 4001);
  harness_free(&h);
}

static void idle_connections_drain_once_they_know(void) {
  struct harness h;
  harness_hello(&h, 1000);
  gw_mux_drain(h.mux, 100, 2000);
  gw_mux_flush(h.mux, 100);
  CHECK_INT(harness_count(&h, WIRE_MUX_DRAIN, 0, NULL), 1);
  CHECK_INT(h.closes, 0);
  hear_of_the_drain(&h, 150);
  CHECK_INT(h.close_code, 4001);
  harness_free(&h);
}

static void a_lost_connection_cancels_its_calls(void) {
  struct harness h;
  harness_hello(&h, 1000);
  harness_put_open(&h, 1);
  harness_put_open(&h, 2);
  harness_tell(&h, 0);
  gw_mux_free(h.mux);
  h.mux = NULL;
  CHECK(h.up.calls->cancelled && h.up.calls->next->cancelled);
  gw_fake_end_cancelled(&h.up);
  CHECK_INT(harness_count(&h, WIRE_MUX_STATUS, 1, NULL), 0);
  harness_free(&h);
}

TEST_MAIN(TEST(hello_comes_first_from_the_gateway), TEST(carries_a_call), TEST(bad_frames_close),
          TEST(bad_hello_closes), TEST(data_after_end_closes), TEST(unknown_high_types_are_ignored),
          TEST(credit_overrun_closes), TEST(consumed_bytes_come_back_as_credit),
          TEST(a_message_longer_than_the_window_gets_through), TEST(the_clients_credit_holds_data_and_status_back),
          TEST(the_service_is_asked_for_no_more_than_fits), TEST(one_slow_call_stops_only_itself),
          TEST(calls_take_turns_when_the_socket_reopens), TEST(cancel_gets_its_status_without_credit),
          TEST(calls_that_cannot_be_get_a_status), TEST(the_token_travels_with_each_call), TEST(ping_is_answered),
          TEST(drain_lets_calls_finish), TEST(drain_ends_calls_after_the_grace), TEST(connections_without_a_call_drain),
          TEST(idle_connections_drain_once_they_know), TEST(a_lost_connection_cancels_its_calls))
