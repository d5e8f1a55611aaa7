#include "llm/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"

enum { POLL_MAX_MS = 1000 };

struct llm_http {
  CURLM *multi;
  pthread_t thread;
  llm_job *jobs; /* of the thread */
  pthread_mutex_t lock;
  llm_job *added; /* under the lock, as what follows */
  bool closing;
};

static void drop_easy(llm_job *j) {
  if (j->easy == NULL) return;
  curl_multi_remove_handle(j->http->multi, j->easy);
  curl_easy_cleanup(j->easy);
  j->easy = NULL;
  j->paused = false;
}

static bool is_event_stream(CURL *easy) {
  const char *type = NULL;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  return type && strncasecmp(type, "text/event-stream", strlen("text/event-stream")) == 0;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *ctx) {
  llm_job *j = ctx;
  long status = 0;
  curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
  j->heard_ms = base_now_ms();
  switch (j->events->on_bytes(j, status, is_event_stream(j->easy), base_span_of(bytes, size * n))) {
  case LLM_BYTES_PAUSE: j->paused = true; return CURL_WRITEFUNC_PAUSE;
  case LLM_BYTES_REFUSE: j->refused = true; return 0;
  default: return size * n;
  }
}

static CURLcode set_up(llm_job *j, const llm_post *post) {
  CURL *c = j->easy;
  bool plain = strncasecmp(post->url, "http:", strlen("http:")) == 0;
  CURLcode code = curl_easy_setopt(c, CURLOPT_URL, post->url);
#define SET(option, value) code = code ? code : curl_easy_setopt(c, option, value)
  SET(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
  SET(CURLOPT_FOLLOWLOCATION, 0L); /* the key goes to no other place than the one that was set */
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  /* TLS tells when it is set up whether a connection can be shared. Without it only an answer would tell, and all others would wait behind one that does not come. */
  SET(CURLOPT_PIPEWAIT, plain ? 0L : 1L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_QUICK_EXIT,
      1L); /* without it a cancelled job would wait for its name to be resolved, and all others with it */
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)post->connect_timeout_ms);
  SET(CURLOPT_HTTPHEADER, post->headers);
  SET(CURLOPT_POST, 1L);
  SET(CURLOPT_POSTFIELDS, (const char *)post->body.p);
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.n);
  SET(CURLOPT_WRITEFUNCTION, on_write);
  SET(CURLOPT_WRITEDATA, j);
  SET(CURLOPT_PRIVATE, j);
  if (plain) SET(CURLOPT_PROXY, ""); /* to loopback: a proxy would see the key */
#undef SET
  return code;
}

base_err llm_job_send(llm_job *j, const llm_post *post) {
  j->easy = curl_easy_init();
  if (j->easy == NULL) return base_fail(BASE_E_NO_MEMORY);
  j->heard_ms = base_now_ms();
  j->paused = j->refused = false;
  if (set_up(j, post) == CURLE_OK && curl_multi_add_handle(j->http->multi, j->easy) == CURLM_OK) return BASE_OK;
  curl_easy_cleanup(j->easy);
  j->easy = NULL;
  return base_fail(BASE_E_NO_MEMORY);
}

void llm_job_abort(llm_job *j) { drop_easy(j); }

void llm_job_finish(llm_job *j) { j->done = true; }

/* Static texts of libcurl: its error buffer would name hosts. */
static void end_job(llm_job *j, CURLcode code, int64_t now_ms) {
  llm_http_end end = {.why = curl_easy_strerror(code)};
  curl_off_t retry_after = 0;
  curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &end.status);
  curl_easy_getinfo(j->easy, CURLINFO_RETRY_AFTER, &retry_after);
  end.event_stream = is_event_stream(j->easy);
  end.retry_after_ms = retry_after > 0 && retry_after < INT32_MAX ? (int64_t)retry_after * 1000 : 0;
  end.kind = code == CURLE_OK  ? LLM_HTTP_WHOLE
             : j->refused      ? LLM_HTTP_REFUSED
             : end.status == 0 ? LLM_HTTP_UNREACHED
                               : LLM_HTTP_BROKEN;
  drop_easy(j);
  j->events->on_end(j, &end, now_ms);
}

