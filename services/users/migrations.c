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
    /* Hashes only, but for the keys that sign: who reads those can sign (docs/identity.md). */
    {"0002-identity",
     "CREATE TABLE passwords (user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (user_id), hash TEXT NOT NULL,"
     " one_time BIGINT NOT NULL, set_us BIGINT NOT NULL);"
     "CREATE TABLE sessions (name_hash BYTEA NOT NULL PRIMARY KEY, token_hash BYTEA NOT NULL, user_id TEXT NOT NULL,"
     " create_us BIGINT NOT NULL, expire_us BIGINT NOT NULL);"
     "CREATE INDEX sessions_of_user ON sessions (user_id);"
     "CREATE INDEX sessions_by_end ON sessions (expire_us);"
     "CREATE TABLE attempts (whose BYTEA NOT NULL PRIMARY KEY, failures BIGINT NOT NULL, until_us BIGINT NOT NULL,"
     " forget_us BIGINT NOT NULL);"
     "CREATE INDEX attempts_by_end ON attempts (forget_us);"
     "CREATE TABLE signing_keys (key_id TEXT NOT NULL PRIMARY KEY, private_jwk BYTEA NOT NULL,"
     " create_us BIGINT NOT NULL, sign_us BIGINT NOT NULL)"},
};
