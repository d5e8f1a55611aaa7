/* chat_bench.h - a page with a chat, and the assistant it asks, in virtual time; what the chat tells is written down. Test code only.
 *
 * Failed expectations fail the running test.
 */
#ifndef PONTE_WC_CHAT_BENCH_H
#define PONTE_WC_CHAT_BENCH_H

#include "wc/chat.h"
#include "wc/fake/fake_chatbot.h"
#include "wc/session.h"

typedef struct {
  fake_chatbot service;
  wc_session *session;
  wc_chat *chat;
  int told, cleared, sources, shrunk;
  char answer[8192]; /* the last batch told */
  char states[4096]; /* "1:QUEUED 1:ASKING ..." */
  size_t longest;
  uint32_t shown[64]; /* the messages in the order that the reader sees, by what was told */
  size_t shown_count;
} bench;

extern const wc_chat_events bench_events; /* for a bench */

/* With a page that has read its record. */
void bench_open(bench *b);
void bench_close(bench *b);
/* The page alone goes and comes: records and service stay. `new`: before the record is read. */
void bench_page_new(bench *b);
void bench_page_open(bench *b);
void bench_page_close(bench *b);
void bench_run(bench *b, int64_t ms);
/* The message's number. */
uint32_t bench_ask(bench *b, const char *text);
/* The questions that the reader sees, from the first one on, with a blank behind each. */
void bench_check_shown(bench *b, const char *questions);
void bench_check(bench *b, uint32_t id, enum wc_chat_state state, const char *answer);

#endif
