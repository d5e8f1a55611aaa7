#include "users/records.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "users/identity.h"
#include "users/message.h"
#include "users/session.h"
#include "users/store.h"

enum { PATH_FIELD_SIZE = 48 };

/* -- create ------------------------------------------------------------------------------------------------------------ */

base_err users_create_prepare(svc_call *c, const Ponte__Users__V1__CreateUserRequest *request) {
  const char *hash;
  BASE_TRY(users_take_password(c, "password", request->password, &hash));
  svc_set_data(c, (void *)hash);
  return BASE_OK;
}

base_err users_create(svc_call *c, store_tx *tx, const Ponte__Users__V1__CreateUserRequest *request,
                      Ponte__Users__V1__User *response) {
  users_user user = {.user_id = svc_new_id(c),
                     .email = request->email,
                     .role = request->role ? (enum users_role)request->role : USERS_ROLE_STUDENT,
                     .create_us = svc_now_us(c),
                     .update_us = svc_now_us(c)};
  if (!user.user_id) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(users_take_name(c, "", request->display_name, &user.display_name));
  base_err e = users_insert(tx, &user);
  if (!base_is_ok(e)) return users_store_error(c, "", e);
  const char *hash = svc_data(c);
  if (hash) BASE_TRY(users_password_put(tx, user.user_id, hash, false, svc_now_us(c)));
  return users_to_message(c, &user, response);
}

/* -- read -------------------------------------------------------------------------------------------------------------- */

base_err users_get(svc_call *c, store_tx *tx, const Ponte__Users__V1__GetUserRequest *request,
                   Ponte__Users__V1__User *response) {
  users_user user;
  base_err e = users_find(c, tx, request->user_id, &user);
  return base_is_ok(e) ? users_to_message(c, &user, response) : users_store_error(c, "", e);
}

static base_err write_page(svc_call *c, const users_user *users, size_t count,
                           Ponte__Users__V1__ListUsersResponse *out) {
  Ponte__Users__V1__User *messages = svc_alloc(c, count * sizeof *messages);
  out->users = svc_alloc(c, count * sizeof(Ponte__Users__V1__User *));
  if (!messages || !out->users) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < count; i++) {
    ponte__users__v1__user__init(&messages[i]);
    BASE_TRY(users_to_message(c, &users[i], &messages[i]));
    out->users[out->n_users++] = &messages[i];
  }
  return BASE_OK;
}

base_err users_list_page(svc_call *c, store_tx *tx, const Ponte__Users__V1__ListUsersRequest *request,
                         Ponte__Users__V1__ListUsersResponse *response) {
  svc_page page = svc_call_page(c);
  users_list_query q = {
      .role = (enum users_role)request->role, .show_deleted = request->show_deleted, .limit = page.size + 1};
  if (page.after && !svc_row_key_read(page.after, &q.after)) return svc_fail_page_token(c);
  users_user *users = svc_alloc(c, (size_t)q.limit * sizeof *users);
  if (!users) return base_fail(BASE_E_NO_MEMORY);
  base_buf pattern;
  base_buf_init(&pattern, 2 * USERS_FOLDED_MAX + 2);
  size_t count = 0;
  base_err e = users_search_pattern(request->query, &pattern);
  q.pattern = base_buf_span(&pattern);
  if (base_is_ok(e)) e = users_list(c, tx, &q, users, &count);
  base_buf_dispose(&pattern);
  BASE_TRY(e);
  if (count > (size_t)page.size) {
    count = (size_t)page.size;
    const users_user *last = &users[count - 1];
    BASE_TRY(svc_next_page_row(c, last->create_us, last->user_id, &response->next_page_token));
  }
  return count ? write_page(c, users, count, response) : BASE_OK;
}

/* -- change ------------------------------------------------------------------------------------------------------------ */

/* The fields that the mask names, as data of the call for the write that follows. */
typedef struct {
  unsigned mask;
  users_user wanted;
} update;

