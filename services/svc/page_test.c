/* page_size and page_token in the framework's hands. */
#include "base/test.h"
#include "svc_testing/scripted.h"

static const svc_definition *const services[] = {&scripted_front_definition, NULL};

/* Answers where it was told to begin, and a token for what lies behind. */
static base_err list(svc_call *c, const scripted_list *request, scripted_listed *response) {
  svc_page page = svc_call_page(c);
  scripted_note *note = svc_alloc(c, sizeof *note);
  scripted_note **notes = svc_alloc(c, sizeof *notes);
  char text[64], next[64];
  (void)request;
  if (note == NULL || notes == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  ponte__notes__v1__note__init(note);
  snprintf(text, sizeof text, "%d after %s", page.size, page.after ? page.after : "nothing");
  snprintf(next, sizeof next, "%s+", page.after ? page.after : "");
  note->text = svc_strdup(c, text);
  notes[0] = note;
  response->n_notes = 1;
  response->notes = notes;
  response->next_page_token = svc_next_page(c, next);
  return note->text && response->next_page_token ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static const char *text_of(svc_reply r) {
  return r.response ? ((const scripted_listed *)r.response)->notes[0]->text : "refused";
}
static const char *next_of(svc_reply r) {
  return r.response ? ((const scripted_listed *)r.response)->next_page_token : "";
}

static svc_world *new_world(void) {
  scripted_play(&scripted_front, (scripted_steps){.list = list});
  return svc_world_new(&(svc_world_options){.services = services});
}

static void test_sizes(void) {
  static const struct {
    int asked;
    const char *want;
  } rows[] = {{0, "50 after nothing"}, {1, "1 after nothing"}, {1000, "1000 after nothing"}, {-1, "refused"},
              {1001, "refused"},       {INT32_MAX, "refused"}, {INT32_MIN, "refused"}};
  svc_world *w = new_world();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_STR(text_of(scripted_ask_list(w, NULL, "alice", rows[i].asked, "")), rows[i].want);
  }
  svc_world_free(w);
}

static void test_pages(void) {
  svc_world *w = new_world();
  svc_reply first = scripted_ask_list(w, NULL, "alice", 2, "");
  svc_reply second = scripted_ask_list(w, NULL, "alice", 2, next_of(first));
  CHECK_STR(text_of(second), "2 after +");
  CHECK_STR(text_of(scripted_ask_list(w, NULL, "alice", 7, next_of(second))), "7 after ++"); /* the size may change */
  svc_world_restart(w);
  CHECK_STR(text_of(scripted_ask_list(w, NULL, "alice", 2, next_of(first))), "2 after +"); /* good after a restart */
  svc_world_free(w);
}

static void test_wrong_tokens(void) {
  svc_world *w = new_world();
  char token[256], first_letter;
  snprintf(token, sizeof token, "%s", next_of(scripted_ask_list(w, NULL, "alice", 2, "")));
  first_letter = token[0];
  svc_reply r = scripted_ask_list(w, NULL, "bob", 2, token); /* another filter */
  CHECK_INT(r.code, 3);
  CHECK_STR(r.reason, "INVALID_FIELD");
  CHECK_STR(r.field, "page_token");
  static const char *const bad[] = {"x", "====", "AQ", "\xc3\xa9", " ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    r = scripted_ask_list(w, NULL, "alice", 2, bad[i]);
    CHECK_MSG(r.code == 3 && strcmp(r.field, "page_token") == 0, "\"%s\": %d %s", bad[i], r.code, r.field);
  }
  for (size_t i = 0; token[i]; i++) { /* each letter another: most break it, none may break us */
    char kept = token[i];
    token[i] = kept == 'A' ? 'B' : 'A';
    r = scripted_ask_list(w, NULL, "alice", 2, token);
    CHECK(r.code == 0 || (r.code == 3 && strcmp(r.field, "page_token") == 0));
    token[i] = kept;
  }
  CHECK(token[0] == first_letter);
  svc_world_free(w);
}

TEST_MAIN(TEST(test_sizes), TEST(test_pages), TEST(test_wrong_tokens))
