/* keeper.h - keeps the key sets of issuers fresh, from files and URLs, by a thread of its own: those who verify never wait for either.
 *
 * Files are looked at each second and read again when they have changed; URLs are fetched each refresh interval, and when a token names a key that is not there, but
 * never more often than each 10 s. What cannot be fetched or is not sound is logged, and what was there stays.
 */
#ifndef PONTE_TOKEN_KEEPER_H
#define PONTE_TOKEN_KEEPER_H

#include "token/jwt.h"

enum { TOKEN_SOURCES = 8 };

typedef struct token_keeper token_keeper;

/* One of file and URL. The strings outlive the keeper. */
typedef struct {
  const char *issuer, *jwks_file, *jwks_url;
  int64_t jwks_refresh_ms; /* 0 = 5 min */
} token_source;

/* Both may be NULL, and come from the keeper's thread: on_change also from token_keeper_new(), after other keys are in place; on_look each second. */
typedef struct {
  void (*on_change)(void *ctx);
  void (*on_look)(void *ctx);
  void *ctx;
} token_keeper_callbacks;

/* Reads the files and begins the fetches. INVALID, NOT_FOUND: a file, named by *why. At most TOKEN_SOURCES; copied. */
base_err token_keeper_new(const token_source *sources, int count, const token_keeper_callbacks *callbacks,
                          base_buf *why, token_keeper **out) BASE_MUST_USE;
/* Joins the thread. NULL is allowed. */
void token_keeper_free(token_keeper *k);
/* A reference of the caller's own; NULL: there are none (yet). Any thread. */
token_keys *token_keeper_keys(token_keeper *k, int source);
/* Key sets that `from` has and `k` has not fetched yet, of the same issuers and URLs. */
void token_keeper_inherit(token_keeper *k, token_keeper *from);
/* A key is missing. True: it may be there in a moment, because a fetch is under way or begins now. Any thread. */
bool token_keeper_want(token_keeper *k, int source);

#endif
