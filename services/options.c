#include "services/options.h"

#include <stdio.h>

#include "base/address.h"

/* A service's name, as --only takes it. */
static const char *const services[] = {"users", "orders", "reports", "transcription", "chatbot"};
enum { SERVICES = sizeof services / sizeof services[0], NUMBER_SIZE = 16 };

static bool are_services(const char *only) {
  for (const char *p = only; p; p = strchr(p, ',')) {
    p += *p == ',';
    size_t n = strcspn(p, ","), i = 0;
    while (i < SERVICES && (strlen(services[i]) != n || memcmp(services[i], p, n) != 0))
      i++;
    if (i == SERVICES) return false;
  }
  return true;
}

#define AT(member) SETTINGS_AT(services_options, member)
#define PORT(name, number)                                                                                \
  {                                                                                                       \
    .key = #name "_port", .flag = #name "-port", .kind = SETTINGS_NUMBER, AT(name##_port), .high = 65535, \
    .fallback = #number, .argument = "PORT", .help = "0 picks a free one and logs it"                     \
  }
#define TARGET(name, number)                                                                   \
  {                                                                                            \
    .key = #name "_target", .flag = #name "-target", .kind = SETTINGS_TEXT, AT(name##_target), \
    .fallback = "127.0.0.1:" #number, .argument = "HOST:PORT",                                 \
    .help = "the " #name " service, when it is not hosted here"                                \
  }

static const char *const off_on[] = {"off", "on", NULL};

static const settings_row tracing_rows[] = {
    {.key = "endpoint",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(services_tracing, endpoint),
     .argument = "HOST:PORT",
     .help = "an OTLP/gRPC collector; default: no spans are exported"},
    {.key = "sample_ratio",
     .kind = SETTINGS_RATIO,
     SETTINGS_AT(services_tracing, sample_ratio),
     .fallback = "1",
     .argument = "RATIO",
     .help = "of the traces that begin here"},
    {.key = "service_name",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(services_tracing, service_name),
     .fallback = "ponte-services",
     .argument = "NAME",
     .help = "in spans"},
};
static const settings_table tracing_table = SETTINGS_TABLE(services_tracing, tracing_rows);

