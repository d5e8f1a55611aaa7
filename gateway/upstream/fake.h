/* fake.h - an upstream for tests and fuzzers: it records what it is asked, and the test says when the service answers. No loop, no socket.
 *
 * Calls live until gw_fake_status() or gw_fake_free(); cancelled ones wait for their status too, as real ones do (gw_fake_end_cancelled).
 */
#ifndef PONTE_GATEWAY_FAKE_H
#define PONTE_GATEWAY_FAKE_H

#include "gateway/upstream/upstream.h"

typedef struct gw_fake_call {
  gw_up_call base;
  const gw_up_events *events;
  void *ctx;
  struct gw_fake *fake;
  struct gw_fake_call *next; /* older ones */
  char path[128];
  int64_t timeout_ms;
  wire_metadata metadata;
  base_buf written; /* all bytes so far */
  size_t reported;  /* of them, told to on_written */
  bool ended, cancelled;
  int64_t credit; /* given minus used */
} gw_fake_call;

typedef struct gw_fake {
  gw_upstream base;
  gw_fake_call *calls;               /* the newest first */
  base_err start_error, write_error; /* what start and write answer; OK by default */
  bool ready;
} gw_fake;

void gw_fake_init(gw_fake *f);
/* Ends what is left with CANCELLED. */
void gw_fake_dispose(gw_fake *f);
/* The service's side. */
void gw_fake_headers(gw_fake_call *c, const char *key, const char *value);
void gw_fake_data(gw_fake_call *c, base_span run);
/* Reports all written bytes as taken. */
void gw_fake_take(gw_fake_call *c);
/* The call is freed. */
void gw_fake_status(gw_fake_call *c, int code, const char *message);
/* CANCELLED for every call that was cancelled. */
void gw_fake_end_cancelled(gw_fake *f);

#endif
