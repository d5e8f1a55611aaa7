/* Flow control and ends: who holds whom back, large messages, the gateway's pipe, and servers that stop. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "ponte/test/v1/echo.ponte.h"
#include "rpc_testing/echo.h"
#include "rpc_testing/loop.h"
#include "wire/frame.h"

typedef Ponte__Test__V1__Payload payload;

static test_echo echo;
static test_loop loop;

enum { MAX_MESSAGE = 8 << 20 };

static void start_both(void) {
  const rpc_server_options options = {.listen = "127.0.0.1:0", .max_receive_bytes = MAX_MESSAGE};
  CHECK_OK(test_echo_start(&echo, &options));
  CHECK_OK(test_loop_init(&loop, rpc_server_port(echo.server), MAX_MESSAGE));
}

static void stop_both(void) {
  CHECK_INT(atomic_load(&echo.out_of_order), 0);
  test_loop_dispose(&loop);
  test_echo_dispose(&echo);
  CHECK_INT(atomic_load(&echo.ended), atomic_load(&echo.opened));
}

struct seen {
  int messages, ended, code, writable;
  uint64_t bytes;
};

static void on_message(void *ctx, ponte_call *call, const payload *m) {
  struct seen *s = ctx;
  (void)call;
  s->messages++;
  s->bytes += m->data.len;
}
static void on_writable(void *ctx, ponte_call *call) {
  (void)call;
  ((struct seen *)ctx)->writable++;
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct seen *s = ctx;
  (void)call;
  s->ended++;
  s->code = status->code;
}
static void on_reply(void *ctx, ponte_call *call, const payload *reply, const wire_status *status) {
  if (reply) {
    on_message(ctx, call, reply);
  }
  on_status(ctx, call, status);
}
static const ponte_test_v1_echo_unary_echo_events unary = {NULL, on_reply};
static const ponte_test_v1_echo_expand_events expand = {NULL, on_message, on_status};
static const ponte_test_v1_echo_chat_events chat = {NULL, on_writable, on_message, on_status};

/* A client that does not read holds the server back: its queue stays small, although 32 MiB are asked for. */
static void test_client_pauses(void) {
  start_both();
  struct seen s = {0};
  ponte_call *call = NULL;
  Ponte__Test__Common__V1__Note note = PONTE__TEST__COMMON__V1__NOTE__INIT;
  note.text = (char[]){"2048 16384"};
  CHECK_OK(ponte_test_v1_echo_expand(loop.channel, NULL, &note, &expand, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, s.messages >= 1));
  ponte_call_pause(call, true);
  int before = s.messages;
  /* Time for everything that could move: each of these calls takes several turns of both sides. */
  for (int i = 0; i < 100; i++) {
    struct seen other = {0};
    ponte_call *second = NULL;
    payload p = PONTE__TEST__V1__PAYLOAD__INIT;
    CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &other, &second));
    CHECK(TEST_LOOP_UNTIL(&loop, other.ended));
    CHECK_INT(other.code, 0); /* and holds nobody else back */
  }
  CHECK_INT(s.messages, before);
  CHECK_INT(s.ended, 0);
  CHECK_INT(atomic_load(&echo.ended), 0); /* the server could not get rid of its 32 MiB */
  ponte_call_pause(call, false);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  CHECK_INT(s.messages, 2048);
  CHECK(atomic_load(&echo.most_queued) <= PONTE_CALL_WRITABLE_LOW + 16384 + 64);
  stop_both();
}

/* A server that does not read holds the client back: what it sends stays in its own queue. */
static void test_server_pauses(void) {
  start_both();
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s, &call));
  p.command = (char[]){"pause"};
  CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.pauses) == 1));
  enum { SENT = 300, SIZE = 16384, OTHERS = 100 };
  p.command = (char[]){"silent"};
  p.data = (ProtobufCBinaryData){SIZE, calloc(1, SIZE)};
  for (int i = 0; i < SENT; i++) {
    CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  }
  /* Time for everything that could move: each of these calls takes several turns of both sides. */
  for (int i = 0; i < OTHERS; i++) {
    struct seen other = {0};
    ponte_call *second = NULL;
    payload hello = PONTE__TEST__V1__PAYLOAD__INIT;
    CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &hello, &unary, &other, &second));
    CHECK(TEST_LOOP_UNTIL(&loop, other.ended));
  }
  CHECK_MSG(ponte_call_queued(call) > 2 << 20, "%zu", ponte_call_queued(call));
  CHECK(atomic_load(&echo.messages) <= OTHERS + 2); /* "pause", and at most one that was on its way */
  CHECK_INT(s.writable, 0);
  CHECK(test_echo_resume(&echo));
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.messages) == SENT + 1 + OTHERS));
  CHECK(TEST_LOOP_UNTIL(&loop, s.writable == 1));
  ponte_call_half_close(call);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  free(p.data.data);
  stop_both();
}

