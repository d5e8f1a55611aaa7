/* question.c - `ponte ask`: a question, its answer as it is written, and the places it rests on. */
#include "cli/answer.h"
#include "cli/lesson.h"
#include "cli/queue.h"
#include "cli/unary.h"

enum { MATERIALS_MAX = 100, CONTEXT_MAX = 65536, KEY_MAX = 64 };

typedef struct {
  const cli_args *args;
  cli_link link;
  wire_status status;
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest request;
  base_buf context;
  cli_lesson lessons[MATERIALS_MAX];
  int lesson_count;
  char ids[MATERIALS_MAX][CLI_LESSON_ID], *id_list[MATERIALS_MAX];
  int64_t timeout_ms, stream_timeout_ms;
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
  if (!cli_timeout(a, &q->timeout_ms) || !cli_stream_timeout(a, &q->stream_timeout_ms)) return CLI_EXIT_USAGE;
  if (context && !cli_read_text(context, CONTEXT_MAX, &q->context)) return CLI_EXIT_LOCAL;
  if (context) q->request.aula_contexto = (char *)q->context.data;
  q->request.duvida = a->words[0];
  q->request.conversation_id = cli_arg_text(a, "conversation");
  q->request.session_id = cli_arg_text(a, "session");
  q->request.language = cli_arg_text(a, "language");
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

/* Gives how many were added; where it is not all of them, the status says why. */
static int add_lessons(asking *q) {
  int n = 0;
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
    cli_answer_ask(&q->link, q->stream_timeout_ms, &q->request, cli_arg(q->args, "json") != NULL, NULL, &answer,
                   &q->status);
  }
  if (!answer.heard && cli_queue_wanted(q->args, &q->link, &q->status)) return keep(q);
  int code = cli_link_exit(&q->link, &q->status);
  if (added < q->lesson_count)
    cli_say("%s was not added, and the question was not asked", cli_arg_at(q->args, "material", added));
  if (code != CLI_EXIT_OK) return code;
  return answer.shown ? cli_answer_code(answer.end) : CLI_EXIT_LOCAL;
}

static int run(const cli_args *a) {
  static asking q; /* the lessons are large for a stack */
  char key[KEY_MAX];
  q = (asking){.args = a};
  ponte__chatbot__v1__resolve_duvida_stream_request__init(&q.request);
  wire_status_init(&q.status);
  cli_link_options options = cli_link_options_of(a);
  int code = prepare(&q);
  if (code == CLI_EXIT_OK && !cli_link_open(&q.link, &options, CLI_CHATBOT_PORT)) code = CLI_EXIT_USAGE;
  if (code == CLI_EXIT_OK) {
    cli_set_key(a, &q.request.base, key);
    code = ask(&q);
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
