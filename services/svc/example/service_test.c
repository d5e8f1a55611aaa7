#include "notes/service.h"

#include "base/test.h"
#include "ponte/notes/v1/notes.ponte.h"
#include "svc_testing/world.h"

static const svc_definition *const services[] = {&notes_definition, NULL};

static svc_reply create(svc_world *w, const char *token, const char *user_id, const char *text, const char *key) {
  Ponte__Notes__V1__CreateNoteRequest request = PONTE__NOTES__V1__CREATE_NOTE_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.text = (char *)text;
  request.idempotency_key = (char *)key;
  return svc_world_ask(w, &(svc_question){.service = "notes",
                                          .method = &ponte_notes_v1_note_service.methods[0],
                                          .request = &request.base,
                                          .token = token});
}

static void test_create(void) {
  static const struct {
    const char *user_id, *text;
    int code;
    const char *reason, *field;
  } rows[] = {
      {"alice", "buy bread", 0, "", ""},
      {"", "buy bread", 3, "INVALID_FIELD", "user_id"},
      {"alice", "", 3, "INVALID_FIELD", "text"},
  };
  svc_world *w = svc_world_new(&(svc_world_options){.services = services});
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_reply r = create(w, NULL, rows[i].user_id, rows[i].text, "");
    CHECK_INT(r.code, rows[i].code);
    CHECK_STR(r.reason, rows[i].reason);
    CHECK_STR(r.field, rows[i].field);
  }
  svc_world_free(w);
}

static void test_only_ones_own(void) {
  svc_world *w = svc_world_new(&(svc_world_options){.services = services, .auth = true});
  const char *alice = svc_world_token(w, "alice", "student"), *admin = svc_world_token(w, "carol", "admin");
  CHECK_INT(create(w, alice, "alice", "mine", "").code, 0);
  CHECK_STR(create(w, alice, "bob", "not mine", "").reason, "NOT_ALLOWED");
  CHECK_INT(create(w, admin, "bob", "from above", "").code, 0);
  CHECK_STR(create(w, NULL, "alice", "whose?", "").reason, "NO_IDENTITY");
  svc_world_free(w);
}

TEST_MAIN(TEST(test_create), TEST(test_only_ones_own))
