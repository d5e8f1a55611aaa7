/* options.h - what `ponte-services` is told: flags, and PONTE_* variables where a flag is missing. Pure. */
#ifndef PONTE_SERVICES_OPTIONS_H
#define PONTE_SERVICES_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  const char *only;        /* names with commas; NULL: all services */
  const char *listen_host; /* of the services' ports */
  const char *admin;       /* ADDR:PORT; NULL: none */
  const char *model_directory, *model, *asr_engine;
  unsigned transcription_port, decode_threads, max_streams;
  unsigned max_batch_mib, drain_ms;
  bool help, version;
} services_options;

/* Reads flags from argv and the rest from the environment through `get`, which is getenv outside of tests. Texts are borrowed from argv and the
 * environment. False with the reason in `why`. */
bool services_options_read(int argc, char *const *argv, char *(*get)(const char *name), services_options *out,
                           char *why, size_t why_size);
/* The table of flags, for --help. */
void services_options_help(char *out, size_t size);
/* Whether the service of that name is to be hosted. */
bool services_options_has(const services_options *o, const char *service);

#endif
