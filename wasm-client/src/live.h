/* live.h - one live transcription that outlives its connections: TranscribeAudioStream over any ponte_channel.
 *
 * Encoded packets are pushed in; results come out. Packets are kept from 80 ms before committed_end on (design 4.6), and when the call is lost
 * (or the service asks to come back later) a new one is opened after a back-off, with session_id and resume_sample, and fed from what is kept: each
 * sample is covered exactly once by the results' committed_end. wc_live_end asks for the last words and waits for them, across reconnections too.
 *
 * Thread rule: that of the channel; callbacks come from the loop, never from inside a function of this interface.
 */
#ifndef PONTE_WC_LIVE_H
#define PONTE_WC_LIVE_H

#include "pb/channel.h"
#include "ponte/transcription/v1/transcription.pb-c.h"
#include "wc/plat.h"

typedef struct wc_live wc_live;

/*      name          meaning */
#define WC_LIVE_STATES(X)                                      \
  X(CONNECTING)   /* the first call has not answered yet */    \
  X(LIVE)         /* the service answers */                    \
  X(RECONNECTING) /* the call was lost; audio is kept */       \
  X(DONE)         /* all audio is committed; the last state */ \
  X(FAILED)       /* the status says why; the last state */

enum wc_live_state {
#define X(name) WC_LIVE_##name,
  WC_LIVE_STATES(X)
#undef X
};

typedef Ponte__Transcription__V1__TranscriptionResult wc_result;

typedef struct {
  /* `status`: why (RECONNECTING, DONE, FAILED), else NULL. Inside DONE and FAILED wc_live_free must not be called yet. */
  void (*on_state)(void *ctx, enum wc_live_state state, const wire_status *status);
  /* Borrowed. committed_end never falls; no final begins before an earlier result's committed_end. */
  void (*on_result)(void *ctx, const wc_result *result);
  /* All pushed packets have been handed to the channel. May be NULL. */
  void (*on_drained)(void *ctx);
} wc_live_events;

typedef struct {
  Ponte__Transcription__V1__AudioCodec codec; /* OPUS or PCM16 */
  uint32_t sample_rate_hz, channels;
  const char *language, *model; /* "" or NULL: the service's own; copied */
  bool interim_results;
  const char *session_id;  /* copied; NULL or "": one is made */
  uint32_t keep_max_ms;    /* uncommitted audio beyond this fails the transcription; 0 = 10 minutes */
  uint32_t keep_max_bytes; /* the same in bytes; 0 = 64 MiB */
} wc_live_options;

/* Opens the first call from the loop. NO_MEMORY. */
base_err wc_live_new(wc_plat *plat, ponte_channel *channel, const wc_live_options *options,
                     const wc_live_events *events, void *ctx, wc_live **out) BASE_MUST_USE;
/* Ends a running call without callbacks. NULL is allowed. Not from inside a callback. */
void wc_live_free(wc_live *l);
/* The next packet: `samples` samples (per channel) that follow those pushed before, at most 80 ms. Copies. PRECONDITION after end or the last state;
 * INVALID (no samples, more than 80 ms, no bytes or over 64 KiB); EXHAUSTED: too much uncommitted audio; FAILED follows. */
base_err wc_live_push(wc_live *l, uint32_t samples, base_span packet) BASE_MUST_USE;
/* No more packets; DONE follows when all of them are committed. */
void wc_live_end(wc_live *l);
/* The network came back: forget the back-off. */
void wc_live_retry_now(wc_live *l);

enum wc_live_state wc_live_state(const wc_live *l);
/* Never changes. */
const char *wc_live_session_id(const wc_live *l);
int64_t wc_live_committed(const wc_live *l); /* samples */
int64_t wc_live_pushed(const wc_live *l);    /* samples */
/* Bytes of packets not yet handed to the transport. */
size_t wc_live_unsent(const wc_live *l);

#endif
