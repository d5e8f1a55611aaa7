/* The file: what it may hold, and what is said about everything else. */
#include <stdlib.h>

#include "settings/testing_table.h"

static base_err read_text(base_span text, options *o, settings **s, char *why, size_t why_size) {
  base_buf said;
  base_buf_init(&said, 4096);
  base_err e = settings_read_text(&program, "f", text, o, s, &said);
  snprintf(why, why_size, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return e;
}

static void reads_every_kind(void) {
  static const char text[] =
      "# a comment\nadmin: \"b:2\"\nhosts:\n  - x\n  - 'y'\nworkers: 3\nmemory: 8MiB\ngrace: 3s\nratio: 0.25\n"
      "log: false\nshape: round\nplaces:\n  - name: one\n    names: [a, b]\n  - {name: two, note: n}\n"
      "limits:\n  calls: 7\n";
  options o;
  settings *s;
  char why[256];
  base_buf said;
  CHECK_OK(read_text(base_span_str(text), &o, &s, why, sizeof why));
  CHECK_STR(o.admin, "b:2");
  CHECK_INT(o.host_count, 2);
  CHECK_STR(o.hosts[1], "y");
  CHECK_INT(o.workers, 3);
  CHECK_INT(o.memory, 8 << 20);
  CHECK_INT(o.grace_ms, 3000);
  CHECK(o.ratio > 0.24 && o.ratio < 0.26 && !o.log && o.shape == ROUND);
  CHECK_INT(o.place_count, 2);
  CHECK_STR(o.places[0].names[1], "b");
  CHECK_STR(o.places[0].note, "none");
  CHECK_STR(o.places[1].note, "n");
  CHECK_INT(o.limits.calls, 7);
  CHECK_INT(o.limits.idle_ms, 3600000);
  base_buf_init(&said, 256);
  CHECK_ERR(settings_complain(s, &o.places[1].name, &said, "no %s", "such"), BASE_E_INVALID);
  CHECK(base_span_is(base_buf_span(&said), "f:15: places[1].name: no such"));
  base_buf_dispose(&said);
  settings_free(s);
}

static void nothing_is_a_file_too(void) {
  static const char *const texts[] = {"", "\n", "# only a comment\n", "---\n{}\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    options o;
    settings *s;
    char why[256];
    CHECK_OK(read_text(base_span_str(texts[i]), &o, &s, why, sizeof why));
    settings_free(s);
  }
}

static void bad_files_are_explained(void) {
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"adimn: a:1\n", "f:1: unknown key \"adimn\"; did you mean \"admin\"?"},
      {"config: x\n", "f:1: unknown key \"config\""},
      {"help: true\n", "f:1: unknown key \"help\""},
      {"entirely: 1\n", "f:1: unknown key \"entirely\""},
      {"limits:\n  calls: 1\n  cals: 2\n", "f:3: limits: unknown key \"cals\"; did you mean \"calls\"?"},
      {"admin: a:1\n\nadmin: b:2\n", "f:3: admin: is here twice"},
      {"limits: {calls: 1}\nlimits: {calls: 1}\n", "f:2: limits: is here twice"},
      {"workers: many\n", "f:1: workers: \"many\" is not allowed; it takes a number from 0 to 64"},
      {"workers:\n", "f:1: workers: \"\" is not allowed; it takes a number from 0 to 64"},
      {"workers: ~\n", "f:1: workers: \"~\" is not allowed; it takes a number from 0 to 64"},
      {"workers: [1]\n", "f:1: workers: takes one value, not a list or keys of its own"},
      {"workers: {a: 1}\n", "f:1: workers: takes one value, not a list or keys of its own"},
      {"hosts: x\n", "f:1: hosts: takes a list: [a, b], or lines that begin with \"- \""},
      {"hosts: [a, b, c, d, e]\n", "f:1: hosts[4]: too many: at most 4"},
      {"hosts: [[a]]\n", "f:1: hosts[0]: takes one value, not a list or keys of its own"},
      {"hosts:\n  - ok\n  - \"\"\n", "f:3: hosts[1]: \"\" is not allowed; it takes NAME"},
      {"limits: 5\n", "f:1: limits: takes keys of its own, each on a line \"key: value\""},
      {"limits:\n", "f:1: limits: takes keys of its own, each on a line \"key: value\""},
      {"places: {name: x}\n", "f:1: places: takes a list: [a, b], or lines that begin with \"- \""},
      {"places:\n  - note: x\n", "f:2: places[0]: \"name\" is missing: its name"},
      {"places:\n  - name: a\n  - name: b\n    nmae: c\n",
       "f:4: places[1]: unknown key \"nmae\"; did you mean \"name\"?"},
      {"places: [{name: a}, {name: b}, {name: c}, {name: d}]\n", "f:1: places[3]: too many: at most 3"},
      {"admin: \"a:\\0b\"\n", "f:1: admin: \"a:\" is not allowed; it takes ADDR:PORT"},
      {"- a\n", "f:1: takes keys of its own, each on a line \"key: value\""},
      {"just words\n", "f:1: takes keys of its own, each on a line \"key: value\""},
      {"admin: &a b:1\n", "f:1: admin: anchors, aliases and tags are not allowed; write the value out"},
      {"admin: *a\n", "f:1: admin: anchors, aliases and tags are not allowed; write the value out"},
      {"admin: !!str a:1\n", "f:1: admin: anchors, aliases and tags are not allowed; write the value out"},
      {"limits: &a {calls: 1}\n", "f:1: limits: anchors, aliases and tags are not allowed; write the value out"},
      {"{a: &x [b], c: [*x, *x]}\n", "f:1: unknown key \"a\""},
      {"? [a]\n: b\n", "f:1: a key must be a plain word"},
      {"admin: a:1\n---\nadmin: b:2\n", "f:2: a second document is not allowed"},
      {"limits:\n\tcalls: 1\n", "f:2: limits: not YAML: found character that cannot start any token"},
      {"limits: {calls: 1\n", "f:2: limits: not YAML: did not find expected ',' or '}'"},
      {"admin: 'x\n", "f:2: admin: not YAML: found unexpected end of stream"},
      {"admin: \xff\xfe\n", "f:1: not YAML: invalid leading UTF-8 octet"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    options o;
    settings *s;
    char why[256];
    base_err e = read_text(base_span_str(cases[i].text), &o, &s, why, sizeof why);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && strcmp(why, cases[i].why) == 0, "row %zu: %s\n  got  %s\n  want %s", i,
              cases[i].text, why, cases[i].why);
    settings_free(s);
  }
}

static void large_files_are_refused(void) {
  enum { N = SETTINGS_FILE_MAX + 1 };
  char *text = malloc(N);
  options o;
  settings *s;
  char why[256];
  REQUIRE(text);
  memset(text, '#', N);
  CHECK_ERR(read_text(base_span_of(text, N), &o, &s, why, sizeof why), BASE_E_INVALID);
  CHECK_STR(why, "f:1: the file is too large: at most 1 MiB");
  memset(text, '[', N);
  CHECK_ERR(read_text(base_span_of(text, N - 1), &o, &s, why, sizeof why), BASE_E_INVALID);
  free(text);
}

TEST_MAIN(TEST(reads_every_kind), TEST(nothing_is_a_file_too), TEST(bad_files_are_explained),
          TEST(large_files_are_refused))
