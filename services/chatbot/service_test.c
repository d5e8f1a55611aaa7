/* Material and transcriptions over sockets and a real store. The engine is the scripted one (llm/fake.h). */
#include "chatbot/service.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "chatbot/testing.h"

typedef Ponte__Chatbot__V1__Material material_message;
typedef Ponte__Chatbot__V1__ListMaterialsResponse materials_message;
typedef Ponte__Chatbot__V1__AppendTranscriptResponse appended_message;

static testing_stream s;

static const char srt[] = "1\n00:00:01,000 --> 00:00:04,000\nThe Calvin cycle runs in the stroma.\n\n"
                          "2\n00:00:05,000 --> 00:00:09,500\nIts enzyme rubisco binds carbon dioxide.\n";

static bool is_refused(svc_reply r, int code, const char *reason, const char *field) {
  bool as_wanted = r.code == code && strcmp(r.reason, reason) == 0 && strcmp(r.field, field) == 0 && r.message[0];
  if (!as_wanted) printf("got %d %s \"%s\" (%s)\n", r.code, r.reason, r.field, r.message);
  return as_wanted;
}

static const material_message *get(const char *id) {
  svc_reply r = testing_get_material(id);
  CHECK_INT(r.code, OK);
  return r.code == OK ? (const material_message *)r.response : NULL;
}

static const materials_message *list(int page_size, const char *page_token) {
  Ponte__Chatbot__V1__ListMaterialsRequest r = PONTE__CHATBOT__V1__LIST_MATERIALS_REQUEST__INIT;
  r.page_size = page_size;
  r.page_token = (char *)page_token;
  return testing_need(testing_ask(&r.base));
}

/* -- material ------------------------------------------------------------------------------------------------------ */

static void material_is_added_shown_and_removed(void) {
  testing_begin(false, NULL);
  const char *id = testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
  const material_message *m = get(id);
  REQUIRE(m);
  CHECK_STR(m->text, testing_lesson);
  CHECK_STR(m->title, "Photosynthesis");
  CHECK_INT(m->size_bytes, strlen(testing_lesson));
  CHECK_INT(m->duration_ms, -1);
  CHECK(m->passage_count > 0 && m->create_time && m->n_cues == 0);
  testing_doubt("What does rubisco bind in the Calvin cycle?", &s);
  CHECK_INT(s.reply.code, OK);
  CHECK_STR(s.first_material, id);
  CHECK_INT(s.first_format, MARKDOWN);
  CHECK_INT(testing_remove_material(id).code, OK);
  CHECK_INT(testing_get_material(id).code, NOT_FOUND);
  testing_doubt("What does rubisco bind in the Calvin cycle?", &s);
  CHECK_INT(s.passages, 0);
  CHECK_INT(s.finish, NOT_IN_MATERIAL);
  testing_end();
}

static void material_survives_a_restart(void) {
  testing_begin(false, NULL);
  const char *id = testing_add("Subtitles", SRT, srt, false);
  svc_world_restart(testing_world);
  const material_message *m = get(id);
  REQUIRE(m);
  CHECK_INT(m->n_cues, 2);
  CHECK_INT(m->duration_ms, 9500);
  CHECK_INT(m->cues[1]->start_ms, 5000);
  CHECK(memcmp(m->text + m->cues[1]->begin, "Its enzyme", 10) == 0);
  testing_doubt("What does rubisco bind?", &s);
  CHECK_STR(s.first_material, id);
  testing_end();
}

static void the_key_adds_once(void) {
  testing_begin(false, NULL);
  Ponte__Chatbot__V1__AddMaterialRequest r = testing_add_request("Photosynthesis", MARKDOWN, testing_lesson);
  r.idempotency_key = (char *)"one";
  svc_reply first = testing_ask(&r.base), again = testing_ask(&r.base);
  REQUIRE(first.code == OK && again.code == OK);
  CHECK_STR(((const material_message *)first.response)->material_id,
            ((const material_message *)again.response)->material_id);
  CHECK_INT(list(0, "")->n_materials, 1);
  r.title = (char *)"Other";
  CHECK(is_refused(testing_ask(&r.base), INVALID, "KEY_REUSED", "idempotency_key"));
  testing_end();
}

