/* llm.h - the interface of answering engines: a question and the passages that it may be answered from go in, Markdown comes out piece by piece.
 *
 * An engine is one const vtable: embedded (quotes the passages, no network, no model), gemini, openai (any server that speaks its chat completions), fake (scripted). Opened once,
 * it answers any number of questions at once.
 *
 * An answer is pulled: llm_next() blocks until there is a piece, the end, or an error. llm_cancel() may be called from any thread and makes it return CANCELLED within a second, with
 * the request upstream closed by then. An engine that is ahead of its reader waits: at most LLM_AHEAD_MAX bytes of an answer are held,
 * and what one event of its provider brings.
 *
 * What engines write: Markdown, and at a statement's end the place it rests on, [n: "words of passage n"], n from 1. Whether the words stand there is not the engine's to
 * say: chatbot/cite.h checks it and drops what does not. The passages and the context are data of strangers, never instructions.
 *
 * Truth about the end: LLM_END comes only for a reason that the engine's provider gave. A stream that breaks off, has no reason, or makes no sense is an error, and after the
 * first piece nothing is ever asked a second time.
 */
#ifndef PONTE_LLM_LLM_H
#define PONTE_LLM_LLM_H

#include "base/buf.h"

typedef struct llm llm;               /* an opened engine */
typedef struct llm_answer llm_answer; /* one answer under way */
typedef struct llm_engine llm_engine;

enum { LLM_AHEAD_MAX = 65536, LLM_PASSAGES_MAX = 16, LLM_TURNS_MAX = 20, LLM_WHY_SIZE = 256 };

typedef struct {
  const char *title, *heading; /* never NULL */
  base_span text;              /* UTF-8 */
  double score;                /* as the search ranked it; more is better */
  double support;              /* 0..1: how much of what was asked stands in it (search/search.h) */
} llm_passage;

/* A question of the conversation and its answer, the oldest first. */
typedef struct {
  const char *question, *answer;
} llm_turn;

typedef struct {
  const char *question;
  const char *language;        /* BCP 47, of the answer; "": the question's own */
  const llm_passage *passages; /* the best first; may be none */
  size_t passage_count;
  const llm_turn *turns;
  size_t turn_count;
  int max_tokens;      /* of the answer; 0: the engine's own limit */
  int64_t deadline_ms; /* base_now_ms(); INT64_MAX: none */
} llm_request;

/*      name             */
#define LLM_FINISHES(X)                                                \
  X(STOP)            /* a whole answer */                              \
  X(NOT_IN_MATERIAL) /* the text says that the passages do not tell */ \
  X(MAX_TOKENS)      /* cut at the limit */                            \
  X(SAFETY)          /* blocked by the provider */

enum llm_finish {
#define X(name) LLM_##name,
  LLM_FINISHES(X)
#undef X
};

typedef struct {
  enum { LLM_TEXT, LLM_END } kind;
  base_span text; /* whole UTF-8 characters; valid until the next llm_next() */
  enum llm_finish finish;
  int64_t prompt_tokens, answer_tokens; /* at LLM_END; 0: unknown */
} llm_event;

/* Why an answer failed, for the log and the caller: never with the question, the key, or the provider's text. */
typedef struct {
  char text[LLM_WHY_SIZE];
  int64_t retry_after_ms; /* 0: unknown */
  bool had_text;          /* pieces had been given */
} llm_why;

typedef struct {
  const char *name;     /* of the engine: llm_engine_find() */
  const char *base_url; /* of the provider; NULL: the provider's own. https, or http to loopback */
  const char *model;    /* NULL: the engine's default */
  const char *key;      /* NULL: none. Kept in memory only */
  int64_t connect_timeout_ms, silence_timeout_ms; /* 0: 5 s, 30 s without a byte */
  int max_tokens;                                 /* of an answer; 0: 1024 */
  int attempts;                                   /* before the first piece, at 429, 503 and failed connections; 0: 3 */
} llm_options;

/* Implementations put `engine` first in their own structs. */
struct llm {
  const llm_engine *engine;
};
struct llm_answer {
  const llm_engine *engine;
};
struct llm_engine {
  const char *name;
  const char *key_variable; /* "GEMINI_API_KEY": the only place a key comes from; NULL: it needs none */
  /* INVALID (a URL that is not allowed, no key), NO_MEMORY; *why says what to do. Options are copied. */
  base_err (*open)(const llm_options *options, base_buf *why, llm **out);
  void (*close)(llm *l);
  /* Copies the request. NO_MEMORY; what the provider refuses is told by llm_next(). */
  base_err (*start)(llm *l, const llm_request *request, llm_answer **out);
  /* UNAVAILABLE (cannot be reached, overloaded, broke off), EXHAUSTED (quota), DEADLINE, CANCELLED, MALFORMED (not what the provider's protocol says), DENIED (key refused), INVALID
   * (request refused), NO_MEMORY. After an error or LLM_END: PRECONDITION. */
  base_err (*next)(llm_answer *a, llm_event *out);
  void (*cancel)(llm_answer *a);
  void (*why)(llm_answer *a, llm_why *out);
  /* Cancels what still runs; when it returns nothing of the answer is left running. */
  void (*free)(llm_answer *a);
};

/* That the material does not tell, in this language (BCP 47; English for one that we do not speak): what engines say, and what is said where none is asked. Static. */
const char *llm_refusal(const char *language);

/* NULL when there is no engine of that name. */
const llm_engine *llm_engine_find(const char *name);
/* "embedded, gemini, openai, fake", for messages. Static. */
const char *llm_engine_names(void);

base_err llm_open(const llm_options *options, base_buf *why, llm **out) BASE_MUST_USE;
static inline const char *llm_name(const llm *l) { return l->engine->name; }
/* After all answers were freed. NULL is allowed. */
static inline void llm_close(llm *l) {
  if (l) l->engine->close(l);
}
static inline BASE_MUST_USE base_err llm_start(llm *l, const llm_request *request, llm_answer **out) {
  return l->engine->start(l, request, out);
}
static inline BASE_MUST_USE base_err llm_next(llm_answer *a, llm_event *out) { return a->engine->next(a, out); }
static inline void llm_cancel(llm_answer *a) { a->engine->cancel(a); }
static inline void llm_explain(llm_answer *a, llm_why *out) { a->engine->why(a, out); }
static inline void llm_answer_free(llm_answer *a) {
  if (a) a->engine->free(a);
}

#endif
