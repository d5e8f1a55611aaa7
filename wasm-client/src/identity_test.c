#include "wc/identity.h"

#include "base/test.h"
#include "wc/fake/fake_users.h"
#include "wc/reason.h"

enum { TABS = 3, LIFETIME_S = FAKE_USERS_LIFETIME_S };

/* -- pages of one browser */

typedef struct bench bench;

typedef struct {
  bench *bench;
  wc_session *session;
  wc_identity *identity;
  int changes;
  int why;
  char reason[32];
  char states[256]; /* that were told */
  bool deaf;        /* is told nothing of the others' records */
} tab;

struct bench {
  fake_users users;
  tab tabs[TABS];
};

static const char *const state_names[] = {
#define X(name) #name,
    WC_IDENTITY_STATES(X)
#undef X
};

static void on_change(void *ctx, wc_identity *id, const wire_status *why) {
  tab *t = ctx;
  CHECK(id == t->identity);
  t->changes++;
  t->why = why->code;
  snprintf(t->reason, sizeof t->reason, "%.*s", BASE_SPAN_ARG(wc_reason(why)));
  size_t n = strlen(t->states);
  snprintf(t->states + n, sizeof t->states - n, "%s%s", n ? " " : "", state_names[wc_identity_state(id)]);
}

static void on_record(void *ctx) {
  tab *from = ctx;
  for (int i = 0; i < TABS; i++) {
    tab *t = &from->bench->tabs[i];
    if (t != from && t->identity && !t->deaf) wc_identity_reread(t->identity);
  }
}

static void on_session_state(void *ctx, enum wc_session_state state, int code) {
  tab *t = ctx;
  if (state == WC_SESSION_STOPPED && code == 4004) wc_identity_closed(t->identity);
}

static void run(bench *b, int64_t ms) { fake_run(&b->users.unary.gw.plat, ms); }
static wc_plat *plat(bench *b) { return &b->users.unary.gw.plat.base; }

static tab *open_tab(bench *b, int i) {
  tab *t = &b->tabs[i];
  *t = (tab){.bench = b};
  const wc_session_options options = {.url = "ws://test/ponte.v1", .on_state = on_session_state, .ctx = t};
  const wc_identity_events events = {on_change, on_record, t};
  CHECK_OK(wc_session_new(plat(b), &options, &t->session));
  CHECK_OK(wc_identity_new(plat(b), t->session, &events, &t->identity));
  return t;
}

static void close_tab(tab *t) {
  wc_identity_free(t->identity);
  wc_session_free(t->session);
  *t = (tab){.bench = t->bench};
}

static void bench_open(bench *b) {
  memset(b, 0, sizeof *b);
  fake_users_init(&b->users, 3, "correct horse");
}

static void bench_close(bench *b) {
  for (int i = 0; i < TABS; i++) {
    if (b->tabs[i].identity) close_tab(&b->tabs[i]);
  }
  fake_users_dispose(&b->users);
  CHECK_INT(b->users.reuses, 0);
}

static const char *state(const tab *t) { return state_names[wc_identity_state(t->identity)]; }

static tab *signed_in(bench *b) {
  tab *t = open_tab(b, 0);
  run(b, 10);
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  b->users.log[0] = t->states[0] = 0;
  return t;
}

static base_span record(bench *b) { return fake_record_of(&b->users.unary.gw.plat, "identity"); }

/* -- tests */

