/* A session against nghttp2's server, in memory: calls of all kinds, windows, limits, the end of connections. */
#include "gateway/upstream/h2/testing_pair.h"

/* -- calls --------------------------------------------------------------------------------------------------------------- */

static void a_call_carries_all_it_should(void) {
  static const char *const fields[] = {":method: POST\n",
                                       ":scheme: http\n",
                                       ":path: /test.Service/Method\n",
                                       ":authority: svc.test:50051\n",
                                       "te: trailers\n",
                                       "content-type: application/grpc\n",
                                       "user-agent: grpc-c-ponte",
                                       "grpc-timeout: 1500m\n",
                                       "x-a: one\n",
                                       "x-a: two\n",
                                       "x-bin: AAEC\n",
                                       "y-bin: \n",
                                       "z-bin: /w\n",
                                       "authorization: Bearer t\n",
                                       "grpc-accept-encoding: gzip\n"};
  for (size_t chunk = 0; chunk < 3; chunk++) {
    pair p;
    wire_metadata m;
    wire_metadata_init(&m);
    CHECK_OK(wire_metadata_add_str(&m, "x-a", "one"));
    CHECK_OK(wire_metadata_add_str(&m, "x-a", "two"));
    CHECK_OK(wire_metadata_add(&m, base_span_str("x-bin"), base_span_of("\0\1\2", 3)));
    CHECK_OK(wire_metadata_add(&m, base_span_str("y-bin"), base_span_of("", 0)));
    CHECK_OK(wire_metadata_add(&m, base_span_str("z-bin"), base_span_of("\xff", 1)));
    CHECK_OK(wire_metadata_add_str(&m, "authorization", "Bearer t"));
    CHECK_OK(wire_metadata_add_str(&m, "grpc-accept-encoding", "gzip"));
    CHECK_OK(wire_metadata_add_str(&m, "user-agent", "mine"));
    open_pair(&p, NULL, NULL, 0);
    p.auto_answer = true;
    p.w.chunk = chunk;
    CHECK_INT(gw_h2c_room(p.w.s), 0); /* before the server's SETTINGS */
    pump(&p);
    CHECK_INT(p.w.rooms, 1);
    told *t = start_with(&p.w, 1500, &m);
    wire_metadata_clear(&m); /* it was copied */
    credit(t, 100000);
    CHECK_OK(write_message(t, 10, false));
    CHECK_OK(write_message(t, 20, true));
    pump(&p);
    CHECK_INT(t->statuses, 1);
    CHECK_INT(t->code, 0);
    CHECK_INT(t->data, 1005);
    CHECK_INT(t->written, 40);
    CHECK_INT(t->headers, 1);
    CHECK_INT(t->trailers, 1);
    CHECK_STR(t->header, "t");
    CHECK_INT(p.streams[0].body, 40);
    CHECK(!p.streams[0].reset);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
      CHECK_MSG(strstr(p.streams[0].text, fields[i]) != NULL, "%s in\n%s", fields[i], p.streams[0].text);
    }
    CHECK(strstr(p.streams[0].text, "mine") == NULL);
    CHECK_INT(gw_h2c_calls(p.w.s), 0);
    wire_metadata_dispose(&m);
    close_pair(&p);
  }
}

/* Ten calls written in one turn leave in one send. */
static void a_turn_is_one_write(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  p.auto_answer = true;
  pump(&p);
  p.w.sends = 0;
  for (int i = 0; i < 10; i++) {
    told *t = start(&p.w);
    credit(t, 100000);
    CHECK_OK(write_message(t, 1000, true));
  }
  flush(&p.w);
  CHECK_INT(p.w.sends, 1);
  pump(&p);
  for (int i = 0; i < 10; i++) {
    CHECK_INT(p.w.calls[i].code, 0);
    CHECK_INT(p.w.calls[i].data, 1005);
  }
  close_pair(&p);
}

