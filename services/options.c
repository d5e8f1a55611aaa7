#include "services/options.h"

/* A service's name, as --only takes it. */
static const char *const services[] = {"transcription"};
enum { SERVICES = sizeof services / sizeof services[0] };

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
     .help = "host only these services: transcription; default: all"},
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
    {.key = "transcription_port",
     .flag = "transcription-port",
     .kind = SETTINGS_NUMBER,
     AT(transcription_port),
     .high = 65535,
     .fallback = "50054",
     .argument = "PORT",
     .help = "0 picks a free one and logs it"},
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
    .usage = "usage: ponte-services [OPTION]...\n\nHosts Ponte's services, each on its own port.\n",
    .file_flag = "config",
};

base_err services_options_read(int argc, char *const *argv, char *(*get)(const char *name), services_options *out,
                               base_buf *why) {
  settings *s = NULL;
  base_err e = settings_read(&services_program, argc, argv, get, out, &s, why);
  out->settings = s;
  return e;
}

void services_options_dispose(services_options *o) { settings_free(o->settings); }

bool services_options_has(const services_options *o, const char *service) {
  if (!o->only) return true;
  size_t n = strlen(service);
  for (const char *p = o->only; p; p = strchr(p, ',')) {
    p += *p == ',';
    if (strncmp(p, service, n) == 0 && (p[n] == '\0' || p[n] == ',')) return true;
  }
  return false;
}
