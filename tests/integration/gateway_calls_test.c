/* Calls of all four kinds through a real gateway to a real service, over ponte.v1. */
#include "gateway_calls.h"

static world w;
static session s;

static void unary_echoes(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  r.text = (char *)"ol\xc3\xa1";
  put_open(&s, 1, "Unary", 0, NULL);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  CHECK_STR(reply->text, "ol\xc3\xa1");
  CHECK_INT(reply->deadline_ms, 0);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(status_of(&s, 1), 0);
  CHECK_INT(s.calls[1].header_frames, 1);
  session_close(&s);
}

static void server_streams(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 1000));
  r.count = 500;
  r.size = 300;
  put_open(&s, 7, "ServerStream", 0, NULL);
  CHECK(send_request(&s, 7, &r, true));
  uint32_t n = 0;
  for (echo_reply *reply; (reply = next_reply(&s, 7)) != NULL; n++) {
    CHECK_INT(reply->sequence, n);
    CHECK_INT(reply->data.len, 300);
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  }
  CHECK_INT(n, 500);
  CHECK_INT(status_of(&s, 7), 0);
  session_close(&s);
}

static void client_streams(void) {
  uint8_t data[1000] = {0};
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  r.data = (ProtobufCBinaryData){sizeof data, data};
  put_open(&s, 1, "ClientStream", 0, NULL);
  for (int i = 0; i < 300; i++) {
    CHECK(send_request(&s, 1, &r, i == 299));
  }
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  CHECK_INT(reply->messages, 300);
  CHECK_INT(reply->bytes, 300000);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(status_of(&s, 1), 0);
  session_close(&s);
}

static void both_sides_stream(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "Bidi", 0, NULL);
  for (uint32_t i = 0; i < 50; i++) {
    char text[16];
    snprintf(text, sizeof text, "%u", i);
    r.text = text;
    CHECK(send_request(&s, 1, &r, false));
    echo_reply *reply = next_reply(&s, 1);
    REQUIRE(reply);
    CHECK_STR(reply->text, text);
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  }
  CHECK(send_bytes(&s, 1, base_span_of(NULL, 0), true));
  CHECK_INT(status_of(&s, 1), 0);
  session_close(&s);
}

/* 3 MiB each way: many times the credit and the windows between. */
static void long_messages_pass_small_windows(void) {
  size_t n = 3 << 20;
  uint8_t *data = malloc(n);
  REQUIRE(data);
  for (size_t i = 0; i < n; i++) {
    data[i] = (uint8_t)(i * 7 + (i >> 8));
  }
  echo_request r = ECHO_REQUEST;
  r.data = (ProtobufCBinaryData){n, data};
  CHECK(session_open(&s, w.port, 5000));
  put_open(&s, 1, "Unary", 0, NULL);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  CHECK(reply->data.len == n && memcmp(reply->data.data, data, n) == 0);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(status_of(&s, 1), 0);
  session_close(&s);
  free(data);
}

static void many_calls_share_a_socket(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  for (uint32_t id = 1; id <= 90; id++) {
    char text[16];
    snprintf(text, sizeof text, "%u", id);
    r.text = text;
    put_open(&s, id, "Unary", 0, NULL);
    CHECK(send_request(&s, id, &r, true));
  }
  for (uint32_t id = 1; id <= 90; id++) {
    echo_reply *reply = next_reply(&s, id);
    REQUIRE(reply);
    char want[16];
    snprintf(want, sizeof want, "%u", id);
    CHECK_STR(reply->text, want);
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
    CHECK_INT(status_of(&s, id), 0);
  }
  session_close(&s);
}

static bool was_seen(const echo_reply *reply, const char *key, base_span *value) {
  for (size_t i = 0; i < reply->n_metadata; i++) {
    if (strcmp(reply->metadata[i]->key, key) == 0) {
      *value = base_span_of(reply->metadata[i]->value.data, reply->metadata[i]->value.len);
      return true;
    }
  }
  return false;
}

static void metadata_travels_both_ways(void) {
  wire_metadata m;
  base_span v;
  echo_request r = ECHO_REQUEST;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "x-echo-text", "a value"));
  CHECK_OK(wire_metadata_add(&m, base_span_str("x-echo-raw-bin"), base_span_of("\0\xff\x01", 3)));
  CHECK_OK(wire_metadata_add_str(&m, "authorization", "Bearer token"));
  CHECK_OK(wire_metadata_add_str(&m, "x-ponte-user", "root"));
  CHECK_OK(wire_metadata_add_str(&m, "grpc-timeout", "1n"));
  CHECK_OK(wire_metadata_add_str(&m, "connection", "close"));
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "Unary", 0, &m);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  CHECK(was_seen(reply, "x-echo-text", &v) && base_span_is(v, "a value"));
  CHECK(was_seen(reply, "x-echo-raw-bin", &v) && base_span_eq(v, base_span_of("\0\xff\x01", 3)));
  CHECK(was_seen(reply, "authorization", &v));
  CHECK(!was_seen(reply, "x-ponte-user", &v));
  CHECK(!was_seen(reply, "connection", &v));
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(status_of(&s, 1), 0);
  CHECK(wire_metadata_get(&s.calls[1].headers, "x-echo-text", &v) && base_span_is(v, "a value"));
  CHECK(wire_metadata_get(&s.calls[1].headers, "x-echo-raw-bin", &v) && base_span_eq(v, base_span_of("\0\xff\x01", 3)));
  wire_metadata_dispose(&m);
  session_close(&s);
}

