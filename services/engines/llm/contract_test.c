/* One contract for every engine: what llm.h promises, on questions that the engine in question takes as told. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "llm/engines.h"
#include "llm/fake.h"
#include "llm/testing_provider.h"

/* Questions that make an engine do something; NULL: this one never does. */
typedef struct {
  const char *whole, *nothing, *endless, *silent, *late;             /* late: text, then nothing */
  const char *unavailable, *exhausted, *denied, *malformed, *broken; /* broken: text, then an error */
  const char *max_tokens, *safety;
} behaviour;

typedef struct {
  const llm_engine *engine;
  behaviour ask;
  llm *l;
} subject;

static const subject *current;

#define TEXT(s) \
  { (const uint8_t *)(s), sizeof(s) - 1 }
static const llm_passage passages[] = {
    {"Lesson 1", "Gravity", TEXT("An apple falls because masses attract each other."), 1.0, 0.9},
    {"Aula 2", "Força", TEXT("A força é o produto da massa pela aceleração."), 0.5, 0.4},
};

static llm_answer *start(const char *question, int64_t deadline_ms) {
  llm_request r = {.question = question,
                   .language = "",
                   .passages = passages,
                   .passage_count = sizeof passages / sizeof *passages,
                   .deadline_ms = deadline_ms};
  llm_answer *a = NULL;
  CHECK_OK(llm_start(current->l, &r, &a));
  return a;
}

typedef struct {
  base_err error;
  enum llm_finish finish;
  size_t pieces, bytes;
} outcome;

static outcome read_all(llm_answer *a) {
  outcome o = {0};
  llm_event event;
  while (base_is_ok(o.error = llm_next(a, &event)) && event.kind == LLM_TEXT) {
    CHECK(event.text.n > 0);
    CHECK(base_span_utf8(event.text));
    o.pieces++;
    o.bytes += event.text.n;
  }
  o.finish = event.finish;
  CHECK_ERR(llm_next(a, &event), BASE_E_PRECONDITION);
  CHECK_ERR(llm_next(a, &event), BASE_E_PRECONDITION);
  return o;
}

static outcome ask(const char *question, int64_t deadline_ms, llm_why *why) {
  outcome o = {.error = base_fail(BASE_E_INTERNAL)};
  llm_answer *a = start(question, deadline_ms);
  if (a == NULL) return o;
  o = read_all(a);
  llm_explain(a, why);
  llm_answer_free(a);
  return o;
}

static void answers_whole(void) {
  llm_why why;
  outcome o = ask(current->ask.whole, INT64_MAX, &why);
  CHECK_OK(o.error);
  CHECK_INT(o.finish, LLM_STOP);
  CHECK(o.pieces > 0);
  CHECK_STR(why.text, "");
}

