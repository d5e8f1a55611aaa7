/* lines.h - standard input line by line, read by a thread of its own, so that answers come while the next line is typed. */
#ifndef PONTE_CLI_LINES_H
#define PONTE_CLI_LINES_H

#include "cli/ask.h"

typedef struct cli_lines cli_lines;

/* `wake` is called from another thread when there is something new. NULL: said why. */
cli_lines *cli_lines_new(void (*wake)(void *ctx), void *ctx);
void cli_lines_free(cli_lines *l); /* NULL is allowed */
/* The next line appended to *out, without its end; empty lines are skipped. FAILED: said why. */
enum cli_next cli_lines_next(cli_lines *l, base_buf *out);

#endif
