#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/url.h"
#include "base/wait.h"
#include "llm/engines.h"
#include "llm/prompt.h"
#include "llm/remote.h"
#include "search/terms.h"

enum {
  CONNECT_MS = 5000,
  SILENCE_MS = 30000,
  MAX_TOKENS = 1024,
  ATTEMPTS = 3,
  BODY_MAX = 8 * LLM_PROMPT_MAX,
  URL_MAX = 2048,
  KEY_MAX = 4096,
  REFUSAL_MAX = 65536
};

static base_err refuse(base_buf *why, const char *text) {
  BASE_TRY(base_buf_str(why, text));
  return base_fail(BASE_E_INVALID);
}

/* The path goes behind it, and neither blanks nor a query belong there. */
static bool is_base_url(const char *url) {
  if (!base_url_ok(url) || strlen(url) > URL_MAX / 2) return false;
  for (const char *p = url; *p; p++) {
    if ((uint8_t)*p <= ' ' || (uint8_t)*p > '~' || *p == '?' || *p == '#') return false;
  }
  return true;
}

/* A line end in it would make a header of its own. */
static bool is_key(const char *key) {
  size_t n = strlen(key);
  for (size_t i = 0; i < n; i++) {
    if ((uint8_t)key[i] <= ' ' || (uint8_t)key[i] > '~') return false;
  }
  return n > 0 && n < KEY_MAX - 64;
}

static base_err check(const llm_provider *p, const llm_options *o, base_buf *why) {
  if (o->base_url && !is_base_url(o->base_url))
    return refuse(why, "the engine's URL must be https://HOST..., or http:// to a loopback address, without a user, a "
                       "query, or a fragment");
  if (o->model && !p->model_ok(o->model)) return refuse(why, "that is no name of a model");
  if (o->key == NULL && (p->needs_key || o->base_url == NULL)) {
    BASE_TRY(base_buf_printf(why, "the engine \"%s\" needs a key: set the environment variable %s", p->name,
                             p->key_variable));
    return base_fail(BASE_E_INVALID);
  }
  if (o->key && !is_key(o->key)) {
    BASE_TRY(
        base_buf_printf(why, "%s holds no key: it must be one line of letters, digits and signs", p->key_variable));
    return base_fail(BASE_E_INVALID);
  }
  return BASE_OK;
}

/* Many give an OpenAI-compatible server's URL with its version, http://localhost:11434/v1. */
static base_err make_url(llm_remote *r, const char *base_url) {
  base_buf b;
  base_span base = base_span_str(base_url ? base_url : r->provider->base_url);
  while (base_span_ends(base, "/"))
    base.n--;
  base_buf_init(&b, URL_MAX);
  base_err e = base_buf_append(&b, base);
  if (base_is_ok(e) && !base_span_ends(base, r->provider->version)) e = base_buf_str(&b, r->provider->version);
  if (base_is_ok(e)) e = r->provider->path(r->model, &b);
  if (base_is_ok(e)) e = base_buf_u8(&b, 0);
  if (base_is_ok(e)) {
    r->url = strdup((const char *)base_buf_span(&b).p);
    if (r->url == NULL) e = base_fail(BASE_E_NO_MEMORY);
  }
  base_buf_dispose(&b);
  return e;
}

static base_err add_header(llm_remote *r, const char *line) {
  struct curl_slist *more = curl_slist_append(r->headers, line);
  if (more == NULL) return base_fail(BASE_E_NO_MEMORY);
  r->headers = more;
  return BASE_OK;
}

static base_err make_headers(llm_remote *r, const char *key) {
  BASE_TRY(add_header(r, "content-type: application/json"));
  BASE_TRY(add_header(r, "accept: text/event-stream"));
  BASE_TRY(add_header(r, "user-agent: ponte"));
  BASE_TRY(add_header(r, "expect:"));
  if (key == NULL) return BASE_OK;
  char line[KEY_MAX];
  snprintf(line, sizeof line, "%s%s", r->provider->key_header, key);
  base_err e = add_header(r, line);
  explicit_bzero(line, sizeof line);
  return e;
}

static base_err fill(llm_remote *r, const llm_options *o) {
  r->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_MS;
  r->silence_timeout_ms = o->silence_timeout_ms ? o->silence_timeout_ms : SILENCE_MS;
  r->max_tokens = o->max_tokens ? o->max_tokens : MAX_TOKENS;
  r->attempts = o->attempts ? o->attempts : ATTEMPTS;
  r->own_url = o->base_url == NULL;
  r->model = strdup(o->model ? o->model : r->provider->model);
  if (r->model == NULL) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(make_url(r, o->base_url));
  BASE_TRY(make_headers(r, o->key));
  return llm_http_open(&r->http);
}

static void remote_close(llm *l) {
  llm_remote *r = (llm_remote *)l;
  if (r->http) llm_http_close(r->http);
  for (struct curl_slist *h = r->headers; h; h = h->next)
    explicit_bzero(h->data, strlen(h->data));
  curl_slist_free_all(r->headers);
  free(r->url);
  free(r->model);
  free(r);
}

static base_err remote_open(const llm_engine *engine, const llm_provider *provider, const llm_options *options,
                            base_buf *why, llm **out) {
  BASE_TRY(check(provider, options, why));
  llm_remote *r = calloc(1, sizeof *r);
  if (r == NULL) return base_fail(BASE_E_NO_MEMORY);
  r->base.engine = engine;
  r->provider = provider;
  base_err e = fill(r, options);
  if (!base_is_ok(e)) {
    remote_close(&r->base);
    return base_fail(BASE_E_NO_MEMORY); /* of memory or threads */
  }
  *out = &r->base;
  return BASE_OK;
}

