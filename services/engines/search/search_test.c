#include "search/search.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/test.h"

static search_passage passage(const char *material, int ordinal, const char *text) {
  return (search_passage){.material_id = material,
                          .ordinal = ordinal,
                          .title = "",
                          .heading = "",
                          .owner = "ana",
                          .begin = (size_t)ordinal * 100,
                          .end = (size_t)ordinal * 100 + strlen(text),
                          .start_ms = -1,
                          .end_ms = -1,
                          .text = base_span_str(text)};
}

static search *lessons(void) {
  search_passage p[] = {
      passage("fisica", 0, "A velocidade da luz no vácuo é de 299.792 km/s."),
      passage("fisica", 1, "A energia cinética depende da massa e da velocidade."),
      passage("biology", 0, "Photosynthesis turns light into chemical energy."),
      passage("biology", 1, "Mitochondria release the energy of sugar."),
      passage("bia", 0, "Photosynthesis, as Bia wrote it down for herself."),
  };
  p[2].shared = p[3].shared = true;
  p[2].title = p[3].title = "Plants";
  p[2].start_ms = 1000;
  p[2].end_ms = 2000;
  p[4].owner = "bia";
  search *s = NULL;
  CHECK_OK(search_open(&s));
  CHECK_OK(search_put(s, p, sizeof p / sizeof *p));
  return s;
}

/* The hits as "material/ordinal ...". */
static void find(search *s, search_query q, char *out, size_t size) {
  search_hits h;
  if (!q.limit) q.limit = 5;
  *out = '\0';
  CHECK_OK(search_find(s, &q, &h));
  for (size_t i = 0, n = 0; i < h.count; i++) {
    const search_passage *p = &h.hits[i].passage;
    n += (size_t)snprintf(out + n, size - n, "%s%s/%d", i ? " " : "", p->material_id, p->ordinal);
    CHECK(h.hits[i].support > 0 && h.hits[i].support <= 1);
    CHECK(i == 0 || h.hits[i - 1].score >= h.hits[i].score);
  }
  search_hits_dispose(&h);
}

static void test_find(void) {
  static const char *const only[] = {"bia", "no\"such]"}, *const others[] = {"fisica"};
  static const struct {
    search_query q;
    const char *want, *reason;
  } rows[] = {
      {{.text = "Qual é a velocidade da luz?", .owner = "ana"}, "fisica/0 fisica/1", "the one with both words first"},
      {{.text = "velocidades", .owner = "ana", .limit = 1}, "fisica/0", "stems; a limit"},
      {{.text = "vacuo", .owner = "ana"}, "fisica/0", "without the accent"},
      {{.text = "299792", .owner = "ana"}, "fisica/0", "a number"},
      {{.text = "photosynthesis", .owner = "ana"}, "biology/0", "not what is another's"},
      {{.text = "photosynthesis", .owner = ""}, "biology/0", "shared material for everybody"},
      {{.text = "photosynthesis", .owner = NULL}, "biology/0", "and for nobody"},
      {{.text = "photosynthesis", .owner = "bia"}, "biology/0 bia/0", "one's own, too"},
      {{.text = "photosynthesis", .all = true}, "biology/0 bia/0", "all owners'"},
      {{.text = "photosynthesis", .all = true, .first_material = "bia"}, "bia/0 biology/0", "the lesson that runs"},
      {{.text = "photosynthesis", .owner = "bia", .material_ids = only, .material_count = 2},
       "bia/0",
       "some materials"},
      {{.text = "photosynthesis", .owner = "ana", .material_ids = only, .material_count = 2},
       "",
       "a filter opens nothing"},
      {{.text = "photosynthesis", .all = true, .material_ids = others, .material_count = 1}, "", "not in these"},
      {{.text = "plants", .owner = ""}, "biology/1 biology/0", "the title counts"},
      {{.text = "and why?", .earlier = "What is photosynthesis?", .owner = ""}, "biology/0", "the question before"},
      {{.text = "", .all = true}, "", "nothing asked"},
      {{.text = "o que é the of", .all = true}, "", "nothing but stop words"},
      {{.text = "zebra", .all = true}, "", "not there"},
      {{.text = "\" OR rowid > 0 --", .all = true}, "", "no syntax"},
      {{.text = "text : photosynthesis NOT light*", .owner = ""}, "biology/0", "words, whatever they are to FTS5"},
      {{.text = "\xFF\xC3 luz", .owner = "ana"}, "fisica/0", "bytes that are no UTF-8"},
  };
  search *s = lessons();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[256];
    find(s, rows[i].q, got, sizeof got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: got \"%s\", want \"%s\"", rows[i].reason, got, rows[i].want);
  }
  search_close(s);
}

