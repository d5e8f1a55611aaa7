#include "services/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A service's name, as --only takes it. */
static const char *const services[] = {"transcription"};
enum { SERVICES = sizeof services / sizeof services[0], VARIABLE_SIZE = 64 };

typedef struct {
  const char *flag; /* the variable is PONTE_ and this in capitals */
  enum { TEXT, NUMBER, SWITCH } kind;
  size_t offset;
  const char *fallback; /* as text; NULL: none */
  unsigned long most;   /* NUMBER */
  const char *argument, *help;
} option;

#define AT(member) offsetof(services_options, member)
static const option options[] = {
    {"only", TEXT, AT(only), NULL, 0, "A,B", "host only these services (default: all): transcription"},
    {"listen-host", TEXT, AT(listen_host), "127.0.0.1", 0, "HOST",
     "address of the services' ports (default 127.0.0.1)"},
    {"admin", TEXT, AT(admin), NULL, 0, "ADDR:PORT", "/healthz, /readyz and /metrics are here (default: nowhere)"},
    {"transcription-port", NUMBER, AT(transcription_port), "50054", 65535, "PORT",
     "default 50054; 0 picks a free one and logs it"},
    {"model-dir", TEXT, AT(model_directory), NULL, 0, "DIR",
     "speech models (default: models in PONTE_DEPS_DIR, or in ./deps)"},
    {"model", TEXT, AT(model), NULL, 0, "NAME", "the model used when a client names none (default: the first)"},
    {"asr-engine", TEXT, AT(asr_engine), "sherpa", 0, "NAME",
     "sherpa, or fake: hears tone bursts, for tests (default sherpa)"},
    {"decode-threads", NUMBER, AT(decode_threads), "0", 64, "N",
     "threads that turn speech into text (default: one a core)"},
    {"max-streams", NUMBER, AT(max_streams), "0", 100000, "N", "live transcriptions at once (default: 8 a core)"},
    {"max-batch-mib", NUMBER, AT(max_batch_mib), "16", 1024, "MIB",
     "largest recording that TranscribeAudio takes (default 16)"},
    {"drain-ms", NUMBER, AT(drain_ms), "5000", 3600000, "MS",
     "how long running streams may go on after SIGTERM (default 5000)"},
    {"help", SWITCH, AT(help), NULL, 0, NULL, "print this"},
    {"version", SWITCH, AT(version), NULL, 0, NULL, "print the version"},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static bool set(const option *o, const char *origin, const char *value, services_options *out, char *why,
                size_t why_size) {
  char *field = (char *)out + o->offset;
  if (o->kind == TEXT) {
    memcpy(field, &value, sizeof value);
    return true;
  }
  char *end = NULL;
  errno = 0;
  unsigned long n = strtoul(value, &end, 10);
  if (*value < '0' || *value > '9' || *end || errno || n > o->most) {
    snprintf(why, why_size, "%s must be a number up to %lu, not \"%.40s\"", origin, o->most, value);
    return false;
  }
  unsigned number = (unsigned)n;
  memcpy(field, &number, sizeof number);
  return true;
}

static const option *find(const char *name, size_t n) {
  for (size_t i = 0; i < OPTIONS; i++) {
    if (strlen(options[i].flag) == n && memcmp(options[i].flag, name, n) == 0) return &options[i];
  }
  return NULL;
}

static bool read_flags(int argc, char *const *argv, services_options *out, bool seen[OPTIONS], char *why,
                       size_t why_size) {
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i], *equals = strchr(arg, '=');
    size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
    const option *o = n > 2 && arg[0] == '-' && arg[1] == '-' ? find(arg + 2, n - 2) : NULL;
    if (!o || (o->kind == SWITCH && equals)) {
      snprintf(why, why_size, "unknown option %.80s: --help lists those there are", arg);
      return false;
    }
    seen[o - options] = true;
    if (o->kind == SWITCH) {
      *((bool *)((char *)out + o->offset)) = true;
      continue;
    }
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
    if (!value) {
      snprintf(why, why_size, "--%s needs a value", o->flag);
      return false;
    }
    char origin[VARIABLE_SIZE];
    snprintf(origin, sizeof origin, "--%s", o->flag);
    if (!set(o, origin, value, out, why, why_size)) return false;
  }
  return true;
}

static void variable_of(const option *o, char name[VARIABLE_SIZE]) {
  snprintf(name, VARIABLE_SIZE, "PONTE_%s", o->flag);
  for (char *p = name; *p; p++)
    *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
}

static bool check_only(const char *only, char *why, size_t why_size) {
  for (const char *p = only; p; p = strchr(p, ',')) {
    p += *p == ',';
    size_t n = strcspn(p, ","), i = 0;
    while (i < SERVICES && (strlen(services[i]) != n || memcmp(services[i], p, n) != 0))
      i++;
    if (i == SERVICES) {
      snprintf(why, why_size, "there is no service \"%.*s\": --help lists those there are", (int)(n < 40 ? n : 40), p);
      return false;
    }
  }
  return true;
}

bool services_options_read(int argc, char *const *argv, char *(*get)(const char *name), services_options *out,
                           char *why, size_t why_size) {
  *out = (services_options){0};
  bool seen[OPTIONS] = {0};
  if (!read_flags(argc, argv, out, seen, why, why_size)) return false;
  for (size_t i = 0; i < OPTIONS; i++) {
    const option *o = &options[i];
    if (seen[i] || o->kind == SWITCH) continue;
    char variable[VARIABLE_SIZE];
    variable_of(o, variable);
    const char *value = get(variable);
    if (value && *value) {
      if (!set(o, variable, value, out, why, why_size)) return false;
    } else if (o->fallback && !set(o, o->flag, o->fallback, out, why, why_size)) {
      return false;
    }
  }
  return check_only(out->only, why, why_size);
}

void services_options_help(char *out, size_t size) {
  size_t n = (size_t)snprintf(out, size,
                              "usage: ponte-services [options]\n\nHosts Ponte's services, each on its own port.\n\n"
                              "Each option can be given as a variable too: --model-dir is PONTE_MODEL_DIR.\n\n");
  for (size_t i = 0; i < OPTIONS && n < size; i++) {
    char flag[48];
    snprintf(flag, sizeof flag, "--%s %s", options[i].flag, options[i].argument ? options[i].argument : "");
    n += (size_t)snprintf(out + n, size - n, "  %-26s %s\n", flag, options[i].help);
  }
}

bool services_options_has(const services_options *o, const char *service) {
  if (!o->only) return true;
  size_t n = strlen(service);
  for (const char *p = o->only; p; p = strchr(p, ',')) {
    p += *p == ',';
    if (strncmp(p, service, n) == 0 && (p[n] == '\0' || p[n] == ',')) return true;
  }
  return false;
}
