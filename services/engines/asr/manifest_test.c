#include "asr/manifest.h"

#include "base/test.h"

#define HEAD "\"name\": \"n\", \"kind\": \"k\", \"licence\": \"MIT\", \"languages\": [\"en\"]"

static void good(void) {
  static const char json[] =
      "{" HEAD ", \"capabilities\": {\"words\": true, \"interim_results\": false, \"new\": true},"
      " \"files\": {\"encoder\": \"e.ort\"}, \"unknown\": 1}";
  asr_manifest m;
  char why[ASR_WHY_SIZE];
  CHECK_OK(asr_manifest_parse(base_span_str(json), "/models/n", &m, why));
  CHECK_STR(m.name, "n");
  CHECK_STR(m.kind, "k");
  CHECK_STR(m.licence, "MIT");
  CHECK_INT(m.language_count, 1);
  CHECK_STR(m.languages[0], "en");
  CHECK_INT(m.capabilities, ASR_CAN_WORDS);
  CHECK_STR(m.encoder, "/models/n/e.ort");
  CHECK(m.tokens == NULL);
  asr_manifest_dispose(&m);
}

static void bad(void) {
  static const struct {
    const char *json, *why;
  } rows[] = {
      {"", "empty"},
      {"[]", "not an object"},
      {"{" HEAD, "cut short"},
      {"{" HEAD "} x", "bytes after the end"},
      {"{\"name\": \"n\", " HEAD "}", "a member twice"},
      {"{\"kind\": \"k\", \"licence\": \"MIT\", \"languages\": [\"en\"]}", "no name"},
      {"{\"name\": 1, \"kind\": \"k\", \"licence\": \"MIT\", \"languages\": [\"en\"]}", "name is a number"},
      {"{\"name\": \"\", \"kind\": \"k\", \"licence\": \"MIT\", \"languages\": [\"en\"]}", "name is empty"},
      {"{\"name\": \"n\", \"licence\": \"MIT\", \"languages\": [\"en\"]}", "no kind"},
      {"{\"name\": \"n\", \"kind\": \"k\", \"languages\": [\"en\"]}", "no licence"},
      {"{\"name\": \"n\", \"kind\": \"k\", \"licence\": \"MIT\"}", "no languages"},
      {"{\"name\": \"n\", \"kind\": \"k\", \"licence\": \"MIT\", \"languages\": []}", "empty languages"},
      {"{\"name\": \"n\", \"kind\": \"k\", \"licence\": \"MIT\", \"languages\": [\"en\", 2]}",
       "a language is a number"},
      {"{" HEAD ", \"files\": {\"encoder\": \"../e.ort\"}}", "a path out of the directory"},
      {"{" HEAD ", \"files\": {\"tokens\": \"/etc/passwd\"}}", "an absolute path"},
      {"{" HEAD ", \"files\": {\"tokens\": 3}}", "a file is a number"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    asr_manifest m;
    char why[ASR_WHY_SIZE];
    base_err e = asr_manifest_parse(base_span_str(rows[i].json), "/models/n", &m, why);
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s: %s", rows[i].why, base_err_name(e));
    CHECK_MSG(why[0], "%s: no reason given", rows[i].why);
  }
}

static void no_file(void) {
  asr_manifest m;
  char why[ASR_WHY_SIZE];
  CHECK_ERR(asr_manifest_read("/nonexistent", &m, why), BASE_E_NOT_FOUND);
  CHECK(strstr(why, "/nonexistent/model.json") != NULL);
}

TEST_MAIN(TEST(good), TEST(bad), TEST(no_file))
