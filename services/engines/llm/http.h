/* http.h - POSTs whose answers are streams: all of an engine's on one thread, in one multi handle of libcurl, so that they share connections (HTTP/2 where the server speaks it).
 *
 * A job is one answer's share of that thread: it sends, perhaps several times one after another, and is called back. It is part of its owner's struct; the thread knows it from
 * llm_http_add() until on_gone(). llm_http_add() and llm_http_poke() may be called by any thread, the functions of a job by the thread alone, inside on_turn() and on_end().
 */
#ifndef PONTE_LLM_HTTP_H
#define PONTE_LLM_HTTP_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/buf.h"

typedef struct llm_http llm_http;
typedef struct llm_job llm_job;

typedef struct {
  enum {
    LLM_HTTP_WHOLE,     /* the body ended where it should */
    LLM_HTTP_UNREACHED, /* no connection, or it broke before the answer's first byte */
    LLM_HTTP_BROKEN,    /* it broke inside the answer */
    LLM_HTTP_SILENT,    /* nothing came for too long */
    LLM_HTTP_REFUSED    /* on_bytes() wanted no more */
  } kind;
  long status; /* 0: none came */
  bool event_stream;
  int64_t retry_after_ms; /* of the header; 0: none */
  const char *why;        /* static, without names or addresses */
} llm_http_end;

typedef enum { LLM_BYTES_TAKEN, LLM_BYTES_PAUSE, LLM_BYTES_REFUSE } llm_bytes;

/* All on the thread, never two at once; none may block. */
typedef struct {
  /* After llm_http_add(), after llm_http_poke(), and when wake_ms has come. */
  void (*on_turn)(llm_job *j, int64_t now_ms);
  /* PAUSE: the same bytes come again after llm_job_resume(). */
  llm_bytes (*on_bytes)(llm_job *j, long status, bool event_stream, base_span bytes);
  void (*on_end)(llm_job *j, const llm_http_end *end, int64_t now_ms);
  /* The thread touches the job no more: the owner may free it. */
  void (*on_gone)(llm_job *j);
} llm_job_events;

struct llm_job {
  const llm_job_events *events;
  int64_t wake_ms;    /* base_now_ms(); INT64_MAX: none */
  int64_t silence_ms; /* how long nothing may come while it sends */
  /* of http.c */
  llm_http *http;
  llm_job *next;
  CURL *easy;
  atomic_bool poked;
  bool paused, refused, done;
  int64_t heard_ms;
};

typedef struct {
  const char *url;            /* base_url_ok() has said yes */
  struct curl_slist *headers; /* these and `body` are borrowed until on_end() or llm_job_abort() */
  base_span body;
  int64_t connect_timeout_ms;
} llm_post;

/* NO_MEMORY; UNAVAILABLE: no thread. */
base_err llm_http_open(llm_http **out) BASE_MUST_USE;
/* After on_gone() of all jobs. */
void llm_http_close(llm_http *h);
void llm_http_add(llm_http *h, llm_job *j);
void llm_http_poke(llm_job *j);

base_err llm_job_send(llm_job *j, const llm_post *post) BASE_MUST_USE;
/* Closes what is under way, in whatever state it is; no on_end() follows. */
void llm_job_abort(llm_job *j);
/* on_bytes() and on_end() may be called before it returns. */
void llm_job_resume(llm_job *j);
/* Nothing is under way, and nothing more will be: on_gone() follows. */
void llm_job_finish(llm_job *j);

#endif
