/* The thread's side of an answer: attempts, back-off, and what an end means. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "llm/remote.h"

enum {
  BACKOFF_MS = 500,
  BACKOFF_MAX_MS = 8000,
  RETRY_WAIT_MAX_MS = 10000, /* a provider that wants more is told of, not waited for */
  AFTER_FINISH_MS = 2000,    /* of silence, once the finish reason is there */
  OK_STATUS = 200
};

static llm_remote_answer *of_job(llm_job *j) {
  return (llm_remote_answer *)((char *)j - offsetof(llm_remote_answer, job));
}

static void trouble(llm_trouble *t, enum base_err_code code, const char *why) {
  *t = (llm_trouble){.error = base_fail(code)};
  snprintf(t->why, sizeof t->why, "%s", why);
}

static void settle(llm_remote_answer *a, const llm_trouble *failure) {
  llm_job_abort(&a->job);
  a->settled = true;
  pthread_mutex_lock(&a->lock);
  if (failure) a->failure = *failure;
  a->end = (llm_event){.kind = LLM_END,
                       .finish = a->stream.finish,
                       .prompt_tokens = a->stream.prompt_tokens,
                       .answer_tokens = a->stream.answer_tokens};
  a->over = true;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
  llm_job_finish(&a->job);
}

static void settle_with(llm_remote_answer *a, enum base_err_code code, const char *why) {
  llm_trouble t;
  trouble(&t, code, why);
  settle(a, &t);
}

static void send_it(llm_remote_answer *a) {
  llm_remote *r = a->remote;
  a->attempt++;
  a->retry_ms = INT64_MAX;
  const llm_post post = {.url = r->url,
                         .headers = r->headers,
                         .body = base_buf_span(&a->body),
                         .connect_timeout_ms = r->connect_timeout_ms};
  if (!base_is_ok(llm_job_send(&a->job, &post))) settle_with(a, BASE_E_NO_MEMORY, "out of memory");
}

static void on_turn(llm_job *j, int64_t now_ms) {
  llm_remote_answer *a = of_job(j);
  if (a->settled) return;
  pthread_mutex_lock(&a->lock);
  bool stop = a->stop, resume = a->paused && base_buf_size(&a->ahead) < LLM_AHEAD_MAX;
  if (resume) a->paused = false;
  pthread_mutex_unlock(&a->lock);
  if (stop) {
    settle_with(a, BASE_E_CANCELLED, "it was cancelled");
    return;
  }
  if (now_ms >= a->deadline_ms) {
    settle_with(a, BASE_E_DEADLINE, "the deadline passed");
    return;
  }
  if (now_ms >= a->retry_ms) send_it(a);
  j->wake_ms = a->deadline_ms < a->retry_ms ? a->deadline_ms : a->retry_ms;
  if (resume) llm_job_resume(j);
}

static llm_bytes refuse_bytes(llm_remote_answer *a, const llm_trouble *t) {
  a->trouble = *t;
  return LLM_BYTES_REFUSE;
}

/* What does not fit is not needed: errors are small. */
static void keep_refusal(llm_remote_answer *a, base_span bytes) {
  size_t room = base_buf_room(&a->refusal);
  base_span some = base_span_of(bytes.p, bytes.n < room ? bytes.n : room);
  if (!base_is_ok(base_buf_append(&a->refusal, some))) base_buf_clear(&a->refusal);
}

static llm_bytes on_bytes(llm_job *j, long status, bool event_stream, base_span bytes) {
  llm_remote_answer *a = of_job(j);
  llm_trouble t;
  if (status != OK_STATUS) {
    keep_refusal(a, bytes);
    return LLM_BYTES_TAKEN;
  }
  if (!event_stream) {
    trouble(&t, BASE_E_MALFORMED, "an answer that is no event stream");
    return refuse_bytes(a, &t);
  }
  pthread_mutex_lock(&a->lock);
  a->paused = base_buf_size(&a->ahead) >= LLM_AHEAD_MAX;
  base_err e = BASE_OK;
  if (!a->paused) {
    e = llm_stream_push(&a->stream, bytes, &a->ahead);
    if (base_buf_size(&a->ahead)) a->had_text = true;
    pthread_cond_broadcast(&a->changed);
  }
  bool paused = a->paused;
  pthread_mutex_unlock(&a->lock);
  if (a->stream.finished) j->silence_ms = AFTER_FINISH_MS;
  if (paused) return LLM_BYTES_PAUSE;
  if (base_is_ok(e)) return LLM_BYTES_TAKEN;
  if (base_is_ok(a->stream.trouble.error)) {
    trouble(&t, BASE_E_NO_MEMORY, "out of memory");
    return refuse_bytes(a, &t);
  }
  return refuse_bytes(a, &a->stream.trouble);
}

