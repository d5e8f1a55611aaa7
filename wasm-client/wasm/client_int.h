/* client_int.h - what a page's client consists of, for the files that export its parts (exports.c, exports_*.c). Internal. */
#ifndef PONTE_WC_CLIENT_INT_H
#define PONTE_WC_CLIENT_INT_H

#include "wc/identity.h"
#include "wc/live.h"
#include "wc/transcript.h"
#include "wc_wasm/exports.h"

enum { PONTE_EVENT_MAX = 17 << 20 };

struct ponte_client {
  wc_session *session;
  wc_identity *identity; /* or NULL: the page brought a token of its own */
  wc_transcript *transcript;
  wc_live *live;       /* or NULL */
  wc_timer *tidy;      /* frees a live whose last state was told */
  int64_t recorded_ms; /* by earlier transcriptions */
  uint32_t sample_rate_hz;
  base_buf text; /* the file asked for last */
};

/* Tells the page, unless `err` says that the event could not be written; disposes *json. */
void ponte_send_event(base_buf *json, ponte_client *c, base_err err);
/* `,"code":7,"message":"...","reason":"..."` and, if there are any, `,"field":"...","retryAfterMs":1000`. NULL: all is well. */
base_err ponte_write_status(base_buf *json, const wire_status *status) BASE_MUST_USE;

/* exports_identity.c: what exports.c does with a client's identity. */
base_err ponte_identity_open(ponte_client *c) BASE_MUST_USE;
/* A call of the page ended so. */
void ponte_identity_saw(ponte_client *c, const wire_status *status);
void ponte_identity_saw_close(ponte_client *c, enum wc_session_state state, int code);

#endif
