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

static bool count(void *ctx, const ProtobufCMessage *message) {
  (void)message;
  ++*(int *)ctx;
  return true;
}

static void test_lists(void) {
  Ponte__Notes__V1__ListNotesRequest request = PONTE__NOTES__V1__LIST_NOTES_REQUEST__INIT;
  svc_question list = {.service = "notes", .method = &ponte_notes_v1_note_service.methods[2], .request = &request.base};
  int notes = 0, pages = 0, streamed = 0;
  svc_world *w = svc_world_new(&(svc_world_options){.services = services});
  for (int i = 0; i < 7; i++) {
    CHECK_INT(create(w, NULL, i % 2 ? "bob" : "alice", "a note", "").code, 0);
  }
  request.user_id = (char *)"alice";
  request.page_size = 3;
  do {
    svc_reply r = svc_world_ask(w, &list);
    REQUIRE(r.code == 0 && r.response);
    const Ponte__Notes__V1__ListNotesResponse *page = (const void *)r.response;
    notes += (int)page->n_notes;
    pages++;
    request.page_token = page->next_page_token;
  } while (request.page_token[0]);
  CHECK_INT(notes, 4);
  CHECK_INT(pages, 2);
  list.method = &ponte_notes_v1_note_service.methods[3];
  list.on_message = count;
  list.ctx = &streamed;
  request.page_size = 0;
  CHECK_INT(svc_world_ask(w, &list).code, 0);
  CHECK_INT(streamed, 4);
  svc_world_free(w);
}

static void test_get(void) {
  Ponte__Notes__V1__GetNoteRequest request = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  svc_question get = {.service = "notes", .method = &ponte_notes_v1_note_service.methods[1], .request = &request.base};
  svc_world *w = svc_world_new(&(svc_world_options){.services = services, .auth = true});
  const char *alice = svc_world_token(w, "alice", "student");
  svc_reply made = create(w, alice, "alice", "mine", "");
  REQUIRE(made.response);
  request.note_id = ((const Ponte__Notes__V1__Note *)made.response)->note_id;
  get.token = alice;
  CHECK_INT(svc_world_ask(w, &get).code, 0);
  get.token = svc_world_token(w, "bob", "student");
  CHECK_STR(svc_world_ask(w, &get).reason, "NOT_ALLOWED");
  request.note_id = (char *)"0190b2c4-1b5c-7cc0-98a1-111111111111";
  CHECK_STR(svc_world_ask(w, &get).reason, "NOT_FOUND");
  svc_world_free(w);
}

TEST_MAIN(TEST(test_create), TEST(test_only_ones_own), TEST(test_get), TEST(test_lists))
