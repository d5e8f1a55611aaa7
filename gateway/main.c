/* ponte-gateway: settings in, exit code out. 0 = served and stopped, or --check passed; 1 = could not start; 2 = bad settings. */
#include <stdio.h>

#include "base/log.h"
#include "gateway/app.h"

static int complain(const base_buf *why, int code) {
  fprintf(stderr, "ponte-gateway: %.*s\n", BASE_SPAN_ARG(base_buf_span(why)));
  return code;
}

static int help(base_buf *text) {
  if (!base_is_ok(gw_config_help(text))) {
    return 1;
  }
  printf("%.*s", BASE_SPAN_ARG(base_buf_span(text)));
  return 0;
}

static int run(const gw_config *config, base_buf *why) {
  if (config->help) {
    return help(why);
  }
  if (config->version) {
    printf("ponte-gateway 0.1\n");
    return 0;
  }
  if (!base_is_ok(gw_app_check(config, why))) {
    return complain(why, 2);
  }
  if (config->check) {
    printf("the settings are fine\n");
    return 0;
  }
  return base_is_ok(gw_app_run(config, why)) ? 0 : complain(why, 1);
}

int main(int argc, char **argv) {
  gw_config config;
  base_buf why;
  base_log_init("gateway");
  base_buf_init(&why, 65536);
  base_err e = gw_config_read(&config, argc, argv, &why);
  int code = base_is_ok(e) ? run(&config, &why) : complain(&why, 2);
  gw_config_dispose(&config);
  base_buf_dispose(&why);
  return code;
}