/* OK: the answer is whole. */
static llm_trouble judge_stream(llm_remote_answer *a, const llm_http_end *end) {
  llm_trouble t = {0};
  if (end->kind != LLM_HTTP_WHOLE && !a->stream.finished) {
    bool silent = end->kind == LLM_HTTP_SILENT;
    trouble(&t, BASE_E_UNAVAILABLE, silent ? end->why : "the connection broke off inside the answer");
    return t;
  }
  if (!end->event_stream && end->kind == LLM_HTTP_WHOLE) {
    trouble(&t, BASE_E_MALFORMED, "an answer that is no event stream");
    return t;
  }
  pthread_mutex_lock(&a->lock);
  base_err e = llm_stream_end(&a->stream, &a->ahead);
  if (base_buf_size(&a->ahead)) a->had_text = true;
  pthread_mutex_unlock(&a->lock);
  if (base_is_ok(e)) return t;
  if (!base_is_ok(a->stream.trouble.error)) return a->stream.trouble;
  trouble(&t, BASE_E_NO_MEMORY, "out of memory");
  return t;
}

static llm_trouble judge(llm_remote_answer *a, const llm_http_end *end) {
  llm_trouble t = {0};
  if (end->kind == LLM_HTTP_REFUSED) return a->trouble;
  if (end->status == OK_STATUS) return judge_stream(a, end);
  if (end->status == 0) {
    t.error = base_fail(BASE_E_UNAVAILABLE);
    t.again = end->kind == LLM_HTTP_UNREACHED;
    snprintf(t.why, sizeof t.why, "it cannot be reached: %s", end->why);
    return t;
  }
  llm_provider_refusal(a->remote->provider, end->status, base_buf_span(&a->refusal), &t);
  if (t.retry_after_ms == 0) t.retry_after_ms = end->retry_after_ms;
  return t;
}

/* False: it may not be, or there is no time for it. */
static bool try_again(llm_remote_answer *a, const llm_trouble *t, int64_t now_ms) {
  uint32_t random = 0;
  if (!t->again || a->had_text || a->attempt >= a->remote->attempts) return false;
  base_random(&random, sizeof random);
  int64_t wait_ms = base_backoff_ms((unsigned)a->attempt - 1, BACKOFF_MS, BACKOFF_MAX_MS, random);
  if (wait_ms < t->retry_after_ms) wait_ms = t->retry_after_ms;
  if (wait_ms > RETRY_WAIT_MAX_MS || a->deadline_ms - now_ms <= wait_ms) return false;
  a->retry_ms = now_ms + wait_ms;
  a->job.wake_ms = a->deadline_ms < a->retry_ms ? a->deadline_ms : a->retry_ms;
  a->job.silence_ms = a->remote->silence_timeout_ms;
  base_buf_clear(&a->refusal);
  llm_stream_dispose(&a->stream);
  llm_stream_init(&a->stream, a->remote->provider, a->language);
  return true;
}

static void on_end(llm_job *j, const llm_http_end *end, int64_t now_ms) {
  llm_remote_answer *a = of_job(j);
  llm_trouble t = judge(a, end);
  if (base_is_ok(t.error))
    settle(a, NULL);
  else if (!try_again(a, &t, now_ms))
    settle(a, &t);
}

static void on_gone(llm_job *j) {
  llm_remote_answer *a = of_job(j);
  pthread_mutex_lock(&a->lock);
  a->gone = true;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
}

const llm_job_events llm_remote_events = {
    .on_turn = on_turn,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_gone = on_gone,
};
