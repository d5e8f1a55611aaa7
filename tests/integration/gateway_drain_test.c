/* Two gateways behind one address, and the first of them goes: the client's own session, native, moves to the other. Calls that run finish where they are, new ones go to the
 * other gateway, and none fails. */
#include <pthread.h>
#include <stdatomic.h>

#include "gateway_world.h"
#include "net/loop.h"
#include "wc/session.h"
#include "wc_net/plat_net.h"

/* -- one address for both: what a load balancer does ------------------------------------------------------------------------------------ */

struct balancer {
  int fd, port;
  atomic_int target; /* new connections go there */
};

struct pump {
  int from, to;
};

static void *pump_main(void *arg) {
  struct pump p = *(struct pump *)arg;
  char bytes[16384];
  free(arg);
  for (ssize_t n; (n = recv(p.from, bytes, sizeof bytes, 0)) > 0 && tcp_send(p.to, bytes, (size_t)n);) {
  }
  shutdown(p.to, SHUT_WR);
  shutdown(p.from, SHUT_RD);
  return NULL;
}

static void pump_start(int from, int to) {
  pthread_t thread;
  struct pump *p = malloc(sizeof *p);
  if (p == NULL) {
    abort();
  }
  *p = (struct pump){from, to};
  pthread_create(&thread, NULL, pump_main, p);
  pthread_detach(thread);
}

static void *balancer_main(void *arg) {
  struct balancer *b = arg;
  const struct timeval none = {0};
  for (int in; (in = accept(b->fd, NULL, NULL)) >= 0;) {
    int out = tcp_connect(atomic_load(&b->target));
    if (out < 0) {
      close(in);
      continue;
    }
    setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    pump_start(in, out);
    pump_start(out, in);
  }
  return NULL;
}

static void balancer_start(struct balancer *b, pthread_t *thread, int target) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  atomic_init(&b->target, target);
  b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(b->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(b->fd, 64) == 0);
  CHECK(getsockname(b->fd, (struct sockaddr *)&a, &n) == 0);
  b->port = ntohs(a.sin_port);
  pthread_create(thread, NULL, balancer_main, b);
}

/* -- the calls ------------------------------------------------------------------------------------------------------------------------------ */

enum { STREAMS = 6, CHAINS = 4, MESSAGES = 300, MOVE_AT = 200, UNARY_AFTER = 200, TEXT = 10 };

struct test {
  world first, second;
  struct balancer balancer;
  net_loop *loop;
  ponte_channel *channel;
  int replies, streams_open, chains_open, unary_ok, unary_at_move, failed;
  bool moved;
};

struct call {
  struct test *t;
  int sent, received;
  bool unary;
};

/* EchoRequest{text: "00000007"}: the reply begins with the same field. */
static void make_message(char out[TEXT + 1], int number) { snprintf(out, TEXT + 1, "\n\b%08d", number); }

static void send_next(struct call *c, ponte_call *call) {
  char m[TEXT + 1];
  make_message(m, c->sent++);
  CHECK_OK(ponte_call_send(call, base_span_of(m, TEXT)));
}

static void move(struct test *t) {
  t->moved = true;
  t->unary_at_move = t->unary_ok;
  atomic_store(&t->balancer.target, t->second.port);
  kill(t->first.gateway.pid, SIGTERM);
}

static void on_message(void *ctx, ponte_call *call, base_span message) {
  struct call *c = ctx;
  char m[TEXT + 1];
  make_message(m, c->received++);
  CHECK(message.n >= TEXT && memcmp(message.p, m, TEXT) == 0);
  if (c->unary) {
    return;
  }
  if (++c->t->replies == MOVE_AT) {
    move(c->t);
  }
  if (c->sent < MESSAGES) {
    send_next(c, call);
  } else {
    ponte_call_half_close(call);
  }
}

static void start(struct call *c);

static bool wants_more(const struct test *t) {
  return !t->moved || t->streams_open > 0 || t->unary_ok < t->unary_at_move + UNARY_AFTER;
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  struct call *c = ctx;
  struct test *t = c->t;
  (void)call;
  CHECK_MSG(status->code == 0, "%s: %d %.*s", c->unary ? "unary" : "stream", status->code,
            BASE_SPAN_ARG(base_buf_span(&status->message)));
  CHECK_INT(c->received, c->sent);
  t->failed += status->code != 0;
  t->unary_ok += c->unary && status->code == 0;
  t->streams_open -= !c->unary;
  if (c->unary && t->failed == 0 && wants_more(t)) {
    c->sent = c->received = 0;
    start(c);
    return;
  }
  t->chains_open -= c->unary;
  if (t->streams_open == 0 && t->chains_open == 0) {
    net_loop_stop(t->loop);
  }
}

static const ponte_call_events events = {.on_message = on_message, .on_status = on_status};

static void start(struct call *c) {
  ponte_call *call = NULL;
  const char *path = c->unary ? "/ponte.echo.v1.EchoService/Unary" : "/ponte.echo.v1.EchoService/Bidi";
  CHECK_OK(ponte_call_start(c->t->channel, path, &(ponte_call_options){0}, &events, c, &call));
  if (call == NULL) {
    c->t->failed++;
    net_loop_stop(c->t->loop);
    return;
  }
  send_next(c, call);
  if (c->unary) {
    ponte_call_half_close(call);
  }
}

static void on_late(void *ctx) {
  struct test *t = ctx;
  CHECK_MSG(false, "the calls do not end: %d streams, %d chains, %d replies", t->streams_open, t->chains_open,
            t->replies);
  net_loop_stop(t->loop);
}

static void nothing_is_lost_when_a_gateway_goes(void) {
  static struct test t;
  static struct call calls[STREAMS + CHAINS];
  pthread_t thread;
  wc_plat *plat = NULL;
  wc_session *session = NULL;
  char url[64];
  CHECK(world_start(&t.first, NULL) && world_start(&t.second, NULL));
  balancer_start(&t.balancer, &thread, t.first.port);
  CHECK_OK(net_loop_new(NULL, &t.loop));
  CHECK_OK(wc_plat_net_new(t.loop, &plat));
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/ponte.v1", t.balancer.port);
  CHECK_OK(wc_session_new(plat, &(wc_session_options){.url = url}, &session));
  REQUIRE(session);
  t.channel = wc_session_channel(session);
  t.streams_open = STREAMS;
  t.chains_open = CHAINS;
  for (int i = 0; i < STREAMS + CHAINS; i++) {
    calls[i] = (struct call){.t = &t, .unary = i >= STREAMS};
    start(&calls[i]);
  }
  net_timer *late = net_timer_new(t.loop, on_late, &t);
  net_timer_set(late, WAIT_S * 1000);
  net_loop_run(t.loop);
  CHECK(t.moved);
  CHECK_INT(t.failed, 0);
  CHECK_INT(t.replies, STREAMS * MESSAGES);
  CHECK_MSG(world_metric(&t.second, "ponte_gateway_calls_total{code=\"OK\"}") > 0, "%s",
            "nothing went to the second gateway");
  CHECK_INT(process_wait(&t.first.gateway), 0); /* its work was done before its grace was over */
  wc_session_free(session);
  net_timer_free(late);
  net_loop_free(t.loop);
  wc_plat_net_free(plat);
  shutdown(t.balancer.fd, SHUT_RDWR);
  pthread_join(thread, NULL);
  close(t.balancer.fd);
  world_end(&t.first);
  world_end(&t.second);
}

TEST_MAIN(TEST(nothing_is_lost_when_a_gateway_goes))
