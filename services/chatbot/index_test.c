/* Two processes on one store, each with its index: what one of them changes, the other finds. */
#include "chatbot/index.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"
#include "chatbot/migrations.h"
#include "chatbot/records.h"
#include "store/testing.h"

typedef struct {
  store *store;
  chatbot_index *index;
} process;

static testing_place place;
static process a, b;

static void begin_process(process *p) {
  p->store = testing_store_open(&place, "chatbot", chatbot_migrations, CHATBOT_MIGRATIONS);
  REQUIRE(p->store);
  CHECK_OK(chatbot_index_open(p->store, &p->index));
}

static void end_process(process *p) {
  chatbot_index_close(p->index);
  store_close(p->store);
}

static void begin(void) {
  testing_place_init(&place);
  begin_process(&a);
  begin_process(&b);
}

static void end(void) {
  end_process(&a);
  end_process(&b);
  testing_place_dispose(&place);
}

/* -- changes ------------------------------------------------------------------------------------------------------- */

typedef struct {
  char id[BASE_UUID_SIZE];
  int format;
  const char *text;
  int64_t begin; /* of a segment */
} change;

static base_err insert(void *ctx, store_tx *tx) {
  const change *c = ctx;
  chatbot_material m = PONTE__CHATBOT__V1__MATERIAL__INIT;
  m.material_id = (char *)c->id;
  m.title = (char *)"Lesson";
  m.format = (Ponte__Chatbot__V1__MaterialFormat)c->format;
  m.session_id = (char *)(c->format == MATERIAL_LIVE ? c->id : "");
  m.text = (char *)c->text;
  return chatbot_material_insert(tx, &m, base_span_of("", 0), 1);
}

static base_err append(void *ctx, store_tx *tx) {
  const change *c = ctx;
  Ponte__Chatbot__V1__TranscriptSegment segment = PONTE__CHATBOT__V1__TRANSCRIPT_SEGMENT__INIT;
  char result_id[32];
  bool added;
  snprintf(result_id, sizeof result_id, "%lld", (long long)c->begin);
  segment.result_id = result_id;
  segment.start_ms = c->begin * 1000;
  segment.end_ms = c->begin * 1000 + 900;
  BASE_TRY(chatbot_segment_insert(tx, c->id, c->begin, &segment, c->text, &added));
  CHECK(added);
  return chatbot_material_grow(tx, c->id, c->begin + (int64_t)strlen(c->text) + 1, segment.end_ms, 2);
}

enum { REMOVED_US = 1000000 };

static base_err delete (void *ctx, store_tx *tx) {
  return chatbot_material_delete(tx, ((const change *)ctx)->id, REMOVED_US);
}

static change add(process *p, int format, const char *text) {
  change c = {.format = format, .text = text};
  base_uuid7(c.id);
  CHECK_OK(store_write(p->store, insert, &c));
  return c;
}

/* How many passages of it the process finds with the word. */
static size_t found(process *p, const char *word) {
  search_hits hits = {0};
  const search_query query = {.text = word, .owner = "", .all = true, .limit = SEARCH_HITS_MAX};
  CHECK_OK(chatbot_index_follow(p->index));
  CHECK_OK(search_find(chatbot_index_search(p->index), &query, &hits));
  size_t n = hits.count;
  search_hits_dispose(&hits);
  return n;
}

/* -- tests --------------------------------------------------------------------------------------------------------- */

static void material_of_another_process_is_found(void) {
  begin();
  CHECK_INT(found(&b, "rubisco"), 0);
  change c = add(&a, MATERIAL_TEXT, "The enzyme rubisco binds carbon dioxide.");
  CHECK_INT(found(&b, "rubisco"), 1);
  CHECK_INT(found(&a, "rubisco"), 1);
  CHECK_OK(store_write(a.store, delete, &c));
  CHECK_INT(found(&b, "rubisco"), 0);
  CHECK_INT(found(&a, "rubisco"), 0);
  end();
}