static base_err read_mask(svc_call *c, const Google__Protobuf__FieldMask *paths, unsigned *mask) {
  size_t bad = 0;
  *mask = users_mask(paths->paths, paths->n_paths, &bad);
  if (*mask) return BASE_OK;
  if (!paths->n_paths) {
    return svc_fail(c, RPC_REASON_INVALID_FIELD, "update_mask", "update_mask must name display_name, email or role");
  }
  char *field = svc_alloc(c, PATH_FIELD_SIZE);
  if (!field) return base_fail(BASE_E_NO_MEMORY);
  snprintf(field, PATH_FIELD_SIZE, "update_mask.paths[%zu]", bad);
  return svc_fail(c, RPC_REASON_INVALID_FIELD, field, "\"%.64s\" cannot be set: choose of display_name, email and role",
                  paths->paths[bad]);
}

base_err users_update_prepare(svc_call *c, const Ponte__Users__V1__UpdateUserRequest *request) {
  const Ponte__Users__V1__User *user = request->user;
  update *u = svc_alloc(c, sizeof *u);
  if (!u) return base_fail(BASE_E_NO_MEMORY);
  if (!*user->user_id)
    return svc_fail(c, RPC_REASON_INVALID_FIELD, "user.user_id", "user.user_id must say whom to change");
  BASE_TRY(read_mask(c, request->update_mask, &u->mask));
  u->wanted = (users_user){.email = user->email, .role = (enum users_role)user->role};
  if (u->mask & USERS_SET_NAME) BASE_TRY(users_take_name(c, "user.", user->display_name, &u->wanted.display_name));
  svc_set_data(c, u);
  return BASE_OK;
}

/* Stores what became of a user, if an administrator remains. */
static base_err keep(svc_call *c, store_tx *tx, const char *parent, const users_user *before, users_user *after) {
  static const users_refusal last_admin = {RPC_REASON_LAST_ADMIN, "user_id",
                                           "is of the last administrator: make another one first"};
  if (users_gives_up_admin(before, after)) {
    bool other = false;
    BASE_TRY(users_other_admin(tx, after->user_id, &other));
    if (!other) return users_refuse(c, parent, last_admin);
  }
  after->update_us = svc_now_us(c);
  base_err e = users_store(tx, after);
  return base_is_ok(e) ? BASE_OK : users_store_error(c, parent, e);
}

/* A user who is not deleted. */
static base_err find_present(svc_call *c, store_tx *tx, const char *parent, const char *user_id, users_user *out) {
  static const users_refusal gone = {RPC_REASON_USER_NOT_FOUND, "user_id", "is a deleted user's: restore it first"};
  base_err e = users_find(c, tx, user_id, out);
  if (!base_is_ok(e)) return users_store_error(c, parent, e);
  return out->delete_us ? users_refuse(c, parent, gone) : BASE_OK;
}

base_err users_update(svc_call *c, store_tx *tx, const Ponte__Users__V1__UpdateUserRequest *request,
                      Ponte__Users__V1__User *response) {
  const update *u = svc_data(c);
  users_user before;
  BASE_TRY(find_present(c, tx, "user.", request->user->user_id, &before));
  users_user after = before;
  users_refusal r = users_change(&after, &u->wanted, u->mask, svc_caller_has_role(c, "admin"));
  if (r.reason) return users_refuse(c, "user.", r);
  BASE_TRY(keep(c, tx, "user.", &before, &after));
  return users_to_message(c, &after, response);
}

base_err users_delete(svc_call *c, store_tx *tx, const Ponte__Users__V1__DeleteUserRequest *request,
                      Ponte__Users__V1__User *response) {
  users_user before;
  BASE_TRY(find_present(c, tx, "", request->user_id, &before));
  users_user after = before;
  after.delete_us = svc_now_us(c);
  BASE_TRY(keep(c, tx, "", &before, &after));
  BASE_TRY(users_sessions_end(tx, after.user_id));
  return users_to_message(c, &after, response);
}

base_err users_restore(svc_call *c, store_tx *tx, const Ponte__Users__V1__RestoreUserRequest *request,
                       Ponte__Users__V1__User *response) {
  static const users_refusal present = {RPC_REASON_ALREADY_EXISTS, "user_id", "is of a user who is not deleted"};
  users_user user;
  base_err e = users_find(c, tx, request->user_id, &user);
  if (!base_is_ok(e)) return users_store_error(c, "", e);
  if (!user.delete_us) return users_refuse(c, "", present);
  users_user before = user;
  user.delete_us = 0;
  BASE_TRY(keep(c, tx, "", &before, &user));
  return users_to_message(c, &user, response);
}
