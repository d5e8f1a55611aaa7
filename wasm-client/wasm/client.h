/* client.h - what the page's client (exports.c) has for the other files of this folder. One thread. */
#ifndef PONTE_WC_CLIENT_H
#define PONTE_WC_CLIENT_H

#include "base/buf.h"
#include "wc/attach.h"
#include "wc/identity.h"
#include "wc/transcript.h"
#include "wc_wasm/exports.h"

wc_session *client_session(const ponte_client *c);
/* NULL: the page brought a token of its own. */
wc_identity *client_identity(const ponte_client *c);
wc_attach *client_attach(const ponte_client *c);
const wc_transcript *client_transcript(const ponte_client *c);
/* Of the recording that runs or ran last; "" before the first. */
const char *client_recording(const ponte_client *c);
/* Where that recording begins in the transcript on the page, in ms; -1: it is not there. */
int64_t client_recording_origin_ms(const ponte_client *c, const char *session_id);
/* Tells the page, unless `err` says that the JSON is not whole; disposes of it. Only from the loop. */
void client_tell(ponte_client *c, base_buf *json, base_err err);
/* `,"code":7,"message":"...","reason":"..."` and, if there are any, `,"field":"...","retryAfterMs":1000`. NULL: all is well. */
base_err client_write_status(base_buf *json, const wire_status *status) BASE_MUST_USE;

/* exports_identity.c: */
base_err client_open_identity(ponte_client *c, wc_identity **out) BASE_MUST_USE;
/* A call of the page ended so; the connection did. */
void client_saw(ponte_client *c, const wire_status *status);
void client_saw_close(ponte_client *c, enum wc_session_state state, int code);

#endif
