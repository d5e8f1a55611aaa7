/* sync.c - `ponte sync` sends what --queue has kept; `ponte queue` shows and drops it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/doubt.h"
#include "cli/queue.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/unary.h"
#include "cli/words.h"
#include "wc/retry.h"

enum { WHY_MAX = 511 };

/* Services forget keys after seven days, and a call may have been executed, unanswered, when it was queued: after that its repetition would be a second execution. The day
 * is for clocks that differ. */
static const int64_t REPEATABLE_MS = INT64_C(6) * 24 * 3600 * 1000;

/* Statuses that may pass by themselves, or with a new session: the call stays where it is, and so does what comes after it. All others are the service's last word. */
static bool may_pass(int code) { return code < 0 || code >= BASE_GRPC_UNAUTHENTICATED || wc_retry_may_help(code); }

typedef struct {
  cli_queue *queue;
  cli_link link; /* kept from call to call while place and account stay */
  bool linked;
  char account[64];  /* of the link */
  const char *token; /* of --token; or NULL */
  int64_t timeout_ms, stream_timeout_ms;
  bool json;
  int64_t sent, refused, at; /* at: the id of the last row looked at */
} sync_run;

static base_err ignore_answer(void *ctx, base_span message) {
  (void)ctx, (void)message;
  return BASE_OK;
}

/* --token is for all of them; what $PONTE_TOKEN holds by now, only for those that were queued with a token. NULL: the session's. */
static const char *token_for(const sync_run *s, const cli_queued *c) {
  return s->token ? s->token : strcmp(c->account, CLI_QUEUE_TOKEN) == 0 ? cli_link_environment_token() : NULL;
}

static bool link_to(sync_run *s, const cli_queued *c) {
  if (s->linked && strcmp(s->link.place, c->place) == 0 && strcmp(s->account, c->account) == 0) return true;
  if (s->linked) cli_link_close(&s->link);
  snprintf(s->account, sizeof s->account, "%s", c->account);
  s->linked = cli_link_open_place(&s->link, c->place, token_for(s, c), c->port);
  return s->linked;
}

/* A call is made under the account that queued it, or not at all. */
static bool is_mine(const sync_run *s, const cli_queued *c) {
  cli_session session = {.user_id = ""};
  if (token_for(s, c)) return true;
  return cli_session_load(c->place, &session) != CLI_FOUND_ERROR && strcmp(session.user_id, c->account) == 0;
}

static bool put_aside(sync_run *s, const cli_queued *c, const wire_status *status) {
  char why[CLI_STATUS_TEXT];
  int64_t retry_ms;
  cli_status_text(status, why, &retry_ms);
  why[WHY_MAX] = '\0'; /* a few words are enough to be kept, and those are whole characters */
  while (!base_span_utf8(base_span_str(why)))
    why[strlen(why) - 1] = '\0';
  cli_say("%" PRId64 " %s was refused and is kept aside: %s", c->id, c->path, why);
  s->refused++;
  return cli_queue_refuse(s->queue, c->id, why);
}

/* False: what came cannot be told, or the queue cannot be written (said). */
static bool call(sync_run *s, const cli_queued *c, wire_status *status) {
  if (cli_doubt_is(c))
    return cli_doubt_send(s->queue, &s->link, c, s->timeout_ms, s->stream_timeout_ms, s->json, status);
  cli_call one = {.path = c->path, .port = c->port, .timeout_ms = s->timeout_ms, .on_message = ignore_answer};
  cli_call_run(&s->link, &one, c->request, status);
  return true;
}

/* False ends the run; *code says how. */
static bool send_one(sync_run *s, const cli_queued *c, int *code) {
  s->at = c->id;
  *code = CLI_EXIT_LOCAL;
  if (!is_mine(s, c)) {
    bool token = strcmp(c->account, CLI_QUEUE_TOKEN) == 0;
    cli_say("%" PRId64 " %s waits: it was queued by %s", c->id, c->path,
            token ? cli_words("whoever's token was given: give it again with --token")
                  : cli_words("another account: `ponte login`"));
    *code = CLI_EXIT_STATUS + BASE_GRPC_UNAUTHENTICATED;
    return false;
  }
  wire_status status;
  wire_status_init(&status);
  if (base_wall_ms() - c->queued_ms > REPEATABLE_MS) {
    wire_status_set(&status, BASE_GRPC_FAILED_PRECONDITION, "%s",
                    cli_words("it waited for more than six days, and services forget keys after seven: "
                              "look whether it was done, and if not, make it anew"));
    bool good = put_aside(s, c, &status);
    wire_status_dispose(&status);
    return good;
  }
  if (!link_to(s, c)) return false;
  bool told = call(s, c, &status), go_on = false;
  if (!told) {
    /* It waits, and is told whole next time. */
  } else if (status.code == 0) {
    /* Killed before this, the call is made once more, and its key makes that harmless. */
    cli_say("%" PRId64 " %s is done", c->id, c->path);
    s->sent++;
    go_on = cli_queue_drop(s->queue, c->id, NULL);
  } else if (may_pass(status.code)) {
    *code = cli_link_exit(&s->link, &status);
  } else {
    go_on = put_aside(s, c, &status);
  }
  wire_status_dispose(&status);
  return go_on;
}

