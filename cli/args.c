#include "cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "cli/words.h"

#ifndef PONTE_VERSION
#define PONTE_VERSION "0.1"
#endif

enum { OPTIONS_MAX = 48, DEPTH_MAX = 4 };

static const struct {
  unsigned group;
  cli_option option;
} shared[] = {
    {CLI_LINK,
     {"endpoint", "ADDRESS",
      "a gateway, http[s]://HOST:PORT (default http://127.0.0.1:8080); or a gRPC server, HOST:PORT", NULL, 0}},
    {CLI_LINK, {"direct", "[HOST]", "no gateway: each service at its standard port (default host 127.0.0.1)", NULL, 0}},
    {CLI_LINK, {"token", "TOKEN", "bearer token (default: $PONTE_TOKEN, then the session of `ponte login`)", NULL, 0}},
    {CLI_CALL, {"timeout", "SECONDS", "how long a call may take (default 30; streams: as long as they like)", NULL, 0}},
    {CLI_JSON, {"json", NULL, "JSON instead of a table", NULL, 0}},
    {CLI_CHANGE, {"queue", NULL, "if the service cannot be reached, keep the call for `ponte sync`", NULL, 0}},
    {CLI_CHANGE, {"key", "KEY", "idempotency key: the same key again repeats the answer, not the change", NULL, 0}},
    {0, {"help", NULL, "this text", NULL, 'h'}},
};
enum { SHARED = sizeof shared / sizeof *shared };

const cli_option *cli_option_at(const cli_command *c, int i) {
  for (const cli_option *o = c->options; o && o->name; o++) {
    if (i-- == 0) return o;
  }
  for (int k = 0; k < SHARED; k++) {
    bool has = shared[k].group == 0 || (shared[k].group & c->groups);
    if (has && i-- == 0) return &shared[k].option;
  }
  return NULL;
}

/* -- help -------------------------------------------------------------------------------------------------------------- */

static void print_option(FILE *to, const cli_option *o) {
  char left[64], letter[8] = "";
  bool may = o->value && o->value[0] == '[';
  if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
  snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, !o->value ? "" : may ? "" : " ", o->value ? o->value : "");
  if (may) snprintf(left, sizeof left, "%s--%s[=%.*s]", letter, o->name, (int)strlen(o->value) - 2, o->value + 1);
  fprintf(to, "  %-26s %s", left, cli_words(o->help));
  if (o->choices) fprintf(to, ": %s", o->choices);
  fputc('\n', to);
}

static void print_help(FILE *to, const cli_command *c, const char *path) {
  fprintf(to, cli_words("usage: %s%s%s%s\n%s\n"), path, c->commands ? " COMMAND [OPTION]..." : " [OPTION]...",
          c->arguments ? " " : "", c->arguments ? c->arguments : "", cli_words(c->summary));
  if (c->help) fputs(cli_words(c->help), to);
  fputc('\n', to);
  for (const cli_command *const *sub = c->commands; sub && *sub; sub++)
    fprintf(to, "  %-13s %s\n", (*sub)->name, cli_words((*sub)->summary));
  const cli_option *o;
  for (int i = 0; !c->commands && (o = cli_option_at(c, i)); i++)
    print_option(to, o);
  if (c->commands) fprintf(to, cli_words("\n`%s COMMAND --help` tells more.\n"), path);
}

/* -- options ----------------------------------------------------------------------------------------------------------- */

static bool is_choice(const char *choices, const char *value) {
  size_t n = strlen(value);
  for (const char *p = choices; *p; p += strspn(p, " ")) {
    size_t word = strcspn(p, " ");
    if (word == n && strncmp(p, value, n) == 0) return true;
    p += word;
  }
  return false;
}

static bool take_option(cli_args *a, const cli_option *o, const char *value) {
  if (o->choices && value && !is_choice(o->choices, value)) {
    cli_say("--%s must be one of: %s", o->name, o->choices);
    return false;
  }
  if (a->given_count == CLI_GIVEN_MAX) {
    cli_say("too many options");
    return false;
  }
  a->given[a->given_count].option = o;
  a->given[a->given_count++].value = value ? value : "";
  return true;
}

/* getopt's view of the table; values are 1 + the option's index, beyond any letter. */
enum { OPTION_BASE = 1000 };

static int fill_getopt(const cli_command *c, struct option *longs, char *shorts) {
  const cli_option *o;
  int n = 0;
  *shorts++ = ':'; /* tells a missing value from a wrong option */
  for (; n < OPTIONS_MAX && (o = cli_option_at(c, n)); n++) {
    int has = !o->value ? no_argument : o->value[0] == '[' ? optional_argument : required_argument;
    longs[n] = (struct option){o->name, has, NULL, OPTION_BASE + n};
    if (o->letter) *shorts++ = o->letter;
    if (o->letter && o->value) *shorts++ = ':';
  }
  longs[n] = (struct option){0};
  *shorts = '\0';
  return n;
}

