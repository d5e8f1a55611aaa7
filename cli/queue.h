/* queue.h - calls that wait for their service: kept on disk with their idempotency keys until `ponte sync` has sent them.
 *
 * One SQLite file, $XDG_STATE_HOME/ponte/queue.db (0600), each change on disk before it is told. (SQLite itself and not services/engines/store, which would bring PostgreSQL
 * and threads along for one table.) A call is sent to the place it was meant for, under the account it was made with. One thread; several processes.
 */
#ifndef PONTE_CLI_QUEUE_H
#define PONTE_CLI_QUEUE_H

#include "cli/ask.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"

typedef struct cli_queue cli_queue;
#define CLI_QUEUE_TOKEN "token"

/* Rows in the order in which they were queued; what it points to is valid until the next one. */
typedef struct {
  int64_t id, queued_ms;
  const char *place,
      *account; /* account: the session's user; "" without one; CLI_QUEUE_TOKEN: whose token was given, which is not kept */
  int port;
  const char *path, *key;
  base_span request;
  bool refused; /* the service said no for good, and why: */
  const char *why;
} cli_queued;

/* False: said why. */
bool cli_queue_open(cli_queue **out);
void cli_queue_close(cli_queue *q); /* NULL is allowed */
/* The first row with an id above `after`, of those that are (not) refused. FOUND_NOT after the last; ERROR: said why. */
enum cli_queue_next { CLI_QUEUE_ROW, CLI_QUEUE_END, CLI_QUEUE_ERROR };
enum cli_queue_next cli_queue_next(cli_queue *q, int64_t after, bool refused, cli_queued *out);
/* False: said why. *found may be NULL. */
bool cli_queue_drop(cli_queue *q, int64_t id, bool *found);
bool cli_queue_refuse(cli_queue *q, int64_t id, const char *why);
int64_t cli_queue_count(cli_queue *q, bool refused);
/* Only one process sends: waits for the others. It goes with the queue. False: said why. */
bool cli_queue_lock(cli_queue *q);

/* The lessons that are to be added before a call is made, at 0, 1...; those it points to are valid until the next one. END after the last; ERROR: said why. */
typedef struct {
  const char *material_id; /* "" until it was added */
  base_span request;       /* AddMaterialRequest; its key is that of its file (lesson.h) */
} cli_queued_lesson;
enum cli_queue_next cli_queue_lesson(cli_queue *q, int64_t call, int at, cli_queued_lesson *out);
/* From now on it has this id. False: said why. */
bool cli_queue_lesson_added(cli_queue *q, int64_t call, int at, const char *material_id);

typedef struct {
  int port;
  const char *path, *key;
  const ProtobufCMessage *request;
  const Ponte__Chatbot__V1__AddMaterialRequest *const *lessons; /* NULL: none */
  int lesson_count;
} cli_queue_call;
/* Whether a call that ended so is to be kept: --queue was given, and the service was not reached, or its answer was not. With the key a repeat is harmless. */
bool cli_queue_wanted(const cli_args *a, const cli_link *l, const wire_status *status);
/* Keeps a call that could not be made, and says so; gives the exit code. */
int cli_queue_keep(const cli_link *l, const cli_queue_call *call);

#endif
