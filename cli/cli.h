/* cli.h - what the commands of `ponte` share: exit codes, the command table's shape, messages.
 *
 * The table is the only place that knows a command's options: parsing, --help and shell completion are made of it. Words for people go to stderr, results to stdout. One
 * thread, but for those of the microphone and of standard input.
 */
#ifndef PONTE_CLI_CLI_H
#define PONTE_CLI_CLI_H

#include "wire/status.h"

/* A gRPC status c other than OK becomes the exit code CLI_EXIT_STATUS + c. */
enum { CLI_EXIT_OK = 0, CLI_EXIT_LOCAL = 1, CLI_EXIT_USAGE = 2, CLI_EXIT_STATUS = 20, CLI_EXIT_INTERRUPTED = 130 };

typedef struct {
  const char *name;    /* without dashes; NULL ends a table */
  const char *value;   /* what --help calls its value; NULL: it has none; "[HOST]": it may have one, after '=' */
  const char *help;    /* one line */
  const char *choices; /* the words it may be, separated by blanks; NULL: anything */
  char letter;         /* its short form, or 0 */
} cli_option;

/* Options that many commands have. */
enum {
  CLI_LINK = 1,   /* --endpoint, --direct, --token */
  CLI_CALL = 2,   /* --timeout */
  CLI_JSON = 4,   /* --json */
  CLI_CHANGE = 8, /* --queue, --key */
};

typedef struct cli_args cli_args;
typedef struct cli_command {
  const char *name, *summary;
  const char *arguments; /* as --help shows them; NULL: none */
  int min, max;          /* how many there may be */
  unsigned groups;
  const cli_option *options; /* of its own; or NULL */
  const char *help;          /* further lines; or NULL */
  int (*run)(const cli_args *args);
  const struct cli_command *const *commands; /* its sub-commands, up to NULL; then there is no run */
} cli_command;

enum { CLI_ANY = 10000 }; /* arguments without a limit */

/* `ponte` itself: the table of all commands. */
extern const cli_command cli_root;

/* "ponte: ..." on stderr; control characters, which may come from a server, are shown as '?'. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
enum { CLI_STATUS_TEXT = 16384 };
/* "CODE (REASON, field F): message", for people; *retry_ms: when it may be tried again, 0: nobody knows. */
void cli_status_text(const wire_status *status, char out[CLI_STATUS_TEXT], int64_t *retry_ms);
/* Says what a failed call means, and gives its exit code. */
int cli_exit_of(const wire_status *status);

#endif
