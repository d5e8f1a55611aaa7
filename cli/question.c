/* question.c - `ponte ask`: a question, its answer as it is written, and the places it rests on. */
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/lesson.h"
#include "cli/queue.h"
#include "cli/unary.h"
#include "pb/message.h"

enum { MATERIALS_MAX = 100, ID_SIZE = 64, CONTEXT_MAX = 65536, KEY_MAX = 64, SOURCES_MAX = 4 << 20, NO_END = 13 };

typedef Ponte__Chatbot__V1__ResolveDuvidaStreamResponse response;

typedef struct {
  const cli_args *args;
  cli_link link;
  wire_status status;
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest request;
  base_buf context;
  char ids[MATERIALS_MAX][ID_SIZE], *id_list[MATERIALS_MAX];
  base_buf sources; /* the message, kept for the end; a message lives as long as its callback */
  int64_t timeout_ms;
  bool json, heard, ended, line_open, failed; /* failed: standard output, or memory */
  int code;
} asking;

/* -- the answer -------------------------------------------------------------------------------------------------------- */

static void end_line(asking *q) {
  if (q->line_open) putchar('\n');
  q->line_open = false;
}

static void show_final(asking *q, const Ponte__Chatbot__V1__Final *final) {
  ProtobufCMessage *kept = NULL;
  pb_arena arena;
  base_span bytes = base_buf_span(&q->sources);
  pb_arena_init(&arena, pb_memory_cap(bytes.n));
  if (!base_is_ok(pb_unpack(&ponte__chatbot__v1__sources__descriptor, bytes, &arena, &kept))) q->failed = true;
  const Ponte__Chatbot__V1__Sources *sources = (const Ponte__Chatbot__V1__Sources *)kept;
  end_line(q);
  cli_answer_sources(final->citations, final->n_citations, sources ? sources->passages : NULL,
                     sources ? sources->n_passages : 0);
  pb_arena_dispose(&arena);
}

static void on_message(void *ctx, const ProtobufCMessage *message) {
  asking *q = ctx;
  const response *r = (const response *)message;
  q->heard = true;
  if (q->json && !cli_show_json(message)) q->failed = true;
  switch (r->part_case) {
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES:
    base_buf_clear(&q->sources);
    if (!base_is_ok(pb_pack(&r->sources->base, &q->sources))) q->failed = true;
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT:
    if (q->json || !r->text[0]) break;
    cli_answer_text(r->text);
    q->line_open = r->text[strlen(r->text) - 1] != '\n';
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL:
    if (!q->json) show_final(q, r->final);
    fflush(stdout);
    q->ended = true;
    q->code = cli_answer_code(r->final->finish_reason);
    break;
  default: break;
  }
}

static int code_of_status(const asking *q) {
  return q->link.interrupted && q->status.code ? CLI_EXIT_INTERRUPTED : cli_exit_of(&q->status);
}

static int keep(asking *q, const pb_method *method) {
  int code = cli_queue_keep(&q->link, CLI_CHATBOT_PORT, method->path, q->request.idempotency_key, &q->request.base);
  if (code == CLI_EXIT_OK)
    cli_say("once it is sent, the same question with --key %s tells the answer", q->request.idempotency_key);
  return code;
}

static int ask(asking *q) {
  const pb_method *method = cli_method(&ponte_chatbot_v1_service, "ResolveDuvidaStream");
  cli_ask_stream(&q->link, CLI_CHATBOT_PORT, method, q->timeout_ms, &q->request.base, on_message, q, &q->status);
  end_line(q);
  fflush(stdout);
  bool away = !q->heard && !q->link.interrupted && (q->status.code == 14 || q->status.code == 4);
  if (away && cli_arg(q->args, "queue")) return keep(q, method);
  if (q->status.code) return code_of_status(q);
  if (q->failed || ferror(stdout)) {
    cli_say("the answer could not be shown whole");
    return CLI_EXIT_LOCAL;
  }
  if (!q->ended) {
    cli_say("the answer broke off");
    return CLI_EXIT_STATUS + NO_END;
  }
  return q->code;
}

/* -- the question ------------------------------------------------------------------------------------------------------ */

/* Whether a material that was added earlier is there still: a key's answer outlives what it made. */
static bool is_there(asking *q, char *id) {
  Ponte__Chatbot__V1__GetMaterialRequest request = PONTE__CHATBOT__V1__GET_MATERIAL_REQUEST__INIT;
  pb_arena arena;
  pb_arena_init(&arena, 0);
  request.material_id = id;
  bool there = cli_ask(&q->link, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "GetMaterial"), q->timeout_ms,
                       &request.base, &arena, &q->status) != NULL;
  pb_arena_dispose(&arena);
  return there;
}

