/* --check, and a reload before it is applied: what the settings name is looked at, and nothing is changed. */
#include <sys/stat.h>

#include "gateway/config.h"
#include "net/connect.h"

/* Certificates and keys are read and compared, and then dropped. */
static base_err check_tls(const gw_config *c, const gw_listen *l, base_buf *why) {
  const net_tls_server_options options = gw_tls_options(&l->tls);
  const void *where = l->tls.main.cert_file == c->quick.cert ? (const void *)&c->quick.cert : &l->tls;
  net_tls_server *made = NULL;
  base_buf reason;
  base_buf_init(&reason, 2048);
  base_err e = net_tls_server_new(&options, &reason, &made);
  if (base_is(e, BASE_E_INVALID)) {
    e = settings_complain(c->settings, where, why, "%.*s", BASE_SPAN_ARG(base_buf_span(&reason)));
  }
  net_tls_server_free(made);
  base_buf_dispose(&reason);
  return e;
}

static base_err check_cluster(const gw_config *c, const gw_cluster_options *o, base_buf *why) {
  const net_tls_client_options options = {.ca_file = o->tls_ca, .cert_file = o->tls_cert, .key_file = o->tls_key};
  net_tls_client *made = NULL;
  base_buf reason;
  if (!o->tls) {
    return BASE_OK;
  }
  base_buf_init(&reason, 2048);
  base_err e = net_tls_client_new(NULL, &options, &reason, &made);
  if (base_is(e, BASE_E_INVALID)) {
    e = settings_complain(c->settings, &o->tls, why, "%.*s", BASE_SPAN_ARG(base_buf_span(&reason)));
  }
  net_tls_client_free(made);
  base_buf_dispose(&reason);
  return e;
}

/* Files are read and keys parsed; what stands behind a URL shows later. */
static base_err check_auth(const gw_config *c, base_buf *why) {
  gw_auth *made = NULL;
  base_buf reason;
  if (!gw_auth_is_on(&c->auth)) {
    return BASE_OK;
  }
  base_buf_init(&reason, 2048);
  base_err e = gw_auth_new(&c->auth, &reason, &made);
  if (base_is(e, BASE_E_INVALID) || base_is(e, BASE_E_NOT_FOUND)) {
    e = settings_complain(c->settings, &c->auth, why, "%.*s", BASE_SPAN_ARG(base_buf_span(&reason)));
  }
  gw_auth_free(made);
  base_buf_dispose(&reason);
  return e;
}

base_err gw_config_check(const gw_config *c, base_buf *why) {
  struct stat st;
  for (int i = 0; i < c->listen_count; i++) {
    if (gw_listen_is_tls(&c->listen[i])) {
      BASE_TRY(check_tls(c, &c->listen[i], why));
    }
  }
  for (int i = 0; i < c->cluster_count; i++) {
    BASE_TRY(check_cluster(c, &c->clusters[i], why));
  }
  BASE_TRY(check_auth(c, why));
  if (c->web && (stat(c->web, &st) != 0 || !S_ISDIR(st.st_mode))) {
    return settings_complain(c->settings, &c->web, why, "%s is no folder", c->web);
  }
  return BASE_OK;
}
