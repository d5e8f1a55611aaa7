#include "users/store.h"

/* A step that was released is never changed: stores keep its checksum. */
const store_migration users_migrations[USERS_MIGRATION_COUNT] = {
    {"0001-users",
     "CREATE TABLE users (user_id TEXT NOT NULL PRIMARY KEY, display_name TEXT NOT NULL, email TEXT NOT NULL,"
     " email_key TEXT NOT NULL UNIQUE, search TEXT NOT NULL, role BIGINT NOT NULL,"
     " create_us BIGINT NOT NULL, update_us BIGINT NOT NULL, delete_us BIGINT);"
     "CREATE INDEX users_by_time ON users (create_us, user_id);"
     /* Whether an administrator remains is asked in serializable transactions: it must not read everybody. */
     "CREATE INDEX users_admins ON users (user_id) WHERE role = 3 AND delete_us IS NULL"},
};
