/* accounts.h - accounts that a fresh installation makes for itself: the demo account, and the first administrator. When the service opens; one thread. */
#ifndef PONTE_USERS_ACCOUNTS_H
#define PONTE_USERS_ACCOUNTS_H

#include <stdio.h>

#include "users/identity.h"

#define USERS_DEMO_EMAIL "demo@ponte.local"
#define USERS_FIRST_EMAIL "admin@ponte.local"

/* An administrator with a random password, which stands in `file` (JSON with email and password, 0600). What is there already and fits together stays. *why says what
 * failed. */
base_err users_demo_account(users_identity *id, const char *file, base_buf *why) BASE_MUST_USE;
/* If there is no administrator: one with a random one-time password, which is written to `to` and nowhere else. */
base_err users_first_admin(users_identity *id, FILE *to, base_buf *why) BASE_MUST_USE;

#endif
