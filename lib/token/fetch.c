#include "token/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

enum { CONNECT_MS = 3000, TOTAL_MS = 8000, OK_STATUS = 200 };

static size_t on_bytes(char *bytes, size_t size, size_t n, void *ctx) {
  return base_is_ok(base_buf_append(ctx, base_span_of(bytes, size * n))) ? size * n : 0;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  (void)a, (void)b, (void)c, (void)d;
  return atomic_load((atomic_bool *)ctx);
}

static void global_init(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static CURLcode set_up(CURL *c, const char *url, atomic_bool *stop, base_buf *out, char *error) {
  CURLcode code = curl_easy_setopt(c, CURLOPT_URL, url);
#define SET(option, value) code = code ? code : curl_easy_setopt(c, option, value)
  SET(CURLOPT_PROTOCOLS_STR, "https,http");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  SET(CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
  SET(CURLOPT_MAXFILESIZE, (long)base_buf_room(out));
  SET(CURLOPT_ERRORBUFFER, error);
  SET(CURLOPT_WRITEFUNCTION, on_bytes);
  SET(CURLOPT_WRITEDATA, out);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(CURLOPT_XFERINFODATA, stop);
#undef SET
  return code;
}

base_err token_fetch(const char *url, atomic_bool *stop, base_buf *out, char why[TOKEN_FETCH_WHY]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  char error[CURL_ERROR_SIZE] = "";
  long status = 0;
  pthread_once(&once, global_init);
  CURL *c = curl_easy_init();
  if (c == NULL) {
    snprintf(why, TOKEN_FETCH_WHY, "out of memory");
    return base_fail(BASE_E_UNAVAILABLE);
  }
  CURLcode code = set_up(c, url, stop, out, error);
  code = code ? code : curl_easy_perform(c);
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(c);
  if (code == CURLE_OK && status == OK_STATUS) {
    return BASE_OK;
  }
  if (code == CURLE_OK) {
    snprintf(why, TOKEN_FETCH_WHY, "HTTP status %ld", status);
  } else {
    snprintf(why, TOKEN_FETCH_WHY, "%s", error[0] ? error : curl_easy_strerror(code));
  }
  return base_fail(BASE_E_UNAVAILABLE);
}
