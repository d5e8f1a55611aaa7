/* Sessions, attempts and signing keys in a store of their own. */
#include "users/session.h"

#include <stdlib.h>

#include "base/test.h"
#include "store/testing.h"
#include "users/keys.h"
#include "users/store.h"
#include "users/throttle.h"

#define NOW INT64_C(1700000000000000)
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (1440 * MINUTE)

static testing_place place;
static store *db;

static void set_up(void) {
  testing_place_init(&place);
  db = testing_store_open(&place, "users", users_migrations, USERS_MIGRATION_COUNT);
  if (!db) exit(2);
}

/* One function of the tables below in a transaction of its own. */
typedef struct {
  const char *user_id, *token;
  int64_t now_us;
  enum users_attempt kind;
  const char *whose, *caller;
  users_session session;
  enum users_rotation how;
  char owner[37], key_id[TOKEN_KEY_ID_SIZE];
  int64_t wait_us;
  base_buf *out;
} step;

static base_err start(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_session_start(tx, s->user_id, s->now_us, &s->session);
}
static base_err rotate(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_session_rotate(tx, s->token, s->now_us, &s->session, s->owner, &s->how);
}
static base_err end(void *ctx, store_tx *tx) { return users_session_end(tx, ((step *)ctx)->token); }
static base_err end_all(void *ctx, store_tx *tx) { return users_sessions_end(tx, ((step *)ctx)->user_id); }
static base_err purge(void *ctx, store_tx *tx) {
  BASE_TRY(users_throttle_purge(tx, ((step *)ctx)->now_us));
  return users_sessions_purge(tx, ((step *)ctx)->now_us);
}
static base_err begin(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_throttle_begin(tx, s->kind, base_span_str(s->whose), s->now_us, &s->wait_us);
}
static base_err begin_sign_in(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_throttle_begin_sign_in(tx, base_span_str(s->whose), base_span_str(s->caller), s->now_us, &s->wait_us);
}
static base_err forgive(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_throttle_forgive(tx, s->kind, base_span_str(s->whose));
}
static base_err keep_keys(void *ctx, store_tx *tx) { return users_keys_upkeep(tx, ((step *)ctx)->now_us); }
static base_err new_key(void *ctx, store_tx *tx) {
  step *s = ctx;
  return users_keys_rotate(tx, s->now_us, s->key_id);
}
static base_err publish(void *ctx, store_tx *tx) { return users_keys_publish(tx, ((step *)ctx)->out); }
static base_err sign(void *ctx, store_tx *tx) {
  step *s = ctx;
  const token_claims claims = {.issuer = USERS_AUDIENCE,
                               .audience = USERS_AUDIENCE,
                               .subject = "alice",
                               .roles = "student",
                               .token_id = "t",
                               .issued_ms = s->now_us / 1000,
                               .expires_ms = (s->now_us + USERS_ACCESS_US) / 1000};
  return users_keys_sign(tx, &claims, s->out);
}

/* -- sessions ------------------------------------------------------------------------------------------------------------ */

static users_session begin_session(const char *user_id) {
  step s = {.user_id = user_id, .now_us = NOW};
  CHECK_OK(store_write(db, start, &s));
  return s.session;
}

static step rotate_at(const char *token, int64_t now_us) {
  step s = {.token = token, .now_us = now_us};
  CHECK_OK(store_write(db, rotate, &s));
  return s;
}

static void a_token_is_good_once(void) {
  users_session first = begin_session("alice");
  CHECK_INT(strlen(first.refresh_token), USERS_REFRESH_SIZE - 1);
  CHECK_INT(first.expire_us, NOW + 30 * DAY);
  step second = rotate_at(first.refresh_token, NOW + DAY);
  CHECK_INT(second.how, USERS_ROTATED);
  CHECK_STR(second.owner, "alice");
  CHECK_INT(second.session.expire_us, NOW + 31 * DAY);
  CHECK(strcmp(first.refresh_token, second.session.refresh_token) != 0);
  step third = rotate_at(second.session.refresh_token, NOW + DAY);
  CHECK_INT(third.how, USERS_ROTATED);
  /* The thief, or the owner after the thief: the session is over for both. */
  step again = rotate_at(first.refresh_token, NOW + DAY);
  CHECK_INT(again.how, USERS_TOKEN_REUSED);
  CHECK_STR(again.owner, "alice");
  CHECK_INT(rotate_at(third.session.refresh_token, NOW + DAY).how, USERS_SESSION_UNKNOWN);
  CHECK_INT(rotate_at(first.refresh_token, NOW + DAY).how, USERS_SESSION_UNKNOWN);
}

