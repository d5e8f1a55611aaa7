/* completion.c - `ponte completion SHELL`: scripts made of the table of commands, so that they know what --help knows. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/words.h"

/* What one shell's script says of a command. `path` is "ponte users list". */
typedef struct {
  const char *name, *head, *middle, *tail;
  /* For walking down to the command at hand: */
  void (*put_path)(const char *path);
  /* The words that may follow an option: */
  void (*put_choices)(const char *path, const cli_option *o);
  /* The words that may follow the command: */
  void (*put_words)(const char *path, const cli_command *c);
} shell;

static void walk(const cli_command *c, const char *path, const shell *s, int part) {
  const cli_option *o;
  if (part == 0 && s->put_path) s->put_path(path);
  for (int i = 0; part == 1 && !c->commands && (o = cli_option_at(c, i)); i++)
    s->put_choices(path, o);
  if (part == 2) s->put_words(path, c);
  for (const cli_command *const *sub = c->commands; sub && *sub; sub++) {
    char below[256];
    snprintf(below, sizeof below, "%s %s", path, (*sub)->name);
    walk(*sub, below, s, part);
  }
}

/* The words behind a command, separated by blanks: sub-commands, or options. */
static void put_list(const cli_command *c) {
  const cli_option *o;
  for (const cli_command *const *sub = c->commands; sub && *sub; sub++)
    printf("%s ", (*sub)->name);
  for (int i = 0; !c->commands && (o = cli_option_at(c, i)); i++)
    printf("--%s ", o->name);
  if (c->commands) fputs("--help", stdout);
}

/* -- bash -------------------------------------------------------------------------------------------------------------- */

static void bash_path(const char *path) { printf("      \"%s\") at=$word ;;\n", path); }

static void bash_choices(const char *path, const cli_option *o) {
  bool takes = o->value && o->value[0] != '[';
  if (o->choices)
    printf("    \"%s --%s\") COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")); return ;;\n", path, o->name, o->choices);
  if (takes && !o->choices) printf("    \"%s --%s\") return ;;\n", path, o->name);
}

static void bash_words(const char *path, const cli_command *c) {
  printf("    \"%s\") words=\"", path);
  put_list(c);
  puts("\" ;;");
}

/* -- zsh --------------------------------------------------------------------------------------------------------------- */

static void zsh_path(const char *path) { printf("      \"%s\") at=$word ;;\n", path); }

static void zsh_choices(const char *path, const cli_option *o) {
  bool takes = o->value && o->value[0] != '[';
  if (o->choices) printf("    \"%s --%s\") compadd -- %s; return ;;\n", path, o->name, o->choices);
  if (takes && !o->choices) printf("    \"%s --%s\") _files; return ;;\n", path, o->name);
}

static void zsh_words(const char *path, const cli_command *c) {
  printf("    \"%s\") compadd -- ", path);
  put_list(c);
  puts(";;");
}

/* -- fish -------------------------------------------------------------------------------------------------------------- */

/* In single quotes: \ and ' are the only characters that mean something there. */
static void fish_quoted(const char *text) {
  putchar('\'');
  for (; *text; text++) {
    if (*text == '\'' || *text == '\\') putchar('\\');
    putchar(*text);
  }
  putchar('\'');
}

static void fish_path(const char *path) { printf(" '%s'", path); }

static void fish_choices(const char *path, const cli_option *o) {
  printf("complete -c ponte -n '__ponte_at \"%s\"' -l %s", path, o->name);
  if (o->letter) printf(" -s %c", o->letter);
  if (o->value && o->value[0] != '[') fputs(o->choices ? " -x" : " -r", stdout);
  if (o->choices) printf(" -a '%s'", o->choices);
  fputs(" -d ", stdout);
  fish_quoted(cli_words(o->help));
  putchar('\n');
}

static void fish_words(const char *path, const cli_command *c) {
  for (const cli_command *const *sub = c->commands; sub && *sub; sub++) {
    printf("complete -c ponte -f -n '__ponte_at \"%s\"' -a %s -d ", path, (*sub)->name);
    fish_quoted(cli_words((*sub)->summary));
    putchar('\n');
  }
}

static const shell shells[] = {
    {"bash",
     "_ponte() {\n"
     "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at=ponte i word words=\n"
     "  COMPREPLY=()\n"
     "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
     "    word=\"$at ${COMP_WORDS[i]}\"\n"
     "    case $word in\n",
     "    esac\n"
     "  done\n"
     "  case \"$at $prev\" in\n",
     "  esac\n"
     "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
     "}\n"
     "complete -o bashdefault -o default -F _ponte ponte\n",
     bash_path, bash_choices, bash_words},
    {"zsh",
     "#compdef ponte\n"
     "_ponte() {\n"
     "  local at=ponte i word\n"
     "  for ((i = 2; i < CURRENT; i++)); do\n"
     "    word=\"$at ${words[i]}\"\n"
     "    case $word in\n",
     "    esac\n"
     "  done\n"
     "  case \"$at ${words[CURRENT-1]}\" in\n",
     "  esac\n"
     "}\n"
     "compdef _ponte ponte\n"
     /* Loaded by its name, as a file of $fpath, this was the first call. */
     "if [[ ${funcstack[1]} == _ponte ]]; then _ponte; fi\n",
     zsh_path, zsh_choices, zsh_words},
    {"fish",
     "function __ponte_at\n"
     "  set -l at ponte\n"
     "  for word in (commandline -opc)[2..-1]\n"
     "    contains -- \"$at $word\"",
     "; and set at \"$at $word\"\n"
     "  end\n"
     "  test \"$at\" = \"$argv[1]\"\n"
     "end\n",
     "", fish_path, fish_choices, fish_words},
};

static int run(const cli_args *a) {
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
    const shell *s = &shells[i];
    if (strcmp(a->words[0], s->name) != 0) continue;
    fputs(s->head, stdout);
    walk(&cli_root, "ponte", s, 0);
    fputs(s->middle, stdout);
    walk(&cli_root, "ponte", s, 1);
    if (strcmp(s->name, "fish") != 0) puts("  esac\n  case $at in");
    walk(&cli_root, "ponte", s, 2);
    fputs(s->tail, stdout);
    return CLI_EXIT_OK;
  }
  cli_say("completion is there for bash, zsh and fish");
  return CLI_EXIT_USAGE;
}

const cli_command cli_completion = {.name = "completion",
                                    .summary = "print a shell's completion script",
                                    .arguments = "bash|zsh|fish",
                                    .min = 1,
                                    .max = 1,
                                    .help = "  bash: source <(ponte completion bash)\n"
                                            "  zsh:  ponte completion zsh >\"${fpath[1]}/_ponte\"\n"
                                            "  fish: ponte completion fish >~/.config/fish/completions/ponte.fish\n",
                                    .run = run};
