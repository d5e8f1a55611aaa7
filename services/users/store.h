/* store.h - the statements of the users' records; docs/users.md has the tables. Inside the caller's transaction, on its thread. Texts that are read live as long as the call.
 *
 * Errors besides those of store/store.h: NOT_FOUND, no such user.
 */
#ifndef PONTE_USERS_STORE_H
#define PONTE_USERS_STORE_H

#include "store/store.h"
#include "svc/row_key.h"
#include "svc/svc.h"
#include "users/domain.h"

enum { USERS_MIGRATION_COUNT = 2 };
extern const store_migration users_migrations[USERS_MIGRATION_COUNT];

/* EXISTS: another user, deleted or not, has the address. */
base_err users_insert(store_tx *tx, const users_user *user) BASE_MUST_USE;
/* Deleted users too. */
base_err users_find(svc_call *c, store_tx *tx, const char *user_id, users_user *out) BASE_MUST_USE;
/* By the e-mail address in any spelling; deleted users too. */
base_err users_find_email(svc_call *c, store_tx *tx, const char *email, users_user *out) BASE_MUST_USE;
/* All but the id and the time of creation. EXISTS: another user has the address. */
base_err users_store(store_tx *tx, const users_user *user) BASE_MUST_USE;
/* Whether there is an administrator besides this user. */
base_err users_other_admin(store_tx *tx, const char *user_id, bool *out) BASE_MUST_USE;

typedef struct {
  svc_row_key after;    /* behind this user; zero: from the first on */
  enum users_role role; /* USERS_ROLE_NONE: all */
  bool show_deleted;
  base_span pattern; /* users_search_pattern() */
  int limit;
} users_list_query;
/* In the order of creation. *out has room for `limit` users. */
base_err users_list(svc_call *c, store_tx *tx, const users_list_query *q, users_user *out, size_t *count) BASE_MUST_USE;

#endif
