#include "gateway/stream/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "gateway/obs/obs.h"
#include "wire/frame.h"

enum { PATH_MAX_BYTES = 512, PEER_BYTES = 48 };

/* OPEN -> ENDING -> (status) gone. In ENDING the service was cancelled for `reason`, and only its last word is awaited; ABANDONED the same, unheard. */
enum state { OPEN, ENDING, ABANDONED };

struct gw_stream {
  gw_timer timer; /* first: it is cast back */
  gw_timers *timers;
  gw_streams *streams; /* or NULL: not listed */
  gw_stream *next, *prev;
  gw_limits *limits;
  int64_t deadline_ms, expiry_ms; /* INT64_MAX: none */
  gw_upstream *up;                /* as it was asked for; `call` may belong to a leg behind it */
  gw_up_call *call;
  const gw_down_vt *vt;
  void *down;
  enum state state;
  bool half_closed;
  bool answered;   /* the service has said something */
  bool encoded;    /* grpc-encoding names an algorithm, so messages may be compressed */
  base_err reason; /* in ENDING: what the browser is told */
  wire_frame_decoder framing;
  /* Offsets into the browser's bytes: complete <= in; taken <= in; acked <= in. Only `acked` counts as consumed. */
  uint64_t in, complete, taken, acked;
  uint64_t out;
  int64_t started_us, first_us; /* first_us: of the first message; 0: none yet */
  base_trace trace;
  uint8_t parent[8]; /* the caller's span; all zeroes: none */
  const char *kind;
  char peer[PEER_BYTES];
  size_t path_n;
  char path[]; /* and behind it the subject, with its NUL */
};

