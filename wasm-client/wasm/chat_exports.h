/* chat_exports.h - the chat of a page, for JavaScript (exports.txt lists it for the linker); exports.h has the rules. Events:
 *   {"type":"chat","conversation":"<id>","busy":false,"signIn":false,"earlier":false,"fetching":false}      {"type":"chatCleared"}
 *   {"type":"chatMessage","id":1,"after":0, and what is new of it:
 *     "state":"DONE","question":"...","finish":"STOP","rated":"HELPFUL","messageId":"...","citations":2,"code":0,"waitS":0,"reason":"","message":"",
 *     "sources":[{"number":1,"title":"...","heading":"...","live":false,"cited":true,"startMs":-1}],
 *     "answer":{"keep":0,"blocks":[...]}}                                  (wc/markdown.h)
 */
#ifndef PONTE_WC_CHAT_EXPORTS_H
#define PONTE_WC_CHAT_EXPORTS_H

#include "wc_wasm/exports.h"

typedef struct ponte_chat ponte_chat;

/* NULL when out of memory. Lives as long as the client. */
ponte_chat *ponte_chat_new(ponte_client *c);
/* The message's number; 0: blank, too long, or too many wait. `with_context`: say what this page has heard, since the service does not. */
uint32_t ponte_chat_ask(ponte_chat *c, const char *text, const char *language, int with_context);
void ponte_chat_stop(ponte_chat *c, uint32_t id);
/* 0, or -1: it waits or runs, is not there, or its waitS is not over. */
int ponte_chat_retry(ponte_chat *c, uint32_t id);
/* "HELPFUL", "NOT_HELPFUL" or "UNSPECIFIED". 0, or -1: not an answer that is kept. */
int ponte_chat_rate(ponte_chat *c, uint32_t id, const char *rating);
/* "": a new one. 0, or -1: not while questions wait. */
int ponte_chat_open(ponte_chat *c, const char *conversation_id);
/* The messages before those that are here. 0, or -1: there are none, or they are on their way. */
int ponte_chat_earlier(ponte_chat *c);
/* Who reads (a user's id); what was somebody else's is gone. 0, or -1: out of memory. */
int ponte_chat_set_reader(ponte_chat *c, const char *user_id);
void ponte_chat_forget(ponte_chat *c);
void ponte_chat_retry_now(ponte_chat *c);
/* The answer as text, with its sources; valid until the next of these two; NULL: no such message, or out of memory. */
const char *ponte_chat_text(ponte_chat *c, uint32_t id);
/* What "[number]" at this byte of the answer rests on, as JSON: {"materialId","begin","end","title","heading","startMs","captionMs","before","mark","after"}: the passage is the bytes
 * [begin, end) of the material's text; captionMs is its place in the transcript on this page, or -1. NULL: nothing, or out of memory. */
const char *ponte_chat_passage(ponte_chat *c, uint32_t id, int number, int offset);

#endif
