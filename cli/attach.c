#include "cli/attach.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/wait.h"
#include "cli/unary.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "wc/attach.h"
#include "wc/retry.h"

enum { TIMEOUT_MS = 5000, RETRY_FIRST_MS = 250, RETRY_MAX_MS = 8000, AWAY = 14 };

typedef Ponte__Chatbot__V1__TranscriptSegment segment;

typedef struct entry {
  struct entry *next;
  segment segment; /* its texts stand behind it */
  char texts[];
} entry;

struct cli_attach {
  cli_attach_options options;
  char session_id[BASE_UUID_SIZE];
  pthread_t thread;
  bool has_thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  /* Under the lock: */
  entry *first, **last; /* what is to be sent; the thread drops what was added */
  bool ended, stopping;
  int code; /* of what was refused */
  /* Of the thread: */
  cli_link link;
};

/* -- the thread -------------------------------------------------------------------------------------------------------- */

/* Waits until there is something to send; the number of entries that the batch takes, 0: no more. They stay in the list, and nobody else changes its beginning. */
static size_t take_batch(cli_attach *a, segment *batch[WC_ATTACH_BATCH_MAX]) {
  size_t n = 0, bytes = 0;
  pthread_mutex_lock(&a->lock);
  while (!a->first && !a->ended && !a->stopping)
    pthread_cond_wait(&a->changed, &a->lock);
  for (entry *e = a->first; e && n < WC_ATTACH_BATCH_MAX && !a->stopping; e = e->next) {
    bytes += strlen(e->segment.text);
    if (n > 0 && bytes > WC_ATTACH_BATCH_BYTES_MAX) break;
    batch[n++] = &e->segment;
  }
  pthread_mutex_unlock(&a->lock);
  return n;
}

static void drop(cli_attach *a, size_t n, int code) {
  pthread_mutex_lock(&a->lock);
  for (; n > 0 && a->first; n--) {
    entry *e = a->first;
    a->first = e->next;
    free(e);
  }
  if (!a->first) a->last = &a->first;
  if (code) a->code = code;
  pthread_mutex_unlock(&a->lock);
}

/* False: it is time to stop. */
static bool pause_for(cli_attach *a, int64_t ms) {
  struct timespec until = base_timespec(base_now_ms() + ms);
  int e = 0;
  pthread_mutex_lock(&a->lock);
  while (!a->stopping && e == 0)
    e = pthread_cond_timedwait(&a->changed, &a->lock, &until);
  bool go_on = !a->stopping;
  pthread_mutex_unlock(&a->lock);
  return go_on;
}

static void send_batch(cli_attach *a, segment **batch, size_t n, wire_status *status) {
  Ponte__Chatbot__V1__AppendTranscriptRequest request = PONTE__CHATBOT__V1__APPEND_TRANSCRIPT_REQUEST__INIT;
  pb_arena arena;
  pb_arena_init(&arena, 0);
  request.session_id = a->session_id;
  request.title = (char *)a->options.title;
  request.shared = a->options.shared;
  request.segments = batch;
  request.n_segments = n;
  a->link.identified = a->link.given_token; /* the session may have been refreshed meanwhile, or be due */
  (void)cli_ask(&a->link, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "AppendTranscript"), TIMEOUT_MS,
                &request.base, &arena, status);
  pb_arena_dispose(&arena);
}

static void send_all(cli_attach *a) {
  segment *batch[WC_ATTACH_BATCH_MAX];
  int64_t retry_ms = RETRY_FIRST_MS;
  wire_status status;
  wire_status_init(&status);
  for (size_t n; (n = take_batch(a, batch)) > 0;) {
    wire_status_set(&status, 0, "%s", "");
    send_batch(a, batch, n, &status);
    if (wc_retry_may_help(status.code)) {
      if (!pause_for(a, retry_ms)) break;
      retry_ms = retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
      continue;
    }
    retry_ms = RETRY_FIRST_MS;
    int code = cli_exit_of(&status);
    if (code) cli_say("a part of the transcript was not attached");
    drop(a, n, code);
  }
  wire_status_dispose(&status);
}

static void *run(void *arg) {
  cli_attach *a = arg;
  if (cli_link_open_quiet(&a->link, &a->options.link, CLI_CHATBOT_PORT)) {
    send_all(a);
    cli_link_close(&a->link);
    return NULL;
  }
  pthread_mutex_lock(&a->lock);
  a->code = CLI_EXIT_USAGE;
  pthread_mutex_unlock(&a->lock);
  return NULL;
}

/* -- its owner --------------------------------------------------------------------------------------------------------- */

cli_attach *cli_attach_new(const cli_attach_options *options) {
  cli_attach *a = calloc(1, sizeof *a);
  if (a) {
    a->options = *options;
    a->last = &a->first;
    base_uuid7(a->session_id);
    pthread_mutex_init(&a->lock, NULL);
    base_cond_init(&a->changed);
    a->has_thread = pthread_create(&a->thread, NULL, run, a) == 0;
  }
  if (a && a->has_thread) return a;
  cli_say("the transcript cannot be attached: out of memory");
  cli_attach_free(a);
  return NULL;
}

const char *cli_attach_session_id(const cli_attach *a) { return a->session_id; }

bool cli_attach_add(cli_attach *a, const wc_segment *s) {
  size_t id_size = strlen(s->id) + 1, size = wc_attach_text_size(s->text);
  if (size == 0) return true;
  entry *e = calloc(1, sizeof *e + id_size + size + 1);
  if (!e) {
    cli_say("a part of the transcript was not attached: out of memory");
    return false;
  }
  ponte__chatbot__v1__transcript_segment__init(&e->segment);
  e->segment.result_id = memcpy(e->texts, s->id, id_size);
  e->segment.text = memcpy(e->texts + id_size, s->text, size);
  e->segment.start_ms = s->start_ms;
  e->segment.end_ms = s->end_ms;
  pthread_mutex_lock(&a->lock);
  *a->last = e;
  a->last = &e->next;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&a->lock);
  return true;
}

void cli_attach_end(cli_attach *a) {
  pthread_mutex_lock(&a->lock);
  a->ended = true;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&a->lock);
}

bool cli_attach_settled(cli_attach *a) {
  pthread_mutex_lock(&a->lock);
  bool settled = !a->first || a->code == CLI_EXIT_USAGE;
  pthread_mutex_unlock(&a->lock);
  return settled;
}

int cli_attach_code(cli_attach *a) {
  pthread_mutex_lock(&a->lock);
  int code = a->code ? a->code : a->first ? CLI_EXIT_STATUS + AWAY : CLI_EXIT_OK;
  pthread_mutex_unlock(&a->lock);
  return code;
}

void cli_attach_free(cli_attach *a) {
  if (!a) return;
  pthread_mutex_lock(&a->lock);
  a->stopping = true;
  pthread_cond_signal(&a->changed);
  pthread_mutex_unlock(&a->lock);
  if (a->has_thread) pthread_join(a->thread, NULL);
  while (a->first) {
    entry *e = a->first;
    a->first = e->next;
    free(e);
  }
  pthread_cond_destroy(&a->changed);
  pthread_mutex_destroy(&a->lock);
  free(a);
}
