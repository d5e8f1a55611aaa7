/* running.h - the answers that are being worked on, so that they can be stopped: by their caller who goes away, and by a repeat of the same question, which takes their place.
 *
 * Any thread. A run belongs to the call that works on it, and is in the list from chatbot_run_begin() to chatbot_run_end().
 */
#ifndef PONTE_CHATBOT_RUNNING_H
#define PONTE_CHATBOT_RUNNING_H

#include <pthread.h>

#include "base/clock.h"
#include "llm/llm.h"

typedef struct chatbot_run chatbot_run;

typedef struct {
  pthread_mutex_t lock;
  chatbot_run *first;
} chatbot_running;

struct chatbot_run {
  chatbot_running *among;
  chatbot_run *next;
  char attempt[BASE_UUID_SIZE]; /* names it among all processes */
  llm_answer *answer;           /* NULL: the engine is not asked yet, or not any more */
  bool is_cancelled;
};

void chatbot_running_init(chatbot_running *r);
void chatbot_running_dispose(chatbot_running *r);

void chatbot_run_begin(chatbot_running *r, chatbot_run *run);
void chatbot_run_end(chatbot_run *run);
/* Asks the engine; what was cancelled meanwhile is cancelled there at once. */
base_err chatbot_run_start(chatbot_run *run, llm *l, const llm_request *request) BASE_MUST_USE;
/* The engine's answer, of the run's own thread; NULL before the start. */
static inline llm_answer *chatbot_run_answer(const chatbot_run *run) { return run->answer; }
void chatbot_run_stop(chatbot_run *run);
/* Does not block. */
void chatbot_run_cancel(chatbot_run *run);
/* Whether this process works on it. */
bool chatbot_running_has(chatbot_running *r, const char *attempt);
/* In this process, if it is in this one. */
void chatbot_running_cancel(chatbot_running *r, const char *attempt);

#endif
