/* options.h - what `ponte-services` is told: flags, PONTE_* variables and a YAML file (settings/settings.h). */
#ifndef PONTE_SERVICES_OPTIONS_H
#define PONTE_SERVICES_OPTIONS_H

#include "settings/settings.h"

typedef struct {
  char *endpoint, *service_name;
  double sample_ratio;
} services_tracing;

typedef struct {
  settings *settings; /* owns the texts */
  char *config;       /* the file, or NULL */
  char *only;         /* names with commas; NULL: all services */
  char *listen_host;  /* of the services' ports */
  char *admin;        /* ADDR:PORT; NULL: none */
  char *model_directory, *model, *asr_engine;
  char *store; /* NULL: the default */
  enum { SERVICES_AUTH_OFF, SERVICES_AUTH_ON } auth;
  char *issuer, *jwks_url, *demo_account, *users_target, *orders_target;
  services_tracing tracing;
  unsigned users_port, orders_port, reports_port, transcription_port, chatbot_port;
  char *llm, *llm_url, *llm_model;
  unsigned llm_silence_ms;
  unsigned chatbot_questions, chatbot_running, chatbot_tokens, chatbot_material; /* of one caller; 0: any number */
  unsigned decode_threads, max_streams;
  uint64_t max_batch_bytes;
  int64_t drain_ms;
  bool help, version;
} services_options;

/* Reads flags, environment (through `get`, which is getenv outside of tests) and file. INVALID, NOT_FOUND (the file) or NO_MEMORY with the reason in `why`; there is
 * nothing to dispose of then. */
base_err services_options_read(int argc, char *const *argv, char *(*get)(const char *name), services_options *out,
                               base_buf *why) BASE_MUST_USE;
void services_options_dispose(services_options *o);
/* Whether the service of that name is to be hosted. */
bool services_options_has(const services_options *o, const char *service);

/* A text, or a number (of a duration: milliseconds) as text, by its key in the file; NULL when it is not set or there is none. Lives as long as `o`; one thread at a time. */
const char *services_options_text(const services_options *o, const char *key);
/* Of the service of that name; -1: there is none. */
int services_options_port(const services_options *o, const char *service);

/* The table itself, for --help. */
extern const settings_program services_program;

#endif
