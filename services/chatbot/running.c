#include "chatbot/running.h"

#include "chatbot/observe.h"

void chatbot_running_init(chatbot_running *r) {
  r->first = NULL;
  pthread_mutex_init(&r->lock, NULL);
}

void chatbot_running_dispose(chatbot_running *r) { pthread_mutex_destroy(&r->lock); }

void chatbot_run_begin(chatbot_running *r, chatbot_run *run) {
  *run = (chatbot_run){.among = r};
  base_uuid7(run->attempt);
  pthread_mutex_lock(&r->lock);
  run->next = r->first;
  r->first = run;
  pthread_mutex_unlock(&r->lock);
  chatbot_observe_running(1);
}

void chatbot_run_end(chatbot_run *run) {
  chatbot_running *r = run->among;
  pthread_mutex_lock(&r->lock);
  chatbot_run **link = &r->first;
  while (*link != run)
    link = &(*link)->next;
  *link = run->next;
  pthread_mutex_unlock(&r->lock);
  chatbot_observe_running(-1);
}

base_err chatbot_run_start(chatbot_run *run, llm *l, const llm_request *request) {
  llm_answer *answer = NULL;
  BASE_TRY(llm_start(l, request, &answer));
  pthread_mutex_lock(&run->among->lock);
  run->answer = answer;
  if (run->is_cancelled) llm_cancel(answer);
  pthread_mutex_unlock(&run->among->lock);
  return BASE_OK;
}

void chatbot_run_stop(chatbot_run *run) {
  pthread_mutex_lock(&run->among->lock);
  llm_answer *answer = run->answer;
  run->answer = NULL;
  pthread_mutex_unlock(&run->among->lock);
  llm_answer_free(answer); /* waits for the engine, so without the lock */
}

static void cancel(chatbot_run *run) {
  run->is_cancelled = true;
  if (run->answer) llm_cancel(run->answer);
}

void chatbot_run_cancel(chatbot_run *run) {
  pthread_mutex_lock(&run->among->lock);
  cancel(run);
  pthread_mutex_unlock(&run->among->lock);
}

static chatbot_run *find(chatbot_running *r, const char *attempt) {
  chatbot_run *run = r->first;
  while (run && strcmp(run->attempt, attempt) != 0)
    run = run->next;
  return run;
}

bool chatbot_running_has(chatbot_running *r, const char *attempt) {
  pthread_mutex_lock(&r->lock);
  bool has = find(r, attempt) != NULL;
  pthread_mutex_unlock(&r->lock);
  return has;
}

void chatbot_running_cancel(chatbot_running *r, const char *attempt) {
  pthread_mutex_lock(&r->lock);
  chatbot_run *run = find(r, attempt);
  if (run) cancel(run);
  pthread_mutex_unlock(&r->lock);
}