static bool is_path_byte(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* "/package.Service/Method": exactly two names of harmless bytes, so that nothing here can be mistaken by a service or in a log. */
static bool is_method_path(base_span path) {
  size_t slash = 0;
  if (path.n < 4 || path.n > PATH_MAX_BYTES || path.p[0] != '/') {
    return false;
  }
  for (size_t i = 1; i < path.n; i++) {
    if (path.p[i] == '/') {
      if (slash || i == 1) {
        return false;
      }
      slash = i;
    } else if (!is_path_byte(path.p[i])) {
      return false;
    }
  }
  return slash && slash + 1 < path.n;
}

/* Our span, below the caller's if it sent one; true if so. */
static bool begin_trace(gw_stream *s, const wire_metadata *from) {
  base_trace caller;
  base_span text;
  bool has_caller = from && wire_metadata_get(from, "traceparent", &text) && base_trace_parse(text, &caller);
  if (has_caller) {
    memcpy(s->parent, caller.span_id, sizeof s->parent);
  }
  base_trace_start(has_caller ? &caller : NULL, gw_obs_sample_ratio(), &s->trace);
  return has_caller;
}

static bool is_dropped(const gw_stream_request *r, base_span key) {
  for (int i = 0; i < r->drop_count; i++) {
    if (base_span_is(key, r->drop[i])) {
      return true;
    }
  }
  return false;
}

/* What goes on to the service: the rules of forwarded.c, and the trace with our span in the caller's place. A tracestate means nothing without its traceparent. */
static base_err filter(gw_stream *s, const gw_stream_request *r, wire_metadata *to) {
  char traceparent[BASE_TRACEPARENT_SIZE];
  const wire_metadata *from = r->metadata;
  bool has_caller = begin_trace(s, from);
  for (uint32_t i = 0; from && i < from->count; i++) {
    wire_pair pair = wire_metadata_at(from, i);
    bool is_spent =
        (r->subject && base_span_is(pair.key, "x-api-key")) || (!has_caller && base_span_is(pair.key, "tracestate"));
    if (gw_metadata_is_forwarded(pair.key) && !is_spent && !is_dropped(r, pair.key)) {
      BASE_TRY(wire_metadata_add(to, pair.key, pair.value));
    }
  }
  if (r->subject && r->peer && r->peer[0]) {
    BASE_TRY(wire_metadata_add_str(to, "x-ponte-client", r->peer));
  }
  if (r->subject && r->subject[0]) {
    BASE_TRY(wire_metadata_add_str(to, "x-ponte-subject", r->subject));
  }
  base_trace_text(&s->trace, traceparent);
  return wire_metadata_add(to, base_span_str("traceparent"), base_span_str(traceparent));
}

/* -- from the service ---------------------------------------------------------------------------------------------- */

static void on_headers(void *ctx, const wire_metadata *headers) {
  gw_stream *s = ctx;
  if (s->state == OPEN) {
    s->answered = true;
    s->vt->headers(s->down, headers);
  }
}

static void on_data(void *ctx, base_span run) {
  gw_stream *s = ctx;
  if (s->state == OPEN) {
    s->first_us = s->first_us ? s->first_us : base_now_us();
    s->out += run.n;
    s->answered = true;
    s->vt->data(s->down, run);
  }
}

/* Reopens the browser's window. With no complete message waiting, the beginning of the next one counts as consumed: it can only be taken once it is whole, so
 * memory stays bounded by one window and one message. */
static void acknowledge(gw_stream *s) {
  uint64_t upto = s->taken >= s->complete ? s->in : s->taken;
  if (upto > s->acked && s->state == OPEN) {
    uint64_t bytes = upto - s->acked;
    s->acked = upto;
    s->vt->consumed(s->down, (size_t)bytes);
  }
}

static void on_written(void *ctx, size_t bytes) {
  gw_stream *s = ctx;
  s->taken += bytes;
  assert(s->taken <= s->in);
  acknowledge(s);
}

static void report(const gw_stream *s, int code) {
  gw_obs_call_ended(&(gw_obs_call){.kind = s->kind,
                                   .path = base_span_of(s->path, s->path_n),
                                   .peer = s->peer,
                                   .code = code,
                                   .duration_us = base_now_us() - s->started_us,
                                   .first_us = s->first_us ? s->first_us - s->started_us : -1,
                                   .trace = &s->trace,
                                   .parent = s->parent,
                                   .bytes_in = s->in,
                                   .bytes_out = s->out});
}

static void reason_to_status(const gw_stream *s, wire_status *status) {
  switch (s->reason.code) {
  case BASE_E_TOO_LARGE:
    wire_status_set(status, base_err_grpc(s->reason), "a message is larger than %u bytes; send it in parts",
                    s->framing.max_bytes);
    return;
  case BASE_E_MALFORMED:
    wire_status_set(status, base_err_grpc(base_fail(BASE_E_INTERNAL)),
                    "the request's gRPC framing is broken: unknown flags, a compressed message without grpc-encoding, "
                    "or an end inside a "
                    "message");
    return;
  case BASE_E_DEADLINE:
    wire_status_set(status, base_err_grpc(s->reason), "the call took longer than its timeout, or than calls may here");
    return;
  case BASE_E_UNAUTHENTICATED:
    wire_status_set(status, base_err_grpc(s->reason), "the token expired during the call; call again with a new one");
    return;
  default: wire_status_from_err(status, s->reason);
  }
}

static void enter(gw_stream *s, gw_streams *all) {
  if (all == NULL) {
    return;
  }
  s->streams = all;
  s->next = all->first;
  if (s->next) {
    s->next->prev = s;
  }
  all->first = s;
}

static void leave(gw_stream *s) {
  if (s->streams == NULL) {
    return;
  }
  if (s->next) {
    s->next->prev = s->prev;
  }
  *(s->prev ? &s->prev->next : &s->streams->first) = s->next;
}

static void release(gw_stream *s) {
  leave(s);
  if (s->timers) {
    gw_timer_cancel(s->timers, &s->timer);
  }
  if (s->limits) {
    gw_limits_call_ended(s->limits, s->peer);
  }
  s->up->calls--;
  free(s);
}

static void on_status(void *ctx, const wire_status *status) {
  gw_stream *s = ctx;
  const gw_down_vt *vt = s->vt;
  void *down = s->down;
  if (s->state == ABANDONED) {
    report(s, -1);
    release(s);
    return;
  }
  if (s->state == OPEN) {
    report(s, status->code);
    release(s);
    vt->status(down, status);
    return;
  }
  wire_status own;
  wire_status_init(&own);
  reason_to_status(s, &own);
  report(s, own.code);
  release(s);
  vt->status(down, &own);
  wire_status_dispose(&own);
}

static const gw_up_events events = {
    .on_headers = on_headers,
    .on_data = on_data,
    .on_written = on_written,
    .on_status = on_status,
};

/* -- time --------------------------------------------------------------------------------------------------------- */

static void end_with(gw_stream *s, base_err reason) {
  if (s->state == OPEN) {
    s->state = ENDING;
    s->reason = reason;
    s->call->upstream->vt->cancel(s->call);
  }
}

void gw_streams_end(gw_streams *all) {
  /* A leg's cancel brings no status from inside: the list stays as it is meanwhile. */
  for (gw_stream *s = all->first; s; s = s->next) {
    end_with(s, base_fail(BASE_E_DRAINING));
  }
}

static void on_time(gw_timer *timer, int64_t now_ms) {
  gw_stream *s = (gw_stream *)timer;
  end_with(s, base_fail(now_ms >= s->deadline_ms ? BASE_E_DEADLINE : BASE_E_UNAUTHENTICATED));
}

static void set_timer(gw_stream *s) {
  int64_t at_ms = s->deadline_ms < s->expiry_ms ? s->deadline_ms : s->expiry_ms;
  if (s->timers == NULL) {
    return;
  }
  if (at_ms == INT64_MAX) {
    gw_timer_cancel(s->timers, &s->timer);
    return;
  }
  gw_timer_set(s->timers, &s->timer, at_ms);
}

/* Sum of a time and a span of time, both not negative; what is beyond all clocks is never. */
static int64_t later(int64_t now_ms, int64_t by_ms) { return by_ms < INT64_MAX - now_ms ? now_ms + by_ms : INT64_MAX; }

void gw_stream_set_expiry(gw_stream *s, int64_t wall_ms) {
  int64_t left_ms = wall_ms - base_wall_ms();
  s->expiry_ms = wall_ms == INT64_MAX ? INT64_MAX : later(base_now_ms(), left_ms > 0 ? left_ms : 0);
  set_timer(s);
}

base_span gw_stream_path(const gw_stream *s) { return base_span_of(s->path, s->path_n); }

const char *gw_stream_subject(const gw_stream *s) { return s->path + s->path_n; }

/* -- from the browser ---------------------------------------------------------------------------------------------- */

static bool names_encoding(const wire_metadata *m) {
  base_span encoding;
  return m && wire_metadata_get(m, "grpc-encoding", &encoding) && !base_span_is(encoding, "identity");
}

static base_err start(gw_upstream *up, const gw_stream_request *r, gw_stream *s) {
  wire_metadata forwarded;
  s->encoded = names_encoding(r->metadata);
  wire_metadata_init(&forwarded);
  base_err e = filter(s, r, &forwarded);
  if (base_is_ok(e)) {
    e = up->vt->start(up, r->path, r->timeout_ms, &forwarded, &events, s, &s->call);
  }
  wire_metadata_dispose(&forwarded);
  return e;
}

base_err gw_stream_open(gw_upstream *up, const gw_stream_request *r, const gw_down_vt *vt, void *down,
                        gw_stream **out) {
  if (!is_method_path(r->path)) {
    return base_fail(BASE_E_INVALID);
  }
  const char *subject = r->subject ? r->subject : "";
  size_t subject_size = strlen(subject) + 1;
  gw_stream *s = calloc(1, sizeof *s + r->path.n + subject_size);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->timer.fn = on_time;
  s->timers = r->timers;
  s->limits = r->limits;
  s->up = up;
  s->vt = vt;
  s->down = down;
  s->kind = r->kind;
  s->started_us = base_now_us();
  s->deadline_ms = r->timeout_ms > 0 ? later(s->started_us / 1000, r->timeout_ms) : INT64_MAX;
  s->expiry_ms = INT64_MAX;
  s->path_n = r->path.n;
  memcpy(s->path, r->path.p, r->path.n);
  memcpy(s->path + r->path.n, subject, subject_size);
  snprintf(s->peer, sizeof s->peer, "%s", r->peer ? r->peer : "");
  base_err e = start(up, r, s);
  if (!base_is_ok(e)) {
    free(s);
    return e;
  }
  wire_frame_init(&s->framing, s->call->upstream->max_message_bytes); /* the cluster's own limit */
  up->calls++;
  enter(s, r->streams);
  set_timer(s);
  gw_obs_call_started(s->kind);
  if (r->credit > 0) {
    s->call->upstream->vt->credit(s->call, r->credit);
  }
  *out = s;
  return BASE_OK;
}

/* Follows the message boundaries; the bytes themselves are not looked into. */
static base_err follow(gw_stream *s, base_span bytes, bool end) {
  base_span left = bytes;
  wire_frame_step step;
  do {
    BASE_TRY(wire_frame_next(&s->framing, &left, &step));
    if (step.event == WIRE_FRAME_BEGIN && step.flags != 0 && !(s->encoded && step.flags == WIRE_FRAME_COMPRESSED)) {
      return base_fail(BASE_E_MALFORMED);
    }
    if (step.event == WIRE_FRAME_END) {
      s->complete = s->in + (bytes.n - left.n);
    }
  } while (step.event != WIRE_FRAME_MORE);
  if (end && !wire_frame_at_rest(&s->framing)) {
    return base_fail(BASE_E_MALFORMED);
  }
  return BASE_OK;
}

void gw_stream_write(gw_stream *s, base_span bytes, bool end) {
  if (s->state != OPEN || s->half_closed) {
    return;
  }
  base_err e = follow(s, bytes, end);
  if (base_is_ok(e)) {
    s->half_closed = end;
    s->in += bytes.n;
    e = s->call->upstream->vt->write(s->call, bytes, end);
  }
  if (!base_is_ok(e)) {
    end_with(s, e);
    return;
  }
  acknowledge(s);
}

void gw_stream_credit(gw_stream *s, size_t bytes) {
  if (s->state == OPEN) {
    s->call->upstream->vt->credit(s->call, bytes);
  }
}

/* To open calls and to break them off at once costs a client nothing, and us and the service a whole call (rapid reset, CVE-2023-44487). */
static void break_off(gw_stream *s) {
  if (s->state == OPEN && !s->answered && s->limits) {
    gw_limits_punish(s->limits, s->peer, GW_PENALTY_BROKEN_OFF);
  }
  end_with(s, base_fail(BASE_E_CANCELLED));
}

void gw_stream_cancel(gw_stream *s) { break_off(s); }

void gw_stream_abandon(gw_stream *s) {
  break_off(s);
  s->state = ABANDONED;
}
