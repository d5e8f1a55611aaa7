#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"

static base_buf out;

/* 2022-02-22T19:22:22.003Z */
#define LINE(level_, message_, ...)                                                                      \
  (const struct base_log_line) {                                                                         \
    .wall_ms = 1645557742003, .level = (level_), .process = "p", .message = (message_),                  \
    .fields = (const struct base_log_field[]){__VA_ARGS__},                                              \
    .count = (int)(sizeof((const struct base_log_field[]){__VA_ARGS__}) / sizeof(struct base_log_field)) \
  }

static const char *format(const struct base_log_line *line, bool human) {
  base_buf_dispose(&out);
  base_buf_init(&out, 65536);
  CHECK_OK(base_log_format(&out, line, human));
  CHECK_OK(base_buf_u8(&out, 0));
  return (const char *)base_buf_span(&out).p;
}

static void a_line_is_one_json_object(void) {
  struct base_log_line line =
      LINE(BASE_LOG_WARN, "upstream lost", LOG_STR("target", "a:1"), LOG_INT("attempt", -3), LOG_NUM("rtf", 0.25),
           LOG_NUM("bad", NAN), LOG_SPAN("raw", base_span_of("x\n\xff", 3)));
  CHECK_STR(format(&line, false),
            "{\"time\":\"2022-02-22T19:22:22.003Z\",\"level\":\"warn\",\"process\":\"p\",\"message\":\"upstream lost\","
            "\"target\":\"a:1\",\"attempt\":-3,\"rtf\":0.25,\"bad\":null,\"raw\":\"x\\n\xef\xbf\xbd\"}\n");
}

static void a_peer_cannot_forge_a_line_or_a_field(void) {
  struct base_log_line line = LINE(BASE_LOG_INFO, "m", LOG_STR("path", "/a\",\"level\":\"x\"}\n{"));
  CHECK_STR(format(&line, false),
            "{\"time\":\"2022-02-22T19:22:22.003Z\",\"level\":\"info\",\"process\":\"p\",\"message\":\"m\","
            "\"path\":\"/a\\\",\\\"level\\\":\\\"x\\\"}\\n{\"}\n");
  CHECK_STR(format(&line, true), "2022-02-22T19:22:22.003Z info  p: m path=\"/a\\\",\\\"level\\\":\\\"x\\\"}\\n{\"\n");
  struct base_log_line escapes =
      LINE(BASE_LOG_ERROR, "m", LOG_STR("a", "\x1b[31m"), LOG_STR("b", "x y"), LOG_STR("c", "x=y"), LOG_STR("d", ""),
           LOG_STR("e", "plain"), LOG_INT("f", 7), LOG_STR("g", "\x7f"));
  CHECK_STR(format(&escapes, true),
            "2022-02-22T19:22:22.003Z error p: m a=\"\\u001b[31m\" b=\"x y\" c=\"x=y\" d=\"\" e=plain f=7 "
            "g=\"\\u007f\"\n");
}

static void long_values_are_cut_and_null_is_no_crash(void) {
  static char text[5000];
  const char *none = NULL;
  memset(text, 'x', sizeof text - 1);
  struct base_log_line line = LINE(BASE_LOG_INFO, "m", LOG_STR("a", text), LOG_STR("b", none));
  const char *got = format(&line, false);
  size_t prefix =
      strlen("{\"time\":\"2022-02-22T19:22:22.003Z\",\"level\":\"info\",\"process\":\"p\",\"message\":\"m\",\"a\":\"");
  CHECK_INT(strspn(got + prefix, "x"), 1024);
  CHECK(strstr(got, "\"b\":\"(null)\"}\n") != NULL);
}

static void a_line_without_room_leaves_nothing(void) {
  struct base_log_line line = LINE(BASE_LOG_INFO, "m", LOG_STR("a", "b"));
  size_t whole = strlen(format(&line, false));
  for (size_t room = 0; room < whole; room++) {
    base_buf small;
    base_buf_init(&small, room);
    CHECK_ERR(base_log_format(&small, &line, false), BASE_E_TOO_LARGE);
    CHECK_INT(base_buf_size(&small), 0);
    base_buf_dispose(&small);
  }
}

#ifndef __EMSCRIPTEN__ /* Node has no dup2 */
static void three_levels(void) {
  BASE_LOG(BASE_LOG_DEBUG, "one");
  BASE_LOG(BASE_LOG_INFO, "two", LOG_INT("n", 2));
  BASE_LOG(BASE_LOG_ERROR, "three");
}

