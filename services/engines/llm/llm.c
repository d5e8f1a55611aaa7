#include "llm/llm.h"

#include <pthread.h>
#include <strings.h>

#include "base/nearest.h"
#include "llm/engines.h"

const char *llm_refusal(const char *language) {
  return strncasecmp(language, "pt", 2) == 0
             ? "O material não responde a essa pergunta. Tente com outras palavras ou pergunte ao professor."
             : "The material does not answer this question. Try other words, or ask your teacher.";
}

static const llm_engine *const engines[] = {
#define X(engine) &(engine),
    LLM_ENGINES(X)
#undef X
};
enum { ENGINES = sizeof engines / sizeof *engines, NAMES_SIZE = 128 };

const llm_engine *llm_engine_find(const char *name) {
  for (size_t i = 0; i < ENGINES; i++) {
    if (strcmp(engines[i]->name, name) == 0) return engines[i];
  }
  return NULL;
}

static char names[NAMES_SIZE];

static void join_names(void) {
  base_buf b;
  base_buf_init(&b, NAMES_SIZE - 1);
  base_err e = BASE_OK;
  for (size_t i = 0; i < ENGINES && base_is_ok(e); i++)
    e = base_buf_printf(&b, "%s%s", i ? ", " : "", engines[i]->name);
  base_span s = base_buf_span(&b);
  if (s.n) memcpy(names, s.p, s.n);
  base_buf_dispose(&b);
}

const char *llm_engine_names(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, join_names);
  return names;
}

base_err llm_open(const llm_options *options, base_buf *why, llm **out) {
  const llm_engine *engine = llm_engine_find(options->name);
  *out = NULL;
  if (engine) return engine->open(options, why, out);
  base_nearest near = base_nearest_of(base_span_str(options->name));
  for (size_t i = 0; i < ENGINES; i++)
    base_nearest_try(&near, engines[i]->name);
  BASE_TRY(base_buf_printf(why, "there is no answering engine \"%s\"", options->name));
  if (near.best) BASE_TRY(base_buf_printf(why, ": did you mean \"%s\"?", near.best));
  BASE_TRY(base_buf_printf(why, " (there are %s)", llm_engine_names()));
  return base_fail(BASE_E_INVALID);
}
