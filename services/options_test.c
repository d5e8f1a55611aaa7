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
      {"--only", "users,courses", "an unknown service behind a known one"},
      {"--users-port", "70000", "too large"},
      {"--chatbot-questions", "-1", "negative"},
      {"--chatbot-tokens", "many", "no number"},
      {"--llm-silence", "0", "never to be given up"},
      {"--llm-silence", "30", "no unit"},
      {"--auth", "yes", "neither on nor off"},
      {"--listen-host", "0.0.0.0", "open to everybody, and authentication not spoken of"},
      {"--listen-host", "192.0.2.1", "likewise"},
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

/* What is allowed only together. */
static void together(void) {
  static const struct {
    const char *words[6];
    bool ok;
  } rows[] = {
      {{"--listen-host", "0.0.0.0", "--auth", "off"}, true}, /* said explicitly */
      {{"--listen-host", "0.0.0.0", "--auth", "on"}, true},
      {{"--listen-host", "0.0.0.0", "--only", "transcription"}, true}, /* has no records */
      {{"--listen-host", "::1"}, true},
      {{"--listen-host", "0.0.0.0", "--only", "chatbot"}, false}, /* has conversations */
      {{"--only", "orders", "--auth", "on"}, false},              /* no keys */
      {{"--only", "orders", "--auth", "on", "--jwks-url", "http://127.0.0.1:8000/.well-known/jwks.json"}, true},
      {{"--only", "orders,users", "--auth", "on"}, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char *argv[8] = {(char *)"x"};
    services_options o;
    char why[256];
    for (size_t k = 0; k < 6; k++)
      argv[k + 1] = (char *)rows[i].words[k];
    bool ok = read(argv, no_variables, &o, why);
    CHECK_MSG(ok == rows[i].ok, "row %zu: %s", i, why);
    if (ok) services_options_dispose(&o);
  }
}

static void by_name(void) {
  services_options o;
  char why[256];
  CHECK(read((char *[]){(char *)"x", (char *)"--users-target", (char *)"users.internal:1", (char *)"--orders-port",
                        (char *)"0", NULL},
             no_variables, &o, why));
  CHECK_STR(services_options_text(&o, "users_target"), "users.internal:1");
  CHECK_STR(services_options_text(&o, "orders_target"), "127.0.0.1:50052");
  CHECK(!services_options_text(&o, "demo_account") && !services_options_text(&o, "nothing") &&
        !services_options_text(&o, "max_batch") && !services_options_text(&o, "grace"));
  CHECK_STR(services_options_text(&o, "orders_port"), "0");
  CHECK_STR(services_options_text(&o, "chatbot_questions"), "30");
  CHECK_STR(services_options_text(&o, "llm_silence"), "30000");
  CHECK_INT(services_options_port(&o, "orders"), 0);
  CHECK_INT(services_options_port(&o, "reports"), 50053);
  CHECK_INT(services_options_port(&o, "courses"), -1);
  services_options_dispose(&o);
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

TEST_MAIN(TEST(good), TEST(bad), TEST(together), TEST(by_name), TEST(help))
