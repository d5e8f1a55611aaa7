/* session.c - when the ponte.v1 client connects, waits and gives up. */
#include "wc/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wc/session_int.h"

enum {
  CALL_CREDIT = 256 * 1024,
  MAX_MESSAGE = 4 * 1024 * 1024,
  MAX_QUEUE = 8 * 1024 * 1024,
  PING_INTERVAL_MS = 5000,
  CONNECT_TIMEOUT_MS = 10000,
  BACKOFF_BASE_MS = 250,
  BACKOFF_CAP_MS = 10000,
};

/* What each close code asks of a client (docs/protocol.md section 3), and the gRPC code of calls it left without a status. */
enum close_action { RETRY, RETRY_NOW, STOP };
/*      code  action     gRPC */
#define CLOSE_CODES(X)   \
  X(1000, RETRY, 14)     \
  X(1002, STOP, 13)      \
  X(1009, STOP, 13)      \
  X(1013, RETRY, 14)     \
  X(4001, RETRY_NOW, 14) \
  X(4002, STOP, 13)      \
  X(4003, STOP, 13)      \
  X(4004, STOP, 16)

struct close_row {
  int code;
  enum close_action action;
  int grpc;
};

static struct close_row close_row(int code) {
  static const struct close_row rows[] = {
#define X(c, a, g) {c, a, g},
      CLOSE_CODES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].code == code) return rows[i];
  }
  return (struct close_row){code, RETRY, 14};
}

int wc_close_grpc(int code) { return close_row(code).grpc; }

void wc_session_set_state(wc_session *s, enum wc_session_state state, int code) {
  if (s->state == state) return;
  s->state = state;
  if (s->options.on_state) s->options.on_state(s->options.ctx, state, code);
}

static void end_waiting(wc_session *s, int code, const char *text) {
  while (s->waiting.head)
    wc_call_end(s->waiting.head, code, text);
}

static void back_off(wc_session *s) {
  s->not_before_ms =
      wc_now_ms(s->plat) + base_backoff_ms(s->attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS, wc_random_u32(s->plat));
  if (s->attempt < 30) s->attempt++;
}

void wc_session_lost(wc_session *s, int code) {
  struct close_row row = close_row(code);
  switch (row.action) {
  case RETRY:
    back_off(s);
    wc_session_set_state(s, WC_SESSION_IDLE, code);
    break;
  case RETRY_NOW:
    s->not_before_ms = 0;
    wc_session_set_state(s, WC_SESSION_IDLE, code);
    break;
  case STOP:
    s->stop_code = code;
    wc_session_set_state(s, WC_SESSION_STOPPED, code);
    break;
  }
  end_waiting(s, row.grpc, "no connection to the gateway");
}

static void connect_now(wc_session *s) {
  wc_session_set_state(s, WC_SESSION_CONNECTING, 0);
  base_err err = wc_conn_new(s, &s->conn);
  if (base_is_ok(err)) return;
  s->conn = NULL;
  wc_session_lost(s, WC_CLOSE_LOST);
}

void wc_session_proceed(wc_session *s) {
  if (s->state == WC_SESSION_STOPPED) {
    end_waiting(s, wc_close_grpc(s->stop_code), "the gateway refused the connection");
    return;
  }
  if (s->conn) {
    while (s->conn->open && s->waiting.head)
      wc_conn_open_call(s->conn, s->waiting.head);
    return;
  }
  s->plat->vt->timer_cancel(s->connect);
  if (!s->waiting.head) {
    wc_session_set_state(s, WC_SESSION_IDLE, 0);
    return;
  }
  int64_t delay = s->not_before_ms - wc_now_ms(s->plat);
  if (delay <= 0) {
    connect_now(s);
    return;
  }
  wc_session_set_state(s, WC_SESSION_WAITING, 0);
  s->plat->vt->timer_set(s->connect, delay);
}

static void on_connect_timer(void *ctx) { wc_session_proceed(ctx); }

