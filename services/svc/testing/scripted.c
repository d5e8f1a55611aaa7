#include "svc_testing/scripted.h"

#include <pthread.h>

scripted_steps scripted_front, scripted_back;
svc_peer *scripted_peer;
const char scripted_id[] = "0190b2c4-1b5c-7cc0-98a1-111111111111";

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* the sockets between test and handler order nothing for ThreadSanitizer */

void scripted_play(scripted_steps *service, scripted_steps steps) {
  pthread_mutex_lock(&lock);
  *service = steps;
  pthread_mutex_unlock(&lock);
}

static scripted_steps steps_of(const svc_call *c) {
  pthread_mutex_lock(&lock);
  scripted_steps steps = *(const scripted_steps *)svc_state(c);
  pthread_mutex_unlock(&lock);
  return steps;
}

static base_err prepare(svc_call *c, const scripted_create *request) {
  const scripted_steps s = steps_of(c);
  return s.prepare ? s.prepare(c, request) : BASE_OK;
}

static base_err write_note(svc_call *c, store_tx *tx, const scripted_create *request, scripted_note *response) {
  const scripted_steps s = steps_of(c);
  return s.write ? s.write(c, tx, request, response) : BASE_OK;
}

static base_err read_note(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response) {
  const scripted_steps s = steps_of(c);
  return s.read ? s.read(c, tx, request, response) : BASE_OK;
}

static base_err list_notes(svc_call *c, const scripted_list *request, scripted_listed *response) {
  const scripted_steps s = steps_of(c);
  return s.list ? s.list(c, request, response) : BASE_OK;
}

static base_err stream_notes(svc_call *c, const scripted_list *request) {
  const scripted_steps s = steps_of(c);
  return s.stream ? s.stream(c, request) : BASE_OK;
}

static base_err open_with(svc *s, scripted_steps *steps, void **state) {
  static const ponte_notes_v1_note_methods methods = {.create_note = {.prepare = prepare, .write = write_note},
                                                      .get_note = {.read = read_note},
                                                      .list_notes = {.call = list_notes},
                                                      .read_notes = {.stream = stream_notes}};
  *state = steps;
  return ponte_notes_v1_note_add(s, &methods);
}

static base_err open_back(svc *s, base_buf *why, void **state) {
  (void)why;
  return open_with(s, &scripted_back, state);
}

static base_err open_front(svc *s, base_buf *why, void **state) {
  (void)why;
  scripted_peer = svc_find_peer(s, "back");
  return open_with(s, &scripted_front, state);
}

static const store_migration migrations[] = {
    {"0001-notes", "CREATE TABLE notes (note_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, text TEXT NOT NULL UNIQUE)"}};
const svc_definition scripted_back_definition = {
    .name = "back", .migrations = migrations, .migration_count = 1, .open = open_back};
const svc_definition scripted_front_definition = {.name = "front",
                                                  .migrations = migrations,
                                                  .migration_count = 1,
                                                  .peers = (const char *const[]){"back", NULL},
                                                  .open = open_front};

svc_question scripted_question(int method, const ProtobufCMessage *request, const char *token) {
  return (svc_question){
      .service = "front", .method = &ponte_notes_v1_note_service.methods[method], .request = request, .token = token};
}

svc_reply scripted_ask_create(svc_world *w, const char *token, const char *user_id, const char *text, const char *key) {
  scripted_create request = PONTE__NOTES__V1__CREATE_NOTE_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.text = (char *)text;
  request.idempotency_key = (char *)key;
  svc_question q = scripted_question(SCRIPTED_CREATE, &request.base, token);
  return svc_world_ask(w, &q);
}

svc_reply scripted_ask_get(svc_world *w, const char *token, const char *note_id) {
  scripted_get request = PONTE__NOTES__V1__GET_NOTE_REQUEST__INIT;
  request.note_id = (char *)note_id;
  svc_question q = scripted_question(SCRIPTED_GET, &request.base, token);
  return svc_world_ask(w, &q);
}

svc_reply scripted_ask_list(svc_world *w, const char *token, const char *user_id, int page_size,
                            const char *page_token) {
  scripted_list request = PONTE__NOTES__V1__LIST_NOTES_REQUEST__INIT;
  request.user_id = (char *)user_id;
  request.page_size = page_size;
  request.page_token = (char *)page_token;
  svc_question q = scripted_question(SCRIPTED_LIST, &request.base, token);
  return svc_world_ask(w, &q);
}
