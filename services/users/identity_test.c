/* Sign-up, sign-in and what follows, over real connections and with authentication on, on the store that the environment names. */
#include "users/identity.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "ponte/users/v1/users.ponte.h"
#include "svc_testing/world.h"
#include "users/accounts.h"
#include "users/service.h"

typedef Ponte__Users__V1__Session session_message;
#define PASSWORD "correct horse battery"

static char demo_file[64], demo_password[64], errors_file[64], one_time[64];
static svc_world *world;

/* -- calls ----------------------------------------------------------------------------------------------------------------- */

static const pb_method *method_of(const ProtobufCMessageDescriptor *request) {
  const pb_service *s = &ponte_users_v1_user_service;
  for (int i = 0; i < s->count; i++)
    if (s->methods[i].request == request) return &s->methods[i];
  return NULL;
}

static svc_reply ask_as(const char *token, const ProtobufCMessage *request) {
  return svc_world_ask(
      world, &(svc_question){
                 .service = "users", .method = method_of(request->descriptor), .request = request, .token = token});
}

/* ask(token, SIGN_IN_REQUEST, sign_in_request, .email = ...): one request. */
#define ask(token, TYPE, type, ...)                                                                                   \
  ask_as(token, &(Ponte__Users__V1__##type){.base = PROTOBUF_C_MESSAGE_INIT(&ponte__users__v1__##TYPE##__descriptor), \
                                            __VA_ARGS__}                                                              \
                     .base)

static char empty[] = "";

static svc_reply sign_up(const char *email, const char *password) {
  return ask(NULL, sign_up_request, SignUpRequest, .display_name = (char[]){"Somebody"}, .email = (char *)email,
             .password = (char *)password);
}

static svc_reply sign_in(const char *email, const char *password) {
  return ask(NULL, sign_in_request, SignInRequest, .email = (char *)email, .password = (char *)password);
}

static svc_reply refresh(const char *token) {
  return ask(NULL, refresh_session_request, RefreshSessionRequest, .refresh_token = (char *)token);
}

static svc_reply set_password(const char *token, const char *user_id, const char *old, const char *fresh) {
  return ask(token, set_password_request, SetPasswordRequest, .user_id = (char *)user_id, .old_password = (char *)old,
             .new_password = (char *)fresh);
}

static svc_reply list(const char *token) {
  return ask(token, list_users_request, ListUsersRequest, .page_token = empty, .query = empty);
}

static svc_reply get(const char *token, const char *user_id) {
  return ask(token, get_user_request, GetUserRequest, .user_id = (char *)user_id);
}

static bool is(svc_reply r, int code, const char *reason) {
  bool as_wanted = r.code == code && strcmp(r.reason, reason) == 0;
  if (!as_wanted) printf("got %d %s \"%s\" (%s)\n", r.code, r.reason, r.field, r.message);
  return as_wanted;
}

/* Of an OK answer; otherwise the test cannot go on. */
static const session_message *session_of(svc_reply r) {
  if (r.code != 0 || !r.response) {
    printf("no session: %d %s %s\n", r.code, r.reason, r.message);
    exit(1);
  }
  return (const session_message *)r.response;
}

/* On a busy machine it is told to come again, and does. */
static const session_message *join(const char *email) {
  svc_reply r = sign_up(email, PASSWORD);
  for (int i = 0; i < 100 && strcmp(r.reason, "TOO_MANY_CALLS") == 0; i++) {
    usleep((useconds_t)r.retry_after_ms * 1000);
    r = sign_up(email, PASSWORD);
  }
  return session_of(r);
}
static const char *admin_token(void) { return session_of(sign_in(USERS_DEMO_EMAIL, demo_password))->access_token; }

/* -- the world --------------------------------------------------------------------------------------------------------------- */

static void read_demo(void) {
  json_t *root = json_load_file(demo_file, 0, NULL);
  struct stat st;
  CHECK(stat(demo_file, &st) == 0 && (st.st_mode & 0777) == 0600);
  CHECK_STR(json_string_value(json_object_get(root, "email")), USERS_DEMO_EMAIL);
  snprintf(demo_password, sizeof demo_password, "%s", json_string_value(json_object_get(root, "password")));
  json_decref(root);
}

static const svc_definition *const services[] = {&users_definition, NULL};