static wc_call *resumable_in(wc_call_list *l) {
  for (wc_call *c = l->head; c; c = c->next) {
    if (c->resume_due) return c;
  }
  return NULL;
}

static wc_call *next_resumable(wc_session *s) {
  wc_call *c = resumable_in(&s->ended);
  for (wc_conn *conn = s->conns; conn && !c; conn = conn->next)
    c = resumable_in(&conn->calls);
  return c;
}

static wc_call *next_ended(wc_session *s) {
  for (wc_call *c = s->ended.head; c; c = c->next) {
    if (!c->status_held) return c;
  }
  return NULL;
}

/* Callbacks may add to every list, so each round begins at the front. */
static void on_kick(void *ctx) {
  wc_session *s = ctx;
  for (wc_call *c = next_resumable(s); c; c = next_resumable(s))
    wc_call_resume(c);
  for (wc_call *c = next_ended(s); c; c = next_ended(s))
    wc_call_deliver_status(c);
  wc_session_proceed(s);
}

void wc_session_kick(wc_session *s) { s->plat->vt->timer_set(s->kick, 0); }

bool wc_is_visible(const char *text, size_t max) {
  for (size_t i = 0; text[i]; i++) {
    if (i == max || text[i] < 0x21 || text[i] > 0x7e) return false;
  }
  return true;
}

static bool token_allowed(const char *token) { return !token || wc_is_visible(token, WIRE_MUX_TOKEN_MAX); }
static char *copy_or_null(const char *text) { return text ? strdup(text) : NULL; }

base_err wc_session_new(wc_plat *plat, const wc_session_options *options, wc_session **out) {
  if (!token_allowed(options->token)) return base_fail(BASE_E_INVALID);
  wc_session *s = calloc(1, sizeof *s);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  s->channel.vt = &wc_channel_vt;
  s->plat = plat;
  s->options = *options;
  if (!s->options.call_credit) s->options.call_credit = CALL_CREDIT;
  if (!s->options.max_message) s->options.max_message = MAX_MESSAGE;
  if (!s->options.max_queue) s->options.max_queue = MAX_QUEUE;
  if (!s->options.ping_interval_ms) s->options.ping_interval_ms = PING_INTERVAL_MS;
  if (!s->options.connect_timeout_ms) s->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
  s->url = strdup(options->url);
  s->token = copy_or_null(options->token);
  s->connect = plat->vt->timer_new(plat, on_connect_timer, s);
  s->kick = plat->vt->timer_new(plat, on_kick, s);
  if (!s->url || (options->token && !s->token) || !s->connect || !s->kick) {
    wc_session_free(s);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = s;
  return BASE_OK;
}

void wc_session_free(wc_session *s) {
  if (!s) return;
  s->freeing = true;
  s->conn = NULL;
  while (s->conns) {
    while (s->conns->calls.head)
      wc_call_end(s->conns->calls.head, 1, "the session was closed");
    wc_conn_free(s->conns);
  }
  end_waiting(s, 1, "the session was closed");
  while (s->ended.head)
    wc_call_deliver_status(s->ended.head);
  s->plat->vt->timer_free(s->connect);
  s->plat->vt->timer_free(s->kick);
  free(s->url);
  free(s->token);
  free(s);
}

ponte_channel *wc_session_channel(wc_session *s) { return &s->channel; }
enum wc_session_state wc_session_state(const wc_session *s) { return s->state; }

base_err wc_session_set_token(wc_session *s, const char *token) {
  if (!token_allowed(token)) return base_fail(BASE_E_INVALID);
  char *copy = copy_or_null(token);
  if (token && !copy) return base_fail(BASE_E_NO_MEMORY);
  free(s->token);
  s->token = copy;
  if (s->state == WC_SESSION_STOPPED && s->stop_code == 4004) s->state = WC_SESSION_IDLE;
  return s->conn ? wc_conn_send_auth(s->conn) : BASE_OK;
}

void wc_session_retry_now(wc_session *s) {
  s->attempt = 0;
  s->not_before_ms = 0;
  if (s->state == WC_SESSION_WAITING) wc_session_kick(s);
}
