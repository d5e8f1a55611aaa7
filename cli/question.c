/* question.c - `ponte ask`: questions, their answers as they are written, and the places they rest on. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/answer.h"
#include "cli/lesson.h"
#include "cli/prompt.h"
#include "cli/queue.h"
#include "cli/unary.h"

enum { MATERIALS_MAX = 100, CONTEXT_MAX = 65536, LINE_MAX_BYTES = 64 << 10 };

typedef struct {
  const cli_args *args;
  cli_link link;
  wire_status status;
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest request;
  base_buf context;
  cli_lesson lessons[MATERIALS_MAX];
  int lesson_count;
  char ids[MATERIALS_MAX][CLI_LESSON_ID], *id_list[MATERIALS_MAX];
  char conversation[CLI_LESSON_ID], conversation_key[CLI_KEY_MAX]; /* begun at the prompt; or "" */
  int64_t timeout_ms, stream_timeout_ms;
  bool json;
} asking;

/* -- what goes with it ------------------------------------------------------------------------------------------------- */

static int read_lessons(asking *q) {
  const char *path;
  for (int i = 0; (path = cli_arg_at(q->args, "material", i)); i++) {
    if (i == MATERIALS_MAX) {
      cli_say("a question takes at most %d --material", MATERIALS_MAX);
      return CLI_EXIT_USAGE;
    }
    q->lesson_count = i + 1;
    if (!cli_lesson_read(&q->lessons[i], path, NULL, NULL)) return CLI_EXIT_LOCAL;
    q->lessons[i].request.idempotency_key = q->lessons[i].key;
  }
  return CLI_EXIT_OK;
}

static int prepare(asking *q) {
  const cli_args *a = q->args;
  const char *context = cli_arg(a, "context");
  if (a->count == 0 && !isatty(STDIN_FILENO)) {
    cli_say("name a question; only at a terminal they are typed one after another");
    return CLI_EXIT_USAGE;
  }
  if (a->count == 0 && (cli_arg(a, "queue") || cli_arg(a, "key"))) {
    cli_say("--queue and --key are for one QUESTION");
    return CLI_EXIT_USAGE;
  }
  if (!cli_timeout(a, &q->timeout_ms) || !cli_stream_timeout(a, &q->stream_timeout_ms)) return CLI_EXIT_USAGE;
  if (context && !cli_read_text(context, CONTEXT_MAX, &q->context)) return CLI_EXIT_LOCAL;
  if (context) q->request.aula_contexto = (char *)q->context.data;
  q->request.conversation_id = cli_arg_text(a, "conversation");
  q->request.session_id = cli_arg_text(a, "session");
  q->request.language = cli_arg_text(a, "language");
  q->json = cli_arg(a, "json") != NULL;
  return read_lessons(q);
}

/* -- asking ------------------------------------------------------------------------------------------------------------ */

/* What was added already is added again by `ponte sync`, which finds it there. */
static int keep(asking *q) {
  const Ponte__Chatbot__V1__AddMaterialRequest *lessons[MATERIALS_MAX];
  const cli_queue_call call = {.port = CLI_CHATBOT_PORT,
                               .path = cli_method(&ponte_chatbot_v1_service, "ResolveDuvidaStream")->path,
                               .key = q->request.idempotency_key,
                               .request = &q->request.base,
                               .lessons = lessons,
                               .lesson_count = q->lesson_count};
  for (int i = 0; i < q->lesson_count; i++)
    lessons[i] = &q->lessons[i].request;
  q->request.n_material_ids = 0;
  return cli_queue_keep(&q->link, &call);
}

/* Once for all questions. Gives how many are there; where it is not all of them, the status says why. */
static int add_lessons(asking *q) {
  int n = (int)q->request.n_material_ids;
  while (n < q->lesson_count &&
         cli_lesson_add(&q->link, q->timeout_ms, &q->lessons[n].request, q->ids[n], &q->status)) {
    q->id_list[n] = q->ids[n];
    n++;
  }
  q->request.material_ids = q->id_list;
  q->request.n_material_ids = (size_t)n;
  return n;
}

static int ask(asking *q) {
  cli_answered answer = {.shown = true};
  int added = add_lessons(q);
  if (added == q->lesson_count) {
    cli_answer_ask(&q->link, q->stream_timeout_ms, &q->request, q->json, NULL, &answer, &q->status);
  }
  if (!answer.heard && cli_queue_wanted(q->args, &q->link, &q->status)) return keep(q);
  int code = cli_link_exit(&q->link, &q->status);
  if (added < q->lesson_count)
    cli_say("%s was not added, and the question was not asked", cli_arg_at(q->args, "material", added));
  if (code != CLI_EXIT_OK) return code;
  return answer.shown ? cli_answer_code(answer.end) : CLI_EXIT_LOCAL;
}

