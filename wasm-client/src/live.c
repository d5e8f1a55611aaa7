#include "wc/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ponte/transcription/v1/transcription.ponte.h"
#include "wc/keep.h"
#include "wc/retry.h"

enum {
  WARM_UP_MS = 80, /* what an Opus decoder needs to settle (transcription.proto, AudioFrame.start_sample) */
  KEEP_MAX_MS = 10 * 60 * 1000,
  KEEP_MAX_BYTES = 64 * 1024 * 1024,
  PACKET_MAX_BYTES = 64 * 1024,
  FEW = 5, /* tries without progress for statuses that may be a bug as well as a lost connection */
};

struct wc_live {
  wc_plat *plat;
  ponte_channel *channel;
  wc_live_options options;
  char *language, *model;
  char session_id[64];
  const wc_live_events *events;
  void *ctx;

  enum wc_live_state state;
  ponte_call *call; /* NULL between calls */
  bool detached;    /* freed by its owner; lives on, silent, until its last call's status */
  wc_keep keep;
  int64_t committed;
  uint64_t next; /* number of the packet to send next */
  uint64_t sequence;
  size_t unsent; /* bytes of packets from `next` on */
  bool ended, half_closed, overflow;
  unsigned attempt, tries;
  wc_timer *retry;
};

static void set_state(wc_live *l, enum wc_live_state state, const wire_status *status) {
  if (l->state == state && state != WC_LIVE_RECONNECTING) return;
  l->state = state;
  l->events->on_state(l->ctx, state, status);
}

static bool is_over(const wc_live *l) { return l->state == WC_LIVE_DONE || l->state == WC_LIVE_FAILED; }

static void fail(wc_live *l, int code, const char *text) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, code, "%s", text);
  set_state(l, WC_LIVE_FAILED, &status);
  wire_status_dispose(&status);
}

static int64_t ms_to_samples(const wc_live *l, int64_t ms) { return ms * l->options.sample_rate_hz / 1000; }

/* -- sending */

static base_err send_packet(wc_live *l) {
  base_span bytes;
  wc_packet packet = wc_keep_at(&l->keep, l->next, &bytes);
  Ponte__Transcription__V1__AudioFrame frame = PONTE__TRANSCRIPTION__V1__AUDIO_FRAME__INIT;
  frame.sequence = l->sequence;
  frame.start_sample = packet.start;
  frame.data.data = (uint8_t *)(uintptr_t)bytes.p;
  frame.data.len = bytes.n;
  Ponte__Transcription__V1__AudioChunk chunk = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  chunk.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_AUDIO;
  chunk.audio = &frame;
  BASE_TRY(ponte_transcription_v1_transcribe_audio_stream_send(l->call, &chunk));
  l->next++;
  l->sequence++;
  l->unsent -= bytes.n;
  return BASE_OK;
}

/* Hands packets to the channel while it has room; never calls back. */
static void pump(wc_live *l) {
  while (l->call && !l->half_closed && l->next < wc_keep_last(&l->keep) &&
         ponte_call_queued(l->call) <= PONTE_CALL_WRITABLE_LOW) {
    if (!base_is_ok(send_packet(l))) { /* its status says why */
      ponte_call_cancel(l->call);
      return;
    }
  }
  if (l->call && l->ended && !l->half_closed && l->next == wc_keep_last(&l->keep)) {
    l->half_closed = true;
    ponte_call_half_close(l->call);
  }
}

static base_err send_config(wc_live *l) {
  Ponte__Transcription__V1__StreamConfig config = PONTE__TRANSCRIPTION__V1__STREAM_CONFIG__INIT;
  config.codec = l->options.codec;
  config.sample_rate_hz = l->options.sample_rate_hz;
  config.channels = l->options.channels;
  config.language = l->language;
  config.model = l->model;
  config.interim_results = l->options.interim_results;
  config.session_id = l->session_id;
  config.resume_sample = l->committed;
  Ponte__Transcription__V1__AudioChunk chunk = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  chunk.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_CONFIG;
  chunk.config = &config;
  return ponte_transcription_v1_transcribe_audio_stream_send(l->call, &chunk);
}

/* -- the end of a call */

/* Which statuses a new call may cure. CANCELLED, UNKNOWN and INTERNAL are what some servers make of a lost connection, but may be
 * bugs too, so they are tried a few times only. */