/* What `log_some` writes to stderr at the level, in text[size]. */
static size_t captured(const char *level, char *text, size_t size, void (*log_some)(void)) {
  int ends[2], saved = dup(STDERR_FILENO);
  if (saved < 0 || pipe(ends) != 0) {
    return 0;
  }
  dup2(ends[1], STDERR_FILENO);
  setenv("PONTE_LOG", level, 1);
  base_log_init("ponte-test");
  errno = EDOM;
  log_some();
  CHECK_INT(errno, EDOM);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  ssize_t n = read(ends[0], text, size - 1);
  close(ends[0]);
  text[n > 0 ? n : 0] = 0;
  return n > 0 ? (size_t)n : 0;
}

static const struct {
  const char *level;
  bool one, two, warns;
} levels[] = {
    {"debug", true, true, false},   {"info", false, true, false}, {"warn", false, false, false},
    {"error", false, false, false}, {"", false, true, false},     {"INFO", false, true, true},
    {"5", false, true, true},
};

static void the_environment_sets_the_level(void) {
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
    char text[4096];
    size_t n = captured(levels[i].level, text, sizeof text, three_levels);
    CHECK_MSG(n > 0 && text[n - 1] == '\n', "%s", levels[i].level);
    CHECK_MSG((strstr(text, "\"message\":\"one\"") != NULL) == levels[i].one, "%s", levels[i].level);
    CHECK_MSG((strstr(text, "\"message\":\"two\",\"n\":2}") != NULL) == levels[i].two, "%s", levels[i].level);
    CHECK_MSG(strstr(text, "\"message\":\"three\"}\n") != NULL, "%s", levels[i].level);
    CHECK_MSG((strstr(text, "PONTE_LOG") != NULL) == levels[i].warns, "%s", levels[i].level);
    CHECK_MSG(strstr(text, "\"process\":\"ponte-test\"") != NULL, "%s", levels[i].level);
  }
  unsetenv("PONTE_LOG");
  base_log_init("ponte-test");
  CHECK_INT(base_log_level(), BASE_LOG_INFO);
}

static void gathered_but_not_flushed(void) {
  base_log_gather(true);
  BASE_LOG(BASE_LOG_INFO, "waits");
}
static void with_a_warning(void) {
  BASE_LOG(BASE_LOG_WARN, "takes it along");
  BASE_LOG(BASE_LOG_INFO, "waits again");
}
static void very_many(void) {
  for (int i = 0; i < 200; i++) {
    BASE_LOG(BASE_LOG_INFO, "fills the buffer");
  }
}
static void stop_gathering(void) {
  base_log_gather(false);
  BASE_LOG(BASE_LOG_INFO, "at once");
}

static void lines_wait_where_they_are_gathered(void) {
  char text[65536];
  CHECK_INT(captured("info", text, sizeof text, gathered_but_not_flushed), 0);
  CHECK(captured("info", text, sizeof text, with_a_warning) > 0);
  const char *first = strstr(text, "\"waits\""), *second = strstr(text, "\"takes it along\"");
  CHECK(first && second && first < second);
  CHECK(strstr(text, "waits again") == NULL);
  CHECK(captured("info", text, sizeof text, base_log_flush) > 0);
  CHECK(strstr(text, "waits again") != NULL);
  CHECK_INT(captured("info", text, sizeof text, base_log_flush), 0);
  size_t n = captured("info", text, sizeof text, very_many);
  CHECK_MSG(n >= 10000 && n < 20000 && text[n - 1] == '\n', "%zu", n);
  CHECK(captured("info", text, sizeof text, stop_gathering) > 0);
  CHECK(strstr(text, "fills the buffer") && strstr(text, "at once"));
}
#else
static void lines_wait_where_they_are_gathered(void) {}
static void the_environment_sets_the_level(void) {}
#endif

static void no_allocation_outlives_the_tests(void) { base_buf_dispose(&out); }

TEST_MAIN(TEST(a_line_is_one_json_object), TEST(a_peer_cannot_forge_a_line_or_a_field),
          TEST(long_values_are_cut_and_null_is_no_crash), TEST(a_line_without_room_leaves_nothing),
          TEST(the_environment_sets_the_level), TEST(lines_wait_where_they_are_gathered),
          TEST(no_allocation_outlives_the_tests))
