/* `ponte`: the command line client. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/args.h"
#include "cli/text.h"
#include "cli/words.h"
#include "rpc/error.h"

enum { SAY_MAX = 16384 };

extern const cli_command cli_call_command, cli_login, cli_logout, cli_whoami, cli_users, cli_orders, cli_reports,
    cli_demo, cli_queue_command, cli_sync, cli_transcribe, cli_models, cli_status, cli_completion, cli_ask_command,
    cli_materials, cli_conversations;

static const cli_command *const commands[] = {
    &cli_call_command, &cli_login,       &cli_logout,        &cli_whoami,        &cli_users,      &cli_orders,
    &cli_reports,      &cli_sync,        &cli_queue_command, &cli_demo,          &cli_transcribe, &cli_models,
    &cli_status,       &cli_ask_command, &cli_materials,     &cli_conversations, &cli_completion, NULL};

const cli_command cli_root = {.name = "ponte",
                              .summary = "The command line client of Ponte; --version prints the version.",
                              .help =
                                  "Exit codes: 0 done, 1 a problem on this side (a file, the microphone) or a call "
                                  "that `ponte sync` had to put aside, 2 wrong usage,\n"
                                  "20 + N gRPC status N (34: the gateway or service is not there), 130 interrupted.\n",
                              .commands = commands};

void cli_say(const char *fmt, ...) {
  char text[SAY_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, cli_words(fmt), args);
  va_end(args);
  flockfile(stderr); /* lines of several threads */
  fputs("ponte: ", stderr);
  cli_put_clean(stderr, base_span_str(text));
  fputc('\n', stderr);
  funlockfile(stderr);
}

/* What a reader of another language has instead of the service's own message, or before it. */
static const char *meaning(int code, const char *reason, bool *detail) {
  *detail = true;
  if (reason[0]) return cli_words_reason(reason, detail);
  return code == BASE_GRPC_UNAVAILABLE         ? cli_words_reason("UNAVAILABLE", detail)
         : code == BASE_GRPC_DEADLINE_EXCEEDED ? cli_words_reason("DEADLINE", detail)
                                               : NULL;
}

void cli_status_text(const wire_status *status, char out[CLI_STATUS_TEXT], int64_t *retry_ms) {
  char reason[64], field[128], where[256] = "";
  bool detail;
  base_span message = base_buf_span(&status->message);
  if (!base_is_ok(rpc_error_read(status, reason, field, retry_ms))) reason[0] = field[0] = '\0', *retry_ms = 0;
  if (field[0]) snprintf(where, sizeof where, cli_words("%sfield %s"), reason[0] ? ", " : "", field);
  const char *means = meaning(status->code, reason, &detail);
  if (!detail) message.n = 0;
  bool named = reason[0] || field[0];
  snprintf(out, CLI_STATUS_TEXT, "%s%s%s%s%s%s%s%s%.*s", base_grpc_name(status->code), named ? " (" : "", reason, where,
           named ? ")" : "", means ? ": " : "", means ? means : "", message.n ? ": " : "", BASE_SPAN_ARG(message));
}

int cli_exit_of(const wire_status *status) {
  char text[CLI_STATUS_TEXT];
  int64_t retry_ms;
  if (status->code == 0) return CLI_EXIT_OK;
  cli_status_text(status, text, &retry_ms);
  cli_say("%s", text);
  if (retry_ms > 0) cli_say("try again in %lld s", (long long)((retry_ms + 999) / 1000));
  return CLI_EXIT_STATUS + status->code;
}

int main(int argc, char **argv) {
  base_log_init("ponte");
  setlocale(LC_MESSAGES, ""); /* of the system's own messages; numbers stay as scripts know them */
  return cli_main(argc, argv);
}
