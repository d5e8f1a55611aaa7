#include "transcription/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

typedef Ponte__Transcription__V1__Model model_message;
typedef Ponte__Transcription__V1__GetServiceStatusResponse status_message;
typedef Ponte__Transcription__V1__GetServiceStatusResponse__Subsystem subsystem_message;
typedef Ponte__Transcription__V1__GetServiceStatusResponse__State state;
#define STATE(x) PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_RESPONSE__STATE__STATE_##x

enum { DETAIL_SIZE = 160, SUBSYSTEMS = 3 };

/* In the order of the table of transcription.proto, Model.capabilities. */
static const struct {
  const char *name;
  unsigned bit;
} capabilities[] = {{"interim", ASR_CAN_INTERIM},
                    {"batch", 0}, /* every model */
                    {"words", ASR_CAN_WORDS},
                    {"alternatives", ASR_CAN_ALTERNATIVES},
                    {"punctuation", ASR_CAN_PUNCTUATION}};
enum { CAPABILITIES = sizeof capabilities / sizeof capabilities[0] };

static bool fill_model(tr_context *c, const tr_allocator *a, size_t i, model_message *m) {
  const asr_manifest *from = tr_models_at(c->models, i);
  ponte__transcription__v1__model__init(m);
  m->name = from->name;
  m->licence = from->licence;
  m->size_bytes = from->size_bytes;
  m->loaded = tr_models_is_loaded(c->models, i);
  m->n_languages = from->language_count;
  m->languages = (char **)from->languages;
  m->capabilities = a->alloc(a->ctx, CAPABILITIES * sizeof *m->capabilities);
  if (!m->capabilities) return false;
  for (size_t k = 0; k < CAPABILITIES; k++) {
    unsigned bit = capabilities[k].bit;
    if ((from->capabilities & bit) == bit) m->capabilities[m->n_capabilities++] = (char *)capabilities[k].name;
  }
  return true;
}

bool tr_status_models(tr_context *c, const tr_allocator *a, Ponte__Transcription__V1__ListModelsResponse *out) {
  size_t n = tr_models_count(c->models);
  out->default_model = (char *)tr_models_default(c->models);
  out->models = a->alloc(a->ctx, n * sizeof *out->models);
  for (size_t i = 0; out->models && i < n; i++) {
    model_message *m = a->alloc(a->ctx, sizeof *m);
    if (!m || !fill_model(c, a, i, m)) return false;
    out->models[out->n_models++] = m;
  }
  return out->models != NULL;
}

__attribute__((format(printf, 5, 6))) static bool add(status_message *out, const tr_allocator *a, const char *name,
                                                      state s, const char *fmt, ...) {
  subsystem_message *m = a->alloc(a->ctx, sizeof *m);
  char *detail = a->alloc(a->ctx, DETAIL_SIZE);
  if (!m || !detail) return false;
  va_list args;
  va_start(args, fmt);
  vsnprintf(detail, DETAIL_SIZE, fmt, args);
  va_end(args);
  ponte__transcription__v1__get_service_status_response__subsystem__init(m);
  m->name = (char *)name;
  m->state = s;
  m->detail = detail;
  out->subsystems[out->n_subsystems++] = m;
  if (s > out->state) out->state = s;
  return true;
}

static int64_t resident_bytes(void) {
  FILE *f = fopen("/proc/self/statm", "re");
  char line[128] = "", *end = line;
  if (f && !fgets(line, sizeof line, f)) line[0] = '\0';
  if (f) fclose(f);
  strtoll(line, &end, 10); /* the first number is the size; the resident part follows it (proc(5)) */
  return strtoll(end, NULL, 10) * sysconf(_SC_PAGESIZE);
}

bool tr_status_service(tr_context *c, const tr_allocator *a, status_message *out) {
  out->version = (char *)c->version;
  out->uptime_ms = base_now_ms() - c->started_ms;
  out->default_model = (char *)tr_models_default(c->models);
  out->pool_threads = tr_pool_threads(c->decoders);
  out->pool_queued = tr_pool_queued(c->decoders);
  out->active_streams = tr_context_active(c);
  out->max_streams = c->max_streams;
  out->real_time_factor = tr_meter_factor(&c->meter, base_now_ms());
  out->resident_memory_bytes = resident_bytes();
  out->max_batch_bytes = (int64_t)c->max_batch_bytes;
  out->state = STATE(OK);
  out->subsystems = a->alloc(a->ctx, SUBSYSTEMS * sizeof *out->subsystems);
  if (!out->subsystems) return false;
  size_t loaded = 0, n = tr_models_count(c->models);
  for (size_t i = 0; i < n; i++)
    loaded += tr_models_is_loaded(c->models, i);
  /* As many jobs waiting as threads: interim text comes more slowly. */
  bool busy = out->pool_queued > out->pool_threads, full = out->active_streams >= out->max_streams;
  return add(out, a, "engine", STATE(OK), "%zu of %zu models loaded", loaded, n) &&
         add(out, a, "pool", busy ? STATE(DEGRADED) : STATE(OK), "%u jobs wait for %u threads", out->pool_queued,
             out->pool_threads) &&
         add(out, a, "streams", full ? STATE(DEGRADED) : STATE(OK), "%u of %u streams%s", out->active_streams,
             out->max_streams, full ? ": new ones are refused" : "");
}
