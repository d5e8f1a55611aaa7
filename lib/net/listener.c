/* Listening sockets. They are ours and not lws's, because lws hides why a bind failed, spins when the process has no descriptor left, and
 * frees memory twice with two vhosts on one port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/internal.h"

enum {
  DEFAULT_CONNECTIONS = 10000,
  DEFAULT_FIRST_BYTE_MS = 10000,
  DEFAULT_STALL_MS = 120000,
  ACCEPTS_A_TURN = 64,
  RETRY_MS = 100,
  BACKLOG = 1024
};
/* A peer that vanished without a word is noticed after about two minutes. */
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 15, KEEPALIVE_PROBES = 4 };

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address;

/* "127.0.0.1:8080" or "[::1]:8080". */
static bool parse_address(const char *text, address *out, socklen_t *n) {
  char host[INET6_ADDRSTRLEN];
  const char *colon = strrchr(text, ':');
  bool v6 = text[0] == '[';
  const char *first = v6 ? text + 1 : text, *last = colon;
  uint64_t port = 0;
  if (!colon || !base_span_u64(base_span_str(colon + 1), &port) || port > UINT16_MAX) {
    return false;
  }
  if (v6 && (colon == first || *--last != ']')) {
    return false;
  }
  if (last <= first || (size_t)(last - first) >= sizeof host) {
    return false;
  }
  memcpy(host, first, (size_t)(last - first));
  host[last - first] = '\0';
  memset(out, 0, sizeof *out);
  if (v6) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    *n = sizeof out->v6;
    return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
  }
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons((uint16_t)port);
  *n = sizeof out->v4;
  return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

/* Linux hands these on to accepted sockets, which saves four system calls a connection. */
static void set_options(int fd, bool v6, bool share_port) {
  const struct {
    int level, name, value;
  } options[] = {
      {SOL_SOCKET, SO_REUSEADDR, 1},
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
      {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
      {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
  };
  int on = 1;
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
  }
  if (v6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* 0.0.0.0 and [::] are two listeners */
  }
  if (share_port) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
}

static base_err open_socket(net_listener *s) {
  address a;
  socklen_t n = 0;
  if (!parse_address(s->options.address, &a, &n)) {
    return base_fail(BASE_E_INVALID);
  }
  s->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) {
    return base_fail(BASE_E_IO);
  }
  set_options(s->fd, a.any.sa_family == AF_INET6, s->options.share_port);
  if (bind(s->fd, &a.any, n) != 0 || listen(s->fd, BACKLOG) != 0) {
    return base_fail(errno == EADDRINUSE ? BASE_E_IN_USE : errno == EADDRNOTAVAIL ? BASE_E_INVALID : BASE_E_IO);
  }
  if (getsockname(s->fd, &a.any, &n) != 0) {
    return base_fail(BASE_E_IO);
  }
  s->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
  return BASE_OK;
}

static void accept_connection(net_listener *s, int fd, const address *a) {
  char peer[INET6_ADDRSTRLEN] = "";
  if (s->connections >= s->options.max_connections) {
    close(fd);
    return;
  }
  if (a->any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &a->v6.sin6_addr, peer, sizeof peer);
  } else {
    inet_ntop(AF_INET, &a->v4.sin_addr, peer, sizeof peer);
  }
  net_conn *c = net__conn_new(s, fd, peer);
  if (!c) {
    close(fd);
    return;
  }
  s->connections++;
  net__conn_start(c);
}

static void on_readable(uv_poll_t *h, int status, int events);

static void on_retry(uv_timer_t *h) {
  net_listener *s = h->data;
  uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *h, int status, int events) {
  net_listener *s = h->data;
  (void)status;
  (void)events;
  for (int i = 0; i < ACCEPTS_A_TURN && !s->closed; i++) {
    address a = {0};
    socklen_t n = sizeof a;
    int fd = accept4(s->fd, &a.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accept_connection(s, fd, &a);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      /* The connection stays in the backlog and the socket readable: without a break this would spin. */
      BASE_LOG(BASE_LOG_WARN, "accepting pauses", LOG_STR("why", strerror(errno)));
      uv_poll_stop(&s->poll);
      uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
    }
    if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

static void dispose_if_done(net_listener *s) {
  if (s->closed && s->open_handles == 0 && s->connections == 0) {
    LIST_REMOVE(s, all);
    free(s);
  }
}

void net__listener_forget(net_listener *s) {
  s->connections--;
  dispose_if_done(s);
}

static void on_handle_closed(uv_handle_t *h) {
  net_listener *s = h->data;
  s->open_handles--;
  dispose_if_done(s);
}

base_err net_listen(net_loop *l, const net_listener_options *options, net_listener **out) {
  net_listener *s = calloc(1, sizeof *s);
  if (!s) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->loop = l;
  s->fd = -1;
  s->options = *options;
  s->options.max_connections = options->max_connections ? options->max_connections : DEFAULT_CONNECTIONS;
  s->options.first_byte_ms = options->first_byte_ms ? options->first_byte_ms : DEFAULT_FIRST_BYTE_MS;
  s->options.stall_ms = options->stall_ms ? options->stall_ms : DEFAULT_STALL_MS;
  s->vhost = net__lws_plain_vhost(l->lws);
  base_err e = open_socket(s);
  if (base_is_ok(e) && options->cert_file) {
    e = options->key_file ? net__lws_tls_vhost(l->lws, options->cert_file, options->key_file, &s->vhost)
                          : base_fail(BASE_E_INVALID);
  }
  if (!base_is_ok(e)) {
    if (s->fd >= 0) {
      close(s->fd);
    }
    free(s);
    return e;
  }
  s->options.address = s->options.cert_file = s->options.key_file = NULL;
  uv_poll_init(&l->uv, &s->poll, s->fd);
  uv_timer_init(&l->uv, &s->retry);
  s->poll.data = s->retry.data = s;
  s->open_handles = 2;
  uv_poll_start(&s->poll, UV_READABLE, on_readable);
  LIST_INSERT_HEAD(&l->listeners, s, all);
  *out = s;
  return BASE_OK;
}

int net_listener_port(const net_listener *s) { return s->port; }

void net_listener_close(net_listener *s) {
  if (s->closed) {
    return;
  }
  s->closed = true;
  uv_close((uv_handle_t *)&s->poll, on_handle_closed);
  uv_close((uv_handle_t *)&s->retry, on_handle_closed);
  close(s->fd);
}
