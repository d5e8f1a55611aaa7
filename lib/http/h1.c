#include "http/h1.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "http/h1_internal.h"

enum { TICK_MS = 500, LINGER_MS = 2000, FREE_HEADS = 4, TURN_REQUESTS = 32, REST_CEILING = 1 << 20 };

/* --- what connections share --- */

const char *h1_server_date(http_h1_server *s) {
  int64_t now_s = base_wall_ms() / 1000;
  if (now_s != s->date_s) {
    struct tm t;
    time_t seconds = (time_t)now_s;
    gmtime_r(&seconds, &t);
    strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &t);
    s->date_s = now_s;
  }
  return s->date;
}

static h1_head *lend_head(http_h1_server *s) {
  h1_head *head = s->free_heads;
  if (head) {
    s->free_heads = head->next_free;
    s->free_head_count--;
    return head;
  }
  head = calloc(1, sizeof *head);
  if (head) {
    h1_head_init(head, s->options.max_header_bytes);
  }
  return head;
}

static void free_head(h1_head *head) {
  h1_head_dispose(head);
  free(head);
}

static void forget_origin(http_h1 *h) {
  free(h->origin);
  h->origin = NULL;
}

/* The head goes, but an answer of ours may still be needed before the body is there. */
static void remember_origin(http_h1 *h) {
  base_span origin = h->parser.head && h->server->app.refusal_headers ? h1_head_origin(h->parser.head) : (base_span){0};
  if (origin.n > 0) {
    forget_origin(h);
    h->origin = malloc(origin.n + 1); /* without memory such an answer goes without it */
    if (h->origin) {
      memcpy(h->origin, origin.p, origin.n);
      h->origin[origin.n] = '\0';
    }
  }
}

static void give_head_back(http_h1 *h) {
  http_h1_server *s = h->server;
  h1_head *head = h->parser.head;
  h->parser.head = NULL;
  if (!head) {
    return;
  }
  if (s->free_head_count == FREE_HEADS) {
    free_head(head);
    return;
  }
  h1_head_clear(head);
  head->next_free = s->free_heads;
  s->free_heads = head;
  s->free_head_count++;
}

/* --- time limits --- */

static void set_wait(http_h1 *h, enum h1_wait wait, bool again) {
  http_h1_server *s = h->server;
  if (h->wait == wait && !again) {
    return;
  }
  if (h->wait != H1_WAIT_NONE) {
    TAILQ_REMOVE(&s->waiting[h->wait], h, waiting);
  }
  h->wait = wait;
  if (wait != H1_WAIT_NONE) {
    h->deadline_ms = base_now_ms() + s->limit_ms[wait];
    TAILQ_INSERT_TAIL(&s->waiting[wait], h, waiting);
  }
}

static void begin_close(http_h1 *h) {
  h1_exchange_flush(h);
  h->closing = true;
  set_wait(h, H1_WAIT_NONE, false);
  net_conn_close(h->conn, LINGER_MS);
}

/* The peer did something that cannot be answered in order any more, or waited too long. */
static void refuse(http_h1 *h, int status) {
  if (h->response_open && h->responded) {
    h->closing = true;
    net_conn_close(h->conn, 0); /* an answer is on its way: break it, so that it is not taken for a whole one */
    return;
  }
  /* A second answer to a request that was answered early would be taken for the next one's. */
  bool answered = h->request_open && !h->response_open;
  h1_exchange_close(h, true);
  h->keep_alive = false;
  h->to_head &= h->request_open; /* else left over from the request before */
  if (!h->closing && !answered) {
    h1_exchange_answer(h, status);
  }
  begin_close(h);
}

static void on_time_over(http_h1 *h, enum h1_wait wait) {
  if (wait == H1_WAIT_IDLE) {
    begin_close(h);
    return;
  }
  refuse(h, 408);
}