static void early_answers_stop_the_request(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *t = start(&p.w);
  credit(t, 100000);
  CHECK_OK(write_message(t, 10, false));
  pump(&p);
  answer(&p, &p.streams[0]);
  pump(&p);
  CHECK_INT(t->statuses, 1);
  CHECK_INT(t->code, 0);
  CHECK(p.streams[0].reset);
  CHECK_INT(p.streams[0].code, NGHTTP2_NO_ERROR);
  close_pair(&p);
}

/* -- windows ------------------------------------------------------------------------------------------------------------- */

static void nothing_comes_without_credit(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  p.auto_answer = true;
  p.answer = 300005;
  pump(&p);
  told *t = start(&p.w), *other = start(&p.w);
  CHECK_OK(write_message(t, 10, true));
  pump(&p);
  CHECK_INT(t->headers, 1);
  CHECK_INT(t->data, 0);
  /* The other one is not stopped by it, nor by the connection's window, which a megabyte would have closed. */
  credit(other, 1 << 20);
  CHECK_OK(write_message(other, 10, true));
  pump(&p);
  CHECK_INT(other->data, 300005);
  size_t given = 0;
  for (size_t portion = 1; given < 400000; portion = portion * 3 + 1) {
    credit(t, portion);
    given += portion;
    pump(&p);
    CHECK_MSG(t->data == (given < 300005 ? given : 300005), "%zu of %zu", t->data, given);
    if (t->statuses) {
      break;
    }
  }
  CHECK_INT(t->statuses, 1);
  CHECK_INT(t->code, 0);
  close_pair(&p);
}

/* Credit given back run by run costs few WINDOW_UPDATEs. */
static void give_back(world *w, size_t i) { gw_h2c_credit(w->calls[i].call, 1000); }
static void windows_open_in_portions(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *t = start(&p.w);
  credit(t, 100000);
  t->on_data = give_back;
  CHECK_OK(write_message(t, 10, true));
  pump(&p);
  nghttp2_submit_headers(p.ng, 0, 1, NULL, head_fields, 3, NULL);
  const uint8_t *bytes = NULL;
  for (ssize_t n; (n = nghttp2_session_mem_send(p.ng, &bytes)) > 0;) {
    feed(&p.w, base_span_of(bytes, (size_t)n));
  }
  base_buf frame;
  uint8_t message[1000] = {0};
  wire_frame_head(message, 0, sizeof message - WIRE_FRAME_HEAD);
  base_buf_init(&frame, 2000);
  put_frame(&frame, NGHTTP2_DATA, 0, 1, base_span_of(message, sizeof message));
  for (int i = 0; i < 200; i++) {
    feed(&p.w, base_buf_span(&frame));
  }
  CHECK_INT(t->runs, 200);
  flush(&p.w);
  base_span all = base_buf_span(&p.w.out);
  CHECK_MSG(all.n >= 39 && all.n <= 5 * 13, "%zu bytes of WINDOW_UPDATE for 200 messages", all.n);
  base_buf_dispose(&frame);
  close_pair(&p);
}

/* More than the server's windows take waits here, is reported as it leaves, and does not hold up others. */
static void requests_wait_for_the_server(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  p.hold = true;
  pump(&p);
  told *t = start(&p.w);
  CHECK_OK(write_message(t, 100000, false));
  pump(&p);
  CHECK_INT(t->written, 65535);
  CHECK_INT(p.streams[0].body, 65535);
  CHECK_INT(nghttp2_session_consume(p.ng, 1, 65535), 0);
  pump(&p);
  CHECK_INT(t->written, 100005);
  /* Nobody reads at all: there is an end to what is kept. */
  base_err e = BASE_OK;
  size_t kept = 0;
  for (; base_is_ok(e) && kept < (64 << 20); kept += 100005) {
    e = write_message(t, 100000, false);
  }
  CHECK_ERR(e, BASE_E_TOO_LARGE);
  cancel(t);
  pump(&p);
  CHECK_INT(t->code, 1);
  close_pair(&p);
}

