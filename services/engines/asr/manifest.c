#include "asr/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

enum { MAX_MANIFEST = 64 * 1024 };

static base_err malformed(char why[ASR_WHY_SIZE], const char *what) {
  snprintf(why, ASR_WHY_SIZE, "model.json: %s", what);
  return base_fail(BASE_E_MALFORMED);
}

static base_err take_text(const json_t *root, const char *key, char **out, char why[ASR_WHY_SIZE]) {
  const char *text = json_string_value(json_object_get(root, key));
  if (!text || !*text) {
    char what[64];
    snprintf(what, sizeof what, "\"%s\" must be a text", key);
    return malformed(why, what);
  }
  *out = strdup(text);
  return *out ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err take_languages(const json_t *root, asr_manifest *out, char why[ASR_WHY_SIZE]) {
  const json_t *list = json_object_get(root, "languages");
  size_t n = json_array_size(list);
  if (n == 0 || n > ASR_MAX_LANGUAGES) return malformed(why, "\"languages\" must hold 1 to 64 texts");
  for (size_t i = 0; i < n; i++) {
    const char *text = json_string_value(json_array_get(list, i));
    if (!text || !*text) return malformed(why, "\"languages\" must hold texts");
    out->languages[i] = strdup(text);
    if (!out->languages[i]) return base_fail(BASE_E_NO_MEMORY);
    out->language_count = i + 1;
  }
  return BASE_OK;
}

static void take_capabilities(const json_t *root, asr_manifest *out) {
  static const struct {
    const char *key;
    unsigned bit;
  } table[] = {{"interim_results", ASR_CAN_INTERIM},
               {"words", ASR_CAN_WORDS},
               {"alternatives", ASR_CAN_ALTERNATIVES},
               {"punctuation", ASR_CAN_PUNCTUATION}};
  const json_t *all = json_object_get(root, "capabilities");
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (json_is_true(json_object_get(all, table[i].key))) out->capabilities |= table[i].bit;
  }
}

static base_err take_file(const json_t *files, const char *key, const char *directory, char **out,
                          char why[ASR_WHY_SIZE]) {
  const json_t *value = json_object_get(files, key);
  if (!value) return BASE_OK;
  const char *name = json_string_value(value);
  if (!name || !*name || strchr(name, '/') || strcmp(name, "..") == 0) {
    return malformed(why, "\"files\" must hold plain file names");
  }
  return asprintf(out, "%s/%s", directory, name) < 0 ? base_fail(BASE_E_NO_MEMORY) : BASE_OK;
}

static base_err fill(const json_t *root, const char *directory, asr_manifest *out, char why[ASR_WHY_SIZE]) {
  out->directory = strdup(directory);
  if (!out->directory) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(take_text(root, "name", &out->name, why));
  BASE_TRY(take_text(root, "kind", &out->kind, why));
  BASE_TRY(take_text(root, "licence", &out->licence, why));
  BASE_TRY(take_languages(root, out, why));
  take_capabilities(root, out);
  const json_t *files = json_object_get(root, "files");
  BASE_TRY(take_file(files, "encoder", directory, &out->encoder, why));
  BASE_TRY(take_file(files, "merged_decoder", directory, &out->merged_decoder, why));
  return take_file(files, "tokens", directory, &out->tokens, why);
}

base_err asr_manifest_parse(base_span json, const char *directory, asr_manifest *out, char why[ASR_WHY_SIZE]) {
  *out = (asr_manifest){0};
  why[0] = '\0';
  json_error_t error;
  json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &error);
  if (!root) {
    snprintf(why, ASR_WHY_SIZE, "model.json:%d: %s", error.line, error.text);
    return base_fail(BASE_E_MALFORMED);
  }
  base_err e = json_is_object(root) ? fill(root, directory, out, why) : malformed(why, "must be an object");
  json_decref(root);
  if (!base_is_ok(e)) asr_manifest_dispose(out);
  return e;
}

static int64_t directory_size(const char *directory) {
  DIR *d = opendir(directory);
  if (!d) return 0;
  int64_t total = 0;
  for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
    struct stat st;
    if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) total += st.st_size;
  }
  closedir(d);
  return total;
}

base_err asr_manifest_read(const char *directory, asr_manifest *out, char why[ASR_WHY_SIZE]) {
  *out = (asr_manifest){0};
  char *path = NULL;
  if (asprintf(&path, "%s/model.json", directory) < 0) return base_fail(BASE_E_NO_MEMORY);
  FILE *f = fopen(path, "rbe");
  if (!f) {
    snprintf(why, ASR_WHY_SIZE, "%.200s: %s", path, strerror(errno));
    free(path);
    return base_fail(BASE_E_NOT_FOUND);
  }
  free(path);
  char *bytes = malloc(MAX_MANIFEST);
  size_t n = bytes ? fread(bytes, 1, MAX_MANIFEST, f) : 0;
  fclose(f);
  if (!bytes) return base_fail(BASE_E_NO_MEMORY);
  base_err e = n == MAX_MANIFEST ? malformed(why, "larger than 64 KiB")
                                 : asr_manifest_parse(base_span_of(bytes, n), directory, out, why);
  free(bytes);
  if (base_is_ok(e)) out->size_bytes = directory_size(directory);
  return e;
}

void asr_manifest_dispose(asr_manifest *m) {
  free(m->directory);
  free(m->name);
  free(m->kind);
  free(m->licence);
  for (size_t i = 0; i < m->language_count; i++)
    free(m->languages[i]);
  free(m->encoder);
  free(m->merged_decoder);
  free(m->tokens);
  *m = (asr_manifest){0};
}
