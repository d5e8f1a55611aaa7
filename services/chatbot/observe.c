#include "chatbot/observe.h"

#include <string.h>

#include "base/metrics.h"

/* -- answers by engine and end ------------------------------------------------------------------------------------- */

static const char *const engines[] = {"embedded", "gemini", "openai", "fake"};

#define X(name, label) \
  BASE_COUNTER("ponte_chatbot_answers_total", "Answers, by how they ended.", "engine=\"" ENGINE "\",end=\"" label "\""),
static base_metric answers[][CHATBOT_END_FAILED + 1] = {
#define ENGINE "embedded"
    {CHATBOT_ENDS(X)},
#undef ENGINE
#define ENGINE "gemini"
    {CHATBOT_ENDS(X)},
#undef ENGINE
#define ENGINE "openai"
    {CHATBOT_ENDS(X)},
#undef ENGINE
#define ENGINE "fake"
    {CHATBOT_ENDS(X)},
#undef ENGINE
};
#undef X
enum { ENGINES = sizeof engines / sizeof *engines };
_Static_assert(ENGINES == sizeof answers / sizeof *answers, "a row for each engine");

void chatbot_observe_end(const char *engine, enum chatbot_end end) {
  for (size_t i = 0; i < ENGINES; i++)
    if (strcmp(engines[i], engine) == 0) base_metric_add(&answers[i][end], 1);
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 0};

static base_metric running = BASE_GAUGE("ponte_chatbot_running", "Answers being worked on.", "");
static base_metric first_piece =
    BASE_HISTOGRAM("ponte_chatbot_first_piece_seconds", "From the question to its answer's first piece.", "", bounds);
static base_metric dropped =
    BASE_COUNTER("ponte_chatbot_citations_dropped_total", "Citations whose words do not stand where they say.", "");
static base_metric repeats = BASE_COUNTER("ponte_chatbot_repeats_total", "Kept answers that were told again.", "");
static base_metric refused[] = {
#define X(name, label) \
  BASE_COUNTER("ponte_chatbot_refused_total", "Questions over a caller's limit.", "limit=\"" label "\""),
    CHATBOT_LIMITS(X)
#undef X
};

void chatbot_observe_running(int change) { base_metric_add(&running, change); }
void chatbot_observe_first_piece(int64_t us) { base_metric_observe(&first_piece, (double)us / 1e6); }
void chatbot_observe_dropped(size_t citations) { base_metric_add(&dropped, (int64_t)citations); }
void chatbot_observe_refused(enum chatbot_limit limit) { base_metric_add(&refused[limit], 1); }
void chatbot_observe_repeat(void) { base_metric_add(&repeats, 1); }

void chatbot_observe_register(void) {
  static base_metric *const single[] = {&running, &first_piece, &dropped, &repeats};
  for (size_t i = 0; i < ENGINES; i++)
    for (size_t k = 0; k <= CHATBOT_END_FAILED; k++)
      base_metric_register(&answers[i][k]);
  for (size_t i = 0; i < sizeof single / sizeof *single; i++)
    base_metric_register(single[i]);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    base_metric_register(&refused[i]);
}