static void test_sign_in_and_out(void) {
  bench b;
  bench_open(&b);
  tab *t = open_tab(&b, 0);
  CHECK_STR(state(t), "STARTING");
  CHECK_ERR(wc_identity_sign_in(t->identity, "a", "b"), BASE_E_PRECONDITION);
  run(&b, 10);
  CHECK_STR(t->states, "SIGNED_OUT");
  CHECK_ERR(wc_identity_set_password(t->identity, "a", "b"), BASE_E_PRECONDITION);
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "wrong"));
  CHECK_ERR(wc_identity_sign_in(t->identity, "a", "b"), BASE_E_PRECONDITION);
  run(&b, 1000);
  CHECK_STR(t->states, "SIGNED_OUT SIGNING_IN SIGNED_OUT");
  CHECK_INT(t->why, 16);
  CHECK_STR(t->reason, "SIGN_IN_FAILED");
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK_INT(t->why, 0);
  CHECK(wc_identity_is_good(t->identity));
  CHECK_STR(wc_identity_held(t->identity)->session->user->display_name, "Ana");
  CHECK(wc_held_has_role(wc_identity_held(t->identity), "student"));
  CHECK(record(&b).n > 0);
  wc_identity_sign_out(t->identity);
  CHECK_STR(state(t), "SIGNED_OUT");
  CHECK(!wc_identity_held(t->identity)->session);
  run(&b, 1000);
  CHECK_INT(record(&b).n, 0);
  CHECK_INT(b.users.sign_outs, 1);
  CHECK_INT(b.users.generation[0], -1);
  bench_close(&b);
}

static void test_sign_up(void) {
  bench b;
  bench_open(&b);
  tab *t = open_tab(&b, 0);
  run(&b, 10);
  b.users.fail_code = 6;
  b.users.fail_reason = "EMAIL_TAKEN";
  CHECK_OK(wc_identity_sign_up(t->identity, "Ana", "ana@example.org", "another one"));
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_OUT");
  CHECK_STR(t->reason, "EMAIL_TAKEN");
  CHECK_OK(wc_identity_sign_up(t->identity, "Ana", "ana@example.org", "another one"));
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  bench_close(&b);
}

static void test_the_next_page_is_signed_in(void) {
  bench b;
  bench_open(&b);
  close_tab(signed_in(&b));
  run(&b, 60000);
  tab *t = open_tab(&b, 0);
  run(&b, 10);
  CHECK_STR(t->states, "SIGNED_IN");
  CHECK_STR(b.users.log, ""); /* the token is good still */
  close_tab(t);
  run(&b, LIFETIME_S * 1000);
  t = open_tab(&b, 0);
  run(&b, 1000);
  CHECK_STR(t->states, "REFRESHING SIGNED_IN");
  CHECK_STR(b.users.log, "RefreshSession");
  bench_close(&b);
}

static void ignore(void *ctx, base_err e) {
  (void)ctx;
  CHECK_OK(e);
}

static void test_a_record_that_cannot_be_read_is_none(void) {
  bench b;
  bench_open(&b);
  fake_record_put(plat(&b), "identity", base_span_str("\x01what is this?"), ignore, NULL);
  tab *t = open_tab(&b, 0);
  run(&b, 10);
  CHECK_STR(t->states, "SIGNED_OUT");
  bench_close(&b);
}

static void test_refreshed_ahead_of_its_end(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  run(&b, (LIFETIME_S - 70) * 1000);
  CHECK_INT(b.users.refreshes, 0);
  run(&b, 20000);
  CHECK_INT(b.users.refreshes, 1);
  run(&b, (int64_t)LIFETIME_S * 1000 * 10);
  CHECK_INT(b.users.refreshes, 11);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK(!strstr(t->states, "REFRESHING"));
  bench_close(&b);
}

static void test_two_pages_never_use_one_token(void) {
  for (int deaf = 0; deaf < 2; deaf++) {
    bench b;
    bench_open(&b);
    signed_in(&b);
    for (int i = 1; i < TABS; i++)
      open_tab(&b, i);
    run(&b, 10);
    for (int i = 0; i < TABS; i++)
      b.tabs[i].deaf = deaf;
    for (int round = 0; round < 40; round++)
      run(&b, (int64_t)LIFETIME_S * 250 + round);
    for (int i = 0; i < TABS; i++)
      CHECK_STR(state(&b.tabs[i]), "SIGNED_IN");
    CHECK(b.users.refreshes >= 10);
    CHECK_MSG(b.users.refreshes <= 13, "%d refreshes",
              b.users.refreshes); /* who came second took the first one's token */
    bench_close(&b);
  }
}

