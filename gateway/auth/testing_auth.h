/* testing_auth.h - test code only: authentication with one key of our own, which lets any identity of issuer "i" call anything below "/pkg.Service/". */
#ifndef PONTE_GATEWAY_TESTING_AUTH_H
#define PONTE_GATEWAY_TESTING_AUTH_H

#include <unistd.h>

#include "base/clock.h"
#include "gateway/auth/auth.h"
#include "token/testing_token.h"

typedef struct {
  json_t *key;
  gw_auth *auth;
  char file[32];
} test_auth;

static inline void test_auth_start(test_auth *t) {
  static char issuer[] = "i", prefix[] = "/pkg.Service/";
  static gw_auth_rule rule = {.prefix = prefix};
  char text[4096];
  t->key = test_key("ES256", "k");
  test_jwks(&t->key, 1, text, sizeof text);
  snprintf(t->file, sizeof t->file, "/tmp/ponte_jwks_XXXXXX");
  int fd = mkstemp(t->file);
  test_need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  const gw_auth_options o = {
      .issuers = {{.issuer = issuer, .jwks_file = t->file}}, .issuer_count = 1, .rules = &rule, .rule_count = 1};
  base_buf why;
  base_buf_init(&why, 4096);
  test_need(base_is_ok(gw_auth_new(&o, &why, &t->auth)));
  base_buf_dispose(&why);
}

static inline void test_auth_end(test_auth *t) {
  gw_auth_free(t->auth);
  json_decref(t->key);
  unlink(t->file);
}

static inline void test_auth_token(const test_auth *t, const char *subject, int64_t expires_in_s,
                                   char out[TEST_TOKEN_SIZE]) {
  char claims[256];
  snprintf(claims, sizeof claims, "{\"iss\":\"i\",\"sub\":\"%s\",\"exp\":%lld}", subject,
           (long long)(base_wall_ms() / 1000 + expires_in_s));
  test_token(t->key, "{\"alg\":\"ES256\",\"kid\":\"k\"}", claims, out);
}

#endif
