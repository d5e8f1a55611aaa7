/* client.h - what the page's client (exports.c) has for the other files of this folder. One thread. */
#ifndef PONTE_WC_CLIENT_H
#define PONTE_WC_CLIENT_H

#include "wc/session.h"
#include "wc/transcript.h"
#include "wc_wasm/exports.h"

wc_session *client_session(const ponte_client *c);
const wc_transcript *client_transcript(const ponte_client *c);
/* Of the recording that runs or ran last; "" before the first. */
const char *client_recording(const ponte_client *c);
/* Where that recording begins in the transcript on the page, in ms; -1: it is not there. */
int64_t client_recording_origin_ms(const ponte_client *c, const char *session_id);
/* Tells the page, unless `err` says that the JSON is not whole; disposes of it. Only from the loop. */
void client_tell(ponte_client *c, base_buf *json, base_err err);

#endif