static void strangers_end_nothing(void) {
  users_session mine = begin_session("alice"), other = begin_session("bob");
  char token[USERS_REFRESH_SIZE];
  static const char *const rows[] = {"", "x", "AAAA.AAAA",
                                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(rotate_at(rows[i], NOW).how == USERS_SESSION_UNKNOWN, "row %zu", i);
    CHECK_OK(store_write(db, end, &(step){.token = rows[i]}));
  }
  memcpy(token, mine.refresh_token, sizeof token);
  token[0] = token[0] == 'A' ? 'B' : 'A'; /* another name: nobody's session */
  CHECK_INT(rotate_at(token, NOW).how, USERS_SESSION_UNKNOWN);
  snprintf(token, sizeof token, "%.67s", mine.refresh_token); /* cut */
  CHECK_INT(rotate_at(token, NOW).how, USERS_SESSION_UNKNOWN);
  CHECK_INT(rotate_at(mine.refresh_token, NOW).how, USERS_ROTATED);
  /* The name of one and the secret of the other. */
  memcpy(token, other.refresh_token, 24);
  memcpy(token + 24, mine.refresh_token + 24, sizeof token - 24);
  CHECK_INT(rotate_at(token, NOW).how, USERS_TOKEN_REUSED);
  CHECK_INT(rotate_at(other.refresh_token, NOW).how, USERS_SESSION_UNKNOWN);
}

static void sessions_expire(void) {
  users_session s = begin_session("alice");
  CHECK_INT(rotate_at(s.refresh_token, NOW + 30 * DAY).how, USERS_SESSION_UNKNOWN);
  /* Used every 29 days it lives 90, not longer. */
  char token[USERS_REFRESH_SIZE];
  memcpy(token, s.refresh_token, sizeof token);
  for (int day = 29; day <= 87; day += 29) {
    step r = rotate_at(token, NOW + day * DAY);
    CHECK_INT(r.how, USERS_ROTATED);
    CHECK(r.session.expire_us <= NOW + 90 * DAY);
    memcpy(token, r.session.refresh_token, sizeof token);
  }
  CHECK_OK(store_write(db, purge, &(step){.now_us = NOW + 90 * DAY - 1}));
  CHECK_INT(rotate_at(token, NOW + 90 * DAY).how, USERS_SESSION_UNKNOWN);
  CHECK_INT(rotate_at(token, NOW + 90 * DAY - 1).how, USERS_ROTATED);
  CHECK_OK(store_write(db, purge, &(step){.now_us = NOW + 90 * DAY}));
  CHECK_INT(rotate_at(token, NOW).how, USERS_SESSION_UNKNOWN);
}

static void sessions_are_ended(void) {
  users_session one = begin_session("alice"), two = begin_session("alice"), bob = begin_session("bob");
  CHECK_OK(store_write(db, end, &(step){.token = one.refresh_token}));
  CHECK_INT(rotate_at(one.refresh_token, NOW).how, USERS_SESSION_UNKNOWN);
  CHECK_OK(store_write(db, end_all, &(step){.user_id = "alice"}));
  CHECK_INT(rotate_at(two.refresh_token, NOW).how, USERS_SESSION_UNKNOWN);
  CHECK_INT(rotate_at(bob.refresh_token, NOW).how, USERS_ROTATED);
}

/* -- attempts -------------------------------------------------------------------------------------------------------------- */

static int64_t attempt_at(enum users_attempt kind, const char *whose, int64_t now_us) {
  step s = {.kind = kind, .whose = whose, .now_us = now_us, .wait_us = -1};
  CHECK_OK(store_write(db, begin, &s));
  return s.wait_us;
}