enum cure { NEVER, FEW_TIMES, ALWAYS };
static enum cure cure_of(int code) {
  static const struct {
    int code;
    enum cure cure;
  } rows[] = {{BASE_GRPC_CANCELLED, FEW_TIMES},      {BASE_GRPC_UNKNOWN, FEW_TIMES},
              {BASE_GRPC_DEADLINE_EXCEEDED, ALWAYS}, {BASE_GRPC_RESOURCE_EXHAUSTED, ALWAYS},
              {BASE_GRPC_ABORTED, ALWAYS},           {BASE_GRPC_INTERNAL, FEW_TIMES},
              {BASE_GRPC_UNAVAILABLE, ALWAYS}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].code == code) return rows[i].cure;
  }
  return NEVER;
}

static void retry_later(wc_live *l, const wire_status *status) {
  enum cure cure = cure_of(status->code);
  int64_t delay = wc_retry_delay_ms(status, WC_RETRY_QUICK, l->attempt, wc_random_u32(l->plat));
  if (cure == NEVER || delay < 0 || (cure == FEW_TIMES && l->tries >= FEW)) {
    set_state(l, WC_LIVE_FAILED, status);
    return;
  }
  l->attempt++;
  l->tries++;
  l->plat->vt->timer_set(l->retry, delay);
  set_state(l, WC_LIVE_RECONNECTING, status);
}

/* OK is the end only if it was asked for and all audio is committed; otherwise the service ended early, and a new call goes on. */
static void on_ok(wc_live *l, const wire_status *status) {
  if (l->half_closed && l->committed >= l->keep.end) {
    set_state(l, WC_LIVE_DONE, status);
    return;
  }
  wire_status early;
  wire_status_init(&early);
  wire_status_set(&early, BASE_GRPC_INTERNAL, "the service ended the stream before all audio was transcribed");
  retry_later(l, &early);
  wire_status_dispose(&early);
}

static void release(wc_live *l) {
  wc_keep_dispose(&l->keep);
  free(l->language);
  free(l->model);
  free(l);
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  wc_live *l = ctx;
  (void)call;
  l->call = NULL;
  if (l->detached)
    release(l);
  else if (l->overflow)
    fail(l, BASE_GRPC_RESOURCE_EXHAUSTED, "too much audio waits for the service; it was away too long");
  else if (status->code == 0)
    on_ok(l, status);
  else
    retry_later(l, status);
}

/* -- received */

static void commit(wc_live *l, int64_t sample) {
  if (sample > l->keep.end) sample = l->keep.end; /* it cannot have heard more than we have */
  if (sample <= l->committed) return;
  l->committed = sample;
  l->attempt = l->tries = 0;
  wc_keep_drop(&l->keep, sample - ms_to_samples(l, WARM_UP_MS));
}

/* A final that repeats what an earlier result committed would double words; the contract rules it out, and a service that breaks it is not shown. */
static bool repeats(const wc_live *l, const wc_result *r) {
  return r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT &&
         r->segment->end_sample <= l->committed && l->committed > 0;
}

static void on_message(void *ctx, ponte_call *call, const wc_result *r) {
  wc_live *l = ctx;
  (void)call;
  if (l->detached) return;
  set_state(l, WC_LIVE_LIVE, NULL);
  bool stale = repeats(l, r);
  commit(l, r->committed_end);
  if (!stale) l->events->on_result(l->ctx, r);
}

static void tell_drained(wc_live *l) {
  if (l->unsent == 0 && l->events->on_drained) l->events->on_drained(l->ctx);
}

static void on_writable(void *ctx, ponte_call *call) {
  wc_live *l = ctx;
  (void)call;
  if (l->detached) return;
  pump(l);
  tell_drained(l);
}

static void on_headers(void *ctx, ponte_call *call, const wire_metadata *headers) {
  wc_live *l = ctx;
  (void)call;
  (void)headers;
  if (!l->detached) set_state(l, WC_LIVE_LIVE, NULL);
}

/* -- calls */

static size_t bytes_from(const wc_live *l, uint64_t n) {
  base_span bytes;
  size_t all = base_buf_size(&l->keep.bytes);
  if (n >= wc_keep_last(&l->keep)) return 0;
  return all - (wc_keep_at(&l->keep, n, &bytes).at - l->keep.dropped_bytes);
}

static void open_call(wc_live *l) {
  static const ponte_transcription_v1_transcribe_audio_stream_events events = {
      .on_headers = on_headers, .on_writable = on_writable, .on_message = on_message, .on_status = on_status};
  base_err err = ponte_transcription_v1_transcribe_audio_stream(l->channel, NULL, &events, l, &l->call);
  if (!base_is_ok(err)) {
    l->call = NULL;
    fail(l, base_err_grpc(err), base_err_text(err));
    return;
  }
  l->sequence = 0;
  l->half_closed = false;
  l->next = wc_keep_find(&l->keep, l->committed - ms_to_samples(l, WARM_UP_MS));
  l->unsent = bytes_from(l, l->next);
  if (!base_is_ok(send_config(l))) {
    ponte_call_cancel(l->call);
    return;
  }
  pump(l);
  tell_drained(l);
}

