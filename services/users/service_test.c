/* The service in this process, over real connections, on the store that the environment names; authentication is off. */
#include "users/service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "ponte/users/v1/users.ponte.h"
#include "svc_testing/world.h"

typedef Ponte__Users__V1__User user_message;
typedef Ponte__Users__V1__ListUsersResponse list_message;

static svc_world *world_new(void) {
  static const svc_definition *const services[] = {&users_definition, NULL};
  return svc_world_new(&(svc_world_options){.services = services});
}

/* -- calls --------------------------------------------------------------------------------------------------------------- */

static const pb_method *method_of(const ProtobufCMessageDescriptor *request) {
  const pb_service *s = &ponte_users_v1_user_service;
  for (int i = 0; i < s->count; i++)
    if (s->methods[i].request == request) return &s->methods[i];
  return NULL;
}

static svc_reply ask(svc_world *w, const ProtobufCMessage *request) {
  return svc_world_ask(
      w, &(svc_question){.service = "users", .method = method_of(request->descriptor), .request = request});
}

/* Questions of which each has a thread of its own. */
typedef struct {
  svc_world *w;
  const ProtobufCMessage *request;
  svc_reply reply;
  pthread_t thread;
} question;

static void *ask_alone(void *ctx) {
  question *q = ctx;
  q->reply = ask(q->w, q->request);
  return NULL;
}

static void ask_at_once(question *questions, int count) {
  for (int i = 0; i < count; i++)
    CHECK_INT(pthread_create(&questions[i].thread, NULL, ask_alone, &questions[i]), 0);
  for (int i = 0; i < count; i++)
    pthread_join(questions[i].thread, NULL);
}

static Ponte__Users__V1__CreateUserRequest create_request(const char *name, const char *email,
                                                          Ponte__Users__V1__Role role) {
  Ponte__Users__V1__CreateUserRequest r = PONTE__USERS__V1__CREATE_USER_REQUEST__INIT;
  r.display_name = (char *)name;
  r.email = (char *)email;
  r.role = role;
  return r;
}

/* The new user's id, as long as the world; NULL when it failed. */
static const char *create(svc_world *w, const char *name, const char *email, Ponte__Users__V1__Role role) {
  Ponte__Users__V1__CreateUserRequest r = create_request(name, email, role);
  svc_reply reply = ask(w, &r.base);
  CHECK_MSG(reply.code == 0, "%s: %s %s", email, reply.reason, reply.field);
  return reply.response ? ((const user_message *)reply.response)->user_id : NULL;
}

/* A request of one user_id; the three have the same fields in the same places. */
static svc_reply with_id(svc_world *w, const ProtobufCMessageDescriptor *type, const char *id) {
  Ponte__Users__V1__DeleteUserRequest r = PONTE__USERS__V1__DELETE_USER_REQUEST__INIT;
  r.base.descriptor = type;
  r.user_id = (char *)id;
  if (type != &ponte__users__v1__get_user_request__descriptor) return ask(w, &r.base);
  Ponte__Users__V1__GetUserRequest get = PONTE__USERS__V1__GET_USER_REQUEST__INIT;
  get.user_id = (char *)id;
  return ask(w, &get.base);
}
#define GET &ponte__users__v1__get_user_request__descriptor
#define DELETE &ponte__users__v1__delete_user_request__descriptor
#define RESTORE &ponte__users__v1__restore_user_request__descriptor

typedef struct {
  Ponte__Users__V1__UpdateUserRequest request;
  user_message user;
  Google__Protobuf__FieldMask mask;
  char *path;
} update;

static void update_init(update *u, const char *id, const char *path, const char *text, Ponte__Users__V1__Role role) {
  ponte__users__v1__update_user_request__init(&u->request);
  ponte__users__v1__user__init(&u->user);
  google__protobuf__field_mask__init(&u->mask);
  u->path = (char *)path;
  u->user.user_id = (char *)id;
  if (strcmp(path, "email") == 0) u->user.email = (char *)text;
  if (strcmp(path, "display_name") == 0) u->user.display_name = (char *)text;
  u->user.role = role;
  u->mask.n_paths = 1;
  u->mask.paths = &u->path;
  u->request.user = &u->user;
  u->request.update_mask = &u->mask;
}

static bool is_refused(svc_reply r, int code, const char *reason, const char *field) {
  bool as_wanted = r.code == code && strcmp(r.reason, reason) == 0 && strcmp(r.field, field) == 0 && r.message[0];
  if (!as_wanted) printf("got %d %s \"%s\" (%s)\n", r.code, r.reason, r.field, r.message);
  return as_wanted;
}