static const struct {
  size_t n;
  int code;
  const char *reason;
} large_rows[] = {
    {5 << 20, 0, "larger than every window"},
    {MAX_MESSAGE - 64, 0, "just below the limit"},
    {MAX_MESSAGE + 1, -1, "above our own limit: not even sent"},
};

static void test_large_messages(void) {
  start_both();
  for (size_t i = 0; i < sizeof large_rows / sizeof *large_rows; i++) {
    struct seen s = {0};
    ponte_call *call = NULL;
    payload p = PONTE__TEST__V1__PAYLOAD__INIT;
    p.data = (ProtobufCBinaryData){large_rows[i].n, calloc(1, large_rows[i].n)};
    base_err e = ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s, &call);
    if (large_rows[i].code < 0) {
      CHECK_ERR(e, BASE_E_TOO_LARGE);
    } else {
      CHECK_OK(e);
      CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
      CHECK_MSG(s.code == large_rows[i].code, "%s: %d", large_rows[i].reason, s.code);
      CHECK_INT(s.bytes, large_rows[i].n);
    }
    free(p.data.data);
  }
  stop_both();
}

/* The server's limit answers too, when the client's is higher. */
static void test_server_limit(void) {
  CHECK_OK(test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0", .max_receive_bytes = 1000}));
  CHECK_OK(test_loop_init(&loop, rpc_server_port(echo.server), 0));
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  p.data = (ProtobufCBinaryData){2000, calloc(1, 2000)};
  CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 8);
  free(p.data.data);
  stop_both();
}

/* -- the pipe -------------------------------------------------------------------------------------------------------- */

struct pipe_seen {
  int headers, ended, code;
  size_t written;
  base_buf data;
};

static void pipe_headers(void *ctx, const wire_metadata *headers) {
  (void)headers;
  ((struct pipe_seen *)ctx)->headers++;
}
static void pipe_data(void *ctx, base_span run) { CHECK_OK(base_buf_append(&((struct pipe_seen *)ctx)->data, run)); }
static void pipe_written(void *ctx, size_t bytes) { ((struct pipe_seen *)ctx)->written += bytes; }
static void pipe_status(void *ctx, const wire_status *status) {
  struct pipe_seen *s = ctx;
  s->ended++;
  s->code = status->code;
}
static const rpc_pipe_events pipe_events = {pipe_headers, pipe_data, pipe_written, pipe_status};
#define CHAT "/ponte.test.v1.EchoService/Chat"

static void append_message(base_buf *out, size_t n) {
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  p.data = (ProtobufCBinaryData){n, calloc(1, n + 1)};
  base_buf body;
  base_buf_init(&body, 1 << 24);
  uint8_t *at = NULL;
  CHECK_OK(base_buf_reserve(&body, ponte__test__v1__payload__get_packed_size(&p) + 1, &at));
  base_buf_commit(&body, ponte__test__v1__payload__pack(&p, at));
  CHECK_OK(wire_frame_append(out, 0, base_buf_span(&body)));
  base_buf_dispose(&body);
  free(p.data.data);
}

/* Bytes in any split come back as the same frames, and every byte is reported as written. */
static void test_pipe_splits(void) {
  static const size_t splits[] = {1, 3, 5, 7, 100, 4096, 1 << 20};
  start_both();
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
    struct pipe_seen s = {0};
    base_buf in;
    rpc_pipe *p = NULL;
    base_buf_init(&in, 1 << 24);
    base_buf_init(&s.data, 1 << 24);
    append_message(&in, 0);
    append_message(&in, 300);
    append_message(&in, 1);
    append_message(&in, 0);
    append_message(&in, 2000);
    base_span all = base_buf_span(&in);
    CHECK_OK(rpc_pipe_start(loop.channel, base_span_str(CHAT), 0, NULL, &pipe_events, &s, &p));
    rpc_pipe_credit(p, 1 << 20);
    for (size_t at = 0; at < all.n; at += splits[i]) {
      size_t n = all.n - at < splits[i] ? all.n - at : splits[i];
      CHECK_OK(rpc_pipe_write(p, base_span_of(all.p + at, n), false));
      CHECK(s.written == 0 || at > 0); /* never from inside */
    }
    CHECK(TEST_LOOP_UNTIL(&loop, s.written == all.n));
    CHECK_OK(rpc_pipe_write(p, base_span_of(NULL, 0), true));
    CHECK_ERR(rpc_pipe_write(p, base_span_str("x"), false), BASE_E_PRECONDITION);
    CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
    CHECK_INT(s.code, 0);
    CHECK_INT(s.headers, 1);
    CHECK_INT(s.written, all.n);
    CHECK(base_span_eq(base_buf_span(&s.data), all));
    base_buf_dispose(&in);
    base_buf_dispose(&s.data);
  }
  stop_both();
}