static bool add(asking *q, Ponte__Chatbot__V1__AddMaterialRequest *request, char id[ID_SIZE]) {
  pb_arena arena;
  pb_arena_init(&arena, 0);
  const ProtobufCMessage *reply =
      cli_ask(&q->link, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "AddMaterial"), q->timeout_ms,
              &request->base, &arena, &q->status);
  if (reply) snprintf(id, ID_SIZE, "%s", ((const Ponte__Chatbot__V1__Material *)reply)->material_id);
  pb_arena_dispose(&arena);
  return reply != NULL;
}

/* The same key for the same file, so that it is added once; where what it added was removed since, the next key of a row. */
static int add_material(asking *q, const char *path, char id[ID_SIZE]) {
  enum { NOT_FOUND = 5, REMOVED_MAX = 20 };
  cli_lesson lesson;
  char key[CLI_LESSON_KEY + 8];
  int code = CLI_EXIT_LOCAL;
  if (cli_lesson_read(&lesson, path, NULL, NULL)) {
    lesson.request.idempotency_key = key;
    bool there = false;
    for (int i = 0; i < REMOVED_MAX && !there && (i == 0 || q->status.code == NOT_FOUND); i++) {
      snprintf(key, sizeof key, "%s-%d", lesson.key, i);
      wire_status_set(&q->status, 0, "%s", "");
      there = add(q, &lesson.request, id) && is_there(q, id);
    }
    code = there ? CLI_EXIT_OK : code_of_status(q);
    if (!there) cli_say("%s was not added, and the question was not asked", path);
  }
  cli_lesson_dispose(&lesson);
  return code;
}

static int add_materials(asking *q) {
  const char *path;
  int code = CLI_EXIT_OK;
  for (int i = 0; code == CLI_EXIT_OK && (path = cli_arg_at(q->args, "material", i)); i++) {
    if (i == MATERIALS_MAX) {
      cli_say("a question takes at most %d --material", MATERIALS_MAX);
      return CLI_EXIT_USAGE;
    }
    code = add_material(q, path, q->ids[i]);
    q->id_list[i] = q->ids[i];
    q->request.n_material_ids = (size_t)i + 1;
  }
  q->request.material_ids = q->id_list;
  return code;
}

static int prepare(asking *q) {
  const cli_args *a = q->args;
  const char *context = cli_arg(a, "context");
  if (cli_arg(a, "queue") && cli_arg(a, "material")) {
    cli_say("--queue keeps the question alone: add its material first (`ponte materials add --queue`)");
    return CLI_EXIT_USAGE;
  }
  if (!cli_stream_timeout(a, &q->timeout_ms)) return CLI_EXIT_USAGE;
  if (context && !cli_read_text(context, CONTEXT_MAX, &q->context)) return CLI_EXIT_LOCAL;
  q->request.duvida = a->words[0];
  if (context) q->request.aula_contexto = (char *)q->context.data;
  q->request.conversation_id = cli_arg_text(a, "conversation");
  q->request.session_id = cli_arg_text(a, "session");
  q->request.language = cli_arg_text(a, "language");
  q->json = cli_arg(a, "json") != NULL;
  return CLI_EXIT_OK;
}

static int run(const cli_args *a) {
  static asking q; /* the ids are large for a stack */
  char key[KEY_MAX];
  q = (asking){.args = a};
  ponte__chatbot__v1__resolve_duvida_stream_request__init(&q.request);
  base_buf_init(&q.sources, SOURCES_MAX);
  wire_status_init(&q.status);
  cli_link_options options = cli_link_options_of(a);
  int code = prepare(&q);
  if (code == CLI_EXIT_OK && !cli_link_open(&q.link, &options, CLI_CHATBOT_PORT)) code = CLI_EXIT_USAGE;
  if (code == CLI_EXIT_OK) {
    cli_set_key(a, &q.request.base, key);
    code = add_materials(&q);
    if (code == CLI_EXIT_OK) code = ask(&q);
    cli_link_close(&q.link);
  }
  wire_status_dispose(&q.status);
  base_buf_dispose(&q.context);
  base_buf_dispose(&q.sources);
  return code;
}

static const cli_option options[] = {
    {"material", "FILE", "answer from this lesson only (.md .txt .srt .vtt; repeatable); it is added once", NULL, 0},
    {"context", "FILE", "what the lesson says right now, as text; \"-\" is standard input", NULL, 0},
    {"session", "ID", "a live transcription, searched first", NULL, 0},
    {"conversation", "ID", "go on with this one (`ponte conversations create`)", NULL, 0},
    {"language", "TAG", "of the answer, BCP 47 (default: the question's own)", NULL, 0},
    {0}};

const cli_command cli_ask_command = {
    .name = "ask",
    .summary = "ask the assistant; the answer comes as it is written, its sources at the end",
    .arguments = "QUESTION",
    .min = 1,
    .max = 1,
    .groups = CLI_LINK | CLI_CALL | CLI_JSON | CLI_CHANGE,
    .options = options,
    .help = "Without --material, from all lessons that you may see. Exit code 0 is a whole answer, be it that the "
            "material says nothing\n"
            "about it; 31 one that was cut, 29 one that was blocked. --json prints each message of the stream in a "
            "line.\n",
    .run = run};
