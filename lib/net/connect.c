/* Connections of ours. The socket is ours until it is connected and is adopted into lws then, as an accepted one is: from there on both
 * directions are the same code. lws's own client would resolve names, choose TLS by vhost and hide why it failed.
 */
#include "net/connect.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/internal.h"

enum { DEFAULT_TIMEOUT_MS = 10000, DEFAULT_STALL_MS = 120000, UNANSWERED_MS = 60000, SERVER_NAME_MAX = 253 };

/* A libuv handle outlives what it watched by a turn. */
typedef struct {
  uv_poll_t poll;
  net_conn *conn;
} watcher;

struct net__dial {
  net_conn *conn;
  watcher *watcher; /* until TCP is connected */
  void (*on_open)(void *codec);
  bool listed;
  LIST_ENTRY(net__dial) all;
  char failure[160];
};

static void on_watcher_closed(uv_handle_t *h) { free(h->data); }

static void stop_watching(struct net__dial *d) {
  if (d->watcher) {
    uv_close((uv_handle_t *)&d->watcher->poll, on_watcher_closed);
    d->watcher = NULL;
  }
}

static void unlist(struct net__dial *d) {
  if (d->listed) {
    d->listed = false;
    LIST_REMOVE(d, all);
  }
}

void net__dial_free(struct net__dial *d) {
  /* lws closes what it has adopted; so an unlisted one is not ours to close. */
  if (d->listed && d->conn->fd >= 0) {
    stop_watching(d);
    close(d->conn->fd);
  }
  unlist(d);
  free(d);
}

void net__dial_end_all(net_loop *l) {
  while (!LIST_EMPTY(&l->dials)) {
    net__conn_on_gone(LIST_FIRST(&l->dials)->conn);
  }
}

void net__dial_failed(struct net__dial *d, const char *why) {
  if (d->failure[0] == '\0') {
    snprintf(d->failure, sizeof d->failure, "%s", why);
  }
}

void net__dial_open(struct net__dial *d) {
  if (d->on_open) {
    d->on_open(d->conn->codec);
  }
}

/* libuv reports a refused connection as an error of the handle; the socket knows better. */
static void on_connected(uv_poll_t *h, int status, int events) {
  net_conn *c = ((watcher *)h->data)->conn;
  int error = 0;
  socklen_t n = sizeof error;
  (void)status;
  (void)events;
  uv_poll_stop(h);
  if (c->state != NET__CONNECTING) {
    return; /* closed in this turn */
  }
  if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
    net__conn_fail(c, strerror(error ? error : errno));
    return;
  }
  stop_watching(c->dial);
  if (!net__conn_adopt(c)) {
    net__conn_fail(c, "no memory or no descriptors");
    return;
  }
  unlist(c->dial);
  if (c->tls) {
    net__tls_on_bytes(c->tls, (base_span){0}); /* begins the handshake */
  } else {
    net__conn_open(c);
  }
}

/* False: out of memory. */
static bool watch(net_conn *c) {
  watcher *w = calloc(1, sizeof *w);
  if (!w) {
    return false;
  }
  if (uv_poll_init(&c->loop->uv, &w->poll, c->fd) != 0) {
    free(w);
    return false;
  }
  w->conn = c;
  w->poll.data = w;
  c->dial->watcher = w;
  return true;
}

static net_conn *new_conn(net_loop *l, int fd, const net__address *a, const net_connect_options *options) {
  net_conn *c = net__conn_new(l, fd, a);
  struct net__dial *d = calloc(1, sizeof *d);
  bool ok = c && d;
  if (ok) {
    c->dial = d;
    d->conn = c;
    c->tls = options->tls ? net__tls_connect(c, options->tls, options->server_name) : NULL;
    ok = (c->tls || !options->tls) && watch(c);
  }
  if (!ok) {
    net__tls_free(c ? c->tls : NULL);
    free(c);
    free(d);
    return NULL;
  }
  d->listed = true;
  LIST_INSERT_HEAD(&l->dials, d, all);
  return c;
}

/* A server that vanishes with bytes on their way to it is noticed by the kernel within a minute (an idle one by TCP's keepalive): PINGs of HTTP/2 must be far
 * rarer, as servers count them. */
static void limit_silence(int fd) {
  unsigned ms = UNANSWERED_MS;
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

static bool parse(const char *text, net__address *a, socklen_t *n) {
  static const char scheme[] = "unix:";
  if (strncmp(text, scheme, sizeof scheme - 1) == 0) {
    return net__address_parse_unix(text + sizeof scheme - 1, a, n);
  }
  return net__address_parse(text, a, n) && a->v4.sin_port != 0; /* the port is at the same place in both */
}

/* A leading dot means something else to OpenSSL; no name is longer (RFC 1035 section 2.3.4). */
static bool is_server_name(const char *name) {
  size_t n = name ? strlen(name) : 0;
  return n > 0 && n <= SERVER_NAME_MAX && name[0] != '.';
}

base_err net_connect(net_loop *l, const net_connect_options *options, const net_codec_vt *vt, void *codec,
                     net_conn **out) {
  net__address a;
  socklen_t n = 0;
  if (l->freeing) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  if (!parse(options->address, &a, &n) || (options->tls && !is_server_name(options->server_name))) {
    return base_fail(BASE_E_INVALID);
  }
  int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return base_fail(BASE_E_IO);
  }
  net_conn *c = new_conn(l, fd, &a, options);
  if (!c) {
    close(fd);
    return base_fail(BASE_E_NO_MEMORY);
  }
  if (a.any.sa_family != AF_UNIX) {
    net__address_set_options(fd);
    limit_silence(fd);
  }
  c->vt = vt;
  c->codec = codec;
  c->dial->on_open = options->on_open;
  c->stall_ms = options->stall_ms ? options->stall_ms : DEFAULT_STALL_MS;
  net__conn_set_deadline(c, options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS);
  if (connect(fd, &a.any, n) != 0 && errno != EINPROGRESS) {
    net__conn_fail(c, strerror(errno)); /* reported at the end of the turn, not from in here */
  } else {
    uv_poll_start(&c->dial->watcher->poll, UV_WRITABLE, on_connected);
  }
  *out = c;
  return BASE_OK;
}

const char *net_conn_failure(const net_conn *c) { return c->dial ? c->dial->failure : ""; }
