/* Which calls start anew elsewhere: beside a real server stands one of ours that refuses in the words of HTTP/2. Exactly the calls that it did not process may move. */
#include <pthread.h>
#include <stdatomic.h>

#include "gateway/obs/obs.h"
#include "upstream_peers.h"

enum { PREFACE = 24, HEAD = 9, FRAME_MAX = 16384, LARGE = 100000 };
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7 };
enum { REFUSED_STREAM = 7, INTERNAL_ERROR = 2 };

enum refusal {
  REFUSES,     /* RST_STREAM(REFUSED_STREAM) */
  GOES,        /* GOAWAY with last stream 0 */
  BREAKS,      /* RST_STREAM(INTERNAL_ERROR): it may have done something */
  HANGS_UP,    /* closes the connection without a word: the same */
  ANSWERS_ONCE /* headers, then REFUSED_STREAM: too late */
};

static struct {
  int listener;
  enum refusal how;
  pthread_t thread;
  char target[64];
  atomic_int calls;
} refuser;

static bool put_frame(int fd, int type, uint32_t stream, const uint8_t *payload, uint8_t n) {
  uint8_t frame[HEAD + 64] = {0, 0, n, (uint8_t)type, 0, 0, 0, (uint8_t)(stream >> 8), (uint8_t)stream};
  if (n > 0) {
    memcpy(frame + HEAD, payload, n);
  }
  frame[4] = type == HEADERS ? 4 : 0; /* END_HEADERS */
  return tcp_send(fd, frame, (size_t)HEAD + n);
}

/* False: the connection is to be closed. */
static bool refuse(int fd, uint32_t stream) {
  static const uint8_t going[8] = {0};
  /* ":status: 200" by HPACK's static table, and a literal content-type. */
  static const uint8_t answer[] = "\x88\x0f\x10\x10"
                                  "application/grpc";
  uint8_t code[4] = {0, 0, 0, refuser.how == BREAKS ? INTERNAL_ERROR : REFUSED_STREAM};
  atomic_fetch_add(&refuser.calls, 1);
  switch (refuser.how) {
  case GOES: return put_frame(fd, GOAWAY, 0, going, sizeof going);
  case HANGS_UP: return false;
  case ANSWERS_ONCE:
    if (!put_frame(fd, HEADERS, stream, answer, sizeof answer - 1)) {
      return false;
    }
    break;
  case REFUSES:
  case BREAKS: break;
  }
  return put_frame(fd, RST_STREAM, stream, code, sizeof code);
}

static void serve(int fd) {
  uint8_t head[PREFACE], payload[FRAME_MAX];
  bool open = tcp_read(fd, head, PREFACE) == PREFACE && put_frame(fd, SETTINGS, 0, NULL, 0);
  while (open && tcp_read(fd, head, HEAD) == HEAD) {
    size_t n = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    uint32_t stream = (uint32_t)head[7] << 8 | head[8];
    open = n <= sizeof payload && tcp_read(fd, payload, n) == n;
    if (open && head[3] == HEADERS) {
      open = refuse(fd, stream);
    }
  }
}

/* One connection after another, until the listener is shut down. */
static void *run(void *unused) {
  (void)unused;
  for (int fd; (fd = accept(refuser.listener, NULL, NULL)) >= 0; close(fd)) {
    serve(fd);
  }
  return NULL;
}

static void refuser_start(enum refusal how) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  refuser.how = how;
  atomic_store(&refuser.calls, 0);
  refuser.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(refuser.listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(refuser.listener, 8) == 0);
  getsockname(refuser.listener, (struct sockaddr *)&a, &n);
  snprintf(refuser.target, sizeof refuser.target, "127.0.0.1:%d", ntohs(a.sin_port));
  CHECK(pthread_create(&refuser.thread, NULL, run, NULL) == 0);
}

/* After the cluster has let go of its connections. */
static void refuser_stop(void) {
  shutdown(refuser.listener, SHUT_RDWR);
  pthread_join(refuser.thread, NULL);
  close(refuser.listener);
}

static void ask_with(struct seen *s, size_t bytes) {
  static uint8_t large[LARGE + WIRE_FRAME_HEAD];
  if (!start_at(s, "/peer.Peer/Name", 0, NULL)) {
    return;
  }
  credit(s, 10000);
  wire_frame_head(large, 0, (uint32_t)bytes);
  s->inside = true;
  CHECK_OK(w.up->vt->write(s->call, base_span_of(large, bytes + WIRE_FRAME_HEAD), true));
  s->inside = false;
  UNTIL(s->statuses);
}

static bool is_metric(const char *sample) {
  char line[80];
  base_buf text;
  base_buf_init(&text, 1 << 20);
  gw_obs_register();
  CHECK_OK(base_metrics_write(&text));
  snprintf(line, sizeof line, "\n%s\n", sample);
  bool found = memmem(base_buf_span(&text).p, base_buf_size(&text), line, strlen(line)) != NULL;
  base_buf_dispose(&text);
  return found;
}

static const struct {
  const char *why;
  enum refusal how;
  size_t bytes; /* of the request */
  bool moves;
} rows[] = {
    {"refused", REFUSES, 1, true},
    {"refused, with all that is kept", REFUSES, 65000, true},
    {"above GOAWAY's last stream", GOES, 1, true},
    {"refused, with more than is kept", REFUSES, LARGE, false},
    {"broken", BREAKS, 1, false},
    {"hung up on", HANGS_UP, 1, false},
    {"refused after headers", ANSWERS_ONCE, 1, false},
};

static void only_unprocessed_calls_move(void) {
  peer_start(&peers[0], "a", 0, NULL);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct seen s = {0};
    int failed = 0;
    refuser_start(rows[r].how);
    gw_cluster_options o = options_for(GW_LEG_H2, 1);
    o.targets[o.target_count++] = refuser.target;
    world_open(&o, rows[r].why);
    w.up->vt->is_ready(w.up);
    UNTIL(is_metric("ponte_gateway_upstream_connections 2"));
    /* Both take turns; each call that the real one gets succeeds. */
    for (int64_t end = base_now_ms() + WAIT_S * 1000; base_now_ms() < end && atomic_load(&refuser.calls) == 0;) {
      ask_with(&s, rows[r].bytes);
      failed += s.code != 0;
    }
    CHECK_MSG(atomic_load(&refuser.calls) > 0, "%s", rows[r].why);
    CHECK_MSG(failed == !rows[r].moves, "%s: %d failed, %d %s", rows[r].why, failed, s.code, s.message);
    CHECK_MSG(rows[r].moves ? strncmp(s.text, "a ", 2) == 0 : s.code != 0, "%s: %s", rows[r].why, s.text);
    world_close();
    refuser_stop();
  }
  peers_stop();
}

static void tries_are_few(void) {
  struct seen s;
  refuser_start(REFUSES);
  gw_cluster_options o = options_for(GW_LEG_H2, 0);
  o.targets[o.target_count++] = refuser.target;
  world_open(&o, "refused by all");
  ask_with(&s, 1);
  CHECK_INT(s.code, 14);
  CHECK_INT(atomic_load(&refuser.calls), 3);
  world_close();
  refuser_stop();
}

/* Three rows moved a call, and "refused by all" twice; nothing is left open. */
static void what_happened_is_counted(void) {
  CHECK(is_metric("ponte_gateway_upstream_retries_total 5"));
  CHECK(is_metric("ponte_gateway_upstream_connections 0"));
  CHECK(is_metric("ponte_gateway_upstream_waiting 0"));
}

TEST_MAIN(TEST(only_unprocessed_calls_move), TEST(tries_are_few), TEST(what_happened_is_counted))
