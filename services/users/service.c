#include "users/service.h"

#include "users/accounts.h"
#include "users/identity.h"
#include "users/records.h"
#include "users/store.h"

static const ponte_users_v1_user_methods methods = {
    .create_user = {.prepare = users_create_prepare, .write = users_create},
    .get_user = {.read = users_get},
    .list_users = {.read = users_list_page},
    .update_user = {.prepare = users_update_prepare, .write = users_update},
    .delete_user = {.write = users_delete},
    .restore_user = {.write = users_restore},
    /* Not in one transaction each: a password is hashed between two. */
    .sign_up = {.call = users_sign_up},
    .sign_in = {.call = users_sign_in},
    .refresh_session = {.call = users_refresh_session},
    .sign_out = {.call = users_sign_out},
    .set_password = {.call = users_set_password},
    .rotate_keys = {.call = users_rotate_keys},
};

static base_err write_jwks(void *ctx, base_buf *out) { return users_identity_jwks(ctx, out); }

static base_err start(svc *s, users_identity *id, base_buf *why) {
  const char *demo_account = svc_setting(s, "demo_account");
  if (svc_verifier(s)) BASE_TRY(users_first_admin(id, stderr, why));
  if (demo_account) BASE_TRY(users_demo_account(id, demo_account, why));
  BASE_TRY(svc_admin_page(s, "/.well-known/jwks.json", "application/jwk-set+json", write_jwks, id));
  return ponte_users_v1_user_add(s, &methods);
}

static base_err open_users(svc *s, base_buf *why, void **state) {
  users_identity *id = NULL;
  BASE_TRY(users_identity_new(svc_store(s), svc_verifier(s), svc_setting(s, "issuer"), why, &id));
  base_err e = start(s, id, why);
  if (!base_is_ok(e)) {
    users_identity_free(id);
    return e;
  }
  *state = id;
  return BASE_OK;
}

static void close_users(void *state) { users_identity_free(state); }

static void tick(void *state, int64_t wall_ms) { users_identity_tick(state, wall_ms); }

const svc_definition users_definition = {
    .name = "users",
    .port = 50051,
    .migrations = users_migrations,
    .migration_count = USERS_MIGRATION_COUNT,
    .open = open_users,
    .close = close_users,
    .tick = tick,
};
