/* `ponte`: the command line client. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"

#ifndef PONTE_VERSION
#define PONTE_VERSION "0.1"
#endif

static const cli_command *const commands[] = {&cli_transcribe, &cli_models, &cli_status};
enum { COMMANDS = sizeof commands / sizeof *commands };

void cli_say(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fputs("ponte: ", stderr);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
}

int cli_exit_of(const wire_status *status) {
  if (status->code == 0) return CLI_EXIT_OK;
  base_span message = base_buf_span(&status->message);
  cli_say("%s%s%.*s", base_grpc_name(status->code), message.n ? ": " : "", BASE_SPAN_ARG(message));
  return CLI_EXIT_STATUS + status->code;
}

static void print_usage(FILE *to) {
  fputs("usage: ponte COMMAND [OPTION]...\n\n", to);
  for (int i = 0; i < COMMANDS; i++)
    fprintf(to, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
  fputs("\n`ponte COMMAND --help` tells more; --version prints the version.\n"
        "Exit codes: 0 done, 1 a problem on this side (a file, the microphone), 2 wrong usage, 20 + N gRPC status N\n"
        "(34: the gateway or service is not there), 130 interrupted twice.\n",
        to);
}

static bool wants_help(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
  }
  return false;
}

int main(int argc, char **argv) {
  base_log_init("ponte");
  if (argc < 2) {
    print_usage(stderr);
    return CLI_EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    print_usage(stdout);
    return CLI_EXIT_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("ponte " PONTE_VERSION);
    return CLI_EXIT_OK;
  }
  for (int i = 0; i < COMMANDS; i++) {
    if (strcmp(argv[1], commands[i]->name) != 0) continue;
    if (wants_help(argc - 1, argv + 1)) {
      fputs(commands[i]->help, stdout);
      return CLI_EXIT_OK;
    }
    return commands[i]->run(argc - 1, argv + 1);
  }
  cli_say("unknown command %s", argv[1]);
  print_usage(stderr);
  return CLI_EXIT_USAGE;
}