static const settings_row rows[] = {
    {.flag = "config",
     .kind = SETTINGS_TEXT,
     AT(config),
     .argument = "FILE",
     .help = "configuration in YAML; its keys stand below"},
    {.key = "only",
     .flag = "only",
     .kind = SETTINGS_TEXT,
     AT(only),
     .is_allowed = are_services,
     .argument = "A,B",
     .help = "host only these services of users, orders, reports, transcription and chatbot; default: all"},
    {.key = "listen_host",
     .flag = "listen-host",
     .kind = SETTINGS_TEXT,
     AT(listen_host),
     .fallback = "127.0.0.1",
     .argument = "HOST",
     .help = "address of the services' ports"},
    {.key = "admin",
     .flag = "admin",
     .kind = SETTINGS_TEXT,
     AT(admin),
     .argument = "ADDR:PORT",
     .help = "/healthz, /readyz and /metrics; default: nowhere"},
    PORT(users, 50051),
    PORT(orders, 50052),
    PORT(reports, 50053),
    PORT(transcription, 50054),
    PORT(chatbot, 8082),
    TARGET(users, 50051),
    TARGET(orders, 50052),
    {.key = "store",
     .flag = "store",
     .kind = SETTINGS_TEXT,
     AT(store),
     .argument = "URL",
     .help = "sqlite:DIR or postgresql://...; a password belongs into PONTE_STORE or ~/.pgpass; default: sqlite: and "
             "PONTE_DATA_DIR, or var"},
    {.key = "auth",
     .flag = "auth",
     .kind = SETTINGS_CHOICE,
     AT(auth),
     .names = off_on,
     .fallback = "off",
     .argument = "on|off",
     .help = "whether callers need tokens; elsewhere than on loopback it must be said"},
    {.key = "issuer",
     .flag = "issuer",
     .kind = SETTINGS_TEXT,
     AT(issuer),
     .fallback = "ponte",
     .argument = "NAME",
     .help = "of the tokens that are made and taken"},
    {.key = "jwks_url",
     .flag = "jwks-url",
     .kind = SETTINGS_TEXT,
     AT(jwks_url),
     .argument = "URL",
     .help = "the keys of tokens, when the users service is not hosted here"},
    {.key = "demo_account",
     .flag = "demo-account",
     .kind = SETTINGS_TEXT,
     AT(demo_account),
     .argument = "FILE",
     .help = "keep an administrator for demonstrations, and its password in this file"},
    {.key = "tracing",
     .kind = SETTINGS_GROUP,
     AT(tracing),
     .table = &tracing_table,
     .help = "spans of users, orders, reports and chatbot for OpenTelemetry"},
    {.key = "model_dir",
     .flag = "model-dir",
     .kind = SETTINGS_TEXT,
     AT(model_directory),
     .argument = "DIR",
     .help = "speech models; default: models in PONTE_DEPS_DIR, or in ./deps"},
    {.key = "model",
     .flag = "model",
     .kind = SETTINGS_TEXT,
     AT(model),
     .argument = "NAME",
     .help = "the model used when a client names none; default: the first"},
    {.key = "asr_engine",
     .flag = "asr-engine",
     .kind = SETTINGS_TEXT,
     AT(asr_engine),
     .fallback = "sherpa",
     .argument = "NAME",
     .help = "sherpa, or fake: hears tone bursts, for tests"},
    {.key = "decode_threads",
     .flag = "decode-threads",
     .kind = SETTINGS_NUMBER,
     AT(decode_threads),
     .high = 64,
     .fallback = "0",
     .argument = "N",
     .help = "threads that turn speech into text; 0 = one a core"},
    {.key = "max_streams",
     .flag = "max-streams",
     .kind = SETTINGS_NUMBER,
     AT(max_streams),
     .high = 100000,
     .fallback = "0",
     .argument = "N",
     .help = "live transcriptions at once; 0 = 8 a core"},
    {.key = "max_batch",
     .flag = "max-batch",
     .kind = SETTINGS_SIZE,
     AT(max_batch_bytes),
     .low = 65536,
     .high = 1 << 30,
     .fallback = "16MiB",
     .argument = "SIZE",
     .help = "largest recording that TranscribeAudio takes"},
    {.key = "llm",
     .flag = "llm",
     .kind = SETTINGS_TEXT,
     AT(llm),
     .fallback = "embedded",
     .argument = "NAME",
     .help = "what answers doubts: embedded (quotes the material, without a network), gemini (key in GEMINI_API_KEY), "
             "openai (any server with its chat completions; key in OPENAI_API_KEY), or fake: scripted, for tests"},
    {.key = "llm_url",
     .flag = "llm-url",
     .kind = SETTINGS_TEXT,
     AT(llm_url),
     .argument = "URL",
     .help = "the model's server; default: the provider's own"},
    {.key = "llm_model",
     .flag = "llm-model",
     .kind = SETTINGS_TEXT,
     AT(llm_model),
     .argument = "NAME",
     .help = "the model that writes answers; default: the engine's"},
    {.key = "llm_silence",
     .flag = "llm-silence",
     .kind = SETTINGS_DURATION,
     AT(llm_silence_ms),
     .low = 1000,
     .high = 3600000,
     .fallback = "30s",
     .argument = "TIME",
     .help = "a model's server that says nothing for so long is given up"},
    {.key = "chatbot_questions",
     .flag = "chatbot-questions",
     .kind = SETTINGS_NUMBER,
     AT(chatbot_questions),
     .high = 1000000,
     .fallback = "30",
     .argument = "N",
     .help = "doubts a minute of one caller; 0 = any number"},
    {.key = "chatbot_running",
     .flag = "chatbot-running",
     .kind = SETTINGS_NUMBER,
     AT(chatbot_running),
     .high = 1000000,
     .fallback = "4",
     .argument = "N",
     .help = "answers at once of one caller; 0 = any number"},
    {.key = "chatbot_tokens",
     .flag = "chatbot-tokens",
     .kind = SETTINGS_NUMBER,
     AT(chatbot_tokens),
     .fallback = "200000",
     .argument = "N",
     .help = "tokens a day (UTC) of one caller, of engines other than embedded; 0 = any number"},
    {.key = "chatbot_material",
     .flag = "chatbot-material",
     .kind = SETTINGS_NUMBER,
     AT(chatbot_material),
     .high = 1 << 20,
     .fallback = "64",
     .argument = "MIB",
     .help = "MiB of material of one user; 0 = any number"},
    {.key = "grace",
     .flag = "grace",
     .kind = SETTINGS_DURATION,
     AT(drain_ms),
     .high = 3600000,
     .fallback = "5s",
     .argument = "TIME",
     .help = "how long running streams may go on after SIGTERM"},
    {.flag = "help", .kind = SETTINGS_SWITCH, .stops = true, AT(help), .help = "print this"},
    {.flag = "version", .kind = SETTINGS_SWITCH, .stops = true, AT(version), .help = "print the version"},
};
static const settings_table table = SETTINGS_TABLE(services_options, rows);