static void a_full_socket_is_waited_for(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *t = start(&p.w);
  pump(&p);
  p.w.queued = 1 << 20;
  CHECK_OK(write_message(t, 1000, false));
  flush(&p.w);
  flush(&p.w);
  CHECK(!p.w.wanted); /* no turning in circles until the socket has room */
  CHECK_INT(base_buf_size(&p.w.out), 0);
  p.w.queued = 0;
  gw_h2c_writable(p.w.s);
  CHECK(p.w.wanted);
  pump(&p);
  CHECK_INT(t->written, 1005);
  close_pair(&p);
}

/* -- limits and ends ------------------------------------------------------------------------------------------------------- */

static void the_stream_limit_is_kept(void) {
  static const nghttp2_settings_entry two[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2}};
  static const nghttp2_settings_entry three[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 3}};
  static const nghttp2_settings_entry none[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0}};
  pair p;
  gw_h2c_call *c = NULL;
  open_pair(&p, NULL, two, 1);
  pump(&p);
  CHECK_INT(gw_h2c_room(p.w.s), 2);
  told *t = start(&p.w);
  start(&p.w);
  CHECK_INT(gw_h2c_room(p.w.s), 0);
  CHECK_ERR(gw_h2c_start(p.w.s, base_span_str("/a.B/C"), 0, NULL, &call_events, t, &c), BASE_E_EXHAUSTED);
  pump(&p);
  nghttp2_submit_settings(p.ng, 0, three, 1);
  pump(&p);
  CHECK_INT(gw_h2c_room(p.w.s), 1);
  CHECK_INT(p.w.rooms, 2);
  cancel(t);
  pump(&p);
  CHECK_INT(gw_h2c_room(p.w.s), 2);
  CHECK_INT(p.w.rooms, 3);
  /* The limit falls while a call waits to be sent: it stays unsent, and says so in the end. */
  told *waiting = start(&p.w);
  nghttp2_submit_settings(p.ng, 0, none, 1);
  const uint8_t *bytes = NULL;
  for (ssize_t n; (n = nghttp2_session_mem_send(p.ng, &bytes)) > 0;) {
    feed(&p.w, base_span_of(bytes, (size_t)n));
  }
  pump(&p);
  CHECK_INT(waiting->statuses, 0);
  nghttp2_submit_goaway(p.ng, 0, 3, NGHTTP2_NO_ERROR, NULL, 0);
  pump(&p);
  CHECK_INT(waiting->statuses, 1);
  CHECK(waiting->unprocessed);
  CHECK_INT(p.w.calls[1].statuses, 0);
  close_pair(&p);
}

static void goaway_lets_the_rest_finish(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *old = start(&p.w), *late = start(&p.w), *unsent = NULL;
  credit(old, 100000);
  CHECK_OK(write_message(old, 10, true));
  pump(&p);
  unsent = start(&p.w);
  nghttp2_submit_shutdown_notice(p.ng);
  const uint8_t *bytes = NULL;
  for (ssize_t n; (n = nghttp2_session_mem_send(p.ng, &bytes)) > 0;) {
    feed(&p.w, base_span_of(bytes, (size_t)n));
  }
  CHECK_INT(p.w.goings, 1);
  CHECK_INT(gw_h2c_room(p.w.s), 0);
  CHECK_INT(unsent->statuses, 1);
  CHECK(unsent->unprocessed);
  nghttp2_submit_goaway(p.ng, 0, 1, NGHTTP2_NO_ERROR, NULL, 0);
  pump(&p);
  CHECK_INT(late->statuses, 1);
  CHECK_INT(late->code, 14);
  CHECK(late->unprocessed);
  CHECK_INT(old->statuses, 0);
  CHECK_INT(p.w.deaths, 0);
  answer(&p, &p.streams[0]);
  pump(&p);
  CHECK_INT(old->code, 0);
  CHECK_INT(old->data, 1005);
  CHECK_INT(p.w.deaths, 1);
  CHECK_OK(p.w.why);
  CHECK_INT(p.w.goings, 1);
  close_pair(&p);
}

