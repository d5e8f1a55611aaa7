#include "gateway/http2/session.h"

#include <stdlib.h>

#include "gateway/http2/internal.h"

enum {
  DEFAULT_STREAMS = 100,
  DEFAULT_HEADER_BYTES = 16384,
  DEFAULT_WINDOW = 65535,      /* RFC 9113 section 6.5.2 */
  CONNECTION_WINDOW = 1 << 20, /* reopens at once, so only the round trip counts */
  /* Against rapid reset, CVE-2023-44487: all streams that may be open twice over, then the rate that nghttp2 chose. */
  DEFAULT_RESETS_BURST = 200,
  DEFAULT_RESETS_PER_S = 33,
  DEFAULT_HEADER_MS = 10000,
  DEFAULT_BODY_MS = 30000,
  DEFAULT_STALL_MS = 120000,
  MAX_UNSENT_ACKS = 100, /* of PING and SETTINGS, for a peer that does not read */
  MAX_SETTINGS_ENTRIES = 32,
  MAX_CONTINUATIONS = 8, /* CVE-2024-28182 */
};

bool gw_h2_session_done(const gw_h2_session *s) {
  return s->failed || (!nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng));
}

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value ? value : fallback; }

static void set_options(nghttp2_option *o, const gw_h2_options *options) {
  nghttp2_option_set_no_auto_window_update(o, 1);
  nghttp2_option_set_max_outbound_ack(o, MAX_UNSENT_ACKS);
  nghttp2_option_set_max_settings(o, MAX_SETTINGS_ENTRIES);
  nghttp2_option_set_max_continuations(o, MAX_CONTINUATIONS);
  nghttp2_option_set_stream_reset_rate_limit(o, options->resets_burst, options->resets_per_s);
}

static bool make_ng(gw_h2_session *s) {
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_option *option = NULL;
  bool made = nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
  if (made) {
    gw_h2_events_register(callbacks);
    gw_h2_output_register(callbacks);
    set_options(option, &s->options);
    made = nghttp2_session_server_new2(&s->ng, callbacks, s, option) == 0;
  }
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  return made;
}

static bool submit_settings(gw_h2_session *s) {
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->options.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, s->options.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, s->options.max_header_bytes},
  };
  return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, entries, sizeof entries / sizeof *entries) == 0 &&
         nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW) == 0;
}