const settings_program services_program = {
    .table = &table,
    .prefix = "PONTE_",
    .usage = "usage: ponte-services [OPTION]...\n       ponte-services backup DIR [OPTION]...\n\nHosts Ponte's "
             "services, each on its own port. backup copies their SQLite stores, which may be in use, "
             "into a folder.\n",
    .file_flag = "config",
};

/* Those with records or identities: what is open to everybody by mistake would be the worst of mistakes. */
static bool hosts_records(const services_options *o) {
  return services_options_has(o, "users") || services_options_has(o, "orders") || services_options_has(o, "reports") ||
         services_options_has(o, "chatbot");
}

static base_err check(const services_options *o, base_buf *why) {
  if (o->help || o->version || !hosts_records(o)) {
    return BASE_OK;
  }
  if (!o->auth && !base_is_loopback(o->listen_host) && !settings_is_given(o->settings, &o->auth)) {
    return settings_complain(
        o->settings, &o->listen_host, why,
        "%s can be reached from elsewhere, so say --auth on; or --auth off, if everybody may do everything",
        o->listen_host);
  }
  if (o->auth && !o->jwks_url && !services_options_has(o, "users")) {
    return settings_complain(
        o->settings, &o->auth, why,
        "tokens cannot be checked without keys: host the users service too, or name its keys with --jwks-url");
  }
  return BASE_OK;
}

base_err services_options_read(int argc, char *const *argv, char *(*get)(const char *name), services_options *out,
                               base_buf *why) {
  settings *s = NULL;
  base_err e = settings_read(&services_program, argc, argv, get, out, &s, why);
  out->settings = s;
  if (base_is_ok(e) && !base_is_ok(e = check(out, why))) {
    services_options_dispose(out);
  }
  return e;
}

static const settings_row *find_row(const char *key) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].key && strcmp(rows[i].key, key) == 0) return &rows[i];
  }
  return NULL;
}

const char *services_options_text(const services_options *o, const char *key) {
  const settings_row *row = find_row(key);
  if (!row) return NULL;
  const char *field = (const char *)o + row->at;
  if (row->kind == SETTINGS_TEXT) return *(char *const *)field;
  bool is_number = row->kind == SETTINGS_NUMBER || row->kind == SETTINGS_DURATION;
  if (!is_number || row->width != sizeof(unsigned)) return NULL;
  char *text = settings_alloc(o->settings, NUMBER_SIZE);
  if (text) snprintf(text, NUMBER_SIZE, "%u", *(const unsigned *)field);
  return text;
}

int services_options_port(const services_options *o, const char *service) {
  char key[64];
  snprintf(key, sizeof key, "%s_port", service);
  const settings_row *row = find_row(key);
  return row ? (int)*(const unsigned *)((const char *)o + row->at) : -1;
}

void services_options_dispose(services_options *o) { settings_free(o->settings); }

bool services_options_has(const services_options *o, const char *service) {
  if (!o->only) return true;
  return base_span_has_word(base_span_str(o->only), ',', base_span_str(service));
}