static void errors_keep_their_details(void) {
  base_span details;
  echo_request r = ECHO_REQUEST;
  r.fail = true;
  CHECK(session_open(&s, w.port, 65536));
  CHECK_INT(unary(&s, 1, &r), 3);
  CHECK(base_span_is(base_buf_span(&s.calls[1].status.message), "the request asked for an error: 100% of \xc3\xa7"));
  CHECK(wire_metadata_get(&s.calls[1].status.trailers, "grpc-status-details-bin", &details) && details.n > 0);
  r.count = 3;
  put_open(&s, 2, "ServerStream", 0, NULL);
  CHECK(send_request(&s, 2, &r, true));
  CHECK_INT(status_of(&s, 2), 3);
  CHECK_MSG(s.calls[2].received > 0, "%s", "what came before the error is delivered");
  session_close(&s);
}

static void deadlines_end_calls(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "Unary", 30000, NULL);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  /* The core rounds timeouts up on the wire. */
  CHECK_MSG(reply->deadline_ms > 0 && reply->deadline_ms <= 32000, "the service knows %lld ms",
            (long long)reply->deadline_ms);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_INT(status_of(&s, 1), 0);
  r.hang = true;
  put_open(&s, 2, "ServerStream", 300, NULL);
  CHECK(send_request(&s, 2, &r, true));
  CHECK_INT(status_of(&s, 2), 4);
  session_close(&s);
}

/* The line that echo_server --report prints. */
static bool service_saw_cancel(void) {
  char line[64];
  return process_line(&w.echo, line, sizeof line) && strcmp(line, "cancelled") == 0;
}

static void cancel_reaches_the_service(void) {
  echo_request r = ECHO_REQUEST;
  r.hang = true;
  r.count = 1;
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "ServerStream", 0, NULL);
  CHECK(send_request(&s, 1, &r, true));
  echo_reply *reply = next_reply(&s, 1);
  REQUIRE(reply);
  ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  CHECK_OK(wire_mux_put_cancel(&s.c.out, 1));
  client_send(&s.c);
  CHECK_INT(status_of(&s, 1), 1);
  CHECK(service_saw_cancel());
  session_close(&s);
}

static void a_lost_client_cancels_its_calls(void) {
  echo_request r = ECHO_REQUEST;
  r.hang = true;
  r.count = 1;
  for (int way = 0; way < 2; way++) {
    CHECK(session_open(&s, w.port, 65536));
    put_open(&s, 1, "ServerStream", 0, NULL);
    CHECK(send_request(&s, 1, &r, true));
    echo_reply *reply = next_reply(&s, 1);
    REQUIRE(reply);
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
    if (way == 1) {
      struct linger hard = {.l_onoff = 1};
      setsockopt(s.c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    session_close(&s);
    CHECK(service_saw_cancel());
  }
  CHECK(world_metric_becomes(&w, "ponte_gateway_websockets", 0));
  CHECK(world_metric_becomes(&w, "ponte_gateway_streams{kind=\"mux\"}", 0));
}

static void what_cannot_be_called_says_so(void) {
  echo_request r = ECHO_REQUEST;
  CHECK(session_open(&s, w.port, 65536));
  put_open(&s, 1, "NoSuchMethod", 0, NULL);
  CHECK(send_request(&s, 1, &r, true));
  CHECK_INT(status_of(&s, 1), 12);
  /* A message above the limit: refused at its head, before its body has come. */
  uint8_t head[WIRE_FRAME_HEAD];
  wire_frame_head(head, 0, (4 << 20) + 1);
  put_open(&s, 2, "Unary", 0, NULL);
  send_bytes(&s, 2, base_span_of(head, sizeof head), false);
  CHECK_INT(status_of(&s, 2), 8);
  /* The end inside a message. */
  put_open(&s, 3, "Unary", 0, NULL);
  send_bytes(&s, 3, base_span_of(head, 3), true);
  CHECK_INT(status_of(&s, 3), 13);
  /* No message at all for a method that takes one: the service's business to refuse, not ours to hang on. */
  put_open(&s, 4, "ClientStream", 0, NULL);
  send_bytes(&s, 4, base_span_of(NULL, 0), true);
  CHECK_INT(status_of(&s, 4), 0);
  session_close(&s);
}

static void start(void) { CHECK(world_start(&w, NULL)); }
static void end(void) { world_end(&w); }

TEST_MAIN(TEST(start), TEST(unary_echoes), TEST(server_streams), TEST(client_streams), TEST(both_sides_stream),
          TEST(long_messages_pass_small_windows), TEST(many_calls_share_a_socket), TEST(metadata_travels_both_ways),
          TEST(errors_keep_their_details), TEST(deadlines_end_calls), TEST(cancel_reaches_the_service),
          TEST(a_lost_client_cancels_its_calls), TEST(what_cannot_be_called_says_so), TEST(end))