static void test_pages_follow_each_other(void) {
  bench b;
  bench_open(&b);
  tab *t = open_tab(&b, 0), *other = open_tab(&b, 1);
  run(&b, 10);
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(&b, 1000);
  CHECK_STR(state(other), "SIGNED_IN");
  wc_identity_sign_out(other->identity);
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_OUT");
  CHECK_INT(record(&b).n, 0);
  bench_close(&b);
}

static void test_offline(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  b.users.unary.gw.plat.refuse = true;
  fake_close(b.users.unary.gw.socket, WC_CLOSE_LOST);
  run(&b, (LIFETIME_S - 30) * 1000);
  CHECK_STR(state(t), "SIGNED_IN"); /* what it has is good still */
  run(&b, 3600000);
  CHECK_STR(state(t), "REFRESHING");
  CHECK_STR(wc_identity_held(t->identity)->session->user->display_name, "Ana");
  b.users.unary.gw.plat.refuse = false;
  wc_session_retry_now(t->session);
  wc_identity_retry_now(t->identity);
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK_INT(b.users.refreshes, 1);
  bench_close(&b);
}

/* The service has rotated the token and nobody has the new one: only a sign-in helps. */
static void test_a_lost_answer_to_a_refresh(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  b.users.lose = 1;
  run(&b, LIFETIME_S * 1000);
  CHECK_STR(state(t), "ENDED");
  CHECK_INT(t->why, 16);
  CHECK_STR(t->reason, "SESSION_ENDED");
  CHECK_INT(record(&b).n, 0);
  CHECK_INT(b.users.generation[0], -1);
  b.users.reuses = 0; /* this is what it was for */
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  bench_close(&b);
}

