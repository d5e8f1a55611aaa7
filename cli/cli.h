/* cli.h - what the commands of `ponte` share: exit codes, the command table's shape, messages.
 *
 * Words for people go to stderr, results to stdout. One thread, but for the microphone's.
 */
#ifndef PONTE_CLI_CLI_H
#define PONTE_CLI_CLI_H

#include "wire/status.h"

/* A gRPC status c other than OK becomes the exit code CLI_EXIT_STATUS + c. */
enum { CLI_EXIT_OK = 0, CLI_EXIT_LOCAL = 1, CLI_EXIT_USAGE = 2, CLI_EXIT_STATUS = 20, CLI_EXIT_INTERRUPTED = 130 };

typedef struct {
  const char *name, *summary, *help;
  int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} cli_command;

extern const cli_command cli_transcribe, cli_models, cli_status;

/* "ponte: ..." on stderr. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Says what a failed call means, and gives its exit code. */
int cli_exit_of(const wire_status *status);

#endif
