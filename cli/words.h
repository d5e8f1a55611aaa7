/* words.h - what `ponte` says, in the reader's language: the texts in the code are English, and keys of the table in words.c. Any thread.
 *
 * A table and not gettext(3): that translates only in locales which the system has generated, and a fresh Debian has none but C.UTF-8. LC_ALL, LC_MESSAGES or LANG decide, whichever is set first. What scripts read (--json, names of columns, statuses and reasons) is the same in each language.
 */
#ifndef PONTE_CLI_WORDS_H
#define PONTE_CLI_WORDS_H

#include <stdbool.h>

/* The text itself where there is no translation; it has the same conversions in the same order (tests/style/words.py). */
const char *cli_words(const char *english) __attribute__((format_arg(1)));
/* What a service's reason (rpc/error.h) means; NULL where its own message, in English, is what there is to say. *detail: that message tells more and follows. */
const char *cli_words_reason(const char *reason, bool *detail);

#endif