static void release(llm_remote_answer *a) {
  llm_stream_dispose(&a->stream);
  base_buf_dispose(&a->body);
  base_buf_dispose(&a->refusal);
  base_buf_dispose(&a->ahead);
  base_buf_dispose(&a->piece);
  pthread_cond_destroy(&a->changed);
  pthread_mutex_destroy(&a->lock);
  free(a->language);
  free(a);
}

static void init(llm_remote_answer *a, llm_remote *r, const llm_request *request) {
  a->base.engine = r->base.engine;
  a->remote = r;
  a->deadline_ms = request->deadline_ms;
  a->job = (llm_job){.events = &llm_remote_events, .wake_ms = INT64_MAX, .silence_ms = r->silence_timeout_ms};
  base_buf_init(&a->body, BODY_MAX);
  base_buf_init(&a->refusal, REFUSAL_MAX);
  base_buf_init(&a->ahead, LLM_AHEAD_MAX + LLM_STREAM_PUSH_MAX);
  base_buf_init(&a->piece, LLM_AHEAD_MAX + LLM_STREAM_PUSH_MAX);
  pthread_mutex_init(&a->lock, NULL);
  base_cond_init(&a->changed);
}

static base_err remote_start(llm *l, const llm_request *request, llm_answer **out) {
  llm_remote *r = (llm_remote *)l;
  llm_remote_answer *a = calloc(1, sizeof *a);
  if (a == NULL) return base_fail(BASE_E_NO_MEMORY);
  init(a, r, request);
  a->language = strdup(*request->language ? request->language : search_language(base_span_str(request->question)));
  llm_stream_init(&a->stream, r->provider, a->language);
  base_err e = a->language
                   ? r->provider->body(request, r->model, request->max_tokens > 0 ? request->max_tokens : r->max_tokens,
                                       r->own_url, &a->body)
                   : base_fail(BASE_E_NO_MEMORY);
  if (base_is(e, BASE_E_NO_MEMORY)) {
    release(a);
    return e;
  }
  *out = &a->base;
  if (base_is_ok(e)) {
    llm_http_add(r->http, &a->job);
    return BASE_OK;
  }
  a->over = a->gone = true;
  a->failure.error = base_fail(BASE_E_INVALID);
  snprintf(a->failure.why, sizeof a->failure.why, "the question and its passages are too long");
  return BASE_OK;
}

static void take_ahead(llm_remote_answer *a, llm_event *out) {
  base_buf empty = a->piece;
  base_buf_clear(&empty);
  a->piece = a->ahead;
  a->ahead = empty;
  *out = (llm_event){.kind = LLM_TEXT, .text = base_buf_span(&a->piece)};
}

static base_err remote_next(llm_answer *answer, llm_event *out) {
  llm_remote_answer *a = (llm_remote_answer *)answer;
  *out = (llm_event){0};
  if (a->told) return base_fail(BASE_E_PRECONDITION);
  pthread_mutex_lock(&a->lock);
  while (!a->over && (a->stop || base_buf_size(&a->ahead) == 0))
    pthread_cond_wait(&a->changed, &a->lock);
  bool late = base_is(a->failure.error, BASE_E_DEADLINE), text = !a->stop && !late && base_buf_size(&a->ahead) > 0;
  bool room = text && a->paused;
  if (text) take_ahead(a, out);
  if (a->stop) a->failure = (llm_trouble){.error = base_fail(BASE_E_CANCELLED), .why = "it was cancelled"};
  base_err e = text ? BASE_OK : a->failure.error;
  if (!text && base_is_ok(e)) *out = a->end;
  pthread_mutex_unlock(&a->lock);
  a->told = !text;
  if (room) llm_http_poke(&a->job);
  return e;
}

static void remote_cancel(llm_answer *answer) {
  llm_remote_answer *a = (llm_remote_answer *)answer;
  pthread_mutex_lock(&a->lock);
  a->stop = true;
  pthread_mutex_unlock(&a->lock);
  if (a->job.http) llm_http_poke(&a->job);
}

static void remote_why(llm_answer *answer, llm_why *out) {
  llm_remote_answer *a = (llm_remote_answer *)answer;
  pthread_mutex_lock(&a->lock);
  *out = (llm_why){.retry_after_ms = a->failure.retry_after_ms, .had_text = a->had_text};
  snprintf(out->text, sizeof out->text, "%s", a->failure.why);
  pthread_mutex_unlock(&a->lock);
}

static void remote_free(llm_answer *answer) {
  llm_remote_answer *a = (llm_remote_answer *)answer;
  remote_cancel(answer);
  pthread_mutex_lock(&a->lock);
  while (!a->gone)
    pthread_cond_wait(&a->changed, &a->lock);
  pthread_mutex_unlock(&a->lock);
  release(a);
}

static base_err gemini_open(const llm_options *options, base_buf *why, llm **out) {
  return remote_open(&llm_gemini, &llm_provider_gemini, options, why, out);
}

static base_err openai_open(const llm_options *options, base_buf *why, llm **out) {
  return remote_open(&llm_openai, &llm_provider_openai, options, why, out);
}

#define REMOTE_ENGINE(name_, key_variable_, open_)                                                                   \
  {                                                                                                                  \
    .name = (name_), .key_variable = (key_variable_), .open = (open_), .close = remote_close, .start = remote_start, \
    .next = remote_next, .cancel = remote_cancel, .why = remote_why, .free = remote_free                             \
  }
const llm_engine llm_gemini = REMOTE_ENGINE("gemini", "GEMINI_API_KEY", gemini_open);
const llm_engine llm_openai = REMOTE_ENGINE("openai", "OPENAI_API_KEY", openai_open);