static void stream_ids_run_out(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  p.auto_answer = true;
  pump(&p);
  CHECK_INT(nghttp2_session_set_next_stream_id(p.w.s->ng, INT32_MAX), 0);
  told *t = start(&p.w);
  CHECK_INT(gw_h2c_room(p.w.s), 0);
  credit(t, 10000);
  CHECK_OK(write_message(t, 1, true));
  pump(&p);
  CHECK_INT(p.w.goings, 1);
  CHECK_INT(t->code, 0);
  CHECK_INT(p.w.deaths, 1);
  CHECK_OK(p.w.why);
  close_pair(&p);
}

static void cancelled_calls_end_with_cancelled(void) {
  for (int when = 0; when < 3; when++) {
    pair p;
    open_pair(&p, NULL, NULL, 0);
    pump(&p);
    told *t = start(&p.w);
    credit(t, 100000);
    CHECK_OK(write_message(t, 10, false));
    if (when > 0) {
      pump(&p);
    }
    if (when > 1) {
      answer(&p, &p.streams[0]);
    }
    cancel(t);
    cancel(t);
    CHECK_OK(gw_h2c_write(t->call, base_span_str("x"), false)); /* dropped */
    CHECK_INT(t->statuses, 0);
    pump(&p);
    CHECK_INT(t->statuses, 1);
    CHECK_INT(t->code, 1);
    CHECK(!t->unprocessed);
    CHECK_INT(t->data, 0);
    CHECK_INT(p.count, when > 0);
    if (when > 0) {
      CHECK_INT(p.streams[0].code, NGHTTP2_CANCEL);
    }
    CHECK_INT(gw_h2c_room(p.w.s), 1000);
    close_pair(&p);
  }
}

static void silence_is_asked_and_then_ended(void) {
  pair p;
  open_pair(&p, &(gw_h2c_options){.authority = "a", .ping_interval_ms = 30000, .ping_timeout_ms = 5000}, NULL, 0);
  pump(&p);
  CHECK(gw_h2c_next_due_ms(p.w.s) == INT64_MAX); /* without calls nobody cares */
  p.w.now_ms = 1000000;
  told *t = start(&p.w);
  pump(&p);
  CHECK_INT(gw_h2c_next_due_ms(p.w.s), 1030000);
  gw_h2c_on_time(p.w.s, 1029999);
  pump(&p);
  CHECK_INT(p.pings, 0);
  p.w.now_ms = 1030000;
  gw_h2c_on_time(p.w.s, p.w.now_ms);
  pump(&p); /* the server answers */
  CHECK_INT(p.pings, 1);
  CHECK_INT(gw_h2c_next_due_ms(p.w.s), 1060000);
  p.w.now_ms = 1060000;
  gw_h2c_on_time(p.w.s, p.w.now_ms);
  flush(&p.w);
  CHECK_INT(gw_h2c_next_due_ms(p.w.s), 1065000);
  gw_h2c_on_time(p.w.s, 1064999);
  CHECK_INT(t->statuses, 0);
  gw_h2c_on_time(p.w.s, 1065000);
  CHECK_INT(t->statuses, 1);
  CHECK_INT(t->code, 14);
  CHECK(strstr(t->text, "PING") && !t->unprocessed);
  CHECK_INT(p.w.deaths, 1);
  close_pair(&p);
}

static void a_lost_connection_tells_what_was_sent(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *sent = start(&p.w), *cancelled = start(&p.w);
  pump(&p);
  told *unsent = start(&p.w);
  cancel(cancelled);
  gw_h2c_close(p.w.s, "connection reset by peer");
  CHECK(sent->code == 14 && !sent->unprocessed);
  CHECK_STR(sent->text, "connection reset by peer");
  CHECK(unsent->code == 14 && unsent->unprocessed);
  CHECK(cancelled->code == 1 && !cancelled->unprocessed);
  CHECK_INT(p.w.deaths, 0);
  CHECK_INT(gw_h2c_room(p.w.s), 0);
  close_pair(&p);
}

