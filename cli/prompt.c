#include "cli/prompt.h"

#include <signal.h>
#include <stdio.h>

static void on_wake(void *ctx) {
  const cli_link *l = ctx;
  net_loop_stop(l->loop);
}

enum cli_next cli_prompt(cli_link *l, cli_lines *lines, const char *prompt, base_buf *out) {
  enum cli_next next;
  fputs(prompt, stderr);
  l->on_wake = l->on_interrupt = on_wake;
  l->ctx = l;
  while ((next = cli_lines_next(lines, out)) == CLI_NEXT_LATER) {
    net_loop_run(l->loop);
    if (!l->interrupted) continue;
    next = CLI_NEXT_END;
    if (l->interrupted != SIGINT) break;
    l->interrupted = 0; /* the terminal has dropped what was typed */
    fprintf(stderr, "\n%s", prompt);
  }
  l->on_wake = l->on_interrupt = NULL;
  if (next == CLI_NEXT_END) fputc('\n', stderr);
  return next;
}
