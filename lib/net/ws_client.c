#include "net/ws_client.h"

#include <stdlib.h>

#include "net/internal.h"

enum {
  QUEUE_CEILING = 16 << 20,
  CLOSE_ABNORMAL = 1006,
  CLOSE_NO_CODE = 1005,
  CLOSE_UNSUPPORTED = 1003,
  CLOSE_TOO_BIG = 1009,
  MAX_REASON = 124
};

struct ws_message {
  STAILQ_ENTRY(ws_message) next;
  size_t n;
  uint8_t bytes[]; /* lws's headroom, then the message */
};

/* Two ends must both have come before the memory goes: `told`, on_close has returned, and `gone`, lws has let go of its wsi (which it may do
 * before or after, and in net_ws_connect already). */
struct net_ws {
  net_loop *loop;
  struct lws *wsi;
  net_timer *later; /* everything that must not happen inside a call of the user or of lws */
  net_ws_events events;
  void *ctx;
  STAILQ_HEAD(, ws_message) queue;
  size_t queued;
  base_buf in;
  bool open, ended, told, gone;
  int closing; /* our close code, once asked for */
  int code;
  char reason[MAX_REASON];
  LIST_ENTRY(net_ws) all;
};

static void drop_queue(net_ws *w) {
  struct ws_message *m;
  while ((m = STAILQ_FIRST(&w->queue))) {
    STAILQ_REMOVE_HEAD(&w->queue, next);
    free(m);
  }
  w->queued = 0;
}

static void free_if_done(net_ws *w) {
  if (!w->told || !w->gone) {
    return;
  }
  LIST_REMOVE(w, all);
  free(w);
}

static void tell(net_ws *w) {
  w->told = true;
  net_timer_free(w->later);
  w->later = NULL;
  drop_queue(w);
  base_buf_dispose(&w->in);
  w->events.on_close(w->ctx, w->code, w->reason);
  free_if_done(w);
}

static void set_end(net_ws *w, int code, base_span reason) {
  if (w->code == 0) {
    w->code = code;
    snprintf(w->reason, sizeof w->reason, "%.*s", BASE_SPAN_ARG(reason));
  }
}

/* The connection is over: on_close follows from the loop. */
static void end(net_ws *w) {
  set_end(w, CLOSE_ABNORMAL, base_span_str("connection lost"));
  if (!w->ended) {
    w->ended = true;
    net_timer_set(w->later, 0);
  }
}

static void on_later(void *ctx) {
  net_ws *w = ctx;
  if (w->ended) {
    tell(w);
    return;
  }
  if (w->closing && !w->open && w->wsi) {
    net__lws_kill(w->wsi); /* closed by its owner before it was open */
    end(w);
  }
}

void net__ws_on_open(net_ws *w) {
  if (w->ended) {
    return;
  }
  w->open = true;
  w->events.on_open(w->ctx);
  if (w->queued > 0 || w->closing) {
    net__lws_want_write(w->wsi);
  }
}

static void refuse(net_ws *w, int code, const char *why) {
  set_end(w, code, base_span_str(why));
  drop_queue(w);
  net_ws_close(w, code);
}

void net__ws_on_bytes(net_ws *w, base_span bytes, bool binary, bool last) {
  if (w->closing || w->ended) {
    return;
  }
  if (!binary) {
    refuse(w, CLOSE_UNSUPPORTED, "text message");
    return;
  }
  base_err e = base_buf_append(&w->in, bytes);
  if (!base_is_ok(e)) {
    refuse(w, CLOSE_TOO_BIG, "message too large");
    return;
  }
  if (last) {
    w->events.on_message(w->ctx, base_buf_span(&w->in));
    base_buf_clear(&w->in);
  }
}

bool net__ws_on_writable(net_ws *w) {
  struct ws_message *m = STAILQ_FIRST(&w->queue);
  if (w->ended) {
    return false;
  }
  if (!m) {
    if (w->closing) {
      set_end(w, w->closing, (base_span){0});
      net__lws_ws_close_reason(w->wsi, w->closing);
    }
    return !w->closing;
  }
  STAILQ_REMOVE_HEAD(&w->queue, next);
  w->queued -= m->n;
  bool ok = net__lws_ws_write(w->wsi, m->bytes + net__lws_ws_headroom(), m->n);
  free(m);
  if (ok && (!STAILQ_EMPTY(&w->queue) || w->closing)) {
    net__lws_want_write(w->wsi);
  }
  return ok;
}

void net__ws_on_peer_close(net_ws *w, int code, base_span reason) { set_end(w, code ? code : CLOSE_NO_CODE, reason); }

void net__ws_on_failed(net_ws *w, base_span why) {
  set_end(w, CLOSE_ABNORMAL, why);
  end(w);
}

