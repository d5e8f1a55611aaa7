/* keeper.h - keeps the key sets of issuers and the API keys fresh, from files and URLs, by a thread of its own: the workers' loops never wait for either.
 *
 * Files are looked at each second and read again when they have changed; URLs are fetched each refresh interval, and when a token names a key that is not there, but
 * never more often than each 10 s. What cannot be fetched or is not sound is logged, and what was there stays.
 */
#ifndef PONTE_GATEWAY_KEEPER_H
#define PONTE_GATEWAY_KEEPER_H

#include "gateway/auth/api_keys.h"
#include "gateway/auth/jwt.h"

typedef struct gw_keeper gw_keeper;

/* Reads the files and begins the fetches. INVALID, NOT_FOUND: a file, named by *why. `on_change` comes from the keeper's thread after other keys are in place.
 * `options` and their strings outlive it. */
base_err gw_keeper_new(const gw_auth_options *options, void (*on_change)(void *ctx), void *ctx, base_buf *why,
                       gw_keeper **out) BASE_MUST_USE;
/* Joins the thread. NULL is allowed. */
void gw_keeper_free(gw_keeper *k);
/* References of the caller's own; NULL: there are none (yet). Any thread. */
gw_keys *gw_keeper_keys(gw_keeper *k, int issuer);
gw_api_keys *gw_keeper_api_keys(gw_keeper *k);
/* Key sets that `from` has and `k` has not fetched yet, of the same issuers and URLs. */
void gw_keeper_inherit(gw_keeper *k, gw_keeper *from);
/* A key is missing. True: it may be there in a moment, because a fetch is under way or begins now. Any thread. */
bool gw_keeper_want(gw_keeper *k, int issuer);

#endif
