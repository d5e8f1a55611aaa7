#include "llm/fake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wait.h"
#include "llm/engines.h"

enum { QUOTE_WORDS = 6, ENDLESS_PAUSE_MS = 10, RETRY_AFTER_MS = 1500, PIECE_MAX = 1 << 20 };

static atomic_int running, cancelled;
int llm_fake_running(void) { return atomic_load(&running); }
int llm_fake_cancelled(void) { return atomic_load(&cancelled); }

typedef struct {
  llm_answer base;
  char *script, *earlier; /* owned; `at` points into the script */
  char *passages[LLM_PASSAGES_MAX];
  size_t passage_count;
  int64_t deadline_ms;
  char *at;
  uint64_t left, made; /* pieces of the step text=N; of the answer */
  bool had_text, over;
  base_err failure;
  base_buf piece;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool stop; /* under the lock */
} fake_answer;

static base_err fake_open(const llm_options *options, base_buf *why, llm **out) {
  (void)options, (void)why;
  llm *l = calloc(1, sizeof *l);
  if (l == NULL) return base_fail(BASE_E_NO_MEMORY);
  l->engine = &llm_fake;
  *out = l;
  return BASE_OK;
}

static void fake_close(llm *l) { free(l); }

static void finish(fake_answer *a) {
  if (!a->over) atomic_fetch_sub(&running, 1);
  a->over = true;
}

static void release(fake_answer *a) {
  for (size_t i = 0; i < a->passage_count; i++)
    free(a->passages[i]);
  free(a->script);
  free(a->earlier);
  base_buf_dispose(&a->piece);
  pthread_cond_destroy(&a->changed);
  pthread_mutex_destroy(&a->lock);
  free(a);
}

static char *copy_of(base_span text) {
  char *copy = calloc(text.n + 1, 1);
  if (copy && text.n) memcpy(copy, text.p, text.n);
  return copy;
}

static char *script_of(const llm_request *r) {
  const char *script = strstr(r->question, "fake:");
  if (script == NULL) return strdup(r->passage_count ? "text=1,quote=1" : "text=1,end=NOT_IN_MATERIAL");
  script += strlen("fake:");
  return copy_of(base_span_of(script, strcspn(script, " \t\r\n")));
}

static base_err fake_start(llm *l, const llm_request *r, llm_answer **out) {
  (void)l;
  fake_answer *a = calloc(1, sizeof *a);
  if (a == NULL) return base_fail(BASE_E_NO_MEMORY);
  a->base.engine = &llm_fake;
  pthread_mutex_init(&a->lock, NULL);
  base_cond_init(&a->changed);
  base_buf_init(&a->piece, PIECE_MAX);
  a->deadline_ms = r->deadline_ms;
  a->script = a->at = script_of(r);
  a->earlier = strdup(r->turn_count ? r->turns[r->turn_count - 1].question : "");
  bool ok = a->script && a->earlier;
  for (size_t i = 0; ok && i < r->passage_count && i < LLM_PASSAGES_MAX; i++) {
    a->passages[i] = copy_of(r->passages[i].text);
    ok = a->passages[i] != NULL;
    a->passage_count += ok;
  }
  if (!ok) {
    release(a);
    return base_fail(BASE_E_NO_MEMORY);
  }
  atomic_fetch_add(&running, 1);
  *out = &a->base;
  return BASE_OK;
}

/* OK: the time is over. */
static base_err pause_for(fake_answer *a, int64_t ms) {
  int64_t end_ms = ms == INT64_MAX ? INT64_MAX : base_now_ms() + ms;
  bool deadline = a->deadline_ms <= end_ms;
  int64_t until_ms = deadline ? a->deadline_ms : end_ms;
  struct timespec until = base_timespec(until_ms);
  pthread_mutex_lock(&a->lock);
  while (!a->stop && base_now_ms() < until_ms) {
    if (until_ms == INT64_MAX)
      pthread_cond_wait(&a->changed, &a->lock);
    else
      pthread_cond_timedwait(&a->changed, &a->lock, &until);
  }
  bool stop = a->stop;
  pthread_mutex_unlock(&a->lock);
  return stop ? base_fail(BASE_E_CANCELLED) : deadline ? base_fail(BASE_E_DEADLINE) : BASE_OK;
}

/* One step gives a piece (in a->piece), an end, an error, or nothing. */
typedef base_err step_fn(fake_answer *a, const char *value, llm_event *out);

static bool number(const char *value, uint64_t *out) { return base_span_u64(base_span_str(value), out); }

static base_err say_text(fake_answer *a, const char *value, llm_event *out) {
  (void)out;
  if (a->left == 0 && !number(value, &a->left)) return base_fail(BASE_E_INVALID);
  if (a->left == 0) return BASE_OK;
  a->left--;
  return base_buf_printf(&a->piece, "peça %llu ", (unsigned long long)++a->made);
}

static base_err say_big(fake_answer *a, const char *value, llm_event *out) {
  (void)out;
  uint64_t n = 0;
  uint8_t *bytes = NULL;
  if (!number(value, &n) || n > PIECE_MAX) return base_fail(BASE_E_INVALID);
  BASE_TRY(base_buf_reserve(&a->piece, n, &bytes));
  memset(bytes, 'x', n);
  base_buf_commit(&a->piece, n);
  return BASE_OK;
}

