#include "base/trace.h"

#include "base/test.h"

#define GOOD "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void text_and_back(void) {
  base_trace t;
  char text[BASE_TRACEPARENT_SIZE], id[BASE_TRACE_ID_SIZE];
  CHECK(base_trace_parse(base_span_str(GOOD), &t));
  CHECK_INT(t.trace_id[0], 0x0a);
  CHECK_INT(t.span_id[7], 0x31);
  CHECK_INT(t.flags, 1);
  base_trace_text(&t, text);
  CHECK_STR(text, GOOD);
  base_trace_id_text(&t, id);
  CHECK_STR(id, "0af7651916cd43dd8448eb211c80319c");
}

static void a_later_version_may_be_longer(void) {
  base_trace t;
  CHECK(base_trace_parse(base_span_str("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"), &t));
  CHECK(base_trace_parse(base_span_str("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), &t));
}

static void malformed_ones_are_none(void) {
  static const char *const rows[] = {
      "",
      "00",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
      GOOD "0",
      GOOD "-x",
      "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
      "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-g1",
      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
  };
  base_trace t;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(!base_trace_parse(base_span_str(rows[i]), &t), "%s", rows[i]);
  }
}

static void a_child_belongs_to_its_parent(void) {
  base_trace parent, child, other;
  CHECK(base_trace_parse(base_span_str(GOOD), &parent));
  base_trace_start(&parent, 0, &child);
  base_trace_start(&parent, 0, &other);
  CHECK(memcmp(child.trace_id, parent.trace_id, 16) == 0);
  CHECK(memcmp(child.span_id, parent.span_id, 8) != 0);
  CHECK(memcmp(child.span_id, other.span_id, 8) != 0);
  CHECK_INT(child.flags, 1); /* the parent decides, not the ratio */
  parent.flags = 0;
  base_trace_start(&parent, 1, &child);
  CHECK_INT(child.flags, 0);
}

static void the_ratio_decides_for_roots(void) {
  enum { N = 4000 };
  static const struct {
    double ratio;
    int low, high;
  } rows[] = {{0, 0, 0}, {1, N, N}, {0.25, N / 5, N * 3 / 10}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int sampled = 0;
    for (int k = 0; k < N; k++) {
      base_trace t;
      base_trace_start(NULL, rows[i].ratio, &t);
      sampled += t.flags;
    }
    CHECK_MSG(sampled >= rows[i].low && sampled <= rows[i].high, "ratio %g: %d of %d", rows[i].ratio, sampled, N);
  }
}

TEST_MAIN(TEST(text_and_back), TEST(a_later_version_may_be_longer), TEST(malformed_ones_are_none),
          TEST(a_child_belongs_to_its_parent), TEST(the_ratio_decides_for_roots))