static int send_all(sync_run *s) {
  cli_queued c;
  enum cli_queue_next next;
  int code;
  while ((next = cli_queue_next(s->queue, s->at, false, &c)) == CLI_QUEUE_ROW) {
    if (!send_one(s, &c, &code)) return code;
  }
  if (next == CLI_QUEUE_ERROR) return CLI_EXIT_LOCAL;
  return s->refused ? CLI_EXIT_LOCAL : CLI_EXIT_OK;
}

static int run_sync(const cli_args *a) {
  sync_run s = {.token = cli_arg(a, "token"), .json = cli_arg(a, "json") != NULL};
  if (!cli_timeout(a, &s.timeout_ms) || !cli_stream_timeout(a, &s.stream_timeout_ms)) return CLI_EXIT_USAGE;
  if (!cli_queue_open(&s.queue)) return CLI_EXIT_LOCAL;
  int code = cli_queue_lock(s.queue) ? send_all(&s) : CLI_EXIT_LOCAL;
  int64_t waiting = cli_queue_count(s.queue, false), refused = cli_queue_count(s.queue, true);
  if (s.json)
    printf("{\"sent\":%" PRId64 ",\"waiting\":%" PRId64 ",\"refused\":%" PRId64 "}\n", s.sent, waiting, refused);
  else
    printf(cli_words("%" PRId64 " sent, %" PRId64 " waiting, %" PRId64 " refused\n"), s.sent, waiting, refused);
  if (s.linked) cli_link_close(&s.link);
  cli_queue_close(s.queue);
  return code;
}

/* -- queue ------------------------------------------------------------------------------------------------------------- */

static bool show_json(const cli_queued *c) {
  char time[BASE_TIME_SIZE];
  base_buf b;
  base_time_text(c->queued_ms, time);
  base_buf_init(&b, 1 << 20);
  bool good = base_is_ok(base_buf_printf(&b, "{\"id\":%" PRId64 ",\"queued\":\"%s\",\"refused\":%s", c->id, time,
                                         c->refused ? "true" : "false"));
  const struct {
    const char *name, *value;
  } texts[] = {{"place", c->place}, {"path", c->path}, {"key", c->key}, {"why", c->why}};
  for (size_t i = 0; good && i < sizeof texts / sizeof *texts; i++)
    good = base_is_ok(base_buf_printf(&b, ",\"%s\":", texts[i].name)) &&
           base_is_ok(base_buf_json(&b, base_span_str(texts[i].value)));
  if (good) printf("%.*s}\n", BASE_SPAN_ARG(base_buf_span(&b)));
  base_buf_dispose(&b);
  return good;
}

static void add_row(cli_table *t, const cli_queued *c) {
  char time[BASE_TIME_SIZE];
  base_time_text(c->queued_ms, time);
  cli_table_number(t, c->id);
  cli_table_cell(t, time);
  cli_table_cell(t, c->place);
  cli_table_cell(t, c->path);
  cli_table_cell(t, c->refused ? c->why : "waiting");
}

static int run_list(const cli_args *a) {
  static const char *const heads[] = {">ID", "QUEUED", "PLACE", "CALL", "STATE", NULL};
  bool json = cli_arg(a, "json") != NULL, good = true;
  cli_queue *q;
  cli_queued c;
  cli_table t;
  if (!cli_queue_open(&q)) return CLI_EXIT_LOCAL;
  cli_table_init(&t, heads);
  for (int refused = 0; refused < 2 && good; refused++) {
    enum cli_queue_next next;
    int64_t at = 0;
    while ((next = cli_queue_next(q, at, refused, &c)) == CLI_QUEUE_ROW) {
      at = c.id;
      if (json)
        good = show_json(&c) && good;
      else
        add_row(&t, &c);
    }
    good = good && next == CLI_QUEUE_END;
  }
  good = good && (json || cli_table_print(&t));
  cli_table_dispose(&t);
  cli_queue_close(q);
  return good ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
}

static int run_drop(const cli_args *a) {
  cli_queue *q;
  bool good = cli_queue_open(&q);
  for (int i = 0; good && i < a->count; i++) {
    uint64_t id = 0;
    bool found = false;
    good = base_span_u64(base_span_str(a->words[i]), &id) && id <= INT64_MAX;
    good = good && cli_queue_drop(q, (int64_t)id, &found);
    if (!found) cli_say("no call %s in the queue", a->words[i]);
    good = good && found;
  }
  cli_queue_close(q);
  return good ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
}

static const cli_option sync_options[] = {
    {"token", "TOKEN", "bearer token for all of them, whoever queued them", NULL, 0}, {0}};

const cli_command cli_sync = {
    .name = "sync",
    .summary = "send the calls that --queue has kept",
    .groups = CLI_CALL | CLI_JSON,
    .options = sync_options,
    .help = "Each is sent to the place it was meant for, in order and, by its idempotency key, with effect once; "
            "questions are shown with\n"
            "their answers. It stops at the first service that cannot be reached; calls that are refused for good are "
            "kept aside\n"
            "(`ponte queue list`), and the exit code is then 1.\n",
    .run = run_sync};

static const cli_command queue_list = {
    .name = "list", .summary = "the calls that wait, and those that were refused", .groups = CLI_JSON, .run = run_list};
static const cli_command queue_drop = {.name = "drop",
                                       .summary = "forget calls without sending them",
                                       .arguments = "ID...",
                                       .min = 1,
                                       .max = CLI_ANY,
                                       .run = run_drop};
const cli_command cli_queue_command = {.name = "queue",
                                       .summary = "show or drop the calls that wait for `ponte sync`",
                                       .commands = (const cli_command *const[]){&queue_list, &queue_drop, NULL}};