static void what_is_no_material(void) {
  static const struct {
    const char *why, *title;
    int format;
    const char *content, *reason, *field;
  } rows[] = {
      {"no title", "", PLAIN, "text", "INVALID_FIELD", "title"},
      {"no format", "T", 0, "text", "INVALID_FIELD", "format"},
      {"a format that is none", "T", 9, "text", "INVALID_FIELD", "format"},
      {"a live transcription", "T", LIVE, "text", "INVALID_FIELD", "format"},
      {"no content", "T", PLAIN, "", "INVALID_FIELD", "content"},
      {"blanks", "T", PLAIN, " \n\t ", "MALFORMED_MATERIAL", "content"},
      {"subtitles without times", "T", SRT, "1\nsome text\n", "MALFORMED_MATERIAL", "content"},
      {"subtitles with letters for times", "T", SRT, "1\nab:cd:ef,ghi --> 00:00:04,000\nx\n", "MALFORMED_MATERIAL",
       "content"},
      {"WebVTT without its head", "T", VTT, "00:01.000 --> 00:02.000\nx\n", "MALFORMED_MATERIAL", "content"},
  };
  testing_begin(false, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    Ponte__Chatbot__V1__AddMaterialRequest r = testing_add_request(rows[i].title, rows[i].format, rows[i].content);
    CHECK_MSG(is_refused(testing_ask(&r.base), INVALID, rows[i].reason, rows[i].field), "%s", rows[i].why);
  }
  CHECK_INT(list(0, "")->n_materials, 0);
  char *much = malloc((1 << 20) + 2);
  REQUIRE(much);
  memset(much, 'a', (1 << 20) + 1);
  much[(1 << 20) + 1] = '\0';
  Ponte__Chatbot__V1__AddMaterialRequest r = testing_add_request("T", PLAIN, much);
  CHECK(is_refused(testing_ask(&r.base), INVALID, "INVALID_FIELD", "content"));
  free(much);
  testing_end();
}

static void material_in_pages(void) {
  testing_begin(false, NULL);
  for (int i = 0; i < 5; i++) {
    char title[16];
    snprintf(title, sizeof title, "%d", i);
    testing_add(title, PLAIN, "Plants turn light into energy.", false);
  }
  char token[1024] = "", seen[16] = "";
  int pages = 0;
  do {
    const materials_message *page = list(2, token);
    for (size_t i = 0; i < page->n_materials; i++)
      snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s", page->materials[i]->title);
    snprintf(token, sizeof token, "%s", page->next_page_token);
    pages++;
  } while (token[0] && pages < 9);
  CHECK_STR(seen, "43210");
  CHECK_INT(pages, 3);
  testing_end();
}

/* -- whose it is --------------------------------------------------------------------------------------------------- */

static void material_is_its_owners_unless_shared(void) {
  testing_begin(true, NULL);
  const char *alice = svc_world_token(testing_world, "alice", "student");
  const char *bob = svc_world_token(testing_world, "bob", "student");
  const char *teacher = svc_world_token(testing_world, "teacher", "teacher");
  const char *admin = svc_world_token(testing_world, "admin", "admin");
  testing_token = alice;
  const char *hers = testing_add("Hers", PLAIN, "Stomata open by day and close at night.", false);
  Ponte__Chatbot__V1__AddMaterialRequest shared = testing_add_request("For all", PLAIN, "Xylem carries water upward.");
  shared.shared = true;
  CHECK(is_refused(testing_ask(&shared.base), DENIED, "NOT_ALLOWED", "shared"));
  testing_token = teacher;
  const char *common = testing_add("For all", PLAIN, "Xylem carries water upward.", true);
  testing_doubt("When do stomata open?", &s);
  CHECK_INT(s.passages, 0); /* a teacher is no reader of what students keep */
  testing_token = bob;
  CHECK(is_refused(testing_get_material(hers), DENIED, "NOT_ALLOWED", ""));
  CHECK(is_refused(testing_remove_material(hers), DENIED, "NOT_ALLOWED", ""));
  CHECK(is_refused(testing_remove_material(common), DENIED, "NOT_ALLOWED", ""));
  CHECK_INT(testing_get_material(common).code, OK);
  CHECK_INT(list(0, "")->n_materials, 1);
  testing_doubt("When do stomata open?", &s);
  CHECK_INT(s.passages, 0);
  testing_doubt("What does xylem carry?", &s);
  CHECK_STR(s.first_material, common);
  testing_token = alice;
  CHECK_INT(list(0, "")->n_materials, 2);
  testing_doubt("When do stomata open?", &s);
  CHECK_STR(s.first_material, hers);
  testing_token = admin;
  CHECK_INT(list(0, "")->n_materials, 2);
  CHECK_INT(testing_remove_material(hers).code, OK);
  testing_token = NULL;
  CHECK(is_refused(testing_get_material(common), UNAUTHENTICATED, "NO_IDENTITY", ""));
  testing_doubt("What does xylem carry?", &s);
  CHECK_INT(s.reply.code, UNAUTHENTICATED);
  testing_end();
}