void llm_job_resume(llm_job *j) {
  if (!j->easy || !j->paused) return;
  j->paused = false;
  j->heard_ms = base_now_ms();
  /* It gives what it holds at once, and a refusal of that is told here and nowhere else. */
  CURLcode code = curl_easy_pause(j->easy, CURLPAUSE_CONT);
  if (code != CURLE_OK) end_job(j, code, base_now_ms());
}

static void take_ended(llm_http *h) {
  CURLMsg *m;
  int left = 0;
  while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
    llm_job *j = NULL;
    if (m->msg != CURLMSG_DONE) continue;
    CURLcode code = m->data.result; /* the message dies with its handle */
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
    end_job(j, code, base_now_ms());
  }
}

static int64_t silent_from_ms(const llm_job *j) {
  return j->easy && !j->paused ? j->heard_ms + j->silence_ms : INT64_MAX;
}

static void turn(llm_job *j) {
  int64_t now_ms = base_now_ms();
  if (now_ms >= silent_from_ms(j)) {
    llm_http_end end = {.kind = LLM_HTTP_SILENT, .why = "nothing came for too long"};
    curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &end.status);
    drop_easy(j);
    j->events->on_end(j, &end, now_ms);
  }
  if (!j->done && (atomic_exchange(&j->poked, false) || now_ms >= j->wake_ms)) j->events->on_turn(j, now_ms);
}

/* Gives every job its turn, lets go of those that are done, and says when the next one wants to be woken. */
static int64_t turns(llm_http *h) {
  int64_t wake_ms = INT64_MAX;
  for (llm_job **at = &h->jobs; *at;) {
    llm_job *j = *at;
    turn(j);
    if (j->done) {
      *at = j->next;
      j->events->on_gone(j);
      continue;
    }
    int64_t silent_ms = silent_from_ms(j), mine = j->wake_ms < silent_ms ? j->wake_ms : silent_ms;
    wake_ms = mine < wake_ms ? mine : wake_ms;
    at = &j->next;
  }
  return wake_ms;
}

static bool take_added(llm_http *h) {
  pthread_mutex_lock(&h->lock);
  llm_job *added = h->added;
  h->added = NULL;
  bool closing = h->closing;
  pthread_mutex_unlock(&h->lock);
  while (added) {
    llm_job *next = added->next;
    added->next = h->jobs;
    h->jobs = added;
    added = next;
  }
  return !closing;
}

static void *run(void *arg) {
  llm_http *h = arg;
  while (take_added(h)) {
    int running = 0;
    turns(h);
    curl_multi_perform(h->multi, &running);
    take_ended(h);
    int64_t wait_ms = turns(h) - base_now_ms(); /* what ended may want to begin again */
    wait_ms = wait_ms < 0 ? 0 : wait_ms > POLL_MAX_MS ? POLL_MAX_MS : wait_ms;
    curl_multi_poll(h->multi, NULL, 0, (int)wait_ms, NULL);
  }
  return NULL;
}

static void global_init(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

base_err llm_http_open(llm_http **out) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, global_init);
  llm_http *h = calloc(1, sizeof *h);
  if (h == NULL) return base_fail(BASE_E_NO_MEMORY);
  h->multi = curl_multi_init();
  if (h->multi == NULL) {
    free(h);
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&h->lock, NULL);
  if (pthread_create(&h->thread, NULL, run, h) != 0) {
    curl_multi_cleanup(h->multi);
    pthread_mutex_destroy(&h->lock);
    free(h);
    return base_fail(BASE_E_UNAVAILABLE);
  }
  *out = h;
  return BASE_OK;
}

void llm_http_close(llm_http *h) {
  pthread_mutex_lock(&h->lock);
  h->closing = true;
  pthread_mutex_unlock(&h->lock);
  curl_multi_wakeup(h->multi);
  pthread_join(h->thread, NULL);
  curl_multi_cleanup(h->multi);
  pthread_mutex_destroy(&h->lock);
  free(h);
}

void llm_http_add(llm_http *h, llm_job *j) {
  j->http = h;
  atomic_store(&j->poked, true);
  pthread_mutex_lock(&h->lock);
  j->next = h->added;
  h->added = j;
  pthread_mutex_unlock(&h->lock);
  curl_multi_wakeup(h->multi);
}

void llm_http_poke(llm_job *j) {
  atomic_store(&j->poked, true);
  curl_multi_wakeup(j->http->multi);
}
