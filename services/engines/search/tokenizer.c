#include "search/tokenizer.h"

static int make(void *terms, const char **args, int count, Fts5Tokenizer **out) {
  (void)args;
  *out = (Fts5Tokenizer *)terms; /* nothing of its own */
  return count == 0 ? SQLITE_OK : SQLITE_ERROR;
}

static void drop(Fts5Tokenizer *t) { (void)t; }

typedef int emit_fn(void *ctx, int flags, const char *token, int size, int begin, int end);

static int emit_stems(const search_term *x, emit_fn *emit, void *ctx) {
  int code = SQLITE_OK;
  for (int i = 0; code == SQLITE_OK && i < SEARCH_STEMS && x->stem[i]; i++)
    code = emit(ctx, i ? FTS5_TOKEN_COLOCATED : 0, x->stem[i], (int)strlen(x->stem[i]), (int)x->begin, (int)x->end);
  return code;
}

static int tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int size, emit_fn *emit) {
  search_terms *terms = (search_terms *)t;
  base_span all = base_span_of(text, size > 0 ? (size_t)size : 0);
  search_term x;
  if (flags & FTS5_TOKENIZE_QUERY) { /* one word, which search/question.h folded and chose, of any language */
    search_terms_folded(terms, all, &x);
    return emit_stems(&x, emit, ctx);
  }
  search_reader r = search_read_in(all, search_language(all));
  int code = SQLITE_OK;
  while (code == SQLITE_OK && search_terms_next(terms, &r, &x)) {
    if (x.kind != SEARCH_STOP) code = emit_stems(&x, emit, ctx);
  }
  return code;
}

int search_tokenizer_register(sqlite3 *db, search_terms *t) {
  fts5_api *api = NULL;
  sqlite3_stmt *s = NULL;
  int code = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &s, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_bind_pointer(s, 1, (void *)&api, "fts5_api_ptr", NULL);
    sqlite3_step(s); /* the pointer says whether it went well */
  }
  sqlite3_finalize(s);
  if (code != SQLITE_OK || !api) return code != SQLITE_OK ? code : SQLITE_ERROR;
  fts5_tokenizer ponte = {make, drop, tokenize};
  return api->xCreateTokenizer(api, "ponte", t, &ponte, NULL);
}
