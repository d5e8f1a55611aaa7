#include "transcription/models.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "asr/fake.h"
#include "asr/manifest.h"
#include "base/log.h"

enum { MAX_MODELS = 64 };

typedef struct {
  asr_manifest manifest;
  asr_model *model; /* guarded by the lock; NULL until asked for */
} entry;

struct tr_models {
  const asr_engine *engine;
  char *vad_path;
  entry entries[MAX_MODELS]; /* sorted by name */
  size_t count, default_index;
  pthread_mutex_t lock;
};

static int by_name(const void *a, const void *b) {
  return strcmp(((const entry *)a)->manifest.name, ((const entry *)b)->manifest.name);
}

static void add_folder(tr_models *m, const char *directory, const char *name) {
  char *path = NULL, why[ASR_WHY_SIZE];
  if (name[0] == '.' || m->count == MAX_MODELS || asprintf(&path, "%s/%s", directory, name) < 0) return;
  entry *e = &m->entries[m->count];
  base_err err = asr_manifest_read(path, &e->manifest, why);
  if (base_is_ok(err) && m->engine->supports(e->manifest.kind)) {
    m->count++;
  } else if (base_is_ok(err)) {
    asr_manifest_dispose(&e->manifest);
  } else if (!base_is(err, BASE_E_NOT_FOUND)) {
    BASE_LOG(BASE_LOG_WARN, "model left out", LOG_STR("folder", path), LOG_STR("reason", why));
  }
  free(path);
}

static base_err add_all(tr_models *m, const char *directory, char why[ASR_WHY_SIZE]) {
  if (m->engine == &asr_fake) {
    BASE_TRY(asr_fake_manifest(&m->entries[0].manifest));
    m->count = 1;
  }
  DIR *d = opendir(directory);
  if (!d && m->count == 0) {
    snprintf(why, ASR_WHY_SIZE, "model directory %.160s: %s", directory, strerror(errno));
    return base_fail(BASE_E_NOT_FOUND);
  }
  for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
    add_folder(m, directory, e->d_name);
  if (d) closedir(d);
  qsort(m->entries, m->count, sizeof m->entries[0], by_name);
  if (m->count == 0) {
    snprintf(why, ASR_WHY_SIZE, "model directory %.160s holds no model for the engine %.32s", directory,
             m->engine->name);
    return base_fail(BASE_E_NOT_FOUND);
  }
  return BASE_OK;
}

base_err tr_models_open(const char *directory, const asr_engine *engine, const char *default_name, tr_models **out,
                        char why[ASR_WHY_SIZE]) {
  why[0] = '\0';
  tr_models *m = calloc(1, sizeof *m);
  if (!m) return base_fail(BASE_E_NO_MEMORY);
  pthread_mutex_init(&m->lock, NULL);
  m->engine = engine;
  base_err e = base_fail(BASE_E_NO_MEMORY);
  if (asprintf(&m->vad_path, "%s/silero-vad/silero_vad.onnx", directory) >= 0) e = add_all(m, directory, why);
  if (base_is_ok(e) && default_name && !tr_models_find(m, default_name, &m->default_index)) {
    snprintf(why, ASR_WHY_SIZE, "model directory %.120s has no model %.80s", directory, default_name);
    e = base_fail(BASE_E_NOT_FOUND);
  }
  if (!base_is_ok(e)) {
    tr_models_free(m);
    return e;
  }
  *out = m;
  return BASE_OK;
}

void tr_models_free(tr_models *m) {
  if (!m) return;
  for (size_t i = 0; i < m->count; i++) {
    asr_unload(m->entries[i].model);
    asr_manifest_dispose(&m->entries[i].manifest);
  }
  pthread_mutex_destroy(&m->lock);
  free(m->vad_path);
  free(m);
}

size_t tr_models_count(const tr_models *m) { return m->count; }
const asr_manifest *tr_models_at(const tr_models *m, size_t index) { return &m->entries[index].manifest; }
const char *tr_models_default(const tr_models *m) { return m->entries[m->default_index].manifest.name; }

bool tr_models_is_loaded(tr_models *m, size_t index) {
  pthread_mutex_lock(&m->lock);
  bool loaded = m->entries[index].model != NULL;
  pthread_mutex_unlock(&m->lock);
  return loaded;
}

bool tr_models_find(const tr_models *m, const char *name, size_t *index) {
  if (!*name) {
    *index = m->default_index;
    return true;
  }
  for (size_t i = 0; i < m->count; i++) {
    if (strcmp(m->entries[i].manifest.name, name) == 0) {
      *index = i;
      return true;
    }
  }
  return false;
}

bool tr_models_speaks(const tr_models *m, size_t index, const char *language) {
  size_t n = strcspn(language, "-");
  if (!*language) return true;
  const asr_manifest *manifest = &m->entries[index].manifest;
  for (size_t i = 0; i < manifest->language_count; i++) {
    const char *own = manifest->languages[i];
    if (strcspn(own, "-") == n && strncasecmp(own, language, n) == 0) return true;
  }
  return false;
}

base_err tr_models_get(tr_models *m, size_t index, asr_model **out, char why[ASR_WHY_SIZE]) {
  why[0] = '\0';
  entry *e = &m->entries[index];
  base_err err = BASE_OK;
  pthread_mutex_lock(&m->lock);
  if (!e->model) {
    err = m->engine->load(&e->manifest, m->vad_path, &e->model, why);
    if (base_is_ok(err)) BASE_LOG(BASE_LOG_INFO, "model loaded", LOG_STR("model", e->manifest.name));
  }
  *out = e->model;
  pthread_mutex_unlock(&m->lock);
  return err;
}
