/* remote.h - the engines that ask a provider over the network: gemini and openai are two tables (provider.h) over one vtable's functions in remote.c, where the reader waits; remote_answer.c is
 * what the thread of http.h does for an answer. Attempts follow each other only while nothing of the answer was given on. For those two files.
 */
#ifndef PONTE_LLM_REMOTE_H
#define PONTE_LLM_REMOTE_H

#include <pthread.h>

#include "llm/http.h"
#include "llm/stream.h"

typedef struct {
  llm base;
  const llm_provider *provider;
  llm_http *http;
  char *url, *model;
  struct curl_slist *headers; /* one of them is the key */
  int64_t connect_timeout_ms, silence_timeout_ms;
  int max_tokens, attempts;
  bool own_url; /* the provider's own */
} llm_remote;

typedef struct {
  llm_answer base;
  llm_job job;
  llm_remote *remote;
  base_buf body;
  char *language;
  int64_t deadline_ms;
  /* of the thread */
  llm_stream stream;
  base_buf refusal; /* the body of an answer that is no stream */
  llm_trouble trouble;
  int attempt;      /* from 1; 0: not sent yet */
  int64_t retry_ms; /* when the next attempt may be; INT64_MAX while one is under way */
  bool settled;
  /* of both */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  base_buf ahead; /* text that was not read yet */
  bool stop;      /* the reader wants no more */
  bool paused;    /* the thread waits for room */
  bool over, gone, had_text;
  llm_trouble failure; /* once it is over */
  llm_event end;
  /* of the reader */
  base_buf piece;
  bool told;
} llm_remote_answer;

extern const llm_job_events llm_remote_events;

#endif