static void on_retry(void *ctx) {
  wc_live *l = ctx;
  if (l->overflow)
    fail(l, BASE_GRPC_RESOURCE_EXHAUSTED, "too much audio waits for the service; it was away too long");
  else if (!l->call && !is_over(l))
    open_call(l);
}

/* -- the interface */

static char *copy(const char *text) { return strdup(text ? text : ""); }

static void choose_session_id(wc_live *l, const char *given) {
  if (given && given[0]) {
    strncpy(l->session_id, given, sizeof l->session_id - 1);
    return;
  }
  uint8_t random[10 + 6];
  l->plat->vt->random(l->plat, random, sizeof random);
  /* The platform's clock is not the wall's, so the time part of the UUIDv7 is random too: it only has to be unique. */
  int64_t time = 0;
  for (int i = 0; i < 6; i++)
    time = time << 8 | random[10 + i];
  base_uuid7_of(time, random, l->session_id);
}

base_err wc_live_new(wc_plat *plat, ponte_channel *channel, const wc_live_options *options,
                     const wc_live_events *events, void *ctx, wc_live **out) {
  wc_live *l = calloc(1, sizeof *l);
  if (!l) return base_fail(BASE_E_NO_MEMORY);
  *l = (wc_live){.plat = plat, .channel = channel, .options = *options, .events = events, .ctx = ctx};
  if (!l->options.keep_max_ms) l->options.keep_max_ms = KEEP_MAX_MS;
  if (!l->options.keep_max_bytes) l->options.keep_max_bytes = KEEP_MAX_BYTES;
  if (!l->options.channels) l->options.channels = 1;
  wc_keep_init(&l->keep, 0, l->options.keep_max_bytes);
  choose_session_id(l, options->session_id);
  l->language = copy(options->language);
  l->model = copy(options->model);
  l->retry = plat->vt->timer_new(plat, on_retry, l);
  if (!l->language || !l->model || !l->retry) {
    wc_live_free(l);
    return base_fail(BASE_E_NO_MEMORY);
  }
  plat->vt->timer_set(l->retry, 0);
  *out = l;
  return BASE_OK;
}

void wc_live_free(wc_live *l) {
  if (!l) return;
  l->plat->vt->timer_free(l->retry);
  l->retry = NULL;
  l->detached = true;
  if (l->call)
    ponte_call_cancel(l->call);
  else
    release(l);
}

static void overflow(wc_live *l) {
  l->overflow = true;
  if (l->call)
    ponte_call_cancel(l->call);
  else
    l->plat->vt->timer_set(l->retry, 0);
}

base_err wc_live_push(wc_live *l, uint32_t samples, base_span packet) {
  if (l->ended || l->overflow || is_over(l)) return base_fail(BASE_E_PRECONDITION);
  if (samples == 0 || samples > ms_to_samples(l, WARM_UP_MS) || packet.n == 0 || packet.n > PACKET_MAX_BYTES)
    return base_fail(BASE_E_INVALID);
  base_err err = BASE_OK;
  if (l->keep.end + samples - l->committed > ms_to_samples(l, l->options.keep_max_ms))
    err = base_fail(BASE_E_TOO_LARGE);
  if (base_is_ok(err)) err = wc_keep_push(&l->keep, samples, packet);
  if (!base_is_ok(err)) {
    overflow(l);
    return base_fail(BASE_E_EXHAUSTED);
  }
  l->unsent += packet.n;
  pump(l);
  return BASE_OK;
}

void wc_live_end(wc_live *l) {
  if (l->ended) return;
  l->ended = true;
  pump(l);
}

void wc_live_retry_now(wc_live *l) {
  l->attempt = 0;
  if (l->state == WC_LIVE_RECONNECTING && !l->call) l->plat->vt->timer_set(l->retry, 0);
}

enum wc_live_state wc_live_state(const wc_live *l) { return l->state; }
const char *wc_live_session_id(const wc_live *l) { return l->session_id; }
int64_t wc_live_committed(const wc_live *l) { return l->committed; }
int64_t wc_live_pushed(const wc_live *l) { return l->keep.end; }
size_t wc_live_unsent(const wc_live *l) { return l->unsent; }