/* -- transcriptions ------------------------------------------------------------------------------------------------ */

static const testing_segment spoken[] = {
    {"r1", 0, 3000, "Good morning, today we speak about leaves."},
    {"r2", 3000, 8000, "Stomata are the pores\nthat a leaf breathes through.  "},
    {"r3", 8000, 12000, "Guard cells open and close them."},
};

static const appended_message *append(const testing_segment *segments, size_t count) {
  return testing_need(testing_append("lesson-7", segments, count, false));
}

static void a_transcription_grows_and_is_found_at_once(void) {
  testing_begin(false, NULL);
  const appended_message *a = append(spoken, 2);
  CHECK_INT(a->added, 2);
  const char *id = a->material_id;
  testing_doubt("What are stomata?", &s);
  CHECK_STR(s.first_material, id);
  CHECK_STR(s.first_session, "lesson-7");
  CHECK_INT(s.first_format, LIVE);
  a = append(spoken, 3); /* all of it again, and one more */
  CHECK_INT(a->added, 1);
  CHECK_STR(a->material_id, id);
  CHECK_INT(append(spoken, 3)->added, 0);
  testing_doubt("What do guard cells do?", &s);
  CHECK_STR(s.first_material, id);
  const material_message *m = get(id);
  REQUIRE(m);
  CHECK_STR(m->text, "Good morning, today we speak about leaves.\n"
                     "Stomata are the pores that a leaf breathes through.\nGuard cells open and close them.\n");
  CHECK_INT(m->n_cues, 3);
  CHECK_INT(m->cues[2]->start_ms, 8000);
  CHECK(memcmp(m->text + m->cues[2]->begin, "Guard", 5) == 0);
  CHECK_INT(m->duration_ms, 12000);
  CHECK_INT(m->size_bytes, strlen(m->text));
  CHECK(m->passage_count > 0);
  CHECK_STR(m->title, "Live lesson");
  testing_end();
}

enum { BATCH = 8, LINE = 8191 /* bytes; 128 of them, with a line's end each, are all that fits */ };

static svc_reply append_lines(int first, int count) {
  static char text[LINE + 1];
  char ids[BATCH][16];
  testing_segment lines[BATCH];
  memset(text, 'a', LINE);
  for (int i = 0; i < count; i++) {
    snprintf(ids[i], sizeof ids[i], "r%d", first + i);
    lines[i] = (testing_segment){ids[i], 0, 1, text};
  }
  return testing_append("lesson-8", lines, (size_t)count, false);
}

/* Also then what is there already may be sent again. */
static void a_full_transcription(void) {
  enum { LINES = 128 };
  testing_begin(false, NULL);
  for (int i = 0; i < LINES; i += BATCH)
    CHECK_INT(append_lines(i, BATCH).code, OK);
  CHECK(is_refused(append_lines(LINES, 1), EXHAUSTED, "TOO_LARGE", "segments"));
  CHECK(is_refused(append_lines(LINES - 1, 2), EXHAUSTED, "TOO_LARGE", "segments"));
  const appended_message *a = testing_need(append_lines(LINES - BATCH, BATCH));
  CHECK_INT(a->added, 0);
  const material_message *m = get(a->material_id);
  CHECK_INT(m->size_bytes, 1 << 20);
  testing_end();
}