static void ends_as_told(void) {
  const struct {
    const char *question;
    enum llm_finish want;
  } rows[] = {{current->ask.nothing, LLM_NOT_IN_MATERIAL},
              {current->ask.max_tokens, LLM_MAX_TOKENS},
              {current->ask.safety, LLM_SAFETY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    llm_why why;
    if (rows[i].question == NULL) continue;
    outcome o = ask(rows[i].question, INT64_MAX, &why);
    CHECK_MSG(base_is_ok(o.error), "%s: %s", rows[i].question, base_err_name(o.error));
    CHECK_INT(o.finish, rows[i].want);
  }
}

static void fails_as_told(void) {
  const struct {
    const char *question;
    enum base_err_code want;
    bool text;
  } rows[] = {{current->ask.unavailable, BASE_E_UNAVAILABLE, false},
              {current->ask.exhausted, BASE_E_EXHAUSTED, false},
              {current->ask.denied, BASE_E_DENIED, false},
              {current->ask.malformed, BASE_E_MALFORMED, true},
              {current->ask.broken, BASE_E_UNAVAILABLE, true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    llm_why why;
    if (rows[i].question == NULL) continue;
    outcome o = ask(rows[i].question, INT64_MAX, &why);
    CHECK_MSG(base_is(o.error, rows[i].want), "%s: %s", rows[i].question, base_err_name(o.error));
    CHECK_MSG(why.text[0], "%s: no reason", rows[i].question);
    CHECK_INT(why.had_text, rows[i].text);
    CHECK_INT(o.pieces > 0, rows[i].text);
  }
}

static void copies_the_request(void) {
  char question[256];
  llm_event event;
  snprintf(question, sizeof question, "%s", current->ask.whole);
  llm_answer *a = start(question, INT64_MAX);
  REQUIRE(a);
  memset(question, '!', sizeof question - 1);
  CHECK_OK(llm_next(a, &event));
  CHECK_OK(read_all(a).error);
  llm_answer_free(a);
}

static void deadline_ends_it(void) {
  const char *const questions[] = {current->ask.silent, current->ask.endless, current->ask.late, current->ask.whole};
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
    llm_why why;
    bool passed = questions[i] == current->ask.whole;
    if (questions[i] == NULL) continue;
    outcome o = ask(questions[i], base_now_ms() + (passed ? -1 : 100), &why);
    CHECK_MSG(base_is(o.error, BASE_E_DEADLINE), "%s: %s", questions[i], base_err_name(o.error));
  }
}

static void cancel_before_the_first_piece(void) {
  llm_event event;
  llm_answer *a = start(current->ask.whole, INT64_MAX);
  REQUIRE(a);
  llm_cancel(a);
  llm_cancel(a);
  CHECK_ERR(llm_next(a, &event), BASE_E_CANCELLED);
  CHECK_ERR(llm_next(a, &event), BASE_E_PRECONDITION);
  llm_answer_free(a);
}

static void cancel_after_the_end(void) {
  llm_answer *a = start(current->ask.whole, INT64_MAX);
  REQUIRE(a);
  CHECK_OK(read_all(a).error);
  llm_cancel(a);
  llm_event event;
  CHECK_ERR(llm_next(a, &event), BASE_E_PRECONDITION);
  llm_answer_free(a);
}

typedef struct {
  llm_answer *a;
  atomic_int pieces;
  size_t bytes;
  base_err end;
} reader;

static void *read_thread(void *arg) {
  reader *r = arg;
  llm_event event;
  while (base_is_ok(r->end = llm_next(r->a, &event)) && event.kind == LLM_TEXT) {
    r->bytes += event.text.n;
    atomic_fetch_add(&r->pieces, 1);
  }
  return NULL;
}

static void cancel_while_it_waits(void) {
  const struct {
    const char *question;
    int pieces; /* to wait for before the cancel */
  } rows[] = {{current->ask.silent, 0}, {current->ask.endless, 3}, {current->ask.late, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    pthread_t thread;
    if (rows[i].question == NULL) continue;
    reader r = {.a = start(rows[i].question, INT64_MAX)};
    REQUIRE(r.a && pthread_create(&thread, NULL, read_thread, &r) == 0);
    while (atomic_load(&r.pieces) < rows[i].pieces)
      usleep(1000);
    llm_cancel(r.a);
    pthread_join(thread, NULL);
    CHECK_MSG(base_is(r.end, BASE_E_CANCELLED), "%s: %s", rows[i].question, base_err_name(r.end));
    llm_answer_free(r.a);
  }
}

static void free_ends_what_runs(void) {
  const char *const questions[] = {current->ask.silent, current->ask.endless, current->ask.whole};
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
    if (questions[i]) llm_answer_free(start(questions[i], INT64_MAX));
  }
}

static void many_at_once(void) {
  enum { ANSWERS = 24 };
  reader readers[ANSWERS] = {0};
  pthread_t threads[ANSWERS];
  for (int i = 0; i < ANSWERS; i++) {
    readers[i].a = start(current->ask.whole, INT64_MAX);
    REQUIRE(readers[i].a && pthread_create(&threads[i], NULL, read_thread, &readers[i]) == 0);
  }
  for (int i = 0; i < ANSWERS; i++) {
    pthread_join(threads[i], NULL);
    CHECK_OK(readers[i].end);
    CHECK_INT(readers[i].bytes, readers[0].bytes);
    llm_answer_free(readers[i].a);
  }
}

static bool embedded_subject(subject *s) {
  base_buf why;
  base_buf_init(&why, 256);
  s->engine = &llm_embedded;
  s->ask = (behaviour){.whole = "Why does an apple fall?", .nothing = "What is a zebra?"};
  base_err e = llm_open(&(llm_options){.name = "embedded"}, &why, &s->l);
  base_buf_dispose(&why);
  return base_is_ok(e);
}

static bool fake_subject(subject *s) {
  base_buf why;
  base_buf_init(&why, 256);
  s->engine = &llm_fake;
  s->ask = (behaviour){.whole = "what falls? fake:text=3,quote=1",
                       .nothing = "fake:text=1,end=NOT_IN_MATERIAL",
                       .endless = "fake:endless",
                       .silent = "fake:wait",
                       .late = "fake:text=1,wait",
                       .unavailable = "fake:error=UNAVAILABLE",
                       .exhausted = "fake:error=EXHAUSTED",
                       .denied = "fake:error=DENIED",
                       .malformed = "fake:text=2,error=MALFORMED",
                       .broken = "fake:text=2,error=UNAVAILABLE",
                       .max_tokens = "fake:text=2,end=MAX_TOKENS",
                       .safety = "fake:end=SAFETY"};
  base_err e = llm_open(&(llm_options){.name = "fake"}, &why, &s->l);
  base_buf_dispose(&why);
  return base_is_ok(e);
}

static provider *upstream;

/* With a key and a URL, as services open it. */
static bool remote_subject(subject *s, const char *name) {
  base_buf why;
  base_buf_init(&why, 256);
  s->engine = llm_engine_find(name);
  s->ask = (behaviour){.whole = "say:whole",
                       .nothing = "say:nothing",
                       .endless = "say:endless",
                       .silent = "say:silent",
                       .late = "say:late",
                       .unavailable = "say:drop",
                       .exhausted = "say:quota",
                       .denied = "say:denied",
                       .malformed = "say:malformed",
                       .broken = "say:broken",
                       .max_tokens = "say:max",
                       .safety = "say:safety"};
  llm_options o = {.name = name, .base_url = provider_url(upstream), .key = "secret"};
  base_err e = llm_open(&o, &why, &s->l);
  base_buf_dispose(&why);
  return base_is_ok(e);
}

static bool gemini_subject(subject *s) { return remote_subject(s, "gemini"); }
static bool openai_subject(subject *s) { return remote_subject(s, "openai"); }

/* No answer runs any more, here or upstream. */
static void nothing_is_left(void) {
  CHECK_INT(llm_fake_running(), 0);
  for (int i = 0; i < 2000 && provider_running(upstream) > 0; i++)
    usleep(1000);
  CHECK_INT(provider_running(upstream), 0);
}

static void engines_are_found(void) {
  base_buf why;
  llm *l = NULL;
  base_buf_init(&why, 512);
  CHECK(llm_engine_find("fake") == &llm_fake);
  CHECK(llm_engine_find("") == NULL);
  CHECK(llm_engine_find("Fake") == NULL);
  CHECK(strstr(llm_engine_names(), "fake"));
  CHECK_ERR(llm_open(&(llm_options){.name = "fakke"}, &why, &l), BASE_E_INVALID);
  CHECK(l == NULL);
  CHECK_OK(base_buf_u8(&why, 0));
  CHECK_MSG(strstr((const char *)base_buf_span(&why).p, "did you mean \"fake\""), "%s",
            (const char *)base_buf_span(&why).p);
  base_buf_dispose(&why);
}

int main(void) {
  static const struct test_case contract[] = {TEST(answers_whole),        TEST(ends_as_told),
                                              TEST(fails_as_told),        TEST(copies_the_request),
                                              TEST(deadline_ends_it),     TEST(cancel_before_the_first_piece),
                                              TEST(cancel_after_the_end), TEST(cancel_while_it_waits),
                                              TEST(free_ends_what_runs),  TEST(many_at_once)};
  static bool (*const make[])(subject *) = {embedded_subject, fake_subject, gemini_subject, openai_subject};
  engines_are_found();
  upstream = provider_open();
  if (upstream == NULL) return 1;
  for (size_t i = 0; i < sizeof make / sizeof *make; i++) {
    subject s = {0};
    bool made = make[i](&s);
    CHECK_MSG(made, "subject %zu cannot be made", i);
    current = &s;
    for (size_t t = 0; made && t < sizeof contract / sizeof *contract; t++) {
      int before = test_failures;
      contract[t].run();
      printf("%s %s.%s\n", test_failures == before ? "ok" : "FAILED", s.engine->name, contract[t].name);
    }
    llm_close(s.l);
    current = NULL;
  }
  nothing_is_left();
  provider_close(upstream);
  return test_failures != 0;
}
