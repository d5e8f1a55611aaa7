#include "services/hosted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "services/registry.h"
#include "token/token.h"

enum { WHY_SIZE = 65536, URL_SIZE = PATH_MAX + 8, PATH_SIZE = PATH_MAX + 64 };

struct services_hosted {
  const services_options *options;
  char made_url[URL_SIZE];
  token_verifier *verifier;
  svc_host *host;
};

static base_err complain(const char *what, base_err e, const base_buf *why) {
  base_span text = base_buf_span(why);
  fprintf(stderr, "ponte-services: %s: %.*s\n", what, text.n ? (int)text.n : 100,
          text.n ? (const char *)text.p : base_err_text(e));
  return e;
}

/* A password in it is shown to nobody: the URL appears in no message of ours. */
static const char *find_store(const services_options *o, char made[URL_SIZE]) {
  const char *data = getenv("PONTE_DATA_DIR");
  if (o->store) {
    return o->store;
  }
  snprintf(made, URL_SIZE, "sqlite:%s", data && *data ? data : "var");
  return made;
}

static const char *setting(void *ctx, const char *key) {
  const services_hosted *h = ctx;
  return services_options_text(h->options, key);
}

/* The users service brings the keys when it is hosted here. */
static base_err make_verifier(services_hosted *h) {
  const services_options *o = h->options;
  base_buf why;
  if (o->auth == SERVICES_AUTH_OFF) {
    return BASE_OK;
  }
  const token_verifier_options options = {
      .issuer = o->issuer, .audience = "ponte", .jwks_url = services_options_has(o, "users") ? NULL : o->jwks_url};
  base_buf_init(&why, WHY_SIZE);
  base_err e = token_verifier_new(&options, &why, &h->verifier);
  if (!base_is_ok(e)) {
    e = complain("tokens cannot be checked", e, &why);
  }
  base_buf_dispose(&why);
  return e;
}

static base_err add_services(services_hosted *h, base_buf *why) {
  const services_options *o = h->options;
  for (const svc_definition *const *d = services_registry; *d; d++) {
    if (services_options_has(o, (*d)->name)) {
      BASE_TRY(svc_host_add(h->host, *d, services_options_port(o, (*d)->name), why));
    }
  }
  return svc_host_start(h->host, why);
}

static void tell_ports(const services_hosted *h) {
  for (const svc_definition *const *d = services_registry; *d; d++) {
    int port = svc_host_port(h->host, (*d)->name);
    if (port > 0) {
      BASE_LOG(BASE_LOG_INFO, "listening", LOG_STR("service", (*d)->name), LOG_STR("host", h->options->listen_host),
               LOG_INT("port", port));
    }
  }
}

static base_err start(services_hosted *h) {
  const services_options *o = h->options;
  base_buf why;
  BASE_TRY(make_verifier(h));
  const svc_host_options options = {.listen_host = o->listen_host,
                                    .store_url = find_store(o, h->made_url),
                                    .verifier = h->verifier,
                                    .setting = setting,
                                    .ctx = h,
                                    .otlp_endpoint = o->tracing.endpoint,
                                    .trace_name = o->tracing.service_name,
                                    .sample_ratio = o->tracing.sample_ratio};
  base_buf_init(&why, WHY_SIZE);
  base_err e = svc_host_new(&options, &h->host);
  if (base_is_ok(e)) {
    e = add_services(h, &why);
  }
  if (!base_is_ok(e)) {
    e = complain("cannot start", e, &why);
  } else {
    tell_ports(h);
  }
  base_buf_dispose(&why);
  return e;
}

static bool wants_any(const services_options *o) {
  for (const svc_definition *const *d = services_registry; *d; d++) {
    if (services_options_has(o, (*d)->name)) {
      return true;
    }
  }
  return false;
}

base_err services_hosted_start(const services_options *o, services_hosted **out) {
  *out = NULL;
  if (!wants_any(o)) {
    return BASE_OK;
  }
  services_hosted *h = calloc(1, sizeof *h);
  if (h == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  h->options = o;
  base_err e = start(h);
  if (!base_is_ok(e)) {
    services_hosted_stop(h, 0);
    return e;
  }
  *out = h;
  return BASE_OK;
}

bool services_hosted_is_ready(services_hosted *h, const char **why) { return !h || svc_host_is_ready(h->host, why); }

base_err services_hosted_page(services_hosted *h, base_span path, const char **type, base_buf *out) {
  return h ? svc_host_page(h->host, path, type, out) : base_fail(BASE_E_NOT_FOUND);
}

void services_hosted_drain(services_hosted *h) {
  if (h) {
    svc_host_drain(h->host);
  }
}

void services_hosted_stop(services_hosted *h, int64_t grace_ms) {
  if (h == NULL) {
    return;
  }
  if (h->host) {
    svc_host_stop(h->host, grace_ms);
  }
  svc_host_free(h->host);
  token_verifier_free(h->verifier);
  free(h);
}

/* -- backup ------------------------------------------------------------------------------------------------------------ */

static base_err back_up(const svc_definition *d, const char *url, const char *directory) {
  char path[PATH_SIZE];
  base_buf why;
  base_buf_init(&why, WHY_SIZE);
  snprintf(path, sizeof path, "%s/%s.db", directory, d->name);
  base_err e = svc_host_backup(d, url, path, &why);
  if (base_is(e, BASE_E_UNIMPLEMENTED)) {
    fprintf(stderr, "ponte-services: this copies SQLite stores; use pg_dump for PostgreSQL\n");
  } else if (!base_is_ok(e)) {
    e = complain(path, e, &why);
  } else {
    puts(path);
  }
  base_buf_dispose(&why);
  return e;
}

base_err services_backup(const services_options *o, const char *directory) {
  char made_url[URL_SIZE];
  const char *url = find_store(o, made_url);
  if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
    fprintf(stderr, "ponte-services: %s: %s\n", directory, strerror(errno));
    return base_fail(BASE_E_IO);
  }
  for (const svc_definition *const *d = services_registry; *d; d++) {
    if ((*d)->migration_count > 0 && services_options_has(o, (*d)->name)) {
      BASE_TRY(back_up(*d, url, directory));
    }
  }
  return BASE_OK;
}
