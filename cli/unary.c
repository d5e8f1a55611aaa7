#include "cli/unary.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/queue.h"
#include "cli/show.h"
#include "cli/words.h"

enum { TIMEOUT_MS = 30000 };

const pb_method *cli_method(const pb_service *service, const char *name) {
  for (int i = 0; i < service->count; i++) {
    const char *slash = strrchr(service->methods[i].path, '/');
    if (slash && strcmp(slash + 1, name) == 0) return &service->methods[i];
  }
  return NULL;
}

bool cli_stream_timeout(const cli_args *a, int64_t *ms) { return cli_arg_seconds(a, "timeout", 0, ms); }
bool cli_timeout(const cli_args *a, int64_t *ms) { return cli_arg_seconds(a, "timeout", TIMEOUT_MS, ms); }

const char *cli_set_key(const cli_args *a, ProtobufCMessage *request, char key[CLI_KEY_MAX]) {
  const ProtobufCFieldDescriptor *f =
      protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "idempotency_key");
  if (!f || f->type != PROTOBUF_C_TYPE_STRING || f->label == PROTOBUF_C_LABEL_REPEATED) return NULL;
  char **field = (char **)((char *)request + f->offset);
  const char *given = cli_arg(a, "key");
  if (given && !*given) given = NULL; /* the service would take it for none, and a repeat would take effect again */
  if (*field && **field) return *field;
  if (!given) base_uuid7(key);
  *field = given ? (char *)given : key;
  return *field;
}

bool cli_page(const cli_args *a, int32_t *size, char **token) {
  int64_t n;
  if (!cli_arg_number(a, "page-size", 1, 1000, 0, &n)) return false;
  *size = (int32_t)n;
  *token = cli_arg_text(a, "page-token");
  return true;
}

void cli_page_more(const char *next_page_token) {
  if (next_page_token[0]) cli_say("there are more: --page-token %s", next_page_token);
}

bool cli_confirm(const cli_args *a, const char *question) {
  char answer[16] = "";
  if (cli_arg(a, "yes") || !isatty(STDIN_FILENO)) return true;
  fprintf(stderr, cli_words("%s [y/N] "), cli_words(question));
  if (!fgets(answer, sizeof answer, stdin)) return false;
  return answer[0] && strchr(cli_words("yY"), answer[0]);
}

static int show_reply(const cli_args *a, const cli_unary *u, const ProtobufCMessage *reply) {
  if (cli_arg(a, "json")) return cli_show_json(reply) ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
  if (u->show) u->show(reply);
  return CLI_EXIT_OK;
}

int cli_unary_run(const cli_args *a, const cli_unary *u, ProtobufCMessage *request) {
  cli_link_options options = cli_link_options_of(a);
  const pb_method *method = cli_method(u->service, u->method);
  char key_text[CLI_KEY_MAX];
  int64_t timeout_ms;
  cli_link l;
  if (!cli_timeout(a, &timeout_ms)) return CLI_EXIT_USAGE;
  if (!cli_link_open(&l, &options, u->port)) return CLI_EXIT_USAGE;
  const char *key = a->command->groups & CLI_CHANGE ? cli_set_key(a, request, key_text) : NULL;
  pb_arena arena;
  wire_status status;
  pb_arena_init(&arena, 0);
  wire_status_init(&status);
  const ProtobufCMessage *reply = cli_ask(&l, u->port, method, timeout_ms, request, &arena, &status);
  int code = CLI_EXIT_OK;
  if (reply)
    code = show_reply(a, u, reply);
  else if (key && cli_queue_wanted(a, &l, &status))
    code = cli_queue_keep(&l, &(cli_queue_call){u->port, method->path, key, request, NULL, 0});
  else
    code = cli_link_exit(&l, &status);
  wire_status_dispose(&status);
  pb_arena_dispose(&arena);
  cli_link_close(&l);
  return code;
}

static void show_line(void *ctx, const ProtobufCMessage *message) {
  bool *good = ctx;
  *good = *good && cli_show_json(message);
}

int cli_stream_run(const cli_args *a, const cli_unary *u, const ProtobufCMessage *request,
                   void (*on_message)(void *ctx, const ProtobufCMessage *message), void *ctx) {
  cli_link_options options = cli_link_options_of(a);
  int64_t timeout_ms;
  bool json = cli_arg(a, "json") != NULL, good = true;
  cli_link l;
  wire_status status;
  if (!cli_stream_timeout(a, &timeout_ms)) return CLI_EXIT_USAGE;
  if (!cli_link_open(&l, &options, u->port)) return CLI_EXIT_USAGE;
  wire_status_init(&status);
  cli_ask_stream(&l, u->port, cli_method(u->service, u->method), timeout_ms, request, json ? show_line : on_message,
                 json ? &good : ctx, &status);
  int code = cli_link_exit(&l, &status);
  wire_status_dispose(&status);
  cli_link_close(&l);
  return code == CLI_EXIT_OK && !good ? CLI_EXIT_LOCAL : code;
}
