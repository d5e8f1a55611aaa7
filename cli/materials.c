/* materials.c - `ponte materials`: what the assistant answers from. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/chatbot.h"
#include "cli/lesson.h"
#include "cli/table.h"

typedef Ponte__Chatbot__V1__Material material;

static const char *const heads[] = {"MATERIAL_ID", "TITLE",   "FORMAT",  "SHARED", ">PASSAGES",
                                    ">BYTES",      ">LENGTH", "CREATED", NULL};

static void add_row(cli_table *t, const material *m) {
  char text[CLI_SHORT];
  cli_table_cell(t, m->material_id);
  cli_table_cell(t, m->title);
  cli_show_enum(&ponte__chatbot__v1__material_format__descriptor, m->format, text);
  cli_table_cell(t, text);
  cli_table_cell(t, m->shared ? "shared" : "");
  cli_table_number(t, m->passage_count);
  cli_table_number(t, m->size_bytes);
  if (m->duration_ms >= 0) cli_show_clock(m->duration_ms, text);
  cli_table_cell(t, m->duration_ms >= 0 ? text : "");
  cli_show_time(m->create_time, text);
  cli_table_cell(t, text);
}

static void show_material(const ProtobufCMessage *reply) {
  cli_table t;
  cli_table_init(&t, heads);
  add_row(&t, (const material *)reply);
  cli_table_show(&t);
}

static void show_materials(const ProtobufCMessage *reply) {
  const Ponte__Chatbot__V1__ListMaterialsResponse *r = (const Ponte__Chatbot__V1__ListMaterialsResponse *)reply;
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < r->n_materials; i++)
    add_row(&t, r->materials[i]);
  cli_table_show(&t);
  cli_page_more(r->next_page_token);
}

/* A transcript's lines with their times; anything else as it is. */
static void show_text(const material *m) {
  size_t size = strlen(m->text);
  for (size_t i = 0; i < m->n_cues; i++) {
    const Ponte__Chatbot__V1__Cue *c = m->cues[i];
    char clock[CLI_SHORT];
    if (c->begin < 0 || c->end < c->begin || (size_t)c->end > size) continue;
    cli_show_clock(c->start_ms, clock);
    printf("%8s  ", clock);
    m->text[c->end] = '\0'; /* a line end, or the end */
    cli_answer_text(m->text + c->begin);
    putchar('\n');
  }
  if (m->n_cues == 0) cli_answer_text(m->text);
  if (m->n_cues == 0 && size && m->text[size - 1] != '\n') putchar('\n');
}

static void show_whole(const ProtobufCMessage *reply) {
  show_material(reply);
  puts("");
  show_text((const material *)reply);
}

static int run_list(const cli_args *a) {
  Ponte__Chatbot__V1__ListMaterialsRequest r = PONTE__CHATBOT__V1__LIST_MATERIALS_REQUEST__INIT;
  if (!cli_page(a, &r.page_size, &r.page_token)) return CLI_EXIT_USAGE;
  return cli_chatbot_run(a, "ListMaterials", show_materials, &r.base);
}

static int run_add(const cli_args *a) {
  cli_lesson lesson;
  int code = CLI_EXIT_LOCAL;
  if (cli_lesson_read(&lesson, a->words[0], cli_arg(a, "title"), cli_arg(a, "format"))) {
    lesson.request.shared = cli_arg(a, "shared") != NULL;
    code = cli_chatbot_run(a, "AddMaterial", show_material, &lesson.request.base);
  }
  cli_lesson_dispose(&lesson);
  return code;
}

static int run_show(const cli_args *a) {
  Ponte__Chatbot__V1__GetMaterialRequest r = PONTE__CHATBOT__V1__GET_MATERIAL_REQUEST__INIT;
  r.material_id = a->words[0];
  return cli_chatbot_run(a, "GetMaterial", show_whole, &r.base);
}

static int run_remove(const cli_args *a) {
  Ponte__Chatbot__V1__RemoveMaterialRequest r = PONTE__CHATBOT__V1__REMOVE_MATERIAL_REQUEST__INIT;
  if (!cli_confirm(a, "Remove this material?")) return CLI_EXIT_LOCAL;
  r.material_id = a->words[0];
  return cli_chatbot_run(a, "RemoveMaterial", NULL, &r.base);
}

enum { READS = CLI_LINK | CLI_CALL | CLI_JSON, CHANGES = READS | CLI_CHANGE };

static const cli_option list_options[] = {CLI_PAGE_OPTIONS, {0}};
static const cli_option add_options[] = {
    {"title", "TITLE", "(default: the file's name)", NULL, 0},
    {"format", "FORMAT", "(default: by the file's ending)", CLI_LESSON_FORMATS, 0},
    {"shared", NULL, "everybody may be answered from it (teachers and administrators)", NULL, 0},
    {0}};
static const cli_option remove_options[] = {CLI_YES_OPTION, {0}};

static const cli_command list = {.name = "list",
                                 .summary = "one's own material and what is shared, the newest first",
                                 .groups = READS,
                                 .options = list_options,
                                 .run = run_list};
static const cli_command add = {.name = "add",
                                .summary = "add a lesson: Markdown, plain text, or a transcript (SRT, VTT)",
                                .arguments = "FILE",
                                .min = 1,
                                .max = 1,
                                .groups = CHANGES,
                                .options = add_options,
                                .help =
                                    "\"-\" is standard input, and then needs --title and --format. At most 1 MiB.\n",
                                .run = run_add};
static const cli_command show = {.name = "show",
                                 .summary = "show a lesson with its text",
                                 .arguments = "MATERIAL_ID",
                                 .min = 1,
                                 .max = 1,
                                 .groups = READS,
                                 .run = run_show};
static const cli_command remove_command = {.name = "remove",
                                           .summary = "remove a lesson",
                                           .arguments = "MATERIAL_ID",
                                           .min = 1,
                                           .max = 1,
                                           .groups = CHANGES,
                                           .options = remove_options,
                                           .run = run_remove};
const cli_command cli_materials = {.name = "materials",
                                   .summary = "lessons that the assistant answers from",
                                   .commands = (const cli_command *const[]){&list, &add, &show, &remove_command, NULL}};
