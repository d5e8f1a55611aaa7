#include "gateway/upstream/h2/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/upstream/h2/internal.h"

enum {
  DEFAULT_MESSAGE = 4 << 20,
  DEFAULT_HEADER_BYTES = 16384,
  DEFAULT_STREAMS = 1000,
  DEFAULT_PING_MS = 305000,
  DEFAULT_PING_TIMEOUT_MS = 10000,
  CONNECTION_WINDOW = 16 << 20, /* reopens at once, so only the round trip counts */
  ODDITIES_AT_FIRST = 2000,
  MAX_UNSENT_ACKS = 100, /* of PING and SETTINGS, for a server that does not read */
  MAX_SETTINGS_ENTRIES = 32,
  MAX_CONTINUATIONS = 8, /* CVE-2024-28182 */
  SCRATCH_BYTES = 32768, /* base64 of all metadata a call may have */
  TURN_ROUNDS = 8,
};

/* -- life ------------------------------------------------------------------------------------------------------------ */

static bool make_ng(gw_h2c *s) {
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_option *option = NULL;
  bool made = nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
  if (made) {
    gw_h2c__events_register(callbacks);
    gw_h2c__output_register(callbacks);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, MAX_UNSENT_ACKS);
    nghttp2_option_set_max_settings(option, MAX_SETTINGS_ENTRIES);
    nghttp2_option_set_max_continuations(option, MAX_CONTINUATIONS);
    nghttp2_option_set_peer_max_concurrent_streams(option, UINT32_MAX);
    made = nghttp2_session_client_new2(&s->ng, callbacks, s, option) == 0;
  }
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  return made;
}

static bool submit_settings(gw_h2c *s) {
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}, /* nothing may come that nobody has asked for: gw_h2c_credit */
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, s->options.max_header_bytes},
  };
  return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, entries, sizeof entries / sizeof *entries) == 0 &&
         nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0;
}

static gw_h2c_options with_defaults(const gw_h2c_options *o) {
  gw_h2c_options r = *o;
  r.max_message_bytes = o->max_message_bytes ? o->max_message_bytes : DEFAULT_MESSAGE;
  r.max_header_bytes = o->max_header_bytes ? o->max_header_bytes : DEFAULT_HEADER_BYTES;
  r.max_streams = o->max_streams ? o->max_streams : DEFAULT_STREAMS;
  r.ping_interval_ms = o->ping_interval_ms ? o->ping_interval_ms : DEFAULT_PING_MS;
  r.ping_timeout_ms = o->ping_timeout_ms ? o->ping_timeout_ms : DEFAULT_PING_TIMEOUT_MS;
  return r;
}

base_err gw_h2c_new(const gw_h2c_options *options, const gw_h2c_sink *sink, void *ctx, int64_t now_ms, gw_h2c **out) {
  gw_h2c *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->sink = *sink;
  s->sink_ctx = ctx;
  s->options = with_defaults(options);
  s->oddities.millitokens = ODDITIES_AT_FIRST * 1000;
  s->now_ms = s->heard_ms = s->oddities.last_ms = now_ms;
  s->was_idle = true;
  s->events_tail = &s->events;
  gw_h2c_head_init(&s->head, s->options.max_header_bytes);
  base_buf_init(&s->scratch, SCRATCH_BYTES);
  s->authority = strdup(options->authority);
  if (s->authority == NULL || !make_ng(s) || !submit_settings(s)) {
    gw_h2c_free(s);
    return base_fail(BASE_E_NO_MEMORY);
  }
  gw_h2c__want_flush(s);
  *out = s;
  return BASE_OK;
}

void gw_h2c_free(gw_h2c *s) {
  if (s == NULL) {
    return;
  }
  while (s->all) {
    gw_h2c__call_free(s->all);
  }
  nghttp2_session_del(s->ng);
  while (s->spare_count > 0) {
    base_buf_dispose(&s->spares[--s->spare_count]);
  }
  gw_h2c_head_dispose(&s->head);
  base_buf_dispose(&s->scratch);
  free(s->authority);
  free(s);
}

/* -- the turn -------------------------------------------------------------------------------------------------------- */

void gw_h2c__want_flush(gw_h2c *s) {
  if (!s->flush_wanted && s->gather == NULL && !s->dead) {
    s->flush_wanted = true;
    s->sink.want_flush(s->sink_ctx);
  }
}

void gw_h2c__fail(gw_h2c *s, base_err e, const char *why) {
  if (base_is_ok(s->error)) {
    s->error = e;
    snprintf(s->why, sizeof s->why, "%s", why);
  }
}

/* A last GOAWAY, if the connection still takes it. */
static void say_goodbye(gw_h2c *s) {
  uint32_t code = base_is(s->error, BASE_E_EXHAUSTED) ? NGHTTP2_ENHANCE_YOUR_CALM
                  : base_is_ok(s->error)              ? NGHTTP2_NO_ERROR
                                                      : NGHTTP2_INTERNAL_ERROR;
  base_err e = s->error;
  s->error = BASE_OK;
  if (!base_is(e, BASE_E_IO) && nghttp2_session_terminate_session(s->ng, code) == 0) {
    gw_h2c__pull(s);
  }
  s->error = e;
}