static void set_up(void) {
  static char dir[] = "/tmp/ponte_identity_XXXXXX";
  REQUIRE(mkdtemp(dir) != NULL);
  snprintf(demo_file, sizeof demo_file, "%s/demo.json", dir);
  snprintf(errors_file, sizeof errors_file, "%s/errors", dir);
  static const char *settings[] = {"demo_account", demo_file, NULL};
  world =
      svc_world_new(&(svc_world_options){.services = services, .auth = true, .own_keys = true, .settings = settings});
  read_demo();
}

static void tear_down(void) {
  svc_world_free(world);
  unlink(demo_file);
  unlink(errors_file);
  *strrchr(demo_file, '/') = '\0';
  rmdir(demo_file);
}

/* -- who is let in -------------------------------------------------------------------------------------------------------------- */

static void a_new_user_has_a_session(void) {
  const session_message *s = join("Alice@Example.com");
  CHECK_INT(s->user->role, PONTE__USERS__V1__ROLE__ROLE_STUDENT);
  CHECK_STR(s->user->email, "Alice@Example.com");
  CHECK(s->expire_time && s->refresh_expire_time && s->refresh_expire_time->seconds > s->expire_time->seconds);
  CHECK(is(get(s->access_token, s->user->user_id), 0, ""));
  CHECK(is(list(s->access_token), 7, "NOT_ALLOWED"));
  CHECK(is(get(NULL, s->user->user_id), 16, "NO_IDENTITY"));
  CHECK(is(get("AAAA.AAAA.AAAA", s->user->user_id), 16, "NO_IDENTITY"));
  const session_message *again = session_of(sign_in("alice@EXAMPLE.com", PASSWORD));
  CHECK_STR(again->user->user_id, s->user->user_id);
  CHECK(strcmp(again->refresh_token, s->refresh_token) != 0);
  CHECK(is(list(admin_token()), 0, ""));
}

