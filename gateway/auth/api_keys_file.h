/* api_keys_file.h - the file of API keys, read again when it changes. One thread looks, any thread gets. */
#ifndef PONTE_GATEWAY_API_KEYS_FILE_H
#define PONTE_GATEWAY_API_KEYS_FILE_H

#include <pthread.h>

#include "gateway/auth/api_keys.h"
#include "token/file.h"

typedef struct {
  const char *file;
  pthread_mutex_t lock;
  gw_api_keys *keys;
  token_file_stamp stamp; /* of the thread that looks */
} gw_api_keys_file;

/* INVALID, NOT_FOUND with *why. `file` outlives it; dispose of it in any case. */
base_err gw_api_keys_file_init(gw_api_keys_file *f, const char *file, base_buf *why) BASE_MUST_USE;
void gw_api_keys_file_dispose(gw_api_keys_file *f);
/* A file that has changed and is not sound is logged, and the keys that are there stay. */
void gw_api_keys_file_look(gw_api_keys_file *f);
/* A reference of the caller's own. */
gw_api_keys *gw_api_keys_file_get(gw_api_keys_file *f);

#endif