static void waits_double_up_to_a_quarter_of_an_hour(void) {
  static const struct {
    enum users_attempt kind;
    int64_t failures, wait_s;
  } rows[] = {
      {USERS_ATTEMPT_EMAIL, 0, 0},     {USERS_ATTEMPT_EMAIL, 4, 0},           {USERS_ATTEMPT_EMAIL, 5, 1},
      {USERS_ATTEMPT_EMAIL, 6, 2},     {USERS_ATTEMPT_EMAIL, 14, 512},        {USERS_ATTEMPT_EMAIL, 15, 900},
      {USERS_ATTEMPT_EMAIL, 100, 900}, {USERS_ATTEMPT_EMAIL, INT64_MAX, 900}, {USERS_ATTEMPT_CALLER, 99, 0},
      {USERS_ATTEMPT_CALLER, 100, 1},  {USERS_ATTEMPT_CALLER, 110, 900},      {USERS_ATTEMPT_SIGN_UP, 99, 0},
      {USERS_ATTEMPT_SIGN_UP, 101, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t got = users_throttle_wait_us(rows[i].kind, rows[i].failures);
    CHECK_MSG(got == rows[i].wait_s * SECOND, "row %zu: %lld", i, (long long)got);
  }
}

static void attempts_are_counted(void) {
  for (int i = 0; i < 5; i++)
    CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", NOW), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", NOW), SECOND);
  /* What comes too early is not counted: the wait is the same. */
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", NOW + SECOND / 2), SECOND / 2);
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", NOW + SECOND), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", NOW + SECOND), 2 * SECOND);
  /* Others, and other kinds, are not concerned. */
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "b@x", NOW + SECOND), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "a@x", NOW + SECOND), 0);
  int64_t now_us = NOW, longest = 0;
  for (int i = 0; i < 40; i++) {
    int64_t wait_us = attempt_at(USERS_ATTEMPT_EMAIL, "a@x", now_us);
    longest = wait_us > longest ? wait_us : longest;
    now_us += wait_us;
  }
  CHECK_INT(longest, 15 * MINUTE);
  CHECK_OK(store_write(db, forgive, &(step){.kind = USERS_ATTEMPT_EMAIL, .whose = "a@x"}));
  for (int i = 0; i < 5; i++)
    CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", now_us), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", now_us), SECOND);
  /* A day later it is forgotten. */
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", now_us + DAY), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_EMAIL, "a@x", now_us + DAY), 0);
}

/* An attacker with an account of his own gains nothing by signing in to it between two attempts. */
static void a_success_takes_back_its_own_attempt_only(void) {
  for (int i = 0; i < 99; i++)
    CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.1", NOW), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.1", NOW), 0);
  CHECK_OK(store_write(db, forgive, &(step){.kind = USERS_ATTEMPT_CALLER, .whose = "192.0.2.1"}));
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.1", NOW), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.1", NOW), SECOND);
  CHECK_OK(store_write(db, purge, &(step){.now_us = NOW + 2 * DAY}));
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.1", NOW), 0);
}

static int64_t sign_in_at(const char *email, const char *caller, int64_t now_us) {
  step s = {.whose = email, .caller = caller, .now_us = now_us};
  CHECK_OK(store_write(db, begin_sign_in, &s));
  return s.wait_us;
}

/* Otherwise a caller who has to wait could still make others wait, and an address under attack its honest callers. */
static void a_sign_in_is_counted_for_both_or_none(void) {
  for (int i = 0; i < 100; i++)
    CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.2", NOW), 0);
  for (int i = 0; i < 20; i++)
    CHECK_INT(sign_in_at("victim@x", "192.0.2.2", NOW), SECOND);
  for (int i = 0; i < 5; i++)
    CHECK_INT(sign_in_at("victim@x", "192.0.2.3", NOW), 0);
  for (int i = 0; i < 200; i++)
    CHECK_INT(sign_in_at("victim@x", "192.0.2.3", NOW), SECOND);
  for (int i = 0; i < 95; i++)
    CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.3", NOW), 0);
  CHECK_INT(attempt_at(USERS_ATTEMPT_CALLER, "192.0.2.3", NOW), SECOND);
  /* Without a caller the address alone counts. */
  CHECK_INT(sign_in_at("victim@x", "", NOW), SECOND);
  CHECK_INT(sign_in_at("other@x", "", NOW), 0);
}

/* -- keys -------------------------------------------------------------------------------------------------------------------- */

static size_t published(token_verifier *v, char first[TOKEN_KEY_ID_SIZE]) {
  base_buf out;
  base_buf_init(&out, 65536);
  CHECK_OK(store_read(db, publish, &(step){.out = &out}));
  CHECK_OK(token_verifier_set_keys(v, base_buf_span(&out)));
  CHECK_OK(base_buf_u8(&out, '\0'));
  size_t count = 0;
  first[0] = '\0';
  for (const char *at = (const char *)base_buf_span(&out).p; (at = strstr(at, "\"kid\":\"")); count++) {
    at += 7;
    if (!count) snprintf(first, TOKEN_KEY_ID_SIZE, "%s", at);
  }
  CHECK(!strstr((const char *)base_buf_span(&out).p, "\"d\""));
  base_buf_dispose(&out);
  return count;
}