static void sign_up_refuses(void) {
  join("taken@example.com");
  static const struct {
    const char *email, *password;
    int code;
    const char *reason;
  } rows[] = {
      {"taken@example.com", PASSWORD, 6, "EMAIL_TAKEN"},
      {"TAKEN@example.com", PASSWORD, 6, "EMAIL_TAKEN"},
      {USERS_DEMO_EMAIL, PASSWORD, 6, "EMAIL_TAKEN"},
      {"new@example.com", "short", 3, "INVALID_FIELD"},
      {"new@example.com", "", 3, "INVALID_FIELD"},
      {"no address", PASSWORD, 3, "INVALID_FIELD"},
      {"", PASSWORD, 3, "INVALID_FIELD"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(is(sign_up(rows[i].email, rows[i].password), rows[i].code, rows[i].reason), "row %zu", i);
  CHECK(is(sign_in("new@example.com", "short"), 16, "SIGN_IN_FAILED"));
}

/* Whatever is wrong, it is told in the same words. */
static void failures_look_alike(void) {
  const session_message *gone = join("gone@example.com");
  join("here@example.com");
  CHECK(is(ask(gone->access_token, delete_user_request, DeleteUserRequest, .user_id = gone->user->user_id,
               .idempotency_key = empty),
           0, ""));
  CHECK(is(ask(admin_token(), create_user_request, CreateUserRequest, .display_name = (char[]){"N"},
               .email = (char[]){"none@example.com"}, .password = empty, .idempotency_key = empty),
           0, ""));
  static const char *const rows[][2] = {
      {"here@example.com", PASSWORD "x"}, {"unknown@example.com", PASSWORD}, {"gone@example.com", PASSWORD},
      {"none@example.com", PASSWORD},     {"none@example.com", "x"},         {"no address", PASSWORD},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_reply r = sign_in(rows[i][0], rows[i][1]);
    CHECK_MSG(is(r, 16, "SIGN_IN_FAILED"), "row %zu", i);
    CHECK_STR(r.message, "the e-mail address or the password is wrong");
    CHECK_STR(r.field, "");
  }
}

static svc_reply create_teacher(const char *password) {
  return ask(admin_token(), create_user_request, CreateUserRequest, .display_name = (char[]){"Tea"},
             .email = (char[]){"tea@example.com"}, .role = PONTE__USERS__V1__ROLE__ROLE_TEACHER,
             .password = (char *)password, .idempotency_key = (char[]){"tea"});
}

static void a_user_of_an_administrator_can_sign_in(void) {
  CHECK(is(create_teacher(PASSWORD), 0, ""));
  /* The record of answered keys has no trace of the password, so another one is the same request: answered, not done again. */
  CHECK(is(create_teacher("another password"), 0, ""));
  const session_message *s = session_of(sign_in("tea@example.com", PASSWORD));
  CHECK(is(list(s->access_token), 0, ""));
  CHECK(is(ask(s->access_token, rotate_keys_request, RotateKeysRequest, ), 7, "NOT_ALLOWED"));
}

/* Guesses on until it is told to wait so long: true after so many failures at least. */
static bool is_told_to_wait(const char *email, int64_t wait_ms, int least) {
  int failures = 0;
  for (int i = 0; i < 1000; i++) {
    svc_reply r = sign_in(email, "wrong");
    failures += r.code == 16;
    if (r.code == 8 && r.retry_after_ms >= wait_ms)
      return strcmp(r.reason, "TOO_MANY_ATTEMPTS") == 0 && failures >= least;
    if (r.code == 8) usleep(20000);
  }
  return false;
}

/* An address without a user is throttled like any other; the right password helps as little as another spelling. */
static void attempts_are_throttled(void) {
  join("guess@example.com");
  CHECK(is_told_to_wait("nobody@example.com", 1000, 5));
  CHECK(is_told_to_wait("guess@example.com", 4000, 7)); /* more than three seconds are left */
  CHECK(is(sign_in("GUESS@example.com", PASSWORD), 8, "TOO_MANY_ATTEMPTS"));
}

/* -- sessions ---------------------------------------------------------------------------------------------------------------------- */

static void a_refresh_token_is_good_once(void) {
  const session_message *first = join("ref@example.com");
  const session_message *second = session_of(refresh(first->refresh_token));
  CHECK_STR(second->user->email, "ref@example.com");
  CHECK(is(get(second->access_token, second->user->user_id), 0, ""));
  CHECK(is(refresh(first->refresh_token), 16, "SESSION_ENDED"));
  CHECK(is(refresh(second->refresh_token), 16, "SESSION_ENDED"));
  CHECK(is(refresh("x"), 16, "SESSION_ENDED"));
  CHECK(is(refresh(first->access_token), 3, "INVALID_FIELD"));
  session_of(sign_in("ref@example.com", PASSWORD));
}

static void sign_out_ends_a_session(void) {
  const session_message *s = join("out@example.com"), *other = session_of(sign_in("out@example.com", PASSWORD));
  CHECK(is(ask(NULL, sign_out_request, SignOutRequest, .refresh_token = s->refresh_token), 0, ""));
  CHECK(is(ask(NULL, sign_out_request, SignOutRequest, .refresh_token = s->refresh_token), 0, ""));
  CHECK(is(refresh(s->refresh_token), 16, "SESSION_ENDED"));
  session_of(refresh(other->refresh_token));
}

static void deleting_ends_sessions(void) {
  const session_message *s = join("del@example.com");
  CHECK(is(ask(s->access_token, delete_user_request, DeleteUserRequest, .user_id = s->user->user_id,
               .idempotency_key = empty),
           0, ""));
  CHECK(is(refresh(s->refresh_token), 16, "SESSION_ENDED"));
  CHECK(is(set_password(admin_token(), s->user->user_id, "", "another password"), 5, "USER_NOT_FOUND"));
  CHECK(is(ask(admin_token(), restore_user_request, RestoreUserRequest, .user_id = s->user->user_id,
               .idempotency_key = empty),
           0, ""));
  CHECK(is(refresh(s->refresh_token), 16, "SESSION_ENDED"));
  session_of(sign_in("del@example.com", PASSWORD));
}

/* -- passwords ----------------------------------------------------------------------------------------------------------------------- */

static void a_password_is_set(void) {
  const session_message *s = join("pass@example.com"), *other = join("pass2@example.com");
  const char *id = s->user->user_id, *token = s->access_token;
  const struct {
    const char *token, *id, *old, *fresh;
    int code;
    const char *reason;
  } rows[] = {
      {token, id, "wrong", "another password", 3, "INVALID_FIELD"},
      {token, id, "", "another password", 3, "INVALID_FIELD"},
      {token, id, PASSWORD, PASSWORD, 3, "INVALID_FIELD"},
      {token, id, PASSWORD, "short", 3, "INVALID_FIELD"},
      {token, other->user->user_id, PASSWORD, "another password", 7, "NOT_ALLOWED"},
      {NULL, id, PASSWORD, "another password", 16, "NO_IDENTITY"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(is(set_password(rows[i].token, rows[i].id, rows[i].old, rows[i].fresh), rows[i].code, rows[i].reason),
              "row %zu", i);
  CHECK(is(set_password(token, id, PASSWORD, "another password"), 0, ""));
  CHECK(is(refresh(s->refresh_token), 16, "SESSION_ENDED"));
  CHECK(is(sign_in("pass@example.com", PASSWORD), 16, "SIGN_IN_FAILED"));
  session_of(sign_in("pass@example.com", "another password"));
  session_of(refresh(other->refresh_token));
}

static void administrators_set_those_of_others(void) {
  const session_message *s = join("forgot@example.com");
  CHECK(is(set_password(admin_token(), s->user->user_id, "", "another password"), 0, ""));
  CHECK(is(refresh(s->refresh_token), 16, "SESSION_ENDED"));
  session_of(sign_in("forgot@example.com", "another password"));
  /* Their own they prove, as everybody does. */
  const session_message *admin = session_of(sign_in(USERS_DEMO_EMAIL, demo_password));
  CHECK(is(set_password(admin->access_token, admin->user->user_id, "", "another password"), 3, "INVALID_FIELD"));
  CHECK(is(set_password(admin->access_token, "018f0000-0000-7000-8000-000000000000", "", "another password"), 5,
           "USER_NOT_FOUND"));
}

/* -- keys and accounts ------------------------------------------------------------------------------------------------------------- */

static int count_keys(void) {
  const char *type = NULL;
  base_buf page;
  base_buf_init(&page, 65536);
  CHECK_OK(svc_host_page(svc_world_host(world), base_span_str("/.well-known/jwks.json"), &type, &page));
  CHECK_STR(type, "application/jwk-set+json");
  json_t *root = json_loadb((const char *)base_buf_span(&page).p, base_buf_size(&page), 0, NULL);
  int count = (int)json_array_size(json_object_get(root, "keys"));
  json_decref(root);
  base_buf_dispose(&page);
  return count;
}

static void keys_rotate_and_survive(void) {
  const session_message *s = join("keys@example.com");
  CHECK_INT(count_keys(), 1);
  CHECK(is(ask(s->access_token, rotate_keys_request, RotateKeysRequest, ), 7, "NOT_ALLOWED"));
  svc_reply r = ask(admin_token(), rotate_keys_request, RotateKeysRequest, );
  CHECK(is(r, 0, ""));
  CHECK(r.response && strlen(((const Ponte__Users__V1__RotateKeysResponse *)r.response)->key_id) == 36);
  CHECK_INT(count_keys(), 2);
  CHECK(is(get(s->access_token, s->user->user_id), 0, ""));
  svc_world_restart(world);
  CHECK_INT(count_keys(), 2);
  CHECK(is(get(s->access_token, s->user->user_id), 0, ""));
  session_of(refresh(s->refresh_token));
}

static void the_demo_account_fits_its_file(void) {
  char before[sizeof demo_password];
  memcpy(before, demo_password, sizeof before);
  svc_world_restart(world);
  read_demo();
  CHECK_STR(demo_password, before);
  unlink(demo_file);
  svc_world_restart(world);
  read_demo();
  CHECK(strcmp(demo_password, before) != 0);
  CHECK(is(sign_in(USERS_DEMO_EMAIL, before), 16, "SIGN_IN_FAILED"));
  CHECK(is(list(admin_token()), 0, ""));
  /* Of another store, or cut. */
  FILE *f = fopen(demo_file, "w");
  REQUIRE(f != NULL);
  fputs("{\"email\":\"" USERS_DEMO_EMAIL "\",\"password\":\"other\"}", f);
  fclose(f);
  svc_world_restart(world);
  read_demo();
  CHECK(is(list(admin_token()), 0, ""));
}

static void the_first_administrator_changes_the_password_first(void) {
  svc_world *old = world;
  int fd = open(errors_file, O_RDWR | O_CREAT | O_TRUNC, 0600), saved = dup(2);
  REQUIRE(fd >= 0 && saved >= 0);
  dup2(fd, 2);
  world = svc_world_new(&(svc_world_options){.services = services, .auth = true, .own_keys = true});
  svc_world_restart(world); /* told once only */
  dup2(saved, 2);
  close(saved);
  char text[65536] = "";
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  close(fd);
  const char *at = n > 0 ? strstr(text, "one-time password ") : NULL;
  REQUIRE(at != NULL);
  CHECK(!strstr(at + 1, "one-time password "));
  sscanf(at, "one-time password %63s", one_time);
  CHECK_INT(strlen(one_time), 24);
  at = strstr(text, one_time);
  CHECK(at && !strstr(at + 1, one_time)); /* nor in the log */

  const session_message *s = session_of(sign_in(USERS_FIRST_EMAIL, one_time));
  CHECK(is(list(s->access_token), 7, "NOT_ALLOWED"));
  CHECK(is(ask(s->access_token, rotate_keys_request, RotateKeysRequest, ), 7, "NOT_ALLOWED"));
  s = session_of(refresh(s->refresh_token));
  CHECK(is(list(s->access_token), 7, "NOT_ALLOWED"));
  CHECK(is(set_password(s->access_token, s->user->user_id, "", PASSWORD), 3, "INVALID_FIELD"));
  CHECK(is(set_password(s->access_token, s->user->user_id, one_time, one_time), 3, "INVALID_FIELD"));
  CHECK(is(set_password(s->access_token, s->user->user_id, one_time, PASSWORD), 0, ""));
  s = session_of(sign_in(USERS_FIRST_EMAIL, PASSWORD));
  CHECK(is(list(s->access_token), 0, ""));
  CHECK(is(ask(s->access_token, rotate_keys_request, RotateKeysRequest, ), 0, ""));
  svc_world_free(world);
  world = old;
}

/* -- many at once -------------------------------------------------------------------------------------------------------------------- */

static void *live(void *ctx) {
  const char *email = ctx;
  const session_message *s = join(email);
  for (int i = 0; i < 5; i++) {
    s = session_of(refresh(s->refresh_token));
    CHECK(is(get(s->access_token, s->user->user_id), 0, ""));
  }
  return NULL;
}

/* Two clients with one token: one of them gets a session, and the other ends it. */
static _Atomic int refreshed;
static void *race(void *token) {
  refreshed += refresh(token).code == 0;
  return NULL;
}

/* Whoever knows the old password has it changed once: the others come too late, also those who had proven it before. */
static _Atomic int changed;
static const session_message *owner;
static void *change(void *fresh) {
  changed += set_password(owner->access_token, owner->user->user_id, PASSWORD, fresh).code == 0;
  return NULL;
}

static void a_password_is_changed_once(void) {
  static char fresh[4][32];
  pthread_t threads[4];
  owner = join("twice@example.com");
  for (int i = 0; i < 4; i++) {
    snprintf(fresh[i], sizeof fresh[i], "another password %d", i);
    CHECK_INT(pthread_create(&threads[i], NULL, change, fresh[i]), 0);
  }
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  CHECK_INT(changed, 1);
}

static void many_at_once(void) {
  static char emails[6][32];
  pthread_t threads[6];
  for (int i = 0; i < 6; i++) {
    snprintf(emails[i], sizeof emails[i], "many%d@example.com", i);
    CHECK_INT(pthread_create(&threads[i], NULL, live, emails[i]), 0);
  }
  for (int i = 0; i < 6; i++)
    pthread_join(threads[i], NULL);
  const session_message *s = join("race@example.com");
  for (int i = 0; i < 6; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, race, s->refresh_token), 0);
  for (int i = 0; i < 6; i++)
    pthread_join(threads[i], NULL);
  CHECK_INT(refreshed, 1);
}

TEST_MAIN(TEST(set_up), TEST(a_new_user_has_a_session), TEST(sign_up_refuses), TEST(failures_look_alike),
          TEST(a_user_of_an_administrator_can_sign_in), TEST(attempts_are_throttled),
          TEST(a_refresh_token_is_good_once), TEST(sign_out_ends_a_session), TEST(deleting_ends_sessions),
          TEST(a_password_is_set), TEST(administrators_set_those_of_others), TEST(keys_rotate_and_survive),
          TEST(the_demo_account_fits_its_file), TEST(the_first_administrator_changes_the_password_first),
          TEST(a_password_is_changed_once), TEST(many_at_once), TEST(tear_down))