static base_err say_quote(fake_answer *a, const char *value, llm_event *out) {
  (void)out;
  uint64_t n = 0;
  if (!number(value, &n) || n == 0 || n > a->passage_count) return base_fail(BASE_E_INVALID);
  const char *text = a->passages[n - 1];
  text += strspn(text, " \t\r\n");
  size_t end = 0;
  for (int words = 0; text[end] && words < QUOTE_WORDS; words++) {
    end += strspn(text + end, " ");
    end += strcspn(text + end, " \t\r\n\"");
    if (text[end] != ' ') break;
  }
  return base_buf_printf(&a->piece, "[%llu: \"%.*s\"] ", (unsigned long long)n, (int)end, text);
}

static base_err say_lie(fake_answer *a, const char *value, llm_event *out) {
  (void)value, (void)out;
  return base_buf_str(&a->piece, "[1: \"words that stand nowhere at all\"] ");
}

static base_err say_said(fake_answer *a, const char *value, llm_event *out) {
  (void)value, (void)out;
  return base_buf_str(&a->piece, a->earlier);
}

static base_err take_pause(fake_answer *a, const char *value, llm_event *out) {
  (void)out;
  uint64_t ms = 0;
  if (!number(value, &ms) || ms > INT32_MAX) return base_fail(BASE_E_INVALID);
  return pause_for(a, (int64_t)ms);
}

static base_err take_wait(fake_answer *a, const char *value, llm_event *out) {
  (void)value, (void)out;
  return pause_for(a, INT64_MAX);
}

static base_err say_endless(fake_answer *a, const char *value, llm_event *out) {
  (void)value, (void)out;
  BASE_TRY(pause_for(a, ENDLESS_PAUSE_MS));
  a->left = 1; /* keeps this step */
  return base_buf_printf(&a->piece, "peça %llu ", (unsigned long long)++a->made);
}

static base_err take_end(fake_answer *a, const char *value, llm_event *out) {
  static const char *const finishes[] = {
#define X(name) #name,
      LLM_FINISHES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof finishes / sizeof *finishes; i++) {
    if (strcmp(finishes[i], value) != 0) continue;
    *out = (llm_event){
        .kind = LLM_END, .finish = (enum llm_finish)i, .prompt_tokens = 10, .answer_tokens = (int64_t)a->made};
    finish(a);
    return BASE_OK;
  }
  return base_fail(BASE_E_INVALID);
}

static base_err take_error(fake_answer *a, const char *value, llm_event *out) {
  (void)a, (void)out;
  for (int code = BASE_E_OK + 1; code < BASE_E_COUNT; code++) {
    base_err e = base_fail((enum base_err_code)code);
    if (strcmp(base_err_name(e), value) == 0) return e;
  }
  return base_fail(BASE_E_INVALID);
}

static base_err take_step(fake_answer *a, llm_event *out) {
  static const struct {
    const char *name;
    step_fn *take;
  } steps[] = {{"text", say_text}, {"big", say_big},      {"quote", say_quote}, {"lie", say_lie},
               {"said", say_said}, {"pause", take_pause}, {"wait", take_wait},  {"endless", say_endless},
               {"end", take_end},  {"error", take_error}};
  char step[64];
  size_t n = strcspn(a->at, ",");
  snprintf(step, sizeof step, "%.*s", (int)n, a->at);
  char *value = strchr(step, '=');
  if (value) *value++ = 0;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (strcmp(steps[i].name, step) != 0) continue;
    BASE_TRY(steps[i].take(a, value ? value : "", out));
    if (a->left == 0) a->at += a->at[n] ? n + 1 : n;
    return BASE_OK;
  }
  return base_fail(BASE_E_INVALID);
}

static base_err fake_next(llm_answer *answer, llm_event *out) {
  fake_answer *a = (fake_answer *)answer;
  *out = (llm_event){0};
  if (a->over) return base_fail(BASE_E_PRECONDITION);
  base_buf_clear(&a->piece);
  base_err e = pause_for(a, 0);
  while (base_is_ok(e) && !a->over && base_buf_size(&a->piece) == 0)
    e = *a->at ? take_step(a, out) : take_end(a, "STOP", out);
  if (!base_is_ok(e)) {
    a->failure = e;
    if (base_is(e, BASE_E_CANCELLED)) atomic_fetch_add(&cancelled, 1);
    finish(a);
    return e;
  }
  if (base_buf_size(&a->piece)) {
    *out = (llm_event){.kind = LLM_TEXT, .text = base_buf_span(&a->piece)};
    a->had_text = true;
  }
  return BASE_OK;
}

static void fake_cancel(llm_answer *answer) {
  fake_answer *a = (fake_answer *)answer;
  pthread_mutex_lock(&a->lock);
  a->stop = true;
  pthread_cond_broadcast(&a->changed);
  pthread_mutex_unlock(&a->lock);
}

static void fake_why(llm_answer *answer, llm_why *out) {
  fake_answer *a = (fake_answer *)answer;
  bool later = base_is(a->failure, BASE_E_UNAVAILABLE) || base_is(a->failure, BASE_E_EXHAUSTED);
  *out = (llm_why){.had_text = a->had_text, .retry_after_ms = later ? RETRY_AFTER_MS : 0};
  if (!base_is_ok(a->failure)) snprintf(out->text, sizeof out->text, "the script says %s", base_err_name(a->failure));
}

static void fake_free(llm_answer *answer) {
  fake_answer *a = (fake_answer *)answer;
  if (!a->over) atomic_fetch_add(&cancelled, 1);
  finish(a);
  release(a);
}

const llm_engine llm_fake = {
    .name = "fake",
    .open = fake_open,
    .close = fake_close,
    .start = fake_start,
    .next = fake_next,
    .cancel = fake_cancel,
    .why = fake_why,
    .free = fake_free,
};
