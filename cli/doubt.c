#include "cli/doubt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/lesson.h"
#include "cli/unary.h"
#include "wc/retry.h"

typedef Ponte__Chatbot__V1__ResolveDuvidaStreamRequest doubt;

enum { MATERIALS_MAX = 100, HEAD_MAX = 64 << 10 };

typedef struct {
  cli_queue *queue;
  cli_link *link;
  int64_t id, timeout_ms;
  wire_status *status;
  char ids[MATERIALS_MAX][CLI_LESSON_ID], *id_list[MATERIALS_MAX];
} adding;

bool cli_doubt_is(const cli_queued *c) {
  return strcmp(c->path, cli_method(&ponte_chatbot_v1_service, "ResolveDuvidaStream")->path) == 0;
}

/* NULL: the status says why. */
static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, base_span bytes, pb_arena *arena,
                                wire_status *status) {
  ProtobufCMessage *m = NULL;
  pb_arena_init(arena, pb_memory_cap(bytes.n));
  base_err e = pb_unpack(type, bytes, arena, &m);
  if (!base_is_ok(e)) wire_status_from_err(status, e);
  return base_is_ok(e) ? m : NULL;
}

static bool add_lesson(adding *a, int at, const cli_queued_lesson *lesson) {
  pb_arena arena;
  const ProtobufCMessage *m =
      unpack(&ponte__chatbot__v1__add_material_request__descriptor, lesson->request, &arena, a->status);
  const Ponte__Chatbot__V1__AddMaterialRequest *request = (const Ponte__Chatbot__V1__AddMaterialRequest *)m;
  bool added = m && cli_lesson_add(a->link, a->timeout_ms, request, a->ids[at], a->status);
  if (m && !added && !wc_retry_may_help(a->status->code))
    cli_say("%s was not added, and the question was not asked", request->title);
  pb_arena_dispose(&arena);
  return added;
}

/* False: the queue failed (said). Otherwise the status tells. */
static bool add_lessons(adding *a, doubt *d) {
  cli_queued_lesson lesson;
  enum cli_queue_next next = CLI_QUEUE_END;
  int n = 0;
  while (n < MATERIALS_MAX && (next = cli_queue_lesson(a->queue, a->id, n, &lesson)) == CLI_QUEUE_ROW) {
    bool known = lesson.material_id[0] != '\0';
    if (known) snprintf(a->ids[n], sizeof a->ids[n], "%s", lesson.material_id);
    if (!known && !add_lesson(a, n, &lesson)) return true;
    if (!known && !cli_queue_lesson_added(a->queue, a->id, n, a->ids[n])) return false;
    a->id_list[n] = a->ids[n];
    n++;
  }
  if (n > 0) d->material_ids = a->id_list, d->n_material_ids = (size_t)n;
  return next != CLI_QUEUE_ERROR;
}

/* What stands before the answer: the question, or a line that names the call. */
static bool write_head(base_buf *out, const cli_queued *c, const doubt *d, bool json) {
  if (!json) return base_is_ok(base_buf_printf(out, "> %s\n\n", d->duvida));
  return base_is_ok(base_buf_printf(out, "{\"id\":%" PRId64 ",\"key\":", c->id)) &&
         base_is_ok(base_buf_json(out, base_span_str(c->key))) && base_is_ok(base_buf_printf(out, ",\"duvida\":")) &&
         base_is_ok(base_buf_json(out, base_span_str(d->duvida))) && base_is_ok(base_buf_printf(out, "}\n"));
}

static bool ask(cli_link *l, const cli_queued *c, const doubt *d, int64_t timeout_ms, bool json, wire_status *status) {
  cli_answered answer;
  base_buf head;
  base_buf_init(&head, HEAD_MAX);
  bool good = write_head(&head, c, d, json);
  if (good)
    cli_answer_ask(l, timeout_ms, d, json, (const char *)head.data, &answer, status);
  else
    cli_say("out of memory");
  base_buf_dispose(&head);
  if (!good || !answer.shown) return false;
  if (answer.heard && !json) putchar('\n');
  if (status->code == 0) (void)cli_answer_code(answer.end);
  return true;
}

bool cli_doubt_send(cli_queue *q, cli_link *l, const cli_queued *c, int64_t timeout_ms, int64_t stream_timeout_ms,
                    bool json, wire_status *status) {
  static adding a; /* large for a stack */
  a = (adding){.queue = q, .link = l, .id = c->id, .timeout_ms = timeout_ms, .status = status};
  pb_arena arena;
  doubt *d =
      (doubt *)unpack(&ponte__chatbot__v1__resolve_duvida_stream_request__descriptor, c->request, &arena, status);
  bool good = !d || (add_lessons(&a, d) && (status->code != 0 || ask(l, c, d, stream_timeout_ms, json, status)));
  pb_arena_dispose(&arena);
  return good;
}