static void on_tick(void *ctx) {
  http_h1_server *s = ctx;
  int64_t now_ms = base_now_ms();
  for (int w = 0; w < H1_WAITS; w++) {
    http_h1 *h;
    while ((h = TAILQ_FIRST(&s->waiting[w])) && h->deadline_ms <= now_ms) {
      set_wait(h, H1_WAIT_NONE, false);
      on_time_over(h, (enum h1_wait)w);
    }
  }
  if (s->connections > 0) {
    net_timer_set(s->tick, TICK_MS);
  }
}

/* --- reading --- */

/* Bytes may be parsed: a body always, a next request only when the last answer is written, since lws closes at a FIN and drops what is unsent. */
static bool wants_input(const http_h1 *h) {
  if (h->closing) {
    return false;
  }
  if (h->request_open) {
    return true;
  }
  /* Thousands of pipelined requests come with one read: the others have their turn in between. */
  return !h->response_open && net_conn_queued(h->conn) == 0 && h->turn_requests < TURN_REQUESTS;
}

void h1_update_pause(http_h1 *h) {
  if (!h->closing) {
    net_conn_pause(h->conn, !wants_input(h) || h1_exchange_is_full(h));
  }
}

static void update(http_h1 *h, bool progress) {
  enum h1_wait wait = H1_WAIT_NONE;
  if (h->closing) {
    set_wait(h, wait, false);
    return;
  }
  net_conn_guard(h->conn, h->response_open && !h->request_open ? NET_GUARD_ANSWER : NET_GUARD_NONE);
  h1_update_pause(h);
  if (h->request_open && !h1_exchange_is_full(h)) {
    wait = H1_WAIT_BODY;
  } else if (!h->request_open && !h->response_open) {
    wait = h1_parser_is_idle(&h->parser) ? H1_WAIT_IDLE : H1_WAIT_HEAD;
  }
  set_wait(h, wait, progress && (wait == H1_WAIT_BODY || h->new_request));
  h->new_request = false;
}

/* --- one request --- */

static void dispatch(http_h1 *h, const http_request *request) {
  http_h1_server *s = h->server;
  s->app.on_request(s->app.app, &h->x, request);
  h->handled = h->x.handler != NULL;
  if (!h->handled && !h->responded) {
    h1_exchange_answer(h, 404);
  }
  if (h->continue_wanted && !h->closing) {
    h->continue_wanted = false;
    if (!base_is_ok(net_conn_write(h->conn, base_span_str("HTTP/1.1 100 Continue\r\n\r\n")))) {
      h->closing = true;
    }
  }
}

static bool is_old(const http_h1 *h) {
  int64_t lifetime_ms = h->server->options.lifetime_ms;
  return lifetime_ms > 0 && base_now_ms() - h->born_ms >= lifetime_ms;
}

static void on_head(void *ctx, const http_request *request, const h1_facts *facts) {
  http_h1 *h = ctx;
  http_h1_server *s = h->server;
  http_request r = *request;
  r.tls = net_conn_is_tls(h->conn);
  r.peer = net_conn_peer(h->conn);
  h->request_open = h->response_open = h->new_request = true;
  h->turn_requests++;
  h->responded = h->was_above = false;
  h->x.handler = NULL;
  h->http10 = facts->http10;
  h->keep_alive = facts->keep_alive && !is_old(h);
  h->to_head = base_span_is(r.method, "HEAD");
  h->continue_wanted = facts->expects_continue;
  h->request_left = facts->chunked ? UINT64_MAX : facts->content_length;
  h->request_bytes = 0;
  h->unconsumed = h->drained = 0;
  if (!facts->chunked && s->options.max_body_bytes && facts->content_length > s->options.max_body_bytes) {
    h->keep_alive = false;
    h1_exchange_answer(h, 413);
    return;
  }
  if (facts->wants_upgrade && s->options.on_upgrade) {
    h->upgrade = r; /* its spans live in the head, which stays with us until the parser has stopped */
    h->upgrading = true;
    return;
  }
  dispatch(h, &r);
}

