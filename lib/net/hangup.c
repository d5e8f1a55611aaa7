/* Seeing that a peer goes while reads rest. lws looks away from a paused connection, and libuv has one watcher a descriptor, which is lws's; so a loop has an epoll of its own,
 * which libuv watches. A connection enters it at its first pause and stays, edge-triggered and asked for hang-ups alone: pauses, bytes and idleness cost nothing there.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/internal.h"

enum {
  EVENTS_A_READ = 64,
  /* A peer that has closed and one that has only closed its half look the same: so long a quick answer still reaches the latter. */
  FIN_MS = 200,
};

static void on_timer(uv_timer_t *t);

static void arm(struct net__hangups *h) {
  net_conn *first = TAILQ_FIRST(&h->fins);
  if (first && !uv_is_active((uv_handle_t *)&h->timer)) {
    int64_t delay_ms = first->fin_due_ms - base_now_ms();
    uv_update_time(h->timer.loop);
    uv_timer_start(&h->timer, on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
  }
}

static void await_end(net_conn *c, int64_t now_ms) {
  struct net__hangups *h = &c->loop->hangups;
  c->fin_due_ms = now_ms + FIN_MS;
  TAILQ_INSERT_TAIL(&h->fins, c, fin); /* all wait equally long, so the list is in order */
  arm(h);
}

static void stop_waiting(net_conn *c) {
  if (c->fin_due_ms) {
    TAILQ_REMOVE(&c->loop->hangups.fins, c, fin);
    c->fin_due_ms = 0;
  }
}

static void on_timer(uv_timer_t *t) {
  struct net__hangups *h = t->data;
  int64_t now_ms = base_now_ms();
  net_conn *c;
  while ((c = TAILQ_FIRST(&h->fins)) && c->fin_due_ms <= now_ms) {
    stop_waiting(c);
    if (!net__conn_on_fin(c, now_ms - c->fin_seen_ms)) {
      await_end(c, now_ms);
    }
  }
  arm(h);
}

/* What is known of the peer meets a pause. */
static void act(net_conn *c) {
  if (!c->blind || c->hung_up == NET__HERE) {
    return;
  }
  if (c->hung_up == NET__GONE) {
    net__conn_fail(c, strerror(ECONNRESET));
  } else if (!c->fin_due_ms) {
    c->fin_seen_ms = base_now_ms();
    await_end(c, c->fin_seen_ms);
  }
}

static void on_readable(uv_poll_t *p, int status, int events) {
  struct net__hangups *h = p->data;
  struct epoll_event seen[EVENTS_A_READ];
  (void)status;
  (void)events;
  int n = epoll_wait(h->fd, seen, EVENTS_A_READ, 0);
  for (int i = 0; i < n; i++) {
    net_conn *c = seen[i].data.ptr;
    /* EPOLLHUP alone is a local socket's ordinary end; TCP's reset and time-outs have the error too. */
    c->hung_up = seen[i].events & EPOLLERR ? NET__GONE : NET__FIN;
    act(c);
  }
}

static bool enter(net_conn *c) {
  struct epoll_event e = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = c};
  c->is_entered = c->is_entered || epoll_ctl(c->loop->hangups.fd, EPOLL_CTL_ADD, c->fd, &e) == 0;
  return c->is_entered;
}

void net__hangup_watch(net_conn *c, bool blind) {
  if (blind == c->blind) {
    return;
  }
  c->blind = blind;
  if (!blind) {
    stop_waiting(c);
  } else if (enter(c)) {
    act(c);
  } else {
    net__conn_fail(c, strerror(errno));
  }
}

void net__hangup_forget(net_conn *c) {
  stop_waiting(c);
  if (c->is_entered) {
    epoll_ctl(c->loop->hangups.fd, EPOLL_CTL_DEL, c->fd, NULL);
    c->is_entered = false;
  }
}

base_err net__hangups_open(struct net__hangups *h, uv_loop_t *uv) {
  TAILQ_INIT(&h->fins);
  h->fd = epoll_create1(EPOLL_CLOEXEC);
  if (h->fd < 0 || uv_poll_init(uv, &h->poll, h->fd) != 0) {
    return base_fail(BASE_E_IO);
  }
  uv_timer_init(uv, &h->timer);
  h->timer.data = h->poll.data = h;
  uv_poll_start(&h->poll, UV_READABLE, on_readable);
  return BASE_OK;
}

void net__hangups_close(struct net__hangups *h) {
  if (h->poll.data) {
    uv_close((uv_handle_t *)&h->poll, NULL);
    uv_close((uv_handle_t *)&h->timer, NULL);
  }
}

void net__hangups_free(struct net__hangups *h) {
  if (h->fd >= 0) {
    close(h->fd);
  }
}
