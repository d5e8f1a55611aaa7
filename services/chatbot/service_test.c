/* Material and doubts over sockets and a real store; the engine is the scripted one, whose answers stand in the questions (llm/fake.h). */
#include "chatbot/service.h"

#include "base/test.h"
#include "chatbot/testing.h"

typedef Ponte__Chatbot__V1__Material material_message;

static testing_stream s;

static void material_is_added_shown_and_removed(void) {
  testing_begin(false, NULL);
  const char *id = testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
  svc_reply r = testing_get_material(id);
  REQUIRE(r.code == OK);
  const material_message *m = (const material_message *)r.response;
  CHECK_STR(m->text, testing_lesson);
  CHECK_STR(m->title, "Photosynthesis");
  CHECK_INT(m->size_bytes, strlen(testing_lesson));
  CHECK_INT(m->duration_ms, -1);
  CHECK(m->passage_count > 0 && m->create_time);
  testing_doubt("What does rubisco bind in the Calvin cycle?", &s);
  CHECK_INT(s.reply.code, OK);
  CHECK_STR(s.first_material, id);
  CHECK_INT(testing_remove_material(id).code, OK);
  CHECK_INT(testing_get_material(id).code, NOT_FOUND);
  testing_doubt("What does rubisco bind in the Calvin cycle?", &s);
  CHECK_INT(s.passages, 0);
  CHECK_INT(s.finish, NOT_IN_MATERIAL);
  testing_end();
}

static void a_stream_has_sources_text_and_one_final(void) {
  testing_begin(false, NULL);
  testing_add("Photosynthesis", MARKDOWN, testing_lesson, false);
  testing_doubt("What does rubisco bind? fake:text=20", &s);
  CHECK_INT(s.reply.code, OK);
  CHECK_INT(s.sources_count, 1);
  CHECK_INT(s.texts_before_sources, 0);
  CHECK_INT(s.pieces, 20);
  CHECK_INT(s.finals, 1);
  CHECK_INT(s.after_final, 0);
  CHECK_INT(s.finish, STOP);
  CHECK_STR(s.engine, "fake");
  CHECK_STR(s.message_id, "");
  testing_end();
}

TEST_MAIN(TEST(material_is_added_shown_and_removed), TEST(a_stream_has_sources_text_and_one_final))
