#include "gateway/auth/api_keys_file.h"

#include "base/log.h"

static base_err load(gw_api_keys_file *f, base_buf *why) {
  gw_api_keys *keys = NULL;
  base_buf text, detail;
  base_buf_init(&text, GW_API_KEYS_BYTES);
  base_buf_init(&detail, 1024);
  base_err e = token_file_read(f->file, &text);
  if (base_is_ok(e)) {
    e = gw_api_keys_parse(base_buf_span(&text), &detail, &keys);
  }
  if (base_is_ok(e)) {
    pthread_mutex_lock(&f->lock);
    gw_api_keys *old = f->keys;
    f->keys = keys;
    pthread_mutex_unlock(&f->lock);
    gw_api_keys_unref(old);
  } else {
    e = token_file_complain(f->file, e, &detail, why);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&detail);
  return e;
}

base_err gw_api_keys_file_init(gw_api_keys_file *f, const char *file, base_buf *why) {
  *f = (gw_api_keys_file){.file = file};
  pthread_mutex_init(&f->lock, NULL);
  token_file_has_changed(file, &f->stamp);
  return load(f, why);
}

void gw_api_keys_file_dispose(gw_api_keys_file *f) {
  gw_api_keys_unref(f->keys);
  pthread_mutex_destroy(&f->lock);
}

void gw_api_keys_file_look(gw_api_keys_file *f) {
  base_buf why;
  if (!token_file_has_changed(f->file, &f->stamp)) {
    return;
  }
  base_buf_init(&why, 4096);
  base_err e = load(f, &why);
  BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN, "API keys read again", LOG_STR("result", base_err_text(e)),
           LOG_SPAN("why", base_buf_span(&why)));
  base_buf_dispose(&why);
}

gw_api_keys *gw_api_keys_file_get(gw_api_keys_file *f) {
  pthread_mutex_lock(&f->lock);
  gw_api_keys *keys = gw_api_keys_ref(f->keys);
  pthread_mutex_unlock(&f->lock);
  return keys;
}
