#include "settings/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "settings/testing_table.h"

static char *nothing(const char *name) {
  (void)name;
  return NULL;
}

static const char *const *variables; /* name, value, ..., NULL */

static char *from_variables(const char *name) {
  for (int i = 0; variables[i]; i += 2) {
    if (strcmp(variables[i], name) == 0) {
      return (char *)variables[i + 1];
    }
  }
  return NULL;
}

static base_err read_flags(const char *const *flags, char *(*get)(const char *), options *o, settings **s, char *why,
                           size_t why_size) {
  char *argv[16] = {(char *)"test"};
  int argc = 1;
  base_buf said;
  base_buf_init(&said, 4096);
  for (; flags[argc - 1]; argc++) {
    argv[argc] = (char *)flags[argc - 1];
  }
  base_err e = settings_read(&program, argc, argv, get, o, s, &said);
  snprintf(why, why_size, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return e;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults_are_the_table_s(void) {
  options o;
  settings *s;
  char why[256];
  CHECK_OK(read_flags((const char *const[]){NULL}, nothing, &o, &s, why, sizeof why));
  CHECK_STR(o.admin, "a:1");
  CHECK_INT(o.grace_ms, 10000);
  CHECK_INT(o.limits.idle_ms, 3600000);
  CHECK_INT(o.limits.calls, 100);
  CHECK(o.shape == SQUARE && o.log && o.ratio > 0.49 && o.host_count == 0);
  CHECK(!settings_is_given(s, &o.admin));
  settings_free(s);
}

static void higher_levels_replace_lower_ones(void) {
  options o;
  settings *s;
  char why[256], file[] = "/tmp/ponte-settings-XXXXXX";
  static const char text[] = "admin: file:1\ngrace: 1s\nhosts: [f1, f2, f3]\nlimits: {calls: 5, idle: 2m}\n";
  int fd = mkstemp(file);
  REQUIRE(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
  close(fd);
  variables = LIST("TEST_CONFIG", file, "TEST_GRACE", "2s", "TEST_ADMIN", "", "TEST_ALLOW_HOST", "e1  e2 ",
                   "TEST_LIMITS_IDLE", "3m");
  CHECK_OK(read_flags(LIST("--allow-host", "c1", "--max-calls=9"), from_variables, &o, &s, why, sizeof why));
  CHECK_STR(o.admin, "file:1");
  CHECK_INT(o.grace_ms, 2000);
  CHECK_INT(o.limits.idle_ms, 180000);
  CHECK_INT(o.limits.calls, 9);
  CHECK_INT(o.host_count, 1);
  CHECK_STR(o.hosts[0], "c1");
  CHECK(settings_is_given(s, &o.admin));
  settings_free(s);
  CHECK_OK(read_flags((const char *const[]){NULL}, from_variables, &o, &s, why, sizeof why));
  CHECK_INT(o.host_count, 2);
  CHECK_STR(o.hosts[1], "e2");
  settings_free(s);
  variables = LIST("TEST_CONFIG", "/nowhere");
  CHECK_OK(read_flags(LIST("--config", file), from_variables, &o, &s, why, sizeof why));
  CHECK_INT(o.host_count, 3);
  settings_free(s);
  CHECK_ERR(read_flags((const char *const[]){NULL}, from_variables, &o, &s, why, sizeof why), BASE_E_NOT_FOUND);
  CHECK_MSG(strstr(why, "/nowhere: No such file"), "%s", why);
  unlink(file);
}

static void bad_flags_and_variables_are_explained(void) {
  static const struct {
    const char *flags[4], *variable, *value, *why;
  } cases[] = {
      {{"--gace", "1s"}, "", "", "unknown option --gace; did you mean --grace?; --help lists those there are"},
      {{"--max-call", "1"},
       "",
       "",
       "unknown option --max-call; did you mean --max-calls?; --help lists those there are"},
      {{"--entirely-else"}, "", "", "unknown option --entirely-else; --help lists those there are"},
      {{"-x"}, "", "", "unknown option -x; --help lists those there are"},
      {{"word"}, "", "", "unknown option word; --help lists those there are"},
      {{"--"}, "", "", "unknown option --; --help lists those there are"},
      {{"--grace"}, "", "", "--grace needs a value: TIME"},
      {{"--grace", "10"}, "", "", "--grace: \"10\" is not allowed; it takes a duration such as 500ms, 10s or 5m"},
      {{"--grace="}, "", "", "--grace: \"\" is not allowed; it takes a duration such as 500ms, 10s or 5m"},
      {{"--grace", "-1s"}, "", "", "--grace: \"-1s\" is not allowed; it takes a duration such as 500ms, 10s or 5m"},
      {{"--grace", "99999999999999999999d"},
       "",
       "",
       "--grace: \"99999999999999999999d\" is not allowed; it takes a duration such as 500ms, 10s or 5m"},
      {{"--max-calls", "0"}, "", "", "--max-calls: \"0\" is not allowed; it takes a number from 1 to 10000"},
      {{"--max-calls", "10001"}, "", "", "--max-calls: \"10001\" is not allowed; it takes a number from 1 to 10000"},
      {{"--admin", "9901"}, "", "", "--admin: \"9901\" is not allowed; it takes ADDR:PORT"},
      {{"--admin", ""}, "", "", "--admin: \"\" is not allowed; it takes ADDR:PORT"},
      {{"--help=yes"}, "", "", "--help=yes: --help takes no value"},
      {{NULL}, "TEST_WORKERS", "65", "TEST_WORKERS: \"65\" is not allowed; it takes a number from 0 to 64"},
      {{NULL},
       "TEST_MEMORY",
       "1KB",
       "TEST_MEMORY: \"1KB\" is not allowed; it takes a size such as 64KiB or 4MiB, at least 1KiB"},
      {{NULL}, "TEST_RATIO", "1.1", "TEST_RATIO: \"1.1\" is not allowed; it takes a number from 0 to 1"},
      {{NULL}, "TEST_RATIO", "nan", "TEST_RATIO: \"nan\" is not allowed; it takes a number from 0 to 1"},
      {{NULL}, "TEST_LOG", "yes", "TEST_LOG: \"yes\" is not allowed; it takes true or false"},
      {{NULL}, "TEST_SHAPE", "flat", "TEST_SHAPE: \"flat\" is not allowed; it takes round or square"},
      {{NULL},
       "TEST_LIMITS_IDLE",
       "1ms",
       "TEST_LIMITS_IDLE: \"1ms\" is not allowed; it takes a duration such as 500ms, 10s or 5m, at least 1s"},
      {{NULL}, "TEST_ALLOW_HOST", "a b c d e", "TEST_ALLOW_HOST: too many: at most 4"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    options o;
    settings *s;
    char why[256];
    variables = LIST(cases[i].variable, cases[i].value);
    base_err e = read_flags(cases[i].flags, from_variables, &o, &s, why, sizeof why);
    CHECK_MSG(base_is(e, BASE_E_INVALID) && strcmp(why, cases[i].why) == 0, "row %zu: %s: %s", i, base_err_name(e),
              why);
    CHECK(s == NULL);
    settings_free(s);
  }
}

static void amounts_have_units(void) {
  static const struct {
    const char *memory, *grace;
    long long bytes, ms;
  } cases[] = {{"1024", "0", 1024, 0},
               {"64KiB", "500ms", 65536, 500},
               {"4MiB", "10s", 4 << 20, 10000},
               {"2GiB", "5m", 2LL << 30, 300000},
               {"1KiB", "30d", 1024, 2592000000LL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    options o;
    settings *s;
    char why[256];
    variables = LIST("TEST_MEMORY", cases[i].memory, "TEST_GRACE", cases[i].grace);
    CHECK_OK(read_flags((const char *const[]){NULL}, from_variables, &o, &s, why, sizeof why));
    CHECK_INT(o.memory, cases[i].bytes);
    CHECK_INT(o.grace_ms, cases[i].ms);
    settings_free(s);
  }
}

static void help_stops_everything_else(void) {
  options o;
  settings *s;
  char why[256];
  base_buf text;
  variables = LIST("TEST_CONFIG", "/nowhere", "TEST_GRACE", "soon");
  CHECK_OK(read_flags(LIST("--help", "--admin", "x"), from_variables, &o, &s, why, sizeof why));
  CHECK(o.help);
  settings_free(s);
  base_buf_init(&text, 65536);
  CHECK_OK(settings_help(&program, &text));
  CHECK_OK(base_buf_u8(&text, 0));
  const char *help = (const char *)base_buf_span(&text).p;
  CHECK_MSG(strstr(help, "  --grace TIME\n      grace (default 10s)\n"), "%s", help);
  CHECK_MSG(strstr(help, "\nlimits:                             # limits\n  calls: N "), "%s", help);
  CHECK_MSG(strstr(help, "\n  - name: NAME                      # its name (required)\n    note: TEXT "), "%s", help);
  CHECK_MSG(strstr(help, "# calls at once (1 to 10000; default 100)\n") &&
                strstr(help, "# idle time (at least 1s; default 1h)\n"),
            "%s", help);
  base_buf_dispose(&text);
}

TEST_MAIN(TEST(defaults_are_the_table_s), TEST(higher_levels_replace_lower_ones),
          TEST(bad_flags_and_variables_are_explained), TEST(amounts_have_units), TEST(help_stops_everything_else))
