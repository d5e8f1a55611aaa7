#include "users/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "users/store.h"

enum { PASSWORD_CHARS = 24, PASSWORD_SIZE = PASSWORD_CHARS + 1, FILE_MAX = 4096, PATH_SIZE = 4096, PRIVATE = 0600 };

static const store_statement select_account = {
    "SELECT users.user_id, users.delete_us, passwords.hash FROM users"
    " LEFT JOIN passwords ON passwords.user_id = users.user_id WHERE users.email_key = $1"};

/* 120 bits, of letters and digits that are not taken for each other. */
static void make_password(char out[PASSWORD_SIZE]) {
  static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
  uint8_t random[PASSWORD_CHARS];
  base_random(random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++)
    out[i] = letters[random[i] % (sizeof letters - 1)];
  out[PASSWORD_CHARS] = '\0';
}

typedef struct {
  const char *email, *name, *hash;
  bool one_time;
  bool only_first; /* only if there is no administrator */
  char user_id[BASE_UUID_SIZE];
  char kept[USERS_HASH_SIZE]; /* "": no password */
  bool exists, deleted, made;
} account;

static base_err find_account(void *ctx, store_tx *tx) {
  account *a = ctx;
  store_rows *rows = NULL;
  a->exists = a->deleted = false;
  a->kept[0] = '\0';
  BASE_TRY(store_query(tx, &select_account, STORE_VALUES(store_text(a->email)), &rows));
  base_err e = store_next(rows);
  if (!base_is_ok(e)) return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
  a->exists = true;
  a->deleted = !store_is_null(rows, 1);
  snprintf(a->user_id, sizeof a->user_id, "%s", store_column_text(rows, 0));
  snprintf(a->kept, sizeof a->kept, "%s", store_column_text(rows, 2));
  return BASE_OK;
}

/* Makes the account, or gives it the password if it is there. */
static base_err put_account(void *ctx, store_tx *tx) {
  account *a = ctx;
  bool any = false;
  int64_t now_us = base_wall_us();
  a->made = false;
  if (a->only_first) BASE_TRY(users_other_admin(tx, "", &any));
  if (any) return BASE_OK;
  BASE_TRY(find_account(a, tx));
  if (a->only_first && a->exists) return base_fail(BASE_E_EXISTS);
  if (!a->exists) {
    base_uuid7(a->user_id);
    const users_user user = {.user_id = a->user_id,
                             .display_name = a->name,
                             .email = a->email,
                             .role = USERS_ROLE_ADMIN,
                             .create_us = now_us,
                             .update_us = now_us};
    BASE_TRY(users_insert(tx, &user));
  }
  a->made = true;
  return users_password_put(tx, a->user_id, a->hash, a->one_time, now_us);
}

static base_err complain(base_buf *why, base_err e, const char *what, const char *about) {
  base_err told = base_buf_printf(why, "%s%s: %s", what, about, base_err_text(e));
  (void)told; /* without memory the error itself must do */
  return e;
}

/* -- the demo account -------------------------------------------------------------------------------------------------- */

/* Whether the file tells the account's password. */
static bool tells_password(users_identity *id, const account *a, const char *file) {
  json_t *root = json_load_file(file, 0, NULL);
  const char *password = json_string_value(json_object_get(root, "password"));
  bool stale;
  bool tells = password && a->kept[0] && base_is_ok(users_password_check(id->hasher, a->kept, password, &stale));
  json_decref(root);
  return tells;
}

/* Whole or not at all, and never readable by others. */
static base_err write_file(const char *file, const char *text) {
  char temporary[PATH_SIZE];
  size_t n = strlen(text);
  if (snprintf(temporary, sizeof temporary, "%s.new", file) >= (int)sizeof temporary) return base_fail(BASE_E_INVALID);
  unlink(temporary);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PRIVATE);
  if (fd < 0) return base_fail(errno == ENOENT ? BASE_E_NOT_FOUND : BASE_E_IO);
  bool ok = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
  ok = close(fd) == 0 && ok;
  if (ok && rename(temporary, file) == 0) return BASE_OK;
  unlink(temporary);
  return base_fail(BASE_E_IO);
}

base_err users_demo_account(users_identity *id, const char *file, base_buf *why) {
  char password[PASSWORD_SIZE], hash[USERS_HASH_SIZE], text[FILE_MAX];
  account a = {.email = USERS_DEMO_EMAIL, .name = "Demo", .hash = hash};
  base_err e = store_read(id->store, find_account, &a);
  if (!base_is_ok(e)) return complain(why, e, "no demo account", "");
  if (a.deleted) {
    BASE_LOG(BASE_LOG_WARN, "the demo account is deleted, and stays so");
    return BASE_OK;
  }
  if (tells_password(id, &a, file)) return BASE_OK;
  make_password(password);
  snprintf(text, sizeof text, "{\"email\":\"" USERS_DEMO_EMAIL "\",\"password\":\"%s\"}\n", password);
  e = users_password_hash(id->hasher, password, hash);
  if (base_is_ok(e)) e = store_write(id->store, put_account, &a);
  if (!base_is_ok(e)) return complain(why, e, "no demo account", "");
  e = write_file(file, text);
  if (!base_is_ok(e)) return complain(why, e, "the demo account cannot be written to ", file);
  BASE_LOG(BASE_LOG_INFO, "demo account made", LOG_STR("file", file));
  return BASE_OK;
}

/* -- the first administrator ------------------------------------------------------------------------------------------- */

static base_err any_admin(void *ctx, store_tx *tx) { return users_other_admin(tx, "", ctx); }

base_err users_first_admin(users_identity *id, FILE *to, base_buf *why) {
  char password[PASSWORD_SIZE], hash[USERS_HASH_SIZE];
  bool any = false;
  account a = {.email = USERS_FIRST_EMAIL, .name = "Administrator", .hash = hash, .one_time = true, .only_first = true};
  base_err e = store_read(id->store, any_admin, &any);
  if (base_is_ok(e) && any) return BASE_OK;
  make_password(password);
  if (base_is_ok(e)) e = users_password_hash(id->hasher, password, hash);
  if (base_is_ok(e)) e = store_write(id->store, put_account, &a);
  if (base_is(e, BASE_E_EXISTS)) {
    BASE_LOG(BASE_LOG_WARN, "there is no administrator, and another user has the address of the first one",
             LOG_STR("email", USERS_FIRST_EMAIL));
    return BASE_OK;
  }
  if (!base_is_ok(e)) return complain(why, e, "no first administrator", "");
  if (a.made) {
    fprintf(to,
            "ponte-services: there was no administrator. Sign in as " USERS_FIRST_EMAIL
            " with the one-time password %s and change it; it is not shown again.\n",
            password);
    fflush(to);
  }
  return BASE_OK;
}