static const cli_option *option_of(const cli_command *c, int code) {
  if (code >= OPTION_BASE) return cli_option_at(c, code - OPTION_BASE);
  const cli_option *o;
  for (int i = 0; (o = cli_option_at(c, i)); i++) {
    if (o->letter == code) return o;
  }
  return NULL;
}

/* getopt would say it in its own language. */
static void say_mistake(const char *path, int code, char **argv) {
  char letter[] = {'-', (char)optopt, '\0'};
  const char *given = optopt > 0 && optopt < OPTION_BASE ? letter : argv[optind - 1];
  if (code == ':')
    cli_say("%s: %s needs a value; --help tells more", path, given);
  else
    cli_say("%s: there is no %s, or not so; --help tells more", path, given);
}

static int run_command(const cli_command *c, const char *path, int argc, char **argv) {
  struct option longs[OPTIONS_MAX + 1];
  char shorts[2 * OPTIONS_MAX + 2];
  cli_args a = {.command = c};
  fill_getopt(c, longs, shorts);
  opterr = 0;
  for (int code; (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
    bool wrong = code == '?' || code == ':';
    if (wrong) say_mistake(path, code, argv);
    const cli_option *o = wrong ? NULL : option_of(c, code);
    if (o && strcmp(o->name, "help") == 0) {
      print_help(stdout, c, path);
      return CLI_EXIT_OK;
    }
    if (!o || !take_option(&a, o, optarg)) return CLI_EXIT_USAGE;
  }
  a.words = argv + optind;
  a.count = argc - optind;
  if (a.count < c->min || a.count > c->max) {
    cli_say(a.count < c->min ? "%s needs %s; --help tells more" : "%s takes %s; --help tells more", path,
            c->arguments ? c->arguments : cli_words("no arguments"));
    return CLI_EXIT_USAGE;
  }
  return c->run(&a);
}

/* -- commands ---------------------------------------------------------------------------------------------------------- */

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int run_line(int argc, char **argv) {
  const cli_command *c = &cli_root;
  char path[256] = "ponte";
  int at = 1;
  for (; c->commands; at++) {
    if (at < argc && is_help(argv[at])) {
      print_help(stdout, c, path);
      return CLI_EXIT_OK;
    }
    if (at < argc && strcmp(argv[at], "--version") == 0) {
      puts("ponte " PONTE_VERSION);
      return CLI_EXIT_OK;
    }
    const cli_command *const *sub = c->commands;
    while (*sub && (at >= argc || strcmp((*sub)->name, argv[at]) != 0))
      sub++;
    if (!*sub) {
      if (at < argc) cli_say("%s has no command %s", path, argv[at]);
      print_help(stderr, c, path);
      return CLI_EXIT_USAGE;
    }
    c = *sub;
    size_t used = strlen(path);
    snprintf(path + used, sizeof path - used, " %s", c->name);
  }
  return run_command(c, path, argc - at + 1, argv + at - 1);
}

/* Results that were not written are no success. */
int cli_main(int argc, char **argv) {
  int code = run_line(argc, argv);
  if (code != CLI_EXIT_OK || (fflush(stdout) == 0 && !ferror(stdout))) return code;
  cli_say("standard output failed");
  return CLI_EXIT_LOCAL;
}

/* -- values ------------------------------------------------------------------------------------------------------------ */

const char *cli_arg_at(const cli_args *a, const char *option, int i) {
  for (int k = 0; k < a->given_count; k++) {
    if (strcmp(a->given[k].option->name, option) == 0 && i-- == 0) return a->given[k].value;
  }
  return NULL;
}

const char *cli_arg(const cli_args *a, const char *option) {
  const char *value = NULL;
  for (int k = 0; k < a->given_count; k++) {
    if (strcmp(a->given[k].option->name, option) == 0) value = a->given[k].value;
  }
  return value;
}

char *cli_arg_text(const cli_args *a, const char *option) {
  const char *value = cli_arg(a, option);
  return (char *)(value ? value : "");
}

bool cli_arg_number(const cli_args *a, const char *option, int64_t min, int64_t max, int64_t otherwise, int64_t *out) {
  const char *text = cli_arg(a, option);
  uint64_t n = 0;
  *out = otherwise;
  if (!text) return true;
  *out = base_span_u64(base_span_str(text), &n) && n <= INT64_MAX ? (int64_t)n : -1;
  if (*out >= min && *out <= max) return true;
  cli_say("--%s must be a number from %lld to %lld", option, (long long)min, (long long)max);
  return false;
}

bool cli_arg_seconds(const cli_args *a, const char *option, int64_t otherwise_ms, int64_t *ms) {
  const char *text = cli_arg(a, option);
  char *end;
  *ms = otherwise_ms;
  if (!text) return true;
  errno = 0;
  double seconds = strtod(text, &end);
  bool good = *end == 0 && end != text && errno == 0 && seconds > 0 && seconds < 1e9;
  *ms = good ? (int64_t)(seconds * 1000) : 0;
  if (*ms > 0) return true;
  cli_say("--%s must be a positive number of seconds", option);
  return false;
}
