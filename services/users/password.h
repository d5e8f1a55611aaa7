/* password.h - passwords as they are kept: Argon2id (RFC 9106) by libsodium, so many at once and no more, for each takes 64 MiB.
 *
 * A hasher is shared by all threads; its functions block, for about 60 ms of CPU and while others hash. Passwords are compared byte by byte, as they were given.
 */
#ifndef PONTE_USERS_PASSWORD_H
#define PONTE_USERS_PASSWORD_H

#include "base/err.h"

typedef struct users_hasher users_hasher;

enum { USERS_HASH_SIZE = 128 };
typedef struct {
  int at_once;     /* hashes */
  int waiting;     /* threads that wait for their turn; more of them get EXHAUSTED at once */
  int64_t wait_ms; /* and these after so long */
} users_hasher_limits;

/* INTERNAL: the library does not work here. */
base_err users_hasher_new(const users_hasher_limits *limits, users_hasher **out) BASE_MUST_USE;
void users_hasher_free(users_hasher *h); /* nobody is in it; NULL is allowed */

/* Text with salt and parameters, "$argon2id$...". EXHAUSTED, NO_MEMORY. */
base_err users_password_hash(users_hasher *h, const char *password, char out[USERS_HASH_SIZE]) BASE_MUST_USE;
/* OK: it is the password; *stale: its hash was made with weaker parameters than today's and is to be made anew. DENIED: it is not, or `hash` is NULL (nobody), which takes as long.
 * EXHAUSTED. */
base_err users_password_check(users_hasher *h, const char *hash, const char *password, bool *stale) BASE_MUST_USE;

#endif
