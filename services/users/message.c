#include "users/message.h"

#include <stdio.h>

#include "svc/timestamp.h"

enum { FIELD_SIZE = 64 };

Google__Protobuf__Timestamp *users_timestamp(svc_call *c, int64_t unix_us) {
  Google__Protobuf__Timestamp *t = svc_alloc(c, sizeof *t);
  if (!t) return NULL;
  svc_timestamp(unix_us, t);
  return t;
}

base_err users_to_message(svc_call *c, const users_user *user, Ponte__Users__V1__User *out) {
  out->user_id = svc_strdup(c, user->user_id);
  out->display_name = svc_strdup(c, user->display_name);
  out->email = svc_strdup(c, user->email);
  out->role = (Ponte__Users__V1__Role)user->role;
  out->create_time = users_timestamp(c, user->create_us);
  out->update_time = users_timestamp(c, user->update_us);
  if (user->delete_us) out->delete_time = users_timestamp(c, user->delete_us);
  bool whole = out->user_id && out->display_name && out->email && out->create_time && out->update_time;
  return whole && (!user->delete_us || out->delete_time) ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err users_refuse(svc_call *c, const char *parent, users_refusal r) {
  char *field = svc_alloc(c, FIELD_SIZE);
  if (!field) return base_fail(BASE_E_NO_MEMORY);
  snprintf(field, FIELD_SIZE, "%s%s", parent, r.field);
  return svc_fail(c, r.reason, field, "%s %s", field, r.why);
}

base_err users_take_name(svc_call *c, const char *parent, const char *given, const char **out) {
  base_span clean;
  users_refusal r = users_clean_name(given, &clean);
  if (r.reason) return users_refuse(c, parent, r);
  char *name = svc_alloc(c, clean.n + 1);
  if (!name) return base_fail(BASE_E_NO_MEMORY);
  memcpy(name, clean.p, clean.n);
  *out = name;
  return BASE_OK;
}

base_err users_store_error(svc_call *c, const char *parent, base_err e) {
  static const users_refusal nobody = {RPC_REASON_USER_NOT_FOUND, "user_id", "is no user's id"};
  static const users_refusal taken = {RPC_REASON_EMAIL_TAKEN, "email", "belongs to another user"};
  if (base_is(e, BASE_E_NOT_FOUND)) return users_refuse(c, parent, nobody);
  return base_is(e, BASE_E_EXISTS) ? users_refuse(c, parent, taken) : e;
}