static void on_body(void *ctx, base_span bytes) {
  http_h1 *h = ctx;
  uint64_t limit = h->server->options.max_body_bytes;
  h->request_bytes += bytes.n;
  h->request_left -= h->request_left == UINT64_MAX ? 0 : bytes.n;
  if (!h->handled || h->closing) {
    if (!h1_exchange_drain(h, bytes.n)) {
      h->keep_alive = false;
    }
    return;
  }
  if (limit && h->request_bytes > limit) {
    refuse(h, 413);
    return;
  }
  h->unconsumed += bytes.n;
  h->x.handler->on_body(h->x.ctx, &h->x, bytes);
}

static const h1_events events = {on_head, on_body};

/* Exchanges end here: after the parser and the application have returned. */
static void settle(http_h1 *h) {
  if (h->closing || h->response_open) {
    return;
  }
  h1_exchange_close(h, false);
  if (h->request_open && h->keep_alive) {
    return; /* answered early: the rest of the request is read and dropped */
  }
  /* An answer that began before the drain has promised to keep the connection: it ends all the same, once nothing more has come on it. */
  bool is_last = h->server->draining && h->responded && !h->request_open && base_buf_size(&h->rest) == 0;
  if (is_last || (!h->keep_alive && (h->responded || h->server->draining))) {
    begin_close(h);
  }
}

static void on_request_end(http_h1 *h) {
  h->request_open = false;
  forget_origin(h);
  if (h->handled && !h->closing) {
    h->x.handler->on_end(h->x.ctx, &h->x);
  }
}

/* True: the connection belongs to somebody else now, and `h` is gone. */
static bool try_upgrade(http_h1 *h, base_span rest) {
  http_h1_server *s = h->server;
  if (!h->upgrading) {
    return false;
  }
  h->upgrading = false;
  h1_exchange_flush(h);
  if (!s->options.on_upgrade(s->app.app, h->conn, &h->upgrade, rest)) {
    dispatch(h, &h->upgrade);
    return false;
  }
  h1_forget(h);
  return true;
}

/* False: `h` is gone. What is not parsed stays in h->rest. */
static bool parse(http_h1 *h, base_span bytes) {
  while (bytes.n > 0 && wants_input(h)) {
    size_t n = 0;
    if (!h->parser.head && !h->request_open && !(h->parser.head = lend_head(h->server))) {
      refuse(h, 503);
      return true;
    }
    enum h1_step step = h1_parser_feed(&h->parser, bytes, &n);
    bytes = base_span_of(bytes.p + n, bytes.n - n);
    if (step == H1_ERROR) {
      refuse(h, h1_parser_status(&h->parser));
    }
    if (step == H1_UPGRADE && try_upgrade(h, bytes)) {
      return false;
    }
    if (h->request_open && step == H1_NEED_MORE) {
      remember_origin(h);
    }
    if (h->request_open || step != H1_NEED_MORE || h1_parser_is_idle(&h->parser)) {
      give_head_back(h); /* dispatched: the request was borrowed for the call */
    }
    if (step == H1_END || step == H1_UPGRADE) {
      on_request_end(h);
    }
    settle(h);
  }
  if (bytes.n > 0 && !h->closing && !base_is_ok(base_buf_append(&h->rest, bytes))) {
    refuse(h, 503);
  }
  if (h->turn_requests == TURN_REQUESTS) {
    net_conn_flush_later(h->conn);
  }
  return true;
}

static void receive(http_h1 *h, base_span bytes) {
  if (base_buf_size(&h->rest) > 0) {
    if (!base_is_ok(base_buf_append(&h->rest, bytes))) {
      refuse(h, 503);
    }
    return;
  }
  if (parse(h, bytes)) {
    update(h, true);
  }
}

/* All progress that output makes possible. */
static void proceed(http_h1 *h) {
  h->turn_requests = 0;
  h1_exchange_flush(h);
  h1_exchange_tell_writable(h);
  settle(h);
  if (base_buf_size(&h->rest) > 0 && wants_input(h)) {
    base_buf rest = h->rest;
    base_buf_init(&h->rest, REST_CEILING);
    bool alive = parse(h, base_buf_span(&rest));
    base_buf_dispose(&rest);
    if (!alive) {
      return;
    }
  }
  update(h, false);
}

