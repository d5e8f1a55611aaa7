/* chat.h - the assistant's side of a page: questions, their streamed answers and the passages they rest on, over any ponte_channel.
 *
 * Questions are asked one after the other. Each has an idempotency key and is kept in the platform's record "chat" until it is answered, so that what was asked offline, or was
 * being answered when the page or the connection went away, is answered exactly once: the service tells a kept answer again instead of making another. Only one page at a time keeps
 * its questions there (the lock "chat"); the others, until they get the lock, keep them in memory.
 *
 * What a lost connection cut is asked again by itself, and what was read of it stays on the screen until the new answer has caught up; what the service refused is not (the message
 * says why) and can be retried. Answers are told as Markdown operations (markdown.h), at most one batch in WC_CHAT_FRAME_MS.
 *
 * Thread rule: that of the channel; callbacks come from the loop, never from inside a function of this interface. Pointers to messages are good until the next callback or call.
 */
#ifndef PONTE_WC_CHAT_H
#define PONTE_WC_CHAT_H

#include "base/clock.h"
#include "pb/arena.h"
#include "pb/channel.h"
#include "ponte/chatbot/v1/chatbot.pb-c.h"
#include "wc/plat.h"

typedef struct wc_chat wc_chat;

enum {
  WC_CHAT_QUEUE_MAX = 20, /* questions without an answer */
  WC_CHAT_FRAME_MS = 50,  /* between two batches of one answer */
  WC_CHAT_PAGE = 50,      /* messages of an opened conversation that come at once, the last ones first */
};

/*      name         meaning */
#define WC_CHAT_STATES(X)                                               \
  X(QUEUED)    /* waits for its turn, the connection or a sign-in */    \
  X(ASKING)    /* sent, or about to be; nothing has come yet */         \
  X(ANSWERING) /* sources or text have come */                          \
  X(DONE)      /* the service said so; finish_reason says what it is */ \
  X(STOPPED)   /* by the reader, or (of the history) never finished */  \
  X(FAILED)    /* code and reason say why */

enum wc_chat_state {
#define X(name) WC_CHAT_##name,
  WC_CHAT_STATES(X)
#undef X
};

typedef Ponte__Chatbot__V1__Passage wc_passage;
typedef Ponte__Chatbot__V1__Citation wc_citation;
typedef struct wc_chat_message wc_chat_message;

struct wc_chat_message {
  uint32_t id;    /* of this page: 1, 2, ... */
  uint32_t after; /* the message that it stands behind, good while it is told; 0: it is the first */
  enum wc_chat_state state;
  char *question;
  base_buf answer; /* Markdown, as far as it has come */
  wc_passage **passages;
  size_t passage_count;
  wc_citation **citations; /* with the end of the answer only */
  size_t citation_count;
  Ponte__Chatbot__V1__FinishReason finish; /* UNSPECIFIED until DONE */
  Ponte__Chatbot__V1__Rating rating;
  char message_id[BASE_UUID_SIZE]; /* "": not kept by the service */
  /* Of FAILED, and of QUEUED when a try has failed; 0 and "" otherwise. */
  int code;
  char reason[64];
  char *text; /* the service's own English; NULL is "" */
  int wait_s; /* of FAILED: until it can be retried, as the service asked (RetryInfo); told anew each second */
};

typedef struct {
  const char *text;
  const char *language;   /* of the answer, BCP 47; "": the question's own */
  const char *session_id; /* the live transcription at hand, or "" */
  const char *context;    /* what of it the service does not have yet, or "" */
} wc_chat_question;

enum wc_chat_changes {
  WC_CHAT_CHANGED_STATE = 1, /* or anything that stands beside the answer */
  WC_CHAT_CHANGED_SOURCES = 2,
  WC_CHAT_CHANGED_ANSWER = 4,
};

typedef struct {
  /* The conversation, or whether a sign-in is needed or it is busy. */
  void (*on_chat)(void *ctx);
  /* All messages are gone; those that are there now follow. */
  void (*on_cleared)(void *ctx);
  /* `answer`: with CHANGED_ANSWER what wc_markdown_render() tells, else empty. */
  void (*on_message)(void *ctx, const wc_chat_message *m, unsigned changes, base_span answer);
} wc_chat_events;

/* Takes up what the record holds, from the loop. NO_MEMORY. */
base_err wc_chat_new(wc_plat *plat, ponte_channel *channel, const wc_chat_events *events, void *ctx,
                     wc_chat **out) BASE_MUST_USE;
/* Ends calls without callbacks; the record stays. NULL is allowed. Not from inside a callback. */
void wc_chat_free(wc_chat *c);

/* Copies. INVALID: blank, or not UTF-8 of at most 2000 characters; EXHAUSTED: WC_CHAT_QUEUE_MAX wait already. */
base_err wc_chat_ask(wc_chat *c, const wc_chat_question *q, uint32_t *id) BASE_MUST_USE;
/* Nothing of it goes on, here or at the service. Harmless unless it waits or runs. */
void wc_chat_stop(wc_chat *c, uint32_t id);
/* Asks it again. PRECONDITION while it waits or runs, or wait_s is not over; NOT_FOUND. */
base_err wc_chat_retry(wc_chat *c, uint32_t id) BASE_MUST_USE;
/* The service's word decides: the message's rating changes when it is there. PRECONDITION: an answer without message_id; NOT_FOUND. */
base_err wc_chat_rate(wc_chat *c, uint32_t id, Ponte__Chatbot__V1__Rating rating) BASE_MUST_USE;

/* Shows another conversation; "" begins a new one. PRECONDITION while questions wait or run. */
base_err wc_chat_open(wc_chat *c, const char *conversation_id) BASE_MUST_USE;
/* Fetches the messages before the first one that is here. PRECONDITION: there are none, or they are on their way. */
base_err wc_chat_earlier(wc_chat *c) BASE_MUST_USE;
/* Who reads, as soon as it is known; copied. Questions and answers of somebody else, also those in the record, are gone, and nothing of them is asked in this name. What nobody had
 * signed for becomes theirs. The record's questions of somebody who had signed in wait for this. NO_MEMORY changes nothing. */
base_err wc_chat_set_reader(wc_chat *c, const char *user_id) BASE_MUST_USE;
/* Whoever reads has gone: questions, answers and the record are gone too. */
void wc_chat_forget(wc_chat *c);
/* The network came back, or the reader signed in. */
void wc_chat_retry_now(wc_chat *c);

/* "" before the first question of a new one. */
const char *wc_chat_conversation(const wc_chat *c);
/* Questions wait for a reader who is signed in. */
bool wc_chat_needs_sign_in(const wc_chat *c);
/* There are messages before the first one that is here. */
bool wc_chat_has_earlier(const wc_chat *c);
/* The conversation's messages are on their way. */
bool wc_chat_is_fetching(const wc_chat *c);
/* Questions wait or run, or a conversation is being fetched. */
bool wc_chat_is_busy(const wc_chat *c);
/* NULL if there is none. */
const wc_chat_message *wc_chat_find(const wc_chat *c, uint32_t id);

#endif