static void test_hit(void) {
  search *s = lessons();
  search_hits h;
  search_query q = {.text = "photosynthesis", .owner = "", .limit = 100};
  CHECK_OK(search_find(s, &q, &h));
  REQUIRE(h.count == 1);
  const search_passage *p = &h.hits[0].passage;
  CHECK_STR(p->title, "Plants");
  CHECK_STR(p->heading, "");
  CHECK_STR(p->owner, "ana");
  CHECK(p->shared && p->begin == 0 && p->end == 48 && p->start_ms == 1000 && p->end_ms == 2000);
  CHECK(base_span_is(p->text, "Photosynthesis turns light into chemical energy."));
  search_hits_dispose(&h);
  q.limit = 0;
  CHECK_OK(search_find(s, &q, &h));
  CHECK_INT(h.count, 0);
  search_hits_dispose(&h);
  search_close(s);
}

static void test_change(void) {
  search *s = lessons();
  char got[64];
  const search_query luz = {.text = "luz", .owner = "ana"}, agua = {.text = "água", .owner = "ana"};
  CHECK_INT(search_count(s), 5);
  search_passage other = passage("fisica", 0, "A água ferve a 100 graus.");
  CHECK_OK(search_put(s, &other, 1)); /* takes its place */
  CHECK_INT(search_count(s), 5);
  find(s, luz, got, sizeof got);
  CHECK_STR(got, "");
  find(s, agua, got, sizeof got);
  CHECK_STR(got, "fisica/0");
  CHECK_OK(search_put(s, NULL, 0));
  CHECK_OK(search_remove(s, "none"));
  CHECK_INT(search_count(s), 5);
  CHECK_OK(search_remove(s, "fisica"));
  CHECK_INT(search_count(s), 3);
  find(s, agua, got, sizeof got);
  CHECK_STR(got, "");
  CHECK_OK(search_remove(s, "fisica"));
  CHECK_OK(search_put(s, &other, 1));
  CHECK_INT(search_count(s), 4);
  find(s, agua, got, sizeof got);
  CHECK_STR(got, "fisica/0");
  search_close(s);
}

static void test_extra(void) {
  search *s = NULL;
  char got[64];
  const search_passage extra[] = {
      passage("", 0, "The lesson says that quarks have colours."),
      passage("", 1, "Photosynthesis turns light into energy and photosynthesis is green.")};
  search_query q = {.text = "quarks", .owner = "", .extra = extra, .extra_count = 2};
  CHECK_OK(search_open(&s));
  find(s, q, got, sizeof got);
  CHECK_STR(got, "/0"); /* in an empty index */
  search_close(s);
  s = lessons();
  find(s, q, got, sizeof got);
  CHECK_STR(got, "/0");
  q.text = "What turns light into chemical energy? Photosynthesis?";
  find(s, q, got, sizeof got);
  CHECK_STR(got, "biology/0 /1 biology/1");
  search_close(s);
}

static void test_two_indexes(void) {
  search *a = lessons(), *b = NULL;
  CHECK_OK(search_open(&b));
  CHECK_INT(search_count(a), 5);
  CHECK_INT(search_count(b), 0); /* they share nothing */
  search_close(a);
  search_close(b);
  search_close(NULL);
  search_hits none = {0};
  search_hits_dispose(&none);
}

enum { READERS = 6, ROUNDS = 60 };
static atomic_bool stop;

static void *search_on(void *ctx) {
  search *s = ctx;
  while (!atomic_load(&stop)) {
    search_hits h;
    const search_query q = {.text = "photosynthesis and light", .owner = "", .limit = 3};
    CHECK_OK(search_find(s, &q, &h));
    if (h.count != 1) CHECK_INT(h.count, 1); /* always whole: what is put meanwhile is another's */
    search_hits_dispose(&h);
  }
  return NULL;
}

static void test_threads(void) {
  search *s = lessons();
  pthread_t threads[READERS];
  atomic_store(&stop, false);
  for (int i = 0; i < READERS; i++)
    REQUIRE(pthread_create(&threads[i], NULL, search_on, s) == 0);
  for (int i = 0; i < ROUNDS; i++) {
    char word[32], text[64], got[64];
    snprintf(word, sizeof word, "palavra%d", i);
    snprintf(text, sizeof text, "A %s e a luz, light.", word);
    const search_passage p = passage("live", i, text);
    CHECK_OK(search_put(s, &p, 1));
    find(s, (search_query){.text = word, .owner = "ana"}, got, sizeof got); /* seen at once */
    snprintf(text, sizeof text, "live/%d", i);
    CHECK_STR(got, text);
  }
  CHECK_OK(search_remove(s, "live"));
  atomic_store(&stop, true);
  for (int i = 0; i < READERS; i++)
    pthread_join(threads[i], NULL);
  CHECK_INT(search_count(s), 5);
  search_close(s);
}

TEST_MAIN(TEST(test_find), TEST(test_hit), TEST(test_change), TEST(test_extra), TEST(test_two_indexes),
          TEST(test_threads))
