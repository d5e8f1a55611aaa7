/* fetch.h - one document by HTTPS, as a whole: what the key sets of issuers are read by. Blocks: for a thread that may. No redirect is followed. */
#ifndef PONTE_TOKEN_FETCH_H
#define PONTE_TOKEN_FETCH_H

#include <stdatomic.h>

#include "base/buf.h"

enum { TOKEN_FETCH_WHY = 256 };

/* The caller has asked base_url_ok(): keys must not come over a wire that anyone can write to.
 * OK: *out holds the body of a 200; at most its ceiling. UNAVAILABLE: `why` says what failed. Once *stop is set it ends within a second. */
base_err token_fetch(const char *url, atomic_bool *stop, base_buf *out, char why[TOKEN_FETCH_WHY]) BASE_MUST_USE;

#endif