static void the_words_of_a_citation_have_their_times(void) {
  testing_begin(false, NULL);
  append(spoken, 3);
  testing_doubt("Which cells open and close stomata? fake:quote=1", &s);
  CHECK_INT(s.reply.code, OK);
  REQUIRE(s.citations == 1);
  /* The scripted engine quotes the passage's first six words: those of the first segment. */
  CHECK_STR(s.cited[0].quote, "Good morning, today we speak about");
  CHECK_INT(s.cited[0].start_ms, 0);
  CHECK_INT(s.cited[0].end_ms, 3000);
  CHECK_STR(s.cited[0].title, "Live lesson");
  testing_end();
}

/* Cited in turns, each keeps the times of its own. */
static void citations_of_two_materials(void) {
  testing_begin(false, NULL);
  append(spoken, 3);
  testing_add("Subtitles", SRT,
              "1\n00:01:00,000 --> 00:01:04,000\nGuard cells open and close the stomata of a leaf.\n\n"
              "2\n00:01:04,000 --> 00:01:09,000\nAt night they keep the water in.\n",
              false);
  testing_doubt("Which cells open and close stomata? fake:quote=1,quote=2,quote=1,quote=2", &s);
  CHECK_INT(s.reply.code, OK);
  REQUIRE(s.citations == 4);
  for (size_t i = 0; i < 4; i++) {
    bool is_live = strcmp(s.cited[i].title, "Live lesson") == 0;
    CHECK_INT(s.cited[i].start_ms, is_live ? 0 : 60000);
    CHECK_INT(s.cited[i].end_ms, is_live ? 3000 : 64000);
    CHECK((strcmp(s.cited[i].title, s.cited[i % 2].title) == 0));
  }
  CHECK(strcmp(s.cited[0].title, s.cited[1].title) != 0);
  testing_end();
}

enum { CLIENTS = 12, BATCHES = 5 };

/* Three clients send the segments of each session, so each segment comes three times, and half of them at the same moment. */
static void *send_all(void *ctx) {
  int client = (int)(intptr_t)ctx, session = client % (CLIENTS / 3);
  char session_id[32], result_id[32], text[64];
  snprintf(session_id, sizeof session_id, "session-%d", session);
  for (int i = 0; i < BATCHES; i++) {
    snprintf(result_id, sizeof result_id, "r%d", i);
    snprintf(text, sizeof text, "Segment %d of session %d.", i, session);
    svc_reply r = testing_append(session_id, &(testing_segment){result_id, i * 1000, i * 1000 + 900, text}, 1, false);
    CHECK_MSG(r.code == OK, "%d %s", r.code, r.reason);
  }
  return NULL;
}

static void many_clients_append_at_once(void) {
  pthread_t threads[CLIENTS];
  testing_begin(false, NULL);
  for (intptr_t i = 0; i < CLIENTS; i++)
    CHECK_INT(pthread_create(&threads[i], NULL, send_all, (void *)i), 0);
  for (int i = 0; i < CLIENTS; i++)
    pthread_join(threads[i], NULL);
  const materials_message *all = list(0, "");
  CHECK_INT(all->n_materials, CLIENTS / 3);
  for (size_t i = 0; i < all->n_materials; i++) {
    const material_message *m = get(all->materials[i]->material_id);
    REQUIRE(m);
    CHECK_INT(m->n_cues, BATCHES);
    CHECK_INT(m->size_bytes, strlen(m->text));
    for (size_t k = 0; k < m->n_cues; k++) {
      char text[64];
      snprintf(text, sizeof text, "Segment %lld of session %s.\n", (long long)m->cues[k]->start_ms / 1000,
               m->session_id + strlen("session-"));
      CHECK_MSG(strncmp(m->text + m->cues[k]->begin, text, strlen(text)) == 0, "%s", text);
    }
  }
  testing_end();
}