base_err gw_h2_session_new(const gw_h2_options *options, const http_app *app, const gw_h2_sink *sink, void *ctx,
                           gw_h2_session **out) {
  gw_h2_session *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->app = *app;
  s->sink = *sink;
  s->sink_ctx = ctx;
  s->options = *options;
  s->options.max_streams = or_default(options->max_streams, DEFAULT_STREAMS);
  s->options.max_header_bytes = or_default(options->max_header_bytes, DEFAULT_HEADER_BYTES);
  s->options.stream_window_bytes = or_default(options->stream_window_bytes, DEFAULT_WINDOW);
  s->options.resets_burst = or_default(options->resets_burst, DEFAULT_RESETS_BURST);
  s->options.header_ms = options->header_ms ? options->header_ms : DEFAULT_HEADER_MS;
  s->options.body_ms = options->body_ms ? options->body_ms : DEFAULT_BODY_MS;
  s->options.stall_ms = options->stall_ms ? options->stall_ms : DEFAULT_STALL_MS;
  s->options.resets_per_s = or_default(options->resets_per_s, DEFAULT_RESETS_PER_S);
  s->resets = gw_bucket_full(s->options.resets_burst, 0);
  s->oddities = gw_bucket_full(GW_H2_ODDITIES_BURST, 0);
  s->events_tail = &s->events;
  gw_h2_head_init(&s->head, s->options.max_header_bytes);
  if (!make_ng(s) || !submit_settings(s)) {
    gw_h2_session_free(s);
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = s;
  return BASE_OK;
}

void gw_h2_session_free(gw_h2_session *s) {
  if (s == NULL) {
    return;
  }
  s->failed = true;
  s->flush_wanted = true; /* nobody is asked to flush any more */
  while (s->streams) {
    gw_h2_stream *st = s->streams;
    st->open = false;
    if (st->x.handler && st->x.handler->on_closed) {
      st->x.handler->on_closed(st->x.ctx, &st->x, !st->end_sent);
    }
    gw_h2_stream_free(st);
  }
  nghttp2_session_del(s->ng);
  gw_h2_head_dispose(&s->head);
  free(s);
}

base_err gw_h2_session_receive(gw_h2_session *s, base_span bytes, int64_t now_ms) {
  s->now_ms = now_ms;
  ssize_t n = s->failed ? NGHTTP2_ERR_CALLBACK_FAILURE : nghttp2_session_mem_recv(s->ng, bytes.p, bytes.n);
  if (n >= 0) {
    gw_h2_want_flush(s);
    return s->error;
  }
  if (n == NGHTTP2_ERR_FLOODED) {
    s->error = base_fail(BASE_E_EXHAUSTED);
  } else if (n == NGHTTP2_ERR_NOMEM) {
    s->error = base_fail(BASE_E_NO_MEMORY);
  } else if (base_is_ok(s->error)) {
    s->error = base_fail(BASE_E_MALFORMED);
  }
  uint32_t code = n == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR;
  if (!s->failed && nghttp2_session_terminate_session(s->ng, code) != 0) {
    s->failed = true;
  }
  return s->error;
}

/* True when looks have seen `moved` unset while it `could` have been set for so long. */
static bool too_long(bool could, bool *moved, int64_t *since_ms, int64_t now_ms, int64_t limit_ms) {
  if (!could || *moved) {
    *moved = false;
    *since_ms = 0;
    return false;
  }
  *since_ms = *since_ms ? *since_ms : now_ms;
  return now_ms - *since_ms >= limit_ms;
}

/* A body that is held back, by us or by the service, is waited for, and so is one whose answer has begun: a call of two streams may be quiet. */
static bool owes_body(const gw_h2_stream *st) {
  return st->open && !st->peer_ended && !st->responded && !st->ended &&
         nghttp2_session_get_stream_local_window_size(st->session->ng, st->id) > 0;
}

base_err gw_h2_session_on_time(gw_h2_session *s, int64_t now_ms) {
  s->now_ms = now_ms;
  if (s->in_head && now_ms - s->head_since_ms >= s->options.header_ms && base_is_ok(s->error)) {
    s->error = base_fail(BASE_E_DEADLINE);
    s->failed |= nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM) != 0;
    gw_h2_want_flush(s);
  }
  for (gw_h2_stream *st = s->streams; st && base_is_ok(s->error); st = st->next) {
    if (too_long(owes_body(st), &st->heard, &st->quiet_since_ms, now_ms, s->options.body_ms)) {
      http_respond(&st->x, 408, NULL, 0, true);
    }
    bool stuck = st->open && base_buf_size(&st->out) > 0;
    if (too_long(stuck, &st->sent, &st->stuck_since_ms, now_ms, s->options.stall_ms)) {
      gw_h2_stream_reset(st, NGHTTP2_CANCEL);
    }
  }
  return s->error;
}

void gw_h2_session_drain(gw_h2_session *s) {
  static const uint8_t mark[8] = "draining";
  if (s->draining) {
    return;
  }
  s->draining = true;
  if (nghttp2_submit_shutdown_notice(s->ng) != 0 || nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, mark) != 0) {
    s->failed = true;
  }
  gw_h2_want_flush(s);
}

void gw_h2_session_ping(gw_h2_session *s) {
  if (nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL) != 0) {
    s->failed = true;
  }
  gw_h2_want_flush(s);
}

size_t gw_h2_session_streams(const gw_h2_session *s) { return s->stream_count; }