static base_err verify(token_verifier *v, const base_buf *token, int64_t now_us) {
  token_identity who;
  return token_verify(v, base_buf_span(token), now_us / 1000, &who, NULL);
}

static void sign_at(int64_t now_us, base_buf *out) {
  base_buf_init(out, 8192);
  CHECK_OK(store_read(db, sign, &(step){.now_us = now_us, .out = out}));
}

static void keys_rotate(void) {
  const token_verifier_options options = {.issuer = USERS_AUDIENCE, .audience = USERS_AUDIENCE};
  token_verifier *v = NULL;
  base_buf why, old, still, fresh;
  char id[TOKEN_KEY_ID_SIZE], first[TOKEN_KEY_ID_SIZE];
  base_buf_init(&why, 1024);
  CHECK_OK(token_verifier_new(&options, &why, &v));
  REQUIRE(v != NULL);
  CHECK_OK(store_write(db, keep_keys, &(step){.now_us = NOW}));
  CHECK_INT(published(v, first), 1);
  sign_at(NOW, &old);
  CHECK_OK(verify(v, &old, NOW));
  /* Published at once, signing two minutes later; asked again meanwhile it is the same. */
  step made = {.now_us = NOW + MINUTE};
  CHECK_OK(store_write(db, new_key, &made));
  CHECK(strcmp(made.key_id, first) != 0);
  step again = {.now_us = NOW + 2 * MINUTE};
  CHECK_OK(store_write(db, new_key, &again));
  CHECK_STR(again.key_id, made.key_id);
  sign_at(NOW + 3 * MINUTE - 1, &still);
  CHECK_INT(published(v, id), 2);
  CHECK_STR(id, made.key_id);
  sign_at(NOW + 3 * MINUTE, &fresh);
  CHECK_OK(verify(v, &old, NOW + 4 * MINUTE));
  CHECK_OK(verify(v, &still, NOW + 4 * MINUTE));
  CHECK_OK(verify(v, &fresh, NOW + 4 * MINUTE));
  /* The old one stays until its last token is over, and not longer. */
  CHECK_OK(store_write(db, keep_keys, &(step){.now_us = NOW + 18 * MINUTE}));
  CHECK_INT(published(v, id), 2);
  CHECK_OK(verify(v, &still, NOW + 18 * MINUTE - SECOND));
  CHECK_OK(store_write(db, keep_keys, &(step){.now_us = NOW + 23 * MINUTE}));
  CHECK_INT(published(v, id), 1);
  CHECK_ERR(verify(v, &old, NOW), BASE_E_UNAUTHENTICATED);
  CHECK_ERR(verify(v, &still, NOW + 4 * MINUTE), BASE_E_UNAUTHENTICATED);
  CHECK_OK(verify(v, &fresh, NOW + 4 * MINUTE));
  /* By itself after 30 days. */
  CHECK_OK(store_write(db, keep_keys, &(step){.now_us = NOW + 30 * DAY}));
  CHECK_INT(published(v, first), 1);
  CHECK_STR(first, made.key_id);
  CHECK_OK(store_write(db, keep_keys, &(step){.now_us = NOW + 30 * DAY + MINUTE}));
  CHECK_INT(published(v, first), 2);
  CHECK(strcmp(first, made.key_id) != 0);
  base_buf_dispose(&why);
  base_buf_dispose(&old);
  base_buf_dispose(&still);
  base_buf_dispose(&fresh);
  token_verifier_free(v);
}

static void tear_down(void) {
  store_close(db);
  testing_place_dispose(&place);
}

TEST_MAIN(TEST(set_up), TEST(a_token_is_good_once), TEST(strangers_end_nothing), TEST(sessions_expire),
          TEST(sessions_are_ended), TEST(waits_double_up_to_a_quarter_of_an_hour), TEST(attempts_are_counted),
          TEST(a_success_takes_back_its_own_attempt_only), TEST(a_sign_in_is_counted_for_both_or_none),
          TEST(keys_rotate), TEST(tear_down))
