#include "services/options.h"

#include "base/test.h"

static char *no_variables(const char *name) {
  (void)name;
  return NULL;
}
static char *some_variables(const char *name) {
  if (strcmp(name, "PONTE_MODEL_DIR") == 0) return (char *)"/env/models";
  if (strcmp(name, "PONTE_MAX_STREAMS") == 0) return (char *)"7";
  return NULL;
}
static char *wrong_variable(const char *name) { return strcmp(name, "PONTE_MAX_STREAMS") == 0 ? (char *)"many" : NULL; }

static bool read(char *const *argv, char *(*get)(const char *), services_options *o, char why[256]) {
  int argc = 0;
  base_buf said;
  while (argv[argc])
    argc++;
  base_buf_init(&said, 1024);
  bool ok = base_is_ok(services_options_read(argc, argv, get, o, &said));
  snprintf(why, 256, "%.*s", BASE_SPAN_ARG(base_buf_span(&said)));
  base_buf_dispose(&said);
  return ok;
}

static void good(void) {
  services_options o;
  char why[256];
  CHECK(read((char *[]){(char *)"x", NULL}, no_variables, &o, why));
  CHECK_STR(o.listen_host, "127.0.0.1");
  CHECK_STR(o.asr_engine, "sherpa");
  CHECK_INT(o.transcription_port, 50054);
  CHECK_INT(o.max_batch_bytes, 16 << 20);
  CHECK_INT(o.drain_ms, 5000);
  CHECK(!o.only && !o.admin && !o.model_directory && services_options_has(&o, "transcription"));
  services_options_dispose(&o);
  CHECK(read((char *[]){(char *)"x", (char *)"--max-streams=3", (char *)"--admin", (char *)"127.0.0.1:0",
                        (char *)"--only", (char *)"transcription", (char *)"--transcription-port", (char *)"0", NULL},
             some_variables, &o, why));
  CHECK_INT(o.max_streams, 3); /* the flag is stronger */
  CHECK_STR(o.model_directory, "/env/models");
  CHECK_STR(o.admin, "127.0.0.1:0");
  CHECK_INT(o.transcription_port, 0);
  CHECK(services_options_has(&o, "transcription") && !services_options_has(&o, "trans"));
  services_options_dispose(&o);
  CHECK(read((char *[]){(char *)"x", (char *)"--help", NULL}, no_variables, &o, why) && o.help);
  services_options_dispose(&o);
  CHECK(read((char *[]){(char *)"x", (char *)"--version", NULL}, no_variables, &o, why) && o.version);
  services_options_dispose(&o);
}

static void bad(void) {
  static const struct {
    const char *a, *b, *what;
  } rows[] = {
      {"--unknown", NULL, "an unknown flag"},
      {"-h", NULL, "a short one"},
      {"transcription", NULL, "no flag"},
      {"--", NULL, "an empty one"},
      {"--admin", NULL, "a value is missing"},
      {"--help=1", NULL, "a value too much"},
      {"--transcription-port", "65536", "too large"},
      {"--transcription-port", "-1", "negative"},
      {"--transcription-port", "", "empty"},
      {"--transcription-port", "80x", "not only digits"},
      {"--max-streams=99999999999999999999", NULL, "overflow"},
      {"--only", "courses", "an unknown service"},
      {"--only", "transcription,", "an empty name"},
      {"--only", "", "no name at all"},
      {"--grace", "5", "no unit"},
      {"--config", "/nowhere", "no such file"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    services_options o;
    char why[256];
    CHECK_MSG(!read((char *[]){(char *)"x", (char *)rows[i].a, (char *)rows[i].b, NULL}, no_variables, &o, why), "%s",
              rows[i].what);
    CHECK_MSG(why[0], "%s: no reason", rows[i].what);
  }
  services_options o;
  char why[256];
  CHECK(!read((char *[]){(char *)"x", NULL}, wrong_variable, &o, why));
  CHECK(strstr(why, "PONTE_MAX_STREAMS") != NULL);
}

static void help(void) {
  base_buf text;
  base_buf_init(&text, 65536);
  CHECK_OK(settings_help(&services_program, &text));
  CHECK_OK(base_buf_u8(&text, 0));
  const char *all = (const char *)base_buf_span(&text).p;
  CHECK(strstr(all, "--model-dir DIR") && strstr(all, "--version") && strstr(all, "\nmax_batch: SIZE"));
  base_buf_dispose(&text);
}

TEST_MAIN(TEST(good), TEST(bad), TEST(help))