/* --- the pipe's codec --- */

void h1_forget(http_h1 *h) {
  http_h1_server *s = h->server;
  set_wait(h, H1_WAIT_NONE, false);
  give_head_back(h);
  forget_origin(h);
  base_buf_dispose(&h->rest);
  base_buf_dispose(&h->out);
  LIST_REMOVE(h, all);
  s->connections--;
  free(h);
}

static void conn_on_bytes(void *codec, base_span bytes) { receive(codec, bytes); }
static void conn_on_turn(void *codec) { proceed(codec); }
static void conn_on_closed(void *codec) {
  http_h1 *h = codec;
  h->closing = true;
  h1_exchange_close(h, true);
  h1_forget(h);
}

static const net_codec_vt codec_vt = {conn_on_bytes, conn_on_turn, conn_on_turn, conn_on_closed};

base_err http_h1_new(http_h1_server *s, net_conn *conn, http_h1 **out) {
  http_h1 *h = calloc(1, sizeof *h);
  if (!h) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->x.vt = &h1_exchange_vt;
  h->server = s;
  h->conn = conn;
  h->keep_alive = true;
  h->born_ms = base_now_ms();
  h->wait = H1_WAIT_NONE;
  h1_parser_init(&h->parser, &events, h);
  base_buf_init(&h->rest, REST_CEILING);
  LIST_INSERT_HEAD(&s->all, h, all);
  if (s->connections++ == 0) {
    net_timer_set(s->tick, TICK_MS);
  }
  net_conn_set_codec(conn, &codec_vt, h);
  set_wait(h, H1_WAIT_IDLE, false);
  *out = h;
  return BASE_OK;
}

void http_h1_receive(http_h1 *h, base_span bytes) {
  net_conn_flush_later(h->conn);
  receive(h, bytes);
}

bool http_h1_on_accept(void *server, net_conn *conn) {
  http_h1 *h = NULL;
  return base_is_ok(http_h1_new(server, conn, &h));
}

/* --- the server --- */

static int64_t or_default(int64_t value, int64_t otherwise) { return value ? value : otherwise; }

base_err http_h1_server_new(net_loop *l, const http_app *app, const http_h1_options *options, http_h1_server **out) {
  http_h1_server *s = calloc(1, sizeof *s);
  if (!s) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->tick = net_timer_new(l, on_tick, s);
  if (!s->tick) {
    free(s);
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->loop = l;
  s->app = *app;
  s->options = options ? *options : (http_h1_options){0};
  s->options.max_header_bytes = s->options.max_header_bytes ? s->options.max_header_bytes : 16384;
  s->limit_ms[H1_WAIT_HEAD] = or_default(s->options.head_timeout_ms, 10000);
  s->limit_ms[H1_WAIT_BODY] = or_default(s->options.body_timeout_ms, 30000);
  s->limit_ms[H1_WAIT_IDLE] = or_default(s->options.idle_timeout_ms, 75000);
  for (int w = 0; w < H1_WAITS; w++) {
    TAILQ_INIT(&s->waiting[w]);
  }
  LIST_INIT(&s->all);
  *out = s;
  return BASE_OK;
}

void http_h1_server_drain(http_h1_server *s) {
  http_h1 *h;
  s->draining = true;
  LIST_FOREACH(h, &s->all, all) {
    if (!h->closing && h->wait == H1_WAIT_IDLE) {
      begin_close(h);
    }
  }
}

size_t http_h1_server_connections(const http_h1_server *s) { return s->connections; }

void http_h1_server_free(http_h1_server *s) {
  if (!s) {
    return;
  }
  while (s->free_heads) {
    h1_head *head = s->free_heads;
    s->free_heads = head->next_free;
    free_head(head);
  }
  base_buf_dispose(&s->spare_out);
  free(s);
}
