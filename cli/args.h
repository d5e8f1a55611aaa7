/* args.h - a command line read by the table of commands; and what --help and completion read of that table. One thread. */
#ifndef PONTE_CLI_ARGS_H
#define PONTE_CLI_ARGS_H

#include "cli/cli.h"

enum { CLI_GIVEN_MAX = 512 };

struct cli_args {
  const cli_command *command;
  char **words; /* the arguments */
  int count;
  struct {
    const cli_option *option;
    const char *value; /* "" without one */
  } given[CLI_GIVEN_MAX];
  int given_count;
};

/* Finds the command, reads its options and runs it; help and mistakes are told here. argv[0] is the program. Gives the exit code. */
int cli_main(int argc, char **argv);

/* The last value of the option, "" if it has none, NULL if it was not given. The option must be of the command's table. */
const char *cli_arg(const cli_args *a, const char *option);
/* The last value, or "": what a field of a request takes. (protobuf-c's structs hold char *, and never write to what a request points to.) */
char *cli_arg_text(const cli_args *a, const char *option);
/* The i-th of an option that was given several times; NULL after the last. */
const char *cli_arg_at(const cli_args *a, const char *option, int i);
/* A whole number from min to max; `otherwise` if it was not given. False: said why. */
bool cli_arg_number(const cli_args *a, const char *option, int64_t min, int64_t max, int64_t otherwise, int64_t *out);
/* A number of seconds above 0, as milliseconds; `otherwise` likewise. False: said why. */
bool cli_arg_seconds(const cli_args *a, const char *option, int64_t otherwise_ms, int64_t *ms);

/* All options of a command, its groups' too, one after another: the i-th, or NULL. --help is the last one. */
const cli_option *cli_option_at(const cli_command *c, int i);

#endif