static void sessions_belong_to_their_callers(void) {
  testing_begin(true, NULL);
  testing_token = svc_world_token(testing_world, "alice", "student");
  svc_reply hers = testing_append("lesson-7", spoken, 2, false);
  CHECK(is_refused(testing_append("lesson-8", spoken, 2, true), DENIED, "NOT_ALLOWED", "shared"));
  testing_token = svc_world_token(testing_world, "bob", "student");
  svc_reply his = testing_append("lesson-7", spoken, 1, false);
  REQUIRE(hers.code == OK && his.code == OK);
  CHECK(strcmp(((const appended_message *)hers.response)->material_id,
               ((const appended_message *)his.response)->material_id) != 0);
  testing_doubt("What are stomata?", &s);
  CHECK_INT(s.passages, 0);
  testing_end();
}

static void what_is_no_segment(void) {
  static const struct {
    const char *why, *session_id;
    testing_segment segment;
    const char *field;
  } rows[] = {
      {"no session", "", {"r1", 0, 1, "x"}, "session_id"},
      {"no result", "s", {"", 0, 1, "x"}, "segments[0].result_id"},
      {"no text", "s", {"r1", 0, 1, ""}, "segments[0].text"},
      {"a negative time", "s", {"r1", -1, 1, "x"}, "segments[0].start_ms"},
      {"an end before the beginning", "s", {"r1", 2, 1, "x"}, "segments[0].end_ms"},
  };
  testing_begin(false, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    svc_reply r = testing_append(rows[i].session_id, &rows[i].segment, 1, false);
    CHECK_MSG(is_refused(r, INVALID, "INVALID_FIELD", rows[i].field), "%s", rows[i].why);
  }
  CHECK(is_refused(testing_append("s", spoken, 0, false), INVALID, "INVALID_FIELD", "segments"));
  CHECK_INT(list(0, "")->n_materials, 0);
  testing_end();
}

/* -- space --------------------------------------------------------------------------------------------------------- */

static svc_reply add_plain(size_t bytes) {
  static char content[1 << 20];
  for (size_t i = 0; i < bytes; i++)
    content[i] = i % 10 == 9 ? ' ' : 'a';
  content[bytes] = '\0';
  Ponte__Chatbot__V1__AddMaterialRequest r = testing_add_request("Plenty", PLAIN, content);
  return testing_ask(&r.base);
}

static svc_reply append_plain(size_t bytes) {
  char text[8192];
  memset(text, 'b', bytes);
  text[bytes] = '\0';
  return testing_append("space", (testing_segment[]){{"1", 0, 1000, text}}, 1, false);
}

static void one_user_has_so_much_space(void) {
  testing_begin(
      true, (const char *[]){"chatbot_material", "1", NULL}); /* MiB: 1,048,576 bytes, and 4,096 of them a material */
  testing_token = svc_world_token(testing_world, "alice", "student");
  svc_reply first = add_plain(900000);
  REQUIRE(first.code == OK);
  char id[64];
  snprintf(id, sizeof id, "%s", ((const material_message *)first.response)->material_id);
  CHECK(is_refused(add_plain(200000), EXHAUSTED, "QUOTA_EXCEEDED", ""));
  CHECK_INT(add_plain(130000).code, OK);
  CHECK(is_refused(append_plain(8000), EXHAUSTED, "QUOTA_EXCEEDED", ""));
  CHECK_INT(append_plain(6000).code, OK);
  CHECK(is_refused(add_plain(10), EXHAUSTED, "QUOTA_EXCEEDED", "")); /* less than the cost of one more is left */
  CHECK_INT(list(0, "")->n_materials, 3);
  testing_token = svc_world_token(testing_world, "bob", "student");
  CHECK_INT(add_plain(200000).code, OK); /* everybody has their own */
  testing_token = svc_world_token(testing_world, "alice", "student");
  CHECK_INT(testing_remove_material(id).code, OK);
  CHECK_INT(add_plain(200000).code, OK);
  testing_end();
}

TEST_MAIN(TEST(material_is_added_shown_and_removed), TEST(material_survives_a_restart), TEST(the_key_adds_once),
          TEST(what_is_no_material), TEST(material_in_pages), TEST(material_is_its_owners_unless_shared),
          TEST(a_transcription_grows_and_is_found_at_once), TEST(the_words_of_a_citation_have_their_times),
          TEST(citations_of_two_materials), TEST(a_full_transcription), TEST(many_clients_append_at_once),
          TEST(sessions_belong_to_their_callers), TEST(what_is_no_segment), TEST(one_user_has_so_much_space))