/* Credit 0: nothing comes. A byte of credit: one message comes, and no second one until its debt is paid. */
static void test_pipe_credit(void) {
  start_both();
  struct pipe_seen s = {0};
  rpc_pipe *p = NULL;
  base_buf in;
  base_buf_init(&in, 1 << 24);
  base_buf_init(&s.data, 1 << 24);
  for (int i = 0; i < 4; i++) {
    append_message(&in, 1000);
  }
  size_t one = base_buf_size(&in) / 4;
  CHECK_OK(rpc_pipe_start(loop.channel, base_span_str(CHAT), 0, NULL, &pipe_events, &s, &p));
  CHECK_OK(rpc_pipe_write(p, base_buf_span(&in), false));
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.messages) == 4));
  CHECK_INT(base_buf_size(&s.data), 0);
  rpc_pipe_credit(p, 1);
  CHECK(TEST_LOOP_UNTIL(&loop, base_buf_size(&s.data) == one));
  rpc_pipe_credit(p, one - 1); /* exactly what was overdrawn: still none left */
  for (int i = 0; i < 3; i++) {
    test_loop_turn(&loop, 0);
  }
  CHECK_INT(base_buf_size(&s.data), one);
  rpc_pipe_credit(p, 10 * one);
  CHECK(TEST_LOOP_UNTIL(&loop, base_buf_size(&s.data) == 4 * one));
  rpc_pipe_cancel(p);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 1);
  base_buf_dispose(&in);
  base_buf_dispose(&s.data);
  stop_both();
}

/* A sender with a window of 64 KiB, which on_written reopens, gets a message of 1 MiB through, and a server that does not read stops it. */
static void test_pipe_window(void) {
  enum { WINDOW = 65536 };
  start_both();
  struct pipe_seen s = {0};
  rpc_pipe *p = NULL;
  base_buf in;
  size_t sent = 0;
  base_buf_init(&in, 1 << 24);
  base_buf_init(&s.data, 1 << 24);
  append_message(&in, 1 << 20);
  CHECK_OK(rpc_pipe_start(loop.channel, base_span_str(CHAT), 0, NULL, &pipe_events, &s, &p));
  rpc_pipe_credit(p, 1 << 21);
  base_span all = base_buf_span(&in);
  while (sent < all.n) {
    size_t room = s.written + WINDOW - sent;
    size_t n = room < all.n - sent ? room : all.n - sent;
    CHECK_OK(rpc_pipe_write(p, base_span_of(all.p + sent, n), false));
    sent += n;
    REQUIRE(TEST_LOOP_UNTIL(&loop, sent == all.n || s.written + WINDOW > sent));
  }
  CHECK(TEST_LOOP_UNTIL(&loop, base_buf_size(&s.data) == all.n));
  rpc_pipe_cancel(p);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  base_buf_dispose(&in);
  base_buf_dispose(&s.data);
  stop_both();
}

/* -- the end of a server --------------------------------------------------------------------------------------------- */

struct stopping {
  rpc_server *server;
  int64_t grace_ms;
  _Atomic bool done;
};

static void *stop_thread(void *arg) {
  struct stopping *s = arg;
  rpc_server_stop(s->server, s->grace_ms);
  atomic_store(&s->done, true);
  return NULL;
}