static void die(gw_h2c *s, bool tell) {
  base_err why = s->error;
  s->dead = s->going = true;
  say_goodbye(s);
  gw_h2c__end_all(s);
  while (gw_h2c__deliver(s)) {
  }
  if (tell) {
    s->sink.on_dead(s->sink_ctx, why);
  }
}

/* nghttp2 has given the connection up: its GOAWAY waits or is out. */
static bool is_broken(const gw_h2c *s) {
  if (!s->going) {
    return !nghttp2_session_check_request_allowed(s->ng);
  }
  return s->streams > 0 && !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng);
}

/* The outermost function ends: what happened inside takes effect. */
static void leave(gw_h2c *s) {
  while (!s->dead && gw_h2c__deliver(s)) {
  }
  if (!s->dead && is_broken(s)) {
    gw_h2c__fail(s, base_fail(BASE_E_MALFORMED), "the service broke the rules of HTTP/2 on its connection");
  }
  if (!s->dead && s->owes_going) {
    s->owes_going = false;
    s->sink.on_going(s->sink_ctx);
  }
  if (!s->dead && s->closing) {
    die(s, false);
  } else if (!s->dead && (!base_is_ok(s->error) || (s->going && s->streams == 0))) {
    die(s, true);
  }
  if (!s->dead && s->owes_room && gw_h2c_room(s) > 0) {
    s->owes_room = false;
    s->sink.on_room(s->sink_ctx);
  }
  if (!s->dead && nghttp2_session_want_write(s->ng) && s->sink.queued(s->sink_ctx) < GW_H2C_OUTPUT_HIGH) {
    gw_h2c__want_flush(s);
  }
  s->inside = false;
  if (s->closing && !s->dead) { /* closed inside of what was just told */
    s->inside = true;
    die(s, false);
    s->inside = false;
  }
}

void gw_h2c_receive(gw_h2c *s, base_span bytes, int64_t now_ms) {
  s->now_ms = now_ms;
  if (s->dead || s->closing || s->inside) {
    return;
  }
  s->inside = true;
  s->heard_ms = now_ms;
  s->ping_ms = 0;
  ssize_t n = nghttp2_session_mem_recv(s->ng, bytes.p, bytes.n);
  if (n == NGHTTP2_ERR_FLOODED) {
    gw_h2c__fail(s, base_fail(BASE_E_EXHAUSTED), "the service floods its connection");
  } else if (n == NGHTTP2_ERR_NOMEM) {
    gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
  } else if (n < 0) {
    gw_h2c__fail(s, base_fail(BASE_E_MALFORMED), "the service does not speak HTTP/2");
  }
  leave(s);
}

void gw_h2c_flush(gw_h2c *s, int64_t now_ms) {
  s->now_ms = now_ms;
  if (s->dead || s->closing || s->inside) {
    return;
  }
  s->flush_wanted = false;
  s->inside = true;
  if (s->was_idle && s->calls > 0) {
    s->heard_ms = now_ms; /* silence counts from the first call on */
  }
  s->was_idle = s->calls == 0;
  int round = 0;
  do {
    gw_h2c__pull(s);
  } while (gw_h2c__deliver(s) && ++round < TURN_ROUNDS && !s->closing && base_is_ok(s->error));
  leave(s);
}

void gw_h2c_writable(gw_h2c *s) { gw_h2c__want_flush(s); }

int64_t gw_h2c_next_due_ms(const gw_h2c *s) {
  if (s->calls == 0 || s->options.ping_interval_ms < 0 || s->dead) {
    return INT64_MAX;
  }
  return s->ping_ms ? s->ping_ms + s->options.ping_timeout_ms : s->heard_ms + s->options.ping_interval_ms;
}

void gw_h2c_on_time(gw_h2c *s, int64_t now_ms) {
  s->now_ms = now_ms;
  if (s->inside || s->closing || now_ms < gw_h2c_next_due_ms(s)) {
    return;
  }
  s->inside = true;
  if (s->ping_ms) {
    gw_h2c__fail(s, base_fail(BASE_E_UNAVAILABLE), "the service does not answer a PING");
  } else if (nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL) != 0) {
    gw_h2c__fail(s, base_fail(BASE_E_NO_MEMORY), "out of memory");
  } else {
    s->ping_ms = now_ms;
  }
  leave(s);
}

void gw_h2c_close(gw_h2c *s, const char *why) {
  if (s->dead || s->closing) {
    return;
  }
  s->closing = true;
  snprintf(s->why, sizeof s->why, "%s", why);
  if (!s->inside) {
    s->inside = true;
    die(s, false);
    s->inside = false;
  }
}

size_t gw_h2c_calls(const gw_h2c *s) { return s->calls; }

size_t gw_h2c_room(const gw_h2c *s) {
  if (s->dead || s->closing || s->going || !s->has_settings || !base_is_ok(s->error) ||
      !nghttp2_session_check_request_allowed(s->ng)) {
    return 0;
  }
  uint32_t theirs = nghttp2_session_get_remote_settings(s->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  size_t limit = theirs < s->options.max_streams ? theirs : s->options.max_streams;
  return s->streams < limit ? limit - s->streams : 0;
}