static void a_failed_send_ends_the_session(void) {
  pair p;
  open_pair(&p, NULL, NULL, 0);
  pump(&p);
  told *t = start(&p.w);
  p.w.send_error = base_fail(BASE_E_IO);
  flush(&p.w);
  CHECK_INT(t->code, 14);
  CHECK_INT(p.w.deaths, 1);
  CHECK_ERR(p.w.why, BASE_E_IO);
  close_pair(&p);
}

/* -- inside events --------------------------------------------------------------------------------------------------------- */

static void close_it(world *w, size_t i) {
  (void)i;
  gw_h2c_close(w->s, "closed inside");
  CHECK_INT(gw_h2c_room(w->s), 0);
}
static void start_another(world *w, size_t i) {
  if (i < 20) {
    told *t = &w->calls[w->started++];
    *t = (told){.world = w, .on_end = start_another};
    CHECK_OK(gw_h2c_start(w->s, base_span_str("/a.B/C"), 0, NULL, &call_events, t, &t->call));
    CHECK_OK(gw_h2c_write(t->call, base_span_of("\0\0\0\0\0", 5), true));
    gw_h2c_credit(t->call, 100000);
  }
}
static void cancel_it(world *w, size_t i) { gw_h2c_cancel(w->calls[i].call); }
static void cancel_all(world *w, size_t i) {
  (void)i;
  for (size_t k = 0; k < w->started; k++) {
    if (w->calls[k].call) {
      gw_h2c_cancel(w->calls[k].call);
    }
  }
}

static void events_may_do_anything(void) {
  static const struct {
    const char *why;
    void (*on_data)(world *w, size_t i);
    void (*on_end)(world *w, size_t i);
    int code, other;
    size_t calls;
  } cases[] = {
      {"closed in data", close_it, NULL, 14, 14, 2},           {"closed at the end", NULL, close_it, 0, 14, 2},
      {"the next at the end", NULL, start_another, 0, -1, 21}, {"cancelled in data", cancel_it, NULL, 1, -1, 2},
      {"all cancelled in data", cancel_all, NULL, 1, 1, 2},    {"all cancelled at the end", NULL, cancel_all, 0, 1, 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t chunk = 0; chunk < 2; chunk++) {
      pair p;
      open_pair(&p, NULL, NULL, 0);
      p.auto_answer = true;
      p.w.chunk = chunk;
      pump(&p);
      told *t = start(&p.w), *other = start(&p.w);
      t->on_data = cases[i].on_data;
      t->on_end = cases[i].on_end;
      credit(t, 100000);
      CHECK_OK(write_message(t, 10, true));
      pump(&p);
      CHECK_MSG(t->code == cases[i].code && t->statuses == 1, "%s: %d", cases[i].why, t->code);
      CHECK_MSG(other->statuses == (cases[i].other >= 0) && (cases[i].other < 0 || other->code == cases[i].other), "%s",
                cases[i].why);
      CHECK_MSG(p.w.started == cases[i].calls, "%s: %zu", cases[i].why, p.w.started);
      close_pair(&p);
    }
  }
}

TEST_MAIN(TEST(a_call_carries_all_it_should), TEST(a_turn_is_one_write), TEST(early_answers_stop_the_request),
          TEST(nothing_comes_without_credit), TEST(windows_open_in_portions), TEST(requests_wait_for_the_server),
          TEST(a_full_socket_is_waited_for), TEST(the_stream_limit_is_kept), TEST(goaway_lets_the_rest_finish),
          TEST(stream_ids_run_out), TEST(cancelled_calls_end_with_cancelled), TEST(silence_is_asked_and_then_ended),
          TEST(a_lost_connection_tells_what_was_sent), TEST(a_failed_send_ends_the_session),
          TEST(events_may_do_anything))