static void a_transcription_grows(void) {
  begin();
  change c = add(&a, MATERIAL_LIVE, "");
  CHECK_INT(found(&b, "stomata"), 0);
  static const char *const words[] = {"stomata", "xylem", "phloem", "cambium"};
  c.begin = 0;
  for (size_t i = 0; i < 4; i++) {
    char text[256];
    snprintf(text, sizeof text, "Today we speak about the %s, which every plant of this garden has.", words[i]);
    c.text = text;
    process *p = i % 2 ? &a : &b; /* clients may come to any process */
    CHECK_OK(store_write(p->store, append, &c));
    c.begin += (int64_t)strlen(text) + 1;
    CHECK_INT(found(&a, words[i]), 1);
    CHECK_INT(found(&b, words[i]), 1);
  }
  CHECK_INT(found(&b, "stomata"), 1); /* and the first is still there, once */
  CHECK(chatbot_index_live_passages(b.index, c.id) > 0);
  CHECK_OK(store_write(a.store, delete, &c));
  CHECK_INT(found(&b, "xylem"), 0);
  CHECK_INT(chatbot_index_live_passages(b.index, c.id), 0);
  end();
}

/* More than a page of changes, and some of them gone before they were followed. */
static void many_changes(void) {
  enum { MANY = 150 };
  static change all[MANY];
  begin();
  for (size_t i = 0; i < MANY; i++)
    all[i] = add(&a, MATERIAL_TEXT, "Mitochondria make the energy of the cell.");
  for (size_t i = 0; i < MANY; i += 3)
    CHECK_OK(store_write(a.store, delete, &all[i]));
  CHECK_INT(found(&b, "mitochondria"), SEARCH_HITS_MAX);
  CHECK_INT(search_count(chatbot_index_search(b.index)), MANY - MANY / 3);
  CHECK_INT(found(&a, "mitochondria"), SEARCH_HITS_MAX);
  process late;
  begin_process(&late);
  CHECK_INT(search_count(chatbot_index_search(late.index)), MANY - MANY / 3);
  end_process(&late);
  end();
}

static base_err count_removals(void *ctx, store_tx *tx) {
  static const store_statement count = {"SELECT COUNT(*) FROM removals"};
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &count, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *(int64_t *)ctx = store_column_int(rows, 0);
  return BASE_OK;
}

static int64_t removals(void) {
  int64_t n = -1;
  CHECK_OK(store_read(a.store, count_removals, &n));
  return n;
}

/* Noted for a day, which all who run have seen by then; whoever starts later misses nothing. */
static void removals_are_noted_for_a_day(void) {
  static const int64_t day_us = INT64_C(24) * 3600 * 1000000;
  begin();
  change gone = add(&a, MATERIAL_TEXT, "Lysosomes digest what the cell has eaten.");
  add(&a, MATERIAL_TEXT, "Lysosomes have a membrane.");
  CHECK_INT(found(&b, "lysosomes"), 2);
  CHECK_OK(store_write(a.store, delete, &gone));
  chatbot_removals_purge(a.store, REMOVED_US + day_us);
  CHECK_INT(removals(), 1);
  CHECK_INT(found(&b, "lysosomes"), 1);
  chatbot_removals_purge(a.store, REMOVED_US + day_us + 1);
  CHECK_INT(removals(), 0);
  CHECK_INT(found(&a, "lysosomes"), 1);
  process late;
  begin_process(&late);
  CHECK_INT(found(&late, "lysosomes"), 1);
  gone = add(&a, MATERIAL_TEXT, "Lysosomes burst.");
  CHECK_INT(found(&late, "lysosomes"), 2);
  CHECK_OK(store_write(a.store, delete, &gone));
  CHECK_INT(found(&late, "lysosomes"), 1);
  end_process(&late);
  end();
}

TEST_MAIN(TEST(removals_are_noted_for_a_day), TEST(material_of_another_process_is_found), TEST(a_transcription_grows),
          TEST(many_changes))
