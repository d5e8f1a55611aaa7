#include "users/service.h"

#include "users/records.h"
#include "users/store.h"

static const ponte_users_v1_user_methods methods = {
    .create_user = {.prepare = users_create_prepare, .write = users_create},
    .get_user = {.read = users_get},
    .list_users = {.read = users_list_page},
    .update_user = {.prepare = users_update_prepare, .write = users_update},
    .delete_user = {.write = users_delete},
    .restore_user = {.write = users_restore},
};

static base_err open_users(svc *s, base_buf *why, void **state) {
  (void)why;
  *state = NULL;
  return ponte_users_v1_user_add(s, &methods);
}

const svc_definition users_definition = {
    .name = "users",
    .port = 50051,
    .migrations = users_migrations,
    .migration_count = USERS_MIGRATION_COUNT,
    .open = open_users,
};