/* -- tests --------------------------------------------------------------------------------------------------------------- */

static void a_user_comes_changes_goes_and_comes_back(void) {
  svc_world *w = world_new();
  const char *id = create(w, "  Alice ", "Alice@Example.com", PONTE__USERS__V1__ROLE__ROLE_UNSPECIFIED);
  REQUIRE(id);
  svc_reply e = with_id(w, GET, id);
  REQUIRE(e.response);
  const user_message *u = (const user_message *)e.response;
  CHECK_STR(u->display_name, "Alice");
  CHECK_STR(u->email, "Alice@Example.com");
  CHECK_INT(u->role, PONTE__USERS__V1__ROLE__ROLE_STUDENT);
  CHECK(u->create_time && u->create_time->seconds > 0 && !u->delete_time);

  update change;
  update_init(&change, id, "display_name", "Alice II", PONTE__USERS__V1__ROLE__ROLE_ADMIN);
  e = ask(w, &change.request.base);
  REQUIRE(e.response);
  CHECK_STR(((const user_message *)e.response)->display_name, "Alice II");
  CHECK_INT(((const user_message *)e.response)->role, PONTE__USERS__V1__ROLE__ROLE_STUDENT);

  e = with_id(w, DELETE, id);
  CHECK(e.response && ((const user_message *)e.response)->delete_time);
  e = with_id(w, GET, id);
  CHECK(e.response && ((const user_message *)e.response)->delete_time);
  e = with_id(w, RESTORE, id);
  CHECK(e.response && !((const user_message *)e.response)->delete_time);
  svc_world_free(w);
}

static void refuses(void) {
  svc_world *w = world_new();
  static const char unknown[] = "018f0000-0000-7000-8000-000000000000";
  const char *alice = create(w, "Alice", "alice@example.com", PONTE__USERS__V1__ROLE__ROLE_STUDENT);
  const char *gone = create(w, "Gone", "gone@example.com", PONTE__USERS__V1__ROLE__ROLE_STUDENT);
  const char *admin = create(w, "Admin", "admin@example.com", PONTE__USERS__V1__ROLE__ROLE_ADMIN);
  REQUIRE(alice && gone && admin);
  svc_reply e = with_id(w, DELETE, gone);
  CHECK_INT(e.code, 0);

  const struct {
    const ProtobufCMessageDescriptor *type;
    const char *id;
    int code;
    const char *reason;
  } by_id[] = {{GET, unknown, 5, "USER_NOT_FOUND"},     {DELETE, unknown, 5, "USER_NOT_FOUND"},
               {RESTORE, unknown, 5, "USER_NOT_FOUND"}, {DELETE, gone, 5, "USER_NOT_FOUND"},
               {RESTORE, alice, 6, "ALREADY_EXISTS"},   {DELETE, admin, 9, "LAST_ADMIN"}};
  for (size_t i = 0; i < sizeof by_id / sizeof *by_id; i++) {
    e = with_id(w, by_id[i].type, by_id[i].id);
    CHECK_MSG(is_refused(e, by_id[i].code, by_id[i].reason, "user_id"), "row %zu", i);
  }

  const struct {
    const char *id, *path, *text;
    Ponte__Users__V1__Role role;
    int code;
    const char *reason, *field;
  } updates[] = {
      {unknown, "email", "new@example.com", 0, 5, "USER_NOT_FOUND", "user.user_id"},
      {gone, "email", "new@example.com", 0, 5, "USER_NOT_FOUND", "user.user_id"},
      {"", "email", "new@example.com", 0, 3, "INVALID_FIELD", "user.user_id"},
      {alice, "email", "GONE@example.com", 0, 6, "EMAIL_TAKEN", "user.email"},
      {alice, "email", "", 0, 3, "INVALID_FIELD", "user.email"},
      {alice, "display_name", "", 0, 3, "INVALID_FIELD", "user.display_name"},
      {alice, "display_name", "two\nlines", 0, 3, "INVALID_FIELD", "user.display_name"},
      {alice, "role", "", 0, 3, "INVALID_FIELD", "user.role"},
      {alice, "password", "", 0, 3, "INVALID_FIELD", "update_mask.paths[0]"},
      {admin, "role", "", PONTE__USERS__V1__ROLE__ROLE_TEACHER, 9, "LAST_ADMIN", "user.user_id"},
  };
  for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
    update u;
    update_init(&u, updates[i].id, updates[i].path, updates[i].text, updates[i].role);
    e = ask(w, &u.request.base);
    CHECK_MSG(is_refused(e, updates[i].code, updates[i].reason, updates[i].field), "update %zu", i);
  }
  Ponte__Users__V1__CreateUserRequest taken =
      create_request("A", "ALICE@EXAMPLE.COM", PONTE__USERS__V1__ROLE__ROLE_STUDENT);
  e = ask(w, &taken.base);
  CHECK(is_refused(e, 6, "EMAIL_TAKEN", "email"));
  svc_world_free(w);
}