void net__ws_on_closed(net_ws *w) { end(w); }

void net__ws_on_gone(net_ws *w) {
  w->wsi = NULL;
  w->gone = true;
  if (!w->told) {
    end(w);
  }
  free_if_done(w);
}

void net__ws_end_all(net_loop *l) {
  for (net_ws *w = LIST_FIRST(&l->sockets), *next; w; w = next) {
    next = LIST_NEXT(w, all);
    set_end(w, CLOSE_ABNORMAL, base_span_str("the loop ends"));
    w->ended = true;
    if (!w->told) {
      tell(w);
    }
  }
}

void net__ws_free_all(net_loop *l) {
  net_ws *w;
  while ((w = LIST_FIRST(&l->sockets))) {
    w->gone = true;
    free_if_done(w);
  }
}

/* scheme://host[:port][/path] into `text`, which must hold it; the target points there. */
static bool parse_url(char *text, net__ws_target *out) {
  bool tls = strncmp(text, "wss://", 6) == 0;
  char *host = text + (tls ? 6 : 5), *path = strchr(host, '/'), *end = path ? path : host + strlen(host);
  char *port = memchr(host, ':', (size_t)(end - host));
  uint64_t number = tls ? 443 : 80;
  if (!tls && strncmp(text, "ws://", 5) != 0) {
    return false;
  }
  if (host[0] == '[') {
    char *bracket = memchr(host, ']', (size_t)(end - host));
    if (!bracket || (bracket + 1 != end && bracket[1] != ':')) {
      return false;
    }
    port = bracket + 1 == end ? NULL : bracket + 1;
    *bracket = '\0';
    host++;
  }
  if (port && (!base_span_u64(base_span_of(port + 1, (size_t)(end - port - 1)), &number) || number == 0 ||
               number > UINT16_MAX)) {
    return false;
  }
  memmove(end + 1, end, strlen(end) + 1); /* room for the host's NUL in front of the path's slash */
  *end = '\0';
  if (port) {
    *port = '\0';
  }
  *out = (net__ws_target){.host = host, .path = path ? end + 1 : "/", .port = (int)number, .tls = tls};
  return host[0] != '\0';
}

static net_ws *new_ws(net_loop *l, size_t max_message, const net_ws_events *events, void *ctx) {
  net_ws *w = calloc(1, sizeof *w);
  if (!w) {
    return NULL;
  }
  w->later = net_timer_new(l, on_later, w);
  if (!w->later) {
    free(w);
    return NULL;
  }
  w->loop = l;
  w->events = *events;
  w->ctx = ctx;
  STAILQ_INIT(&w->queue);
  base_buf_init(&w->in, max_message);
  LIST_INSERT_HEAD(&l->sockets, w, all);
  return w;
}

base_err net_ws_connect(net_loop *l, const char *url, const char *subprotocol, size_t max_message,
                        const net_ws_events *events, void *ctx, net_ws **out) {
  char text[512], host_header[300];
  net__ws_target target;
  if (strlen(url) + 2 > sizeof text) {
    return base_fail(BASE_E_INVALID);
  }
  snprintf(text, sizeof text, "%s", url);
  if (!parse_url(text, &target)) {
    return base_fail(BASE_E_INVALID);
  }
  bool v6 = strchr(target.host, ':') != NULL;
  snprintf(host_header, sizeof host_header, v6 ? "[%s]:%d" : "%s:%d", target.host, target.port);
  target.host_header = host_header;
  target.subprotocol = subprotocol;
  net_ws *w = new_ws(l, max_message, events, ctx);
  if (!w) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  w->wsi = net__lws_connect(l->lws, &target, w);
  if (!w->wsi) {
    net__ws_on_failed(w, base_span_str("cannot connect"));
  }
  *out = w;
  return BASE_OK;
}

base_err net_ws_send(net_ws *w, base_span message) {
  size_t headroom = net__lws_ws_headroom();
  if (w->ended || w->closing) {
    return base_fail(BASE_E_IO);
  }
  if (message.n > QUEUE_CEILING - w->queued) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  struct ws_message *m = malloc(sizeof *m + headroom + message.n);
  if (!m) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  m->n = message.n;
  if (message.n > 0) {
    memcpy(m->bytes + headroom, message.p, message.n);
  }
  STAILQ_INSERT_TAIL(&w->queue, m, next);
  w->queued += message.n;
  if (w->open) {
    net__lws_want_write(w->wsi);
  }
  return BASE_OK;
}

size_t net_ws_queued(const net_ws *w) { return w->queued; }

void net_ws_close(net_ws *w, int code) {
  if (w->ended || w->closing) {
    return;
  }
  w->closing = code;
  if (w->open) {
    net__lws_want_write(w->wsi);
    return;
  }
  net_timer_set(w->later, 0);
}
