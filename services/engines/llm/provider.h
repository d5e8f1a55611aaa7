/* provider.h - what two services of language models do not share: the form of a request, of an event, and of an error. One table a provider; no sockets, no clocks. Pure; any thread.
 */
#ifndef PONTE_LLM_PROVIDER_H
#define PONTE_LLM_PROVIDER_H

#include "llm/json.h"
#include "llm/llm.h"

/* What went wrong, in our own words: never the provider's text, which may repeat the question. */
typedef struct {
  base_err error; /* OK: nothing */
  bool again;     /* the same request may be answered a little later */
  int64_t retry_after_ms;
  char why[LLM_WHY_SIZE];
} llm_trouble;

/* One event of an answer. */
typedef struct {
  base_buf *text; /* appended to; perhaps torn inside a character */
  bool finished;
  enum llm_finish finish;
  int64_t prompt_tokens, answer_tokens; /* 0: it did not say */
  llm_trouble trouble;
} llm_delta;

typedef struct {
  const char *name, *key_variable;
  const char *base_url, *model; /* the defaults */
  const char *version;          /* "/v1beta": of the path, unless the base URL ends with it */
  const char *key_header;       /* what stands before the key: "x-goog-api-key: " */
  bool needs_key;               /* wherever its base URL points */
  bool (*model_ok)(const char *model);
  /* Appends what follows the version. */
  base_err (*path)(const char *model, base_buf *out);
  base_err (*body)(const llm_request *r, const char *model, int max_tokens, bool own_url, base_buf *out);
  const char *done; /* an event that is no JSON and says nothing that the finish reason does not; NULL: there is none */
  /* For llm_provider_event() and llm_provider_refusal(). `error` may be NULL and anything. */
  base_err (*event)(const llm_json *j, llm_delta *out);
  void (*refused)(long status, const json_t *error, llm_trouble *out);
} llm_provider;

extern const llm_provider llm_provider_gemini, llm_provider_openai;

/* MALFORMED: it is no event of this provider. A trouble that it tells is in *out. */
base_err llm_provider_event(const llm_provider *p, base_span data, llm_delta *out) BASE_MUST_USE;
/* Of an answer that is no stream. The status is not 200; the body may be anything. */
void llm_provider_refusal(const llm_provider *p, long status, base_span body, llm_trouble *out);

/* What a status of HTTP means when the body says no more. */
void llm_trouble_of_status(long status, llm_trouble *out);
/* "41s", "1.5s": the text form of google.protobuf.Duration; 0 when it is none. */
int64_t llm_duration_ms(const char *text);

#endif