static void of_many_creates_with_one_address_one_wins(void) {
  enum { MANY = 48 };
  svc_world *w = world_new();
  Ponte__Users__V1__CreateUserRequest requests[MANY];
  question questions[MANY];
  for (int i = 0; i < MANY; i++) {
    requests[i] = create_request("Racer", i % 2 ? "racer@example.com" : "Racer@Example.com",
                                 PONTE__USERS__V1__ROLE__ROLE_STUDENT);
    questions[i] = (question){.w = w, .request = &requests[i].base};
  }
  ask_at_once(questions, MANY);
  int won = 0;
  for (int i = 0; i < MANY; i++) {
    won += questions[i].reply.code == 0;
    if (questions[i].reply.code) CHECK_MSG(is_refused(questions[i].reply, 6, "EMAIL_TAKEN", "email"), "%d", i);
  }
  CHECK_INT(won, 1);
  svc_world_free(w);
}

static void administrators_cannot_remove_each_other(void) {
  enum { MANY = 6 };
  svc_world *w = world_new();
  Ponte__Users__V1__DeleteUserRequest deletes[MANY];
  update changes[MANY];
  question questions[MANY];
  for (int i = 0; i < MANY; i++) {
    char email[32];
    snprintf(email, sizeof email, "admin%d@example.com", i);
    const char *id = create(w, "Admin", email, PONTE__USERS__V1__ROLE__ROLE_ADMIN);
    ponte__users__v1__delete_user_request__init(&deletes[i]);
    deletes[i].user_id = (char *)id;
    update_init(&changes[i], id, "role", "", PONTE__USERS__V1__ROLE__ROLE_TEACHER);
    questions[i] = (question){.w = w, .request = i % 2 ? &deletes[i].base : &changes[i].request.base};
  }
  ask_at_once(questions, MANY);
  int refused = 0;
  for (int i = 0; i < MANY; i++) {
    refused += questions[i].reply.code != 0;
    if (questions[i].reply.code)
      CHECK(is_refused(questions[i].reply, 9, "LAST_ADMIN", i % 2 ? "user_id" : "user.user_id"));
  }
  CHECK_INT(refused, 1);
  svc_world_free(w);
}

/* Walks the pages, adding a user after each, and counts; every user comes once, those that were there first in the order of creation. */
static void pages_hold_while_users_are_added(void) {
  enum { BEFORE = 11, ADDED = 5, SIZE = 3 };
  svc_world *w = world_new();
  char name[16], email[32];
  const char *page = "";
  int made = 0, seen = 0;
  for (bool more = true; more;) {
    for (int until = made ? made + 1 : BEFORE; made < until && made < BEFORE + ADDED; made++) {
      snprintf(name, sizeof name, "n%02d", made);
      snprintf(email, sizeof email, "n%d@example.com", made);
      CHECK(create(w, name, email, PONTE__USERS__V1__ROLE__ROLE_STUDENT));
    }
    Ponte__Users__V1__ListUsersRequest r = PONTE__USERS__V1__LIST_USERS_REQUEST__INIT;
    r.page_size = SIZE;
    r.page_token = (char *)page;
    svc_reply e = ask(w, &r.base);
    REQUIRE(e.response);
    const list_message *list = (const list_message *)e.response;
    CHECK(list->n_users <= SIZE);
    for (size_t i = 0; i < list->n_users; i++) {
      snprintf(name, sizeof name, "n%02d", seen++);
      CHECK_STR(list->users[i]->display_name, name);
    }
    page = list->next_page_token;
    more = *page != '\0';
  }
  CHECK_INT(seen, made);
  svc_world_free(w);
}

TEST_MAIN(TEST(a_user_comes_changes_goes_and_comes_back), TEST(refuses),
          TEST(of_many_creates_with_one_address_one_wins), TEST(administrators_cannot_remove_each_other),
          TEST(pages_hold_while_users_are_added))
