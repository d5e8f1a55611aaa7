/* prompt.h - what a reader types at a terminal, line by line, while the link's loop runs. One thread. */
#ifndef PONTE_CLI_PROMPT_H
#define PONTE_CLI_PROMPT_H

#include "cli/lines.h"

/* Shows the prompt on stderr and appends the next line to *out; the lines wake the link. Ctrl-C begins the line anew, and is no interruption of the link. END: Ctrl-D, or the terminal or the process is to end. FAILED:
 * said why. */
enum cli_next cli_prompt(cli_link *l, cli_lines *lines, const char *prompt, base_buf *out);

#endif
