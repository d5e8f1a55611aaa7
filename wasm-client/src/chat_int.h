/* chat_int.h - what the files of the chat share; nobody else includes it.
 *
 * chat.c is the interface and what is told; chat_ask.c the calls, one at a time; chat_history.c the conversation fetched from the service, and ratings; chat_record.c the questions
 * that survive the page; chat_wait.c the time that the service asked for; chat_entry.c one message. `outstanding` counts the callbacks that may still come: a chat that was freed lives on, silent, until the last one.
 */
#ifndef PONTE_WC_CHAT_INT_H
#define PONTE_WC_CHAT_INT_H

#include "wc/chat.h"
#include "wc/markdown.h"

typedef Ponte__Chatbot__V1__ResolveDuvidaStreamRequest wc_chat_request;
typedef struct wc_chat_entry wc_chat_entry;

struct wc_chat_entry {
  wc_chat_message m; /* first: a pointer to one is a pointer to the other */
  wc_chat_entry *next;
  char key[128]; /* idempotency; "": of the history */
  char conversation[BASE_UUID_SIZE];
  char *language, *session_id, *context;
  pb_arena passages, citations; /* their memory */
  base_buf held;                /* what an earlier try told, shown until this one has caught up */
  bool has_final;
  bool stored, storing; /* the record holds it; a put that does is under way */
  bool unconfirmed;     /* its reader is known from the record alone: who reads here may be another */
  unsigned attempt, tries;
  int64_t retry_at_ms; /* of FAILED: not before; 0: any time */
  unsigned changed;
};

typedef struct {
  wc_chat_entry *first, *last;
} wc_chat_list;

struct wc_chat {
  wc_plat *plat;
  ponte_channel *channel;
  const wc_chat_events *events;
  void *ctx;

  wc_chat_list list;
  uint32_t last_id;
  char conversation[BASE_UUID_SIZE];
  char *reader; /* NULL: nobody has signed in, as far as is known */
  bool needs_sign_in;

  ponte_call *call;       /* the one that runs: to make a conversation, to answer, or to fetch */
  wc_chat_entry *running; /* whom it answers; NULL otherwise, and when nobody wants it any more */
  bool abandoned;         /* its end says nothing */
  bool waiting;           /* `retry` is set */
  wc_timer *retry;
  unsigned fetch_attempt;
  bool fetch_due;
  char *page_token; /* of the messages before those that are here; NULL: there are none, or nothing has come yet */

  wc_timer *second; /* the next one of those that wait_s counts */

  wc_lock *lock;
  bool holds, reading, putting, put_due;

  wc_markdown *markdown;
  uint32_t rendered; /* whose blocks the renderer knows */
  int64_t frame_ms;
  wc_timer *tell;
  int64_t tell_at_ms; /* -1: not set */
  bool cleared, chat_changed;

  int outstanding;
  bool detached;
};

/* -- chat_entry.c */
/* Copies; with a key of its own. NULL when out of memory. */
wc_chat_entry *wc_chat_entry_new(wc_chat *c, const wc_chat_request *r);
wc_chat_entry *wc_chat_entry_of(wc_chat *c, const Ponte__Chatbot__V1__Message *m);
void wc_chat_entry_free(wc_chat_entry *e);
void wc_chat_list_append(wc_chat_list *l, wc_chat_entry *e);
void wc_chat_list_clear(wc_chat_list *l);
bool wc_chat_is_pending(const wc_chat_entry *e);
void wc_chat_new_key(wc_chat *c, wc_chat_entry *e);
base_err wc_chat_take_sources(wc_chat_entry *e, const Ponte__Chatbot__V1__Sources *s) BASE_MUST_USE;
base_err wc_chat_take_final(wc_chat_entry *e, const Ponte__Chatbot__V1__Final *f) BASE_MUST_USE;
/* What the reader sees of it. */
base_span wc_chat_shown(const wc_chat_entry *e);
void wc_chat_set_why(wc_chat_entry *e, const wire_status *status);
/* A copy with a NUL behind it, for free(); NULL when out of memory. */
char *wc_chat_text(base_span s);

/* -- chat.c */
/* Told from the loop, `delay_ms` from now or sooner. */
void wc_chat_tell(wc_chat *c, int64_t delay_ms);
void wc_chat_changed(wc_chat *c, wc_chat_entry *e, unsigned changes);
void wc_chat_set_state(wc_chat *c, wc_chat_entry *e, enum wc_chat_state state);
void wc_chat_begin(wc_chat *c); /* a callback is awaited */
/* It came; false: the chat is gone. */
bool wc_chat_end(wc_chat *c);

/* -- chat_ask.c */
/* Starts what is due. Never calls back. */
void wc_chat_pump(wc_chat *c);
void wc_chat_abandon(wc_chat *c);
enum wc_chat_cure { WC_CHAT_NEVER, WC_CHAT_FEW_TIMES, WC_CHAT_ALWAYS, WC_CHAT_SIGN_IN };
enum wc_chat_cure wc_chat_cure_of(const wire_status *status);

/* -- chat_wait.c */
/* The question has failed with this: from when on it can be retried. */
void wc_chat_wait_from(wc_chat *c, wc_chat_entry *e, const wire_status *status);
/* Brings every wait_s to now, and comes again with the next second. */
void wc_chat_count_down(wc_chat *c);

/* -- chat_history.c */
base_err wc_chat_fetch(wc_chat *c) BASE_MUST_USE;
/* Nothing is on its way any more. */
void wc_chat_end_fetch(wc_chat *c);
/* The next question begins another, and nothing of this one is fetched any more. */
void wc_chat_lose_conversation(wc_chat *c);

/* -- chat_record.c */
void wc_chat_record_open(wc_chat *c);
/* The record as the chat is now, soon. */
void wc_chat_record_put(wc_chat *c);

#endif