/* Within the grace, what runs may finish; nothing new is taken. */
static void test_stop_lets_finish(void) {
  start_both();
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  pthread_t thread;
  struct stopping stopping = {.server = echo.server, .grace_ms = 60000};
  p.command = (char[]){"wait"};
  CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s, &call));
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.waiting) == 1));
  CHECK_INT(pthread_create(&thread, NULL, stop_thread, &stopping), 0);
  struct seen late = {0};
  p.command = (char[]){""};
  do { /* until the shutdown has reached the socket */
    late = (struct seen){0};
    CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &late, &call));
    CHECK(TEST_LOOP_UNTIL(&loop, late.ended));
  } while (late.code == 0);
  CHECK_INT(late.code, 14);
  CHECK_INT(s.ended, 0);
  CHECK(!atomic_load(&stopping.done));
  test_echo_release(&echo);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 0);
  pthread_join(thread, NULL);
  stop_both();
}

/* After the grace, streams that do not end are cancelled, and their handlers hear of it. */
static void test_stop_cancels(void) {
  start_both();
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s, &call));
  CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  CHECK(TEST_LOOP_UNTIL(&loop, s.messages == 1));
  rpc_server_stop(echo.server, 20);
  CHECK_INT(atomic_load(&echo.ended), 1);
  CHECK_INT(atomic_load(&echo.cancelled), 1);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 14);
  stop_both();
}

/* A server that is gone ends its calls with UNAVAILABLE; when another comes up on its port, the same channel finds it. */
static void test_reconnect(void) {
  char listen[32];
  struct seen s = {0};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  start_both();
  snprintf(listen, sizeof listen, "127.0.0.1:%d", rpc_server_port(echo.server));
  CHECK_OK(ponte_test_v1_echo_chat(loop.channel, NULL, &chat, &s, &call));
  CHECK_OK(ponte_test_v1_echo_chat_send(call, &p));
  CHECK(TEST_LOOP_UNTIL(&loop, s.messages == 1));
  test_echo_dispose(&echo);
  CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
  CHECK_INT(s.code, 14);
  CHECK_OK(test_echo_start(&echo, &(rpc_server_options){.listen = listen}));
  do {
    s = (struct seen){0};
    CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s, &call));
    CHECK(TEST_LOOP_UNTIL(&loop, s.ended));
    CHECK(s.code == 0 || s.code == 14);
  } while (s.code == 14);
  CHECK(rpc_channel_is_ready(loop.channel, false));
  stop_both();
}

static void test_port_in_use(void) {
  test_echo second;
  char listen[32];
  start_both();
  snprintf(listen, sizeof listen, "127.0.0.1:%d", rpc_server_port(echo.server));
  CHECK_ERR(test_echo_start(&second, &(rpc_server_options){.listen = listen}), BASE_E_IN_USE);
  test_echo_dispose(&second);
  CHECK_ERR(test_echo_start(&second, &(rpc_server_options){.listen = "not an address"}), BASE_E_INVALID);
  test_echo_dispose(&second);
  stop_both();
}

static void test_busy_pool(void) {
  enum { CALLS = 6 };
  struct seen s[CALLS] = {{0}};
  ponte_call *call = NULL;
  payload p = PONTE__TEST__V1__PAYLOAD__INIT;
  CHECK_OK(
      test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0", .unary_threads = 1, .unary_queue = 2}));
  CHECK_OK(test_loop_init(&loop, rpc_server_port(echo.server), 0));
  p.command = (char[]){"wait"};
  CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s[0], &call));
  CHECK(TEST_LOOP_UNTIL(&loop, atomic_load(&echo.waiting) == 1));
  for (int i = 1; i < CALLS; i++) {
    CHECK_OK(ponte_test_v1_echo_unary_echo(loop.channel, NULL, &p, &unary, &s[i], &call));
  }
  CHECK(TEST_LOOP_UNTIL(&loop, s[1].ended + s[2].ended + s[3].ended + s[4].ended + s[5].ended == 3));
  test_echo_release(&echo);
  int ok = 0, refused = 0;
  for (int i = 0; i < CALLS; i++) {
    CHECK(TEST_LOOP_UNTIL(&loop, s[i].ended));
    ok += s[i].code == 0;
    refused += s[i].code == 8;
  }
  CHECK_INT(ok, 3);
  CHECK_INT(refused, 3);
  stop_both();
}

TEST_MAIN(TEST(test_client_pauses), TEST(test_server_pauses), TEST(test_large_messages), TEST(test_server_limit),
          TEST(test_pipe_splits), TEST(test_pipe_credit), TEST(test_pipe_window), TEST(test_stop_lets_finish),
          TEST(test_stop_cancels), TEST(test_reconnect), TEST(test_port_in_use), TEST(test_busy_pool))
