/* ponte-gateway: settings in, exit code out. 0 = served and stopped, or --check passed; 1 = could not start; 2 = bad settings. */
#include <stdio.h>

#include "base/log.h"
#include "gateway/app.h"

static int complain(const base_buf *why, int code) {
  fprintf(stderr, "ponte-gateway: %.*s\n", BASE_SPAN_ARG(base_buf_span(why)));
  return code;
}

static int help(base_buf *text) {
  if (!base_is_ok(settings_help(&gw_config_program, text))) {
    return 1;
  }
  printf("%.*s", BASE_SPAN_ARG(base_buf_span(text)));
  return 0;
}

static int check(const gw_config *c) {
  printf("config ok: %d listeners, %d clusters, %d routes, authentication %s, %d origins, tracing %s\n",
         c->listen_count, c->cluster_count, c->route_count, gw_auth_is_on(&c->auth) ? "on" : "off",
         c->cors.origin_count, c->tracing.endpoint ? "on" : "off");
  return 0;
}

/* -1: serve. */
static int look(const gw_config *config, base_buf *why) {
  if (config->help) {
    return help(why);
  }
  if (config->version) {
    printf("ponte-gateway 0.1\n");
    return 0;
  }
  if (!base_is_ok(gw_config_check(config, why))) {
    return complain(why, 2);
  }
  if (config->check) {
    return check(config);
  }
  return -1;
}

int main(int argc, char **argv) {
  gw_config *config = NULL;
  base_buf why;
  base_log_init("gateway");
  base_buf_init(&why, 262144);
  int code = base_is_ok(gw_config_read(argc, argv, &why, &config)) ? look(config, &why) : complain(&why, 2);
  if (code < 0) {
    /* It takes the configuration over: a reload will replace it. */
    gw_config *first = config;
    config = NULL;
    code = base_is_ok(gw_app_run(first, argc, argv, &why)) ? 0 : complain(&why, 1);
  }
  gw_config_free(config);
  base_buf_dispose(&why);
  return code;
}
