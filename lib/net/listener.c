/* Listening sockets. They are ours and not lws's, because lws hides why a bind failed, spins when the process has no descriptor left, and
 * frees memory twice with two vhosts on one port.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/internal.h"

enum {
  DEFAULT_CONNECTIONS = 10000,
  DEFAULT_FIRST_BYTE_MS = 10000,
  DEFAULT_STALL_MS = 120000,
  DEFAULT_LOST_MS = 15000,
  ACCEPTS_A_TURN = 64,
  RETRY_MS = 100,
  BACKLOG = 1024
};
static base_err open_socket(net_listener *s) {
  net__address a;
  socklen_t n = 0;
  int on = 1;
  if (!net__address_parse(s->options.address, &a, &n)) {
    return base_fail(BASE_E_INVALID);
  }
  s->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0) {
    return base_fail(BASE_E_IO);
  }
  net__address_set_options(
      s->fd); /* Linux hands them on to accepted sockets, which saves four system calls a connection */
  setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (a.any.sa_family == AF_INET6) {
    setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on); /* 0.0.0.0 and [::] are two listeners */
  }
  if (s->options.share_port) {
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (bind(s->fd, &a.any, n) != 0 || listen(s->fd, BACKLOG) != 0) {
    return base_fail(errno == EADDRINUSE ? BASE_E_IN_USE : errno == EADDRNOTAVAIL ? BASE_E_INVALID : BASE_E_IO);
  }
  if (getsockname(s->fd, &a.any, &n) != 0) {
    return base_fail(BASE_E_IO);
  }
  s->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
  return BASE_OK;
}

static void accept_connection(net_listener *s, int fd, const net__address *a) {
  if (s->connections >= s->options.max_connections) {
    close(fd);
    return;
  }
  net_conn *c = net__conn_new(s->loop, fd, a);
  if (!c) {
    close(fd);
    return;
  }
  s->connections++;
  net__conn_start(c, s);
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
    net__address a = {0};
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
    net_tls_server_free(s->tls);
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

static base_err set_tls(net_listener *s, const net_listener_options *options) {
  if (options->tls) {
    net__tls_server_retain(options->tls);
    s->tls = options->tls;
    return BASE_OK;
  }
  if (!options->cert_file) {
    return BASE_OK;
  }
  const net_tls_server_options tls = {.main = {options->cert_file, options->key_file}};
  return net_tls_server_new(&tls, NULL, &s->tls);
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
  s->options.lost_ms = options->lost_ms ? options->lost_ms : DEFAULT_LOST_MS;
  base_err e = open_socket(s);
  if (base_is_ok(e)) {
    e = set_tls(s, options);
  }
  if (!base_is_ok(e)) {
    if (s->fd >= 0) {
      close(s->fd);
    }
    free(s);
    return e;
  }
  s->options.address = s->options.cert_file = s->options.key_file = NULL;
  s->options.tls = NULL;
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
