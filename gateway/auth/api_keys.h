/* api_keys.h - keys of programs that have no token: a file of their hashes, so that the file gives none away.
 *
 * One key a line: "SHA256-HEX SUBJECT SCOPES ROLES [EXPIRES]"; the lists are separated by commas, "-" is the empty one; EXPIRES is RFC 3339 in UTC
 * ("2027-01-31T00:00:00Z"). Lines that begin with # and empty ones are skipped. The hash is of the key as it stands in x-api-key. Keys are long and random (docs), so
 * one round of SHA-256 is enough. Pure; a set is immutable and may be read by several threads.
 */
#ifndef PONTE_GATEWAY_API_KEYS_H
#define PONTE_GATEWAY_API_KEYS_H

#include "token/proofs.h"

enum { GW_API_KEYS_MAX = 1024, GW_API_KEYS_BYTES = 1 << 20 };

typedef struct gw_api_keys gw_api_keys;
typedef struct gw_api_key gw_api_key;

/* INVALID (*why names the line), TOO_LARGE, NO_MEMORY. The set begins with one reference. */
base_err gw_api_keys_parse(base_span text, base_buf *why, gw_api_keys **out) BASE_MUST_USE;
gw_api_keys *gw_api_keys_ref(gw_api_keys *k);
void gw_api_keys_unref(gw_api_keys *k); /* NULL is allowed */
/* Compares with every key, in a time that tells nothing of which. NULL: unknown. Valid as long as the set. */
const gw_api_key *gw_api_keys_find(const gw_api_keys *k, const uint8_t digest[TOKEN_DIGEST_SIZE]);
const char *gw_api_key_subject(const gw_api_key *k);
int64_t gw_api_key_expires_ms(const gw_api_key *k); /* INT64_MAX: never */
bool gw_api_key_has_scope(const gw_api_key *k, const char *name);
bool gw_api_key_has_role(const gw_api_key *k, const char *name);

#endif
