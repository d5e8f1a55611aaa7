/* exports.h - all that JavaScript may call (exports.txt lists it for the linker). Names with two underscores are for plat.js only.
 *
 * Numbers are 32 bits wide; text is UTF-8 with a NUL; what happens is told through ponte_js_event() as one JSON object each:
 *   {"type":"connection","state":"OPEN","code":0}
 *   {"type":"live","state":"RECONNECTING","code":14,"message":"...","reason":"..."}
 *   {"type":"interim","startMs":0,"stable":"...","rest":"..."}       {"type":"final","id":"...","startMs":0,"endMs":0,"text":"..."}
 *   {"type":"drained"}
 *   {"type":"message","call":1,"body":{...}}                         {"type":"reply","call":1,"code":0,"message":"","reason":"","retryAfterMs":1000}
 *   {"type":"identity","state":"SIGNED_IN","user":{"userId":"...","displayName":"...","email":"..."},"roles":["student"],"code":0,...}
 *   {"type":"attach","state":"SAVED","code":0,"message":"","reason":""}
 *   {"type":"identityRecord"}: other pages of this origin want ponte_identity_reread()
 * Events never come from inside one of these functions. One thread.
 */
#ifndef PONTE_WC_EXPORTS_H
#define PONTE_WC_EXPORTS_H

#include "wc/plat.h"

typedef struct ponte_client ponte_client;

/* NULL when out of memory or for a bad token. The url is that of the gateway's WebSocket. With a token there is no identity here; without one, whoever signs in. */
ponte_client *ponte_client_new(const char *url, const char *token);
void ponte_client_free(ponte_client *c);
/* The network came back. */
void ponte_client_retry_now(ponte_client *c);

/* A call with one request, as JSON. NULL: `message` events (one, or many of a stream) and one `reply` event follow with this number. Otherwise why not, valid until the next call. */
const char *ponte_client_call(ponte_client *c, const char *path, const char *request, uint32_t call);

/* 0: `identity` events tell what comes of it; -1: not now, or out of memory. wc/identity.h says what each does. */
int ponte_identity_sign_in(ponte_client *c, const char *email, const char *password);
int ponte_identity_sign_up(ponte_client *c, const char *name, const char *email, const char *password);
int ponte_identity_set_password(ponte_client *c, const char *old_password, const char *new_password);
void ponte_identity_sign_out(ponte_client *c);
void ponte_identity_reread(ponte_client *c);
void ponte_identity_refused(ponte_client *c);

/* One transcription at a time; its text is added to the client's transcript, and kept by the chatbot service as material of this title, to ask about (wc/attach.h). 0, or -1. */
int ponte_live_start(ponte_client *c, uint32_t sample_rate_hz, const char *model, const char *language,
                     const char *title, int shared);
/* One Opus packet. 0, or -1: not accepted. */
int ponte_live_push(ponte_client *c, const void *packet, uint32_t size, uint32_t samples);
void ponte_live_end(ponte_client *c);
/* Stops without the last words. */
void ponte_live_cancel(ponte_client *c);
/* Bytes not yet sent. */
uint32_t ponte_live_unsent(ponte_client *c);
/* Seconds of audio that wait for their text. */
double ponte_live_waiting_ms(ponte_client *c);

uint32_t ponte_transcript_count(ponte_client *c);
void ponte_transcript_clear(ponte_client *c);
/* The transcript as "txt", "srt", "vtt" or "json"; valid until the next call; NULL for an unknown format or out of memory. */
const char *ponte_transcript_text(ponte_client *c, const char *format);

void *ponte_malloc(uint32_t size);
void ponte_free(void *p);

void ponte__timer_fired(wc_timer *t);
void ponte__socket_opened(wc_socket *s);
void ponte__socket_message(wc_socket *s, const void *bytes, size_t n);
void ponte__socket_closed(wc_socket *s, int code);
void ponte__record_got(void (*done)(void *, base_err, base_span), void *ctx, int kept, const void *bytes, size_t n);
void ponte__record_put(void (*done)(void *, base_err), void *ctx, int kept);
void ponte__record_refused(int code, void (*got)(void *, base_err, base_span), void (*put)(void *, base_err),
                           void *ctx);
void ponte__lock_held(wc_lock *l);

#endif