static int ask_one(asking *q, char *question) {
  char key[CLI_KEY_MAX];
  q->request.duvida = question;
  q->request.idempotency_key = (char *)"";
  cli_set_key(q->args, &q->request.base, key);
  return ask(q);
}

/* -- at the prompt ----------------------------------------------------------------------------------------------------- */

/* A conversation for what is asked here, made with the first question: one that was begun for nothing would be in the list. The status tells. */
static bool begin(asking *q) {
  Ponte__Chatbot__V1__CreateConversationRequest request = PONTE__CHATBOT__V1__CREATE_CONVERSATION_REQUEST__INIT;
  pb_arena arena;
  if (q->request.conversation_id[0]) return true;
  if (!q->conversation_key[0]) base_uuid7(q->conversation_key);
  request.idempotency_key = q->conversation_key;
  pb_arena_init(&arena, 0);
  const ProtobufCMessage *reply =
      cli_ask(&q->link, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "CreateConversation"), q->timeout_ms,
              &request.base, &arena, &q->status);
  if (reply) {
    snprintf(q->conversation, sizeof q->conversation, "%s",
             ((const Ponte__Chatbot__V1__Conversation *)reply)->conversation_id);
    q->request.conversation_id = q->conversation;
  }
  pb_arena_dispose(&arena);
  return reply != NULL;
}

static int ask_next(asking *q, char *question) {
  wire_status_set(&q->status, BASE_GRPC_OK, "%s", "");
  int code = begin(q) ? ask_one(q, question) : cli_link_exit(&q->link, &q->status);
  if (q->link.interrupted == SIGINT) {
    cli_say("stopped");
    q->link.interrupted = 0;
  }
  if (!q->json) puts("");
  fflush(stdout);
  return code;
}

/* The exit code is that of the last answer. */
static int ask_many(asking *q) {
  cli_lines *lines = cli_lines_new(cli_link_wake, &q->link);
  base_buf line;
  enum cli_next next = CLI_NEXT_END;
  int code = CLI_EXIT_OK;
  if (!lines) return CLI_EXIT_LOCAL;
  base_buf_init(&line, LINE_MAX_BYTES);
  cli_say("Ctrl-C stops an answer, Ctrl-D ends");
  while (!q->link.interrupted && (next = cli_prompt(&q->link, lines, "> ", &line)) == CLI_NEXT_MESSAGE) {
    code = base_is_ok(base_buf_u8(&line, 0)) ? ask_next(q, (char *)line.data) : CLI_EXIT_LOCAL;
    base_buf_clear(&line);
  }
  if (q->conversation[0]) cli_say("`ponte ask --conversation %s` goes on", q->conversation);
  base_buf_dispose(&line);
  cli_lines_free(lines);
  return q->link.interrupted ? CLI_EXIT_INTERRUPTED : next == CLI_NEXT_FAILED ? CLI_EXIT_LOCAL : code;
}

static int run(const cli_args *a) {
  static asking q; /* the lessons are large for a stack */
  q = (asking){.args = a};
  ponte__chatbot__v1__resolve_duvida_stream_request__init(&q.request);
  wire_status_init(&q.status);
  cli_link_options options = cli_link_options_of(a);
  int code = prepare(&q);
  if (code == CLI_EXIT_OK && !cli_link_open(&q.link, &options, CLI_CHATBOT_PORT)) code = CLI_EXIT_USAGE;
  if (code == CLI_EXIT_OK) {
    code = a->count ? ask_one(&q, a->words[0]) : ask_many(&q);
    cli_link_close(&q.link);
  }
  for (int i = 0; i < q.lesson_count; i++)
    cli_lesson_dispose(&q.lessons[i]);
  wire_status_dispose(&q.status);
  base_buf_dispose(&q.context);
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
    .arguments = "[QUESTION]",
    .max = 1,
    .groups = CLI_LINK | CLI_CALL | CLI_JSON | CLI_CHANGE,
    .options = options,
    .help = "Without a QUESTION, at a terminal: questions are typed one after another, as one conversation; Ctrl-C "
            "stops an answer, Ctrl-D ends.\n"
            "Without --material, from all lessons that you may see. Exit code 0 is a whole answer, be it that the "
            "material says nothing\n"
            "about it; 31 one that was cut, 29 one that was blocked. --json prints each message of the stream in a "
            "line.\n",
    .run = run};
