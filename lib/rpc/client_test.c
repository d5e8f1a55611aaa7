/* The client without a server: every call still ends exactly once. What needs a server is in contract_test.c. */
#include "rpc/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

/* A loop of one condition. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t woken;
  bool signalled;
} loop = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static void wake(void *ctx) {
  (void)ctx;
  pthread_mutex_lock(&loop.lock);
  loop.signalled = true;
  pthread_cond_signal(&loop.woken);
  pthread_mutex_unlock(&loop.lock);
}

static void run_until(rpc_client *c, const int *count, int want) {
  while (*count < want) {
    pthread_mutex_lock(&loop.lock);
    while (!loop.signalled) {
      pthread_cond_wait(&loop.woken, &loop.lock);
    }
    loop.signalled = false;
    pthread_mutex_unlock(&loop.lock);
    rpc_client_drain(c);
  }
}

struct seen {
  int ended, code, headers, messages;
};

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  (void)call;
  (void)headers;
  ((struct seen *)ctx)->headers++;
}
static void on_message(void *ctx, ponte_call *call, base_span message) {
  (void)call;
  (void)message;
  ((struct seen *)ctx)->messages++;
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  (void)call;
  struct seen *seen = ctx;
  seen->ended++;
  seen->code = status->code;
}
static const ponte_call_events events = {on_headers, on_message, NULL, on_status};

/* A socket that accepts connections and never says a word; or, closed at once, a port that refuses them. */
static int silent_listener(char target[32]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&address, n) || listen(fd, 8) || getsockname(fd, (struct sockaddr *)&address, &n)) {
    return -1;
  }
  snprintf(target, 32, "127.0.0.1:%d", ntohs(address.sin_port));
  return fd;
}

static void test_refused(void) {
  char target[32];
  rpc_client *c = NULL;
  ponte_channel *ch = NULL;
  ponte_call *call = NULL;
  struct seen seen = {0};
  int fd = silent_listener(target);
  REQUIRE(fd >= 0);
  close(fd);
  CHECK_OK(rpc_client_new(&(rpc_client_options){wake, NULL}, &c));
  CHECK_OK(rpc_channel_new(c, target, NULL, &ch));
  CHECK_OK(ponte_call_start(ch, "/a.B/C", NULL, &events, &seen, &call));
  CHECK_OK(ponte_call_send(call, base_span_str("x")));
  run_until(c, &seen.ended, 1);
  CHECK_INT(seen.code, 14);
  CHECK_INT(seen.headers, 0);
  CHECK(!rpc_channel_is_ready(ch, false));
  rpc_channel_free(ch);
  rpc_client_free(c);
  CHECK_INT(seen.ended, 1);
}

static void test_deadline_cancel_and_free(void) {
  enum { CALLS = 3 };
  char target[32];
  rpc_client *c = NULL;
  ponte_channel *ch = NULL;
  ponte_call *call[CALLS] = {NULL};
  struct seen seen[CALLS] = {{0}};
  const ponte_call_options soon = {.timeout_ms = 20};
  int fd = silent_listener(target);
  REQUIRE(fd >= 0);
  CHECK_OK(rpc_client_new(&(rpc_client_options){wake, NULL}, &c));
  CHECK_OK(rpc_channel_new(c, target, NULL, &ch));
  CHECK_OK(ponte_call_start(ch, "/a.B/C", &soon, &events, &seen[0], &call[0]));
  CHECK_OK(ponte_call_start(ch, "/a.B/C", NULL, &events, &seen[1], &call[1]));
  CHECK_OK(ponte_call_start(ch, "/a.B/C", NULL, &events, &seen[2], &call[2]));
  ponte_call_cancel(call[1]);
  ponte_call_cancel(call[1]);
  CHECK_INT(seen[1].ended, 0); /* never from inside a call of the interface */
  run_until(c, &seen[0].ended, 1);
  run_until(c, &seen[1].ended, 1);
  CHECK_INT(seen[0].code, 4);
  CHECK_INT(seen[1].code, 1);
  rpc_channel_free(ch);
  rpc_client_free(c);
  CHECK_INT(seen[2].ended, 1);
  CHECK_INT(seen[2].code, 1);
  close(fd);
}

static void pipe_headers(void *ctx, const wire_metadata *headers) { on_headers(ctx, NULL, headers); }
static void pipe_data(void *ctx, base_span run) { on_message(ctx, NULL, run); }
static void pipe_written(void *ctx, size_t bytes) {
  (void)ctx;
  (void)bytes;
}
static void pipe_status(void *ctx, const wire_status *status) { on_status(ctx, NULL, status); }
static const rpc_pipe_events pipe_events = {pipe_headers, pipe_data, pipe_written, pipe_status};

static const struct {
  const char *bytes;
  size_t n;
  bool end;
  enum base_err_code want;
  const char *reason;
} writes[] = {
    {"\1\0\0\0\1x", 6, false, BASE_E_MALFORMED, "compressed"},
    {"\x80\0\0\0\1x", 6, false, BASE_E_MALFORMED, "a trailer frame"},
    {"\0\0\1\0\1", 5, false, BASE_E_TOO_LARGE, "one byte above the limit"},
    {"\0\0\0\0", 4, true, BASE_E_MALFORMED, "ends inside a head"},
    {"\0\0\0\0\2x", 6, true, BASE_E_MALFORMED, "ends inside a body"},
    {"\0\0\0\0\1x", 6, true, BASE_E_OK, "one message"},
    {"\0\0\0\0\0\0\0\0\0\0\0", 10, true, BASE_E_OK, "two empty messages"},
    {"", 0, true, BASE_E_OK, "half-close alone"},
};

static void test_pipe_writes(void) {
  char target[32];
  rpc_client *c = NULL;
  ponte_channel *ch = NULL;
  int fd = silent_listener(target);
  REQUIRE(fd >= 0);
  CHECK_OK(rpc_client_new(&(rpc_client_options){wake, NULL}, &c));
  CHECK_OK(rpc_channel_new(c, target, &(rpc_channel_options){.max_message_bytes = 65536}, &ch));
  rpc_pipe *p = NULL;
  struct seen seen = {0};
  CHECK_ERR(rpc_pipe_start(ch, base_span_str("no-slash"), 0, NULL, &pipe_events, &seen, &p), BASE_E_INVALID);
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    for (int split = 0; split < 2; split++) {
      base_err e = BASE_OK;
      seen = (struct seen){0};
      CHECK_OK(rpc_pipe_start(ch, base_span_str("/a.B/C"), 0, NULL, &pipe_events, &seen, &p));
      rpc_pipe_credit(p, 10);
      for (size_t at = 0; split && at + 1 < writes[i].n && base_is_ok(e); at++) {
        e = rpc_pipe_write(p, base_span_of(writes[i].bytes + at, 1), false);
      }
      size_t sent = split && writes[i].n > 0 ? writes[i].n - 1 : 0;
      if (base_is_ok(e)) {
        e = rpc_pipe_write(p, base_span_of(writes[i].bytes + sent, writes[i].n - sent), writes[i].end);
      }
      CHECK_MSG(base_is(e, writes[i].want), "%s: %s", writes[i].reason, base_err_name(e));
      rpc_pipe_cancel(p);
      run_until(c, &seen.ended, 1);
      CHECK_INT(seen.code, 1);
    }
  }
  rpc_channel_free(ch);
  rpc_client_free(c);
  close(fd);
}

TEST_MAIN(TEST(test_refused), TEST(test_deadline_cancel_and_free), TEST(test_pipe_writes))
