/* Sign-up, sign-in, sessions and passwords: the methods of identity.h. A password is hashed outside of transactions, which wait for each other. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "users/identity.h"
#include "users/keys.h"
#include "users/message.h"
#include "users/session.h"
#include "users/store.h"
#include "users/throttle.h"

enum { ACCESS_TOKEN_MAX = 4096, BUSY_RETRY_MS = 1000 };

static const store_statement select_password = {"SELECT hash, one_time FROM passwords WHERE user_id = $1"};
static const store_statement put_password = {
    "INSERT INTO passwords (user_id, hash, one_time, set_us) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, one_time = excluded.one_time, set_us = "
    "excluded.set_us"};

/* -- passwords --------------------------------------------------------------------------------------------------------- */

base_err users_password_put(store_tx *tx, const char *user_id, const char *hash, bool one_time, int64_t now_us) {
  return store_exec(tx, &put_password,
                    STORE_VALUES(store_text(user_id), store_text(hash), store_int(one_time), store_int(now_us)), NULL);
}

base_err users_password_get(svc_call *c, store_tx *tx, const char *user_id, const char **hash, bool *one_time) {
  store_rows *rows = NULL;
  *hash = NULL;
  *one_time = false;
  BASE_TRY(store_query(tx, &select_password, STORE_VALUES(store_text(user_id)), &rows));
  base_err e = store_next(rows);
  if (!base_is_ok(e)) return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
  *one_time = store_column_int(rows, 1) != 0;
  *hash = svc_strdup(c, store_column_text(rows, 0));
  return *hash ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err hasher_error(svc_call *c, base_err e) {
  if (!base_is(e, BASE_E_EXHAUSTED)) return e;
  return svc_fail_retry(c, RPC_REASON_TOO_MANY_CALLS, BUSY_RETRY_MS,
                        "too many passwords are being checked: try again in a moment");
}

static base_err make_hash(svc_call *c, const char *password, const char **out) {
  users_identity *id = svc_state(c);
  char *hash = svc_alloc(c, USERS_HASH_SIZE);
  if (!hash) return base_fail(BASE_E_NO_MEMORY);
  *out = hash;
  return hasher_error(c, users_password_hash(id->hasher, password, hash));
}

base_err users_take_password(svc_call *c, const char *field, const char *password, const char **hash) {
  *hash = NULL;
  if (!*password) return BASE_OK;
  users_refusal r = users_check_password(password);
  r.field = field;
  return r.reason ? users_refuse(c, "", r) : make_hash(c, password, hash);
}

/* -- what a session's answer holds --------------------------------------------------------------------------------------- */

typedef struct {
  users_user user;
  bool one_time; /* the password is to be changed first */
  users_session session;
  char *access_token;
  int64_t access_expire_us;
} grant;

/* Whoever has a one-time password gets no roles: all that is left is what users may do with their own record, SetPassword before all. */
static base_err sign_access(svc_call *c, store_tx *tx, grant *g) {
  char token_id[BASE_UUID_SIZE];
  int64_t now_us = svc_now_us(c);
  base_uuid7(token_id);
  g->access_expire_us = now_us + USERS_ACCESS_US;
  const users_identity *id = svc_state(c);
  const token_claims claims = {.issuer = id->issuer,
                               .audience = USERS_AUDIENCE,
                               .subject = g->user.user_id,
                               .roles = g->one_time ? "" : users_role_name(g->user.role),
                               .token_id = token_id,
                               .issued_ms = now_us / 1000,
                               .expires_ms = g->access_expire_us / 1000};
  base_buf token;
  base_buf_init(&token, ACCESS_TOKEN_MAX);
  base_err e = users_keys_sign(tx, &claims, &token);
  if (base_is_ok(e)) e = base_buf_u8(&token, '\0');
  if (base_is_ok(e)) {
    g->access_token = svc_strdup(c, (const char *)base_buf_span(&token).p);
    e = g->access_token ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  }
  base_buf_dispose(&token);
  return e;
}

static base_err start_session(svc_call *c, store_tx *tx, grant *g) {
  BASE_TRY(users_session_start(tx, g->user.user_id, svc_now_us(c), &g->session));
  return sign_access(c, tx, g);
}

static base_err answer(svc_call *c, const grant *g, Ponte__Users__V1__Session *out) {
  out->user = svc_alloc(c, sizeof *out->user);
  if (!out->user) return base_fail(BASE_E_NO_MEMORY);
  ponte__users__v1__user__init(out->user);
  BASE_TRY(users_to_message(c, &g->user, out->user));
  out->access_token = g->access_token;
  out->expire_time = users_timestamp(c, g->access_expire_us);
  out->refresh_token = svc_strdup(c, g->session.refresh_token);
  out->refresh_expire_time = users_timestamp(c, g->session.expire_us);
  return out->expire_time && out->refresh_token && out->refresh_expire_time ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

/* -- attempts ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  svc_call *call;
  const char *email;
  base_buf folded;                /* the address as it is counted */
  char network[SVC_NETWORK_SIZE]; /* "": not counted */
  int64_t wait_us;                /* > 0: too early */
  grant grant;
  const char *hash;  /* NULL: there is nobody like that, or without a password */
  const char *fresh; /* to be kept instead of it; NULL: none */
} attempt;

static base_span caller_of(const attempt *a) { return base_span_str(a->network); }

/* What cannot be folded is nobody's address, and counted as it came. */
static base_err attempt_init(attempt *a, svc_call *c, const char *email) {
  *a = (attempt){.call = c, .email = email};
  svc_caller_network(c, a->network);
  base_buf_init(&a->folded, USERS_FOLDED_MAX);
  base_err e = users_fold(base_span_str(email), &a->folded);
  return base_is(e, BASE_E_NO_MEMORY) ? e : BASE_OK;
}

static base_err too_early(svc_call *c, int64_t wait_us) {
  int64_t seconds = (wait_us + 999999) / 1000000;
  return svc_fail_retry(c, RPC_REASON_TOO_MANY_ATTEMPTS, seconds * 1000, "too many attempts: try again in %lld s",
                        (long long)seconds);
}

static base_err count_attempt(attempt *a, store_tx *tx) {
  return users_throttle_begin_sign_in(tx, base_buf_span(&a->folded), caller_of(a), svc_now_us(a->call), &a->wait_us);
}

static base_err forgive(attempt *a, store_tx *tx) {
  BASE_TRY(users_throttle_forgive(tx, USERS_ATTEMPT_EMAIL, base_buf_span(&a->folded)));
  return a->network[0] ? users_throttle_forgive(tx, USERS_ATTEMPT_CALLER, caller_of(a)) : BASE_OK;
}

/* -- sign-up ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  attempt attempt;
  const Ponte__Users__V1__SignUpRequest *request;
  const char *name, *hash;
} sign_up;

static base_err count_sign_up(void *ctx, store_tx *tx) {
  attempt *a = &((sign_up *)ctx)->attempt;
  a->wait_us = 0;
  if (!a->network[0]) return BASE_OK;
  return users_throttle_begin(tx, USERS_ATTEMPT_SIGN_UP, caller_of(a), svc_now_us(a->call), &a->wait_us);
}

static base_err write_sign_up(void *ctx, store_tx *tx) {
  sign_up *s = ctx;
  svc_call *c = s->attempt.call;
  grant *g = &s->attempt.grant;
  g->user = (users_user){.user_id = svc_new_id(c),
                         .display_name = s->name,
                         .email = s->request->email,
                         .role = USERS_ROLE_STUDENT,
                         .create_us = svc_now_us(c),
                         .update_us = svc_now_us(c)};
  if (!g->user.user_id) return base_fail(BASE_E_NO_MEMORY);
  base_err e = users_insert(tx, &g->user);
  if (!base_is_ok(e)) return users_store_error(c, "", e);
  BASE_TRY(users_password_put(tx, g->user.user_id, s->hash, false, svc_now_us(c)));
  return start_session(c, tx, g);
}

base_err users_sign_up(svc_call *c, const Ponte__Users__V1__SignUpRequest *request,
                       Ponte__Users__V1__Session *response) {
  users_identity *id = svc_state(c);
  sign_up s = {.attempt = {.call = c}, .request = request};
  svc_caller_network(c, s.attempt.network);
  BASE_TRY(users_take_name(c, "", request->display_name, &s.name));
  BASE_TRY(store_write(id->store, count_sign_up, &s));
  if (s.attempt.wait_us > 0) return too_early(c, s.attempt.wait_us);
  BASE_TRY(users_take_password(c, "password", request->password, &s.hash));
  BASE_TRY(store_write(id->store, write_sign_up, &s));
  return answer(c, &s.attempt.grant, response);
}

/* -- sign-in ----------------------------------------------------------------------------------------------------------- */

static base_err sign_in_failed(svc_call *c) {
  return svc_fail(c, RPC_REASON_SIGN_IN_FAILED, NULL, "the e-mail address or the password is wrong");
}

/* a->hash stays NULL for whoever cannot sign in: what follows is the same. */
static base_err find_signer(attempt *a, store_tx *tx) {
  a->hash = NULL;
  base_err e = users_find_email(a->call, tx, a->email, &a->grant.user);
  bool nobody = base_is(e, BASE_E_NOT_FOUND) || base_is(e, BASE_E_MALFORMED) || base_is(e, BASE_E_TOO_LARGE);
  if (nobody || (base_is_ok(e) && a->grant.user.delete_us)) return BASE_OK;
  BASE_TRY(e);
  return users_password_get(a->call, tx, a->grant.user.user_id, &a->hash, &a->grant.one_time);
}

static base_err begin_sign_in(void *ctx, store_tx *tx) {
  attempt *a = ctx;
  BASE_TRY(count_attempt(a, tx));
  return a->wait_us > 0 ? BASE_OK : find_signer(a, tx);
}

/* The password may have been changed, and the user deleted, while it was hashed. */
static base_err finish_sign_in(void *ctx, store_tx *tx) {
  attempt *a = ctx;
  const char *proven = a->hash;
  base_err e = find_signer(a, tx);
  bool same = base_is_ok(e) && a->hash && strcmp(a->hash, proven) == 0;
  a->hash = proven;
  BASE_TRY(e);
  if (!same) return sign_in_failed(a->call);
  BASE_TRY(forgive(a, tx));
  if (a->fresh) {
    BASE_TRY(users_password_put(tx, a->grant.user.user_id, a->fresh, a->grant.one_time, svc_now_us(a->call)));
  }
  return start_session(a->call, tx, &a->grant);
}

static base_err sign_in(attempt *a, const char *password) {
  users_identity *id = svc_state(a->call);
  bool stale = false;
  BASE_TRY(store_write(id->store, begin_sign_in, a));
  if (a->wait_us > 0) return too_early(a->call, a->wait_us);
  base_err e = users_password_check(id->hasher, a->hash, password, &stale);
  if (base_is(e, BASE_E_DENIED)) return sign_in_failed(a->call);
  BASE_TRY(hasher_error(a->call, e));
  if (stale) BASE_TRY(make_hash(a->call, password, &a->fresh));
  return store_write(id->store, finish_sign_in, a);
}

base_err users_sign_in(svc_call *c, const Ponte__Users__V1__SignInRequest *request,
                       Ponte__Users__V1__Session *response) {
  attempt a;
  base_err e = attempt_init(&a, c, request->email);
  if (base_is_ok(e)) e = sign_in(&a, request->password);
  base_buf_dispose(&a.folded);
  return base_is_ok(e) ? answer(c, &a.grant, response) : e;
}

/* -- sessions ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  svc_call *call;
  const char *refresh_token;
  enum users_rotation how;
  char user_id[BASE_UUID_SIZE];
  grant grant;
} refresh;

/* An ended session is kept ended: the refusal is told after the commit. */
static base_err write_refresh(void *ctx, store_tx *tx) {
  refresh *r = ctx;
  const char *hash;
  BASE_TRY(users_session_rotate(tx, r->refresh_token, svc_now_us(r->call), &r->grant.session, r->user_id, &r->how));
  if (r->how != USERS_ROTATED) return BASE_OK;
  base_err e = users_find(r->call, tx, r->user_id, &r->grant.user);
  if (base_is(e, BASE_E_NOT_FOUND) || (base_is_ok(e) && r->grant.user.delete_us)) {
    r->how = USERS_SESSION_UNKNOWN;
    return users_session_end(tx, r->refresh_token);
  }
  BASE_TRY(e);
  BASE_TRY(users_password_get(r->call, tx, r->user_id, &hash, &r->grant.one_time));
  return sign_access(r->call, tx, &r->grant);
}

base_err users_refresh_session(svc_call *c, const Ponte__Users__V1__RefreshSessionRequest *request,
                               Ponte__Users__V1__Session *response) {
  users_identity *id = svc_state(c);
  refresh r = {.call = c, .refresh_token = request->refresh_token};
  BASE_TRY(store_write(id->store, write_refresh, &r));
  if (r.how == USERS_ROTATED) return answer(c, &r.grant, response);
  if (r.how == USERS_TOKEN_REUSED) {
    BASE_LOG(BASE_LOG_WARN, "security: a refresh token was used twice; its session is ended",
             LOG_STR("user", r.user_id), LOG_STR("caller", svc_caller_address(c)));
  }
  return svc_fail(c, RPC_REASON_SESSION_ENDED, NULL, "this session has ended: sign in again");
}

static base_err end_session(void *ctx, store_tx *tx) { return users_session_end(tx, ctx); }

base_err users_sign_out(svc_call *c, const Ponte__Users__V1__SignOutRequest *request,
                        Google__Protobuf__Empty *response) {
  (void)response;
  users_identity *id = svc_state(c);
  return store_write(id->store, end_session, request->refresh_token);
}

/* -- a new password ---------------------------------------------------------------------------------------------------- */

typedef struct {
  attempt attempt;
  const Ponte__Users__V1__SetPasswordRequest *request;
  bool prove; /* the old one is wanted */
  const char *hash;
} new_password;

static base_err find_owner(new_password *n, store_tx *tx) {
  svc_call *c = n->attempt.call;
  base_err e = users_find(c, tx, n->request->user_id, &n->attempt.grant.user);
  if (base_is_ok(e) && n->attempt.grant.user.delete_us) e = base_fail(BASE_E_NOT_FOUND);
  return base_is_ok(e) ? BASE_OK : users_store_error(c, "", e);
}

static base_err begin_set(void *ctx, store_tx *tx) {
  new_password *n = ctx;
  attempt *a = &n->attempt;
  BASE_TRY(find_owner(n, tx));
  BASE_TRY(users_password_get(a->call, tx, a->grant.user.user_id, &a->hash, &a->grant.one_time));
  if (!n->prove) return BASE_OK;
  base_buf_clear(&a->folded);
  BASE_TRY(users_fold(base_span_str(a->grant.user.email), &a->folded));
  return count_attempt(a, tx);
}

static base_err old_is_wrong(svc_call *c) {
  return svc_fail(c, RPC_REASON_INVALID_FIELD, "old_password", "old_password is not the password");
}

/* The password may have been changed while the old one was hashed: whoever lost it meanwhile must not win it back. */
static base_err confirm_old(const new_password *n, store_tx *tx) {
  const char *hash;
  bool one_time;
  BASE_TRY(users_password_get(n->attempt.call, tx, n->request->user_id, &hash, &one_time));
  return hash && strcmp(hash, n->attempt.hash) == 0 ? BASE_OK : old_is_wrong(n->attempt.call);
}

static base_err finish_set(void *ctx, store_tx *tx) {
  new_password *n = ctx;
  BASE_TRY(find_owner(n, tx));
  if (n->prove) {
    BASE_TRY(confirm_old(n, tx));
    BASE_TRY(forgive(&n->attempt, tx));
  }
  BASE_TRY(users_password_put(tx, n->request->user_id, n->hash, false, svc_now_us(n->attempt.call)));
  return users_sessions_end(tx, n->request->user_id);
}

static base_err prove_old(new_password *n) {
  svc_call *c = n->attempt.call;
  users_identity *id = svc_state(c);
  bool stale;
  if (n->attempt.wait_us > 0) return too_early(c, n->attempt.wait_us);
  base_err e = users_password_check(id->hasher, n->attempt.hash, n->request->old_password, &stale);
  if (base_is(e, BASE_E_DENIED)) return old_is_wrong(c);
  BASE_TRY(hasher_error(c, e));
  if (strcmp(n->request->old_password, n->request->new_password) != 0) return BASE_OK;
  return svc_fail(c, RPC_REASON_INVALID_FIELD, "new_password", "new_password must differ from the old one");
}

static base_err set_password(new_password *n) {
  svc_call *c = n->attempt.call;
  users_identity *id = svc_state(c);
  BASE_TRY(store_write(id->store, begin_set, n));
  if (n->prove) BASE_TRY(prove_old(n));
  BASE_TRY(users_take_password(c, "new_password", n->request->new_password, &n->hash));
  return store_write(id->store, finish_set, n);
}

/* Administrators know the passwords of others no better than anybody, and prove their own as everybody does: a stolen access token must not become an account. */
base_err users_set_password(svc_call *c, const Ponte__Users__V1__SetPasswordRequest *request,
                            Google__Protobuf__Empty *response) {
  (void)response;
  new_password n = {.request = request};
  n.prove = !svc_caller_has_role(c, "admin") || strcmp(svc_caller(c), request->user_id) == 0;
  base_err e = attempt_init(&n.attempt, c, "");
  if (base_is_ok(e)) e = set_password(&n);
  base_buf_dispose(&n.attempt.folded);
  return e;
}
