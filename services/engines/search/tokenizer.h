/* tokenizer.h - terms.h as FTS5's tokenizer "ponte": a word's stems stand at one place, stop words nowhere. */
#ifndef PONTE_SEARCH_TOKENIZER_H
#define PONTE_SEARCH_TOKENIZER_H

#include <sqlite3.h>

#include "search/terms.h"

/* The terms are borrowed until the connection is closed and used by whoever uses it. A code of SQLite. */
int search_tokenizer_register(sqlite3 *db, search_terms *t);

#endif