static void test_what_a_refresh_is_told(void) {
  static const struct {
    int code;
    const char *reason, *state;
  } rows[] = {{14, "PEER_UNAVAILABLE", "SIGNED_IN"},
              {8, "TOO_MANY_CALLS", "SIGNED_IN"},
              {4, "DEADLINE", "SIGNED_IN"},
              {13, "INTERNAL", "SIGNED_IN"},
              {16, "SESSION_ENDED", "ENDED"},
              {3, "INVALID_FIELD", "ENDED"},
              {7, "NOT_ALLOWED", "ENDED"},
              {12, "", "ENDED"},
              {5, "NOT_FOUND", "ENDED"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b;
    bench_open(&b);
    tab *t = signed_in(&b);
    b.users.fail_code = rows[i].code;
    b.users.fail_reason = rows[i].reason;
    run(&b, LIFETIME_S * 1000);
    CHECK_MSG(strcmp(state(t), rows[i].state) == 0, "%d: %s", rows[i].code, state(t));
    CHECK_MSG((record(&b).n > 0) == (strcmp(rows[i].state, "SIGNED_IN") == 0), "%d", rows[i].code);
    bench_close(&b);
  }
}

static void test_a_record_that_cannot_be_written(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  b.users.unary.gw.plat.lost_puts = 1;
  run(&b, LIFETIME_S * 1000);
  CHECK_STR(state(t), "SIGNED_IN"); /* in this page, while it lives */
  CHECK_INT(record(&b).n, 0);       /* the spent token tempts nobody */
  run(&b, LIFETIME_S * 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK(record(&b).n > 0);
  bench_close(&b);
}

static void test_a_platform_that_keeps_nothing(void) {
  bench b;
  bench_open(&b);
  b.users.unary.gw.plat.no_records = true;
  tab *t = signed_in(&b);
  run(&b, (int64_t)LIFETIME_S * 3000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK_INT(b.users.refreshes, 3);
  wc_identity_sign_out(t->identity);
  run(&b, 1000);
  CHECK_INT(b.users.sign_outs, 1);
  bench_close(&b);
}

static void test_one_time_password(void) {
  bench b;
  bench_open(&b);
  b.users.one_time = true;
  tab *t = open_tab(&b, 0);
  run(&b, 10);
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(&b, 1000);
  CHECK_STR(state(t), "MUST_CHANGE");
  CHECK(!wc_identity_is_good(t->identity));
  CHECK_OK(wc_identity_set_password(t->identity, "wrong", "battery staple"));
  run(&b, 1000);
  CHECK_STR(state(t), "MUST_CHANGE");
  CHECK_STR(t->reason, "SIGN_IN_FAILED");
  CHECK_OK(wc_identity_set_password(t->identity, "correct horse", "battery staple"));
  CHECK_ERR(wc_identity_set_password(t->identity, "a", "b"), BASE_E_PRECONDITION);
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK(strstr(b.users.log, "SetPassword SignIn"));
  CHECK_STR(b.users.password, "battery staple");
  bench_close(&b);
}

static void test_a_new_password_for_a_session_that_is_gone(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  t->deaf = true;
  tab *other = open_tab(&b, 1);
  run(&b, 10);
  wc_identity_sign_out(other->identity);
  run(&b, 1000);
  wc_identity_reread(t->identity);
  CHECK_OK(wc_identity_set_password(t->identity, "correct horse", "battery staple"));
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_OUT");
  CHECK(!strstr(b.users.log, "SetPassword"));
  CHECK(!b.tabs[0].why);
  bench_close(&b);
}

/* A session that comes from the record, or by a refresh, while the password has not been set is not what was waited for. */
static void test_a_new_password_while_the_session_changes(void) {
  for (int refreshing = 0; refreshing < 2; refreshing++) {
    bench b;
    bench_open(&b);
    tab *t = signed_in(&b);
    t->deaf = true;
    tab *other = open_tab(&b, 1);
    run(&b, 20000);
    wc_identity_refused(other->identity);
    run(&b, 1000);
    CHECK_INT(b.users.refreshes, 1);
    if (refreshing)
      wc_identity_refused(t->identity);
    else
      wc_identity_reread(t->identity);
    CHECK_OK(wc_identity_set_password(t->identity, "correct horse", "battery staple"));
    for (int ms = 0; ms < 1000 && strcmp(state(t), "CHANGING") == 0; ms++)
      run(&b, 1);
    CHECK_STR(state(t), "SIGNED_IN");
    CHECK_MSG(strstr(b.users.log, "SetPassword SignIn"), "only %s", b.users.log);
    bench_close(&b);
  }
}

static void test_a_new_password_whose_sign_in_fails(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  CHECK_OK(wc_identity_set_password(t->identity, "correct horse", "battery staple"));
  run(&b, 2); /* SetPassword has arrived */
  b.users.fail_code = 8;
  b.users.fail_reason = "TOO_MANY_ATTEMPTS";
  run(&b, 1000);
  CHECK_STR(state(t), "ENDED");
  CHECK_STR(t->reason, "TOO_MANY_ATTEMPTS");
  CHECK_INT(record(&b).n, 0);
  bench_close(&b);
}

static void test_the_gateway_refuses_the_token(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  fake_close(b.users.unary.gw.socket, 4004); /* one that had just been given */
  run(&b, 1000);
  CHECK_STR(state(t), "ENDED");
  CHECK_INT(record(&b).n, 0);
  CHECK_INT(b.users.sign_outs, 1); /* the session of calls goes on without a token */
  CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
  run(&b, 60000);
  CHECK_STR(state(t), "SIGNED_IN");
  fake_close(b.users.unary.gw.socket, 4004); /* an old one: perhaps it has expired while the machine slept */
  run(&b, 1000);
  CHECK_STR(state(t), "SIGNED_IN");
  CHECK_INT(b.users.refreshes, 1);
  wc_identity_refused(t->identity); /* just given */
  run(&b, 20000);
  CHECK_INT(b.users.refreshes, 1);
  wc_identity_refused(t->identity);
  run(&b, 1000);
  CHECK_INT(b.users.refreshes, 2);
  run(&b, 20000);
  for (int i = 0; i < 5; i++) { /* wanted again and again while it is under way */
    wc_identity_refused(t->identity);
    run(&b, 1);
  }
  run(&b, 1000);
  CHECK_INT(b.users.refreshes, 3);
  bench_close(&b);
}

static void test_sign_out_offline_is_told_later(void) {
  bench b;
  bench_open(&b);
  tab *t = signed_in(&b);
  b.users.unary.gw.plat.refuse = true;
  fake_close(b.users.unary.gw.socket, WC_CLOSE_LOST);
  wc_identity_sign_out(t->identity);
  run(&b, 60000);
  CHECK_STR(state(t), "SIGNED_OUT");
  CHECK_INT(record(&b).n, 0);
  CHECK_INT(b.users.sign_outs, 0);
  b.users.unary.gw.plat.refuse = false;
  run(&b, 60000);
  CHECK_INT(b.users.sign_outs, 1);
  bench_close(&b);
}

/* Signed out at each moment of a sign-in and of a refresh: it stays signed out, and no session is left of what was known. */
static void test_sign_out_at_any_moment(void) {
  for (int refreshing = 0; refreshing < 2; refreshing++) {
    for (int ms = 0; ms < 8; ms++) {
      bench b;
      bench_open(&b);
      tab *t;
      if (refreshing) {
        t = signed_in(&b);
        run(&b, 20000);
        wc_identity_refused(t->identity);
      } else {
        t = open_tab(&b, 0);
        run(&b, 10);
        CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
      }
      run(&b, ms);
      wc_identity_sign_out(t->identity);
      run(&b, 60000);
      CHECK_STR(state(t), "SIGNED_OUT");
      CHECK_INT(record(&b).n, 0);
      if (refreshing) CHECK_MSG(b.users.generation[0] == -1, "after %d ms", ms);
      CHECK_OK(wc_identity_sign_in(t->identity, "ana@example.org", "correct horse"));
      run(&b, 1000);
      CHECK_STR(state(t), "SIGNED_IN");
      bench_close(&b);
    }
  }
}

/* The page is closed at each moment of a refresh; the next one is signed in, or told honestly that it is not. */
static void test_closed_at_any_moment(void) {
  int kept = 0;
  for (int ms = 0; ms < 10; ms++) {
    bench b;
    bench_open(&b);
    tab *t = signed_in(&b);
    run(&b, LIFETIME_S * 1000 - 60000 - 1000 + ms);
    close_tab(t);
    run(&b, 2000);
    t = open_tab(&b, 0);
    run(&b, LIFETIME_S * 1000);
    CHECK_MSG(strcmp(state(t), "SIGNED_IN") == 0 || strcmp(state(t), "ENDED") == 0, "%s", state(t));
    kept += strcmp(state(t), "SIGNED_IN") == 0;
    b.users.reuses = 0;
    bench_close(&b);
  }
  CHECK(kept > 0);
}

TEST_MAIN(TEST(test_sign_in_and_out), TEST(test_sign_up), TEST(test_the_next_page_is_signed_in),
          TEST(test_a_record_that_cannot_be_read_is_none), TEST(test_refreshed_ahead_of_its_end),
          TEST(test_two_pages_never_use_one_token), TEST(test_pages_follow_each_other), TEST(test_offline),
          TEST(test_a_lost_answer_to_a_refresh), TEST(test_what_a_refresh_is_told),
          TEST(test_a_record_that_cannot_be_written), TEST(test_a_platform_that_keeps_nothing),
          TEST(test_one_time_password), TEST(test_a_new_password_for_a_session_that_is_gone),
          TEST(test_a_new_password_while_the_session_changes), TEST(test_a_new_password_whose_sign_in_fails),
          TEST(test_the_gateway_refuses_the_token), TEST(test_sign_out_offline_is_told_later),
          TEST(test_sign_out_at_any_moment), TEST(test_closed_at_any_moment))
