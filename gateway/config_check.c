/* --check, and a reload before it is applied: what the settings name is looked at, and nothing is changed. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config.h"

static base_err check_file(const gw_config *c, const void *field, const char *file, base_buf *why) {
  if (file && access(file, R_OK) != 0) {
    return settings_complain(c->settings, field, why, "%s: %s", file, strerror(errno));
  }
  return BASE_OK;
}

static base_err check_tls(const gw_config *c, const gw_listen *l, base_buf *why) {
  const gw_tls *t = &l->tls;
  bool quick = t->main.cert && t->main.cert == c->quick.cert;
  BASE_TRY(check_file(c, quick ? &c->quick.cert : &t->main.cert, t->main.cert, why));
  BASE_TRY(check_file(c, quick ? &c->quick.key : &t->main.key, t->main.key, why));
  BASE_TRY(check_file(c, &t->client_ca, t->client_ca, why));
  for (int i = 0; i < t->sni_count; i++) {
    BASE_TRY(check_file(c, &t->sni[i].cert, t->sni[i].cert, why));
    BASE_TRY(check_file(c, &t->sni[i].key, t->sni[i].key, why));
  }
  return BASE_OK;
}

static base_err check_cluster_files(const gw_config *c, const gw_cluster_options *o, base_buf *why) {
  BASE_TRY(check_file(c, &o->tls_ca, o->tls_ca, why));
  BASE_TRY(check_file(c, &o->tls_cert, o->tls_cert, why));
  return check_file(c, &o->tls_key, o->tls_key, why);
}

static base_err check_auth_files(const gw_config *c, base_buf *why) {
  for (int i = 0; i < c->auth.issuer_count; i++) {
    BASE_TRY(check_file(c, &c->auth.issuers[i].jwks_file, c->auth.issuers[i].jwks_file, why));
  }
  return check_file(c, &c->auth.api_keys_file, c->auth.api_keys_file, why);
}

base_err gw_config_check(const gw_config *c, base_buf *why) {
  struct stat st;
  for (int i = 0; i < c->listen_count; i++) {
    BASE_TRY(check_tls(c, &c->listen[i], why));
  }
  for (int i = 0; i < c->cluster_count; i++) {
    BASE_TRY(check_cluster_files(c, &c->clusters[i], why));
  }
  BASE_TRY(check_auth_files(c, why));
  if (c->web && (stat(c->web, &st) != 0 || !S_ISDIR(st.st_mode))) {
    return settings_complain(c->settings, &c->web, why, "%s is no folder", c->web);
  }
  return BASE_OK;
}
