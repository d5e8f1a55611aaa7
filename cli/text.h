/* text.h - text from services as a terminal may show it. Pure, but for the FILE. */
#ifndef PONTE_CLI_TEXT_H
#define PONTE_CLI_TEXT_H

#include <stdio.h>

#include "base/span.h"

/* What must not reach a terminal (control and formatting characters, malformed UTF-8) as '?': a name could move the cursor or turn the text's direction. */
void cli_put_clean(FILE *to, base_span text);
/* Columns that cli_put_clean() takes. */
int cli_width(base_span text);

#endif
