#include "gateway/obs/methods.h"

#include <stdio.h>

#include "base/metrics.h"
#include "base/test.h"

static int count_of(const char *method, const char *code) {
  char want[256];
  base_buf out;
  base_buf_init(&out, 64 << 20);
  CHECK_OK(base_metrics_write(&out));
  CHECK_OK(base_buf_u8(&out, 0));
  snprintf(want, sizeof want,
           "rpc_server_call_duration_seconds_count{rpc_system_name=\"grpc\",rpc_method=\"%s\",rpc_response_status_code="
           "\"%s\"} ",
           method, code);
  const char *at = strstr((const char *)base_buf_span(&out).p, want);
  int n = 0;
  if (at) {
    sscanf(at + strlen(want), "%d", &n);
  }
  base_buf_dispose(&out);
  return n;
}

static void took(const char *path, int code, bool answered) {
  gw_obs_method_took(base_span_str(path), code, answered, 0.02);
}

static void an_answered_method_has_its_own_label(void) {
  took("/p.S/Own", 0, true);
  took("/p.S/Own", 0, false); /* once known, always counted there */
  took("/p.S/Own", 5, true);
  CHECK_INT(count_of("p.S/Own", "OK"), 2);
  CHECK_INT(count_of("p.S/Own", "NOT_FOUND"), 1);
}

static void what_nobody_answered_is_other(void) {
  took("/p.S/Unknown1", 12, false);
  took("/p.S/Unknown2", 12, false);
  took("", 12, true);
  took("/p.S/\"}bad", 12, true);
  CHECK_INT(count_of("p.S/Unknown1", "UNIMPLEMENTED"), 0);
  CHECK_INT(count_of("_OTHER", "UNIMPLEMENTED"), 4);
  took("/p.S/Strange", 99, false);
  CHECK_INT(count_of("_OTHER", "UNKNOWN"), 1);
}

static void the_number_of_series_is_bounded(void) {
  char path[64];
  for (int i = 0; i < GW_OBS_SERIES + 50; i++) {
    snprintf(path, sizeof path, "/p.Many/M%d", i);
    took(path, 0, true);
  }
  CHECK_INT(count_of("p.Many/M0", "OK"), 1);
  snprintf(path, sizeof path, "p.Many/M%d", GW_OBS_SERIES + 49);
  CHECK_INT(count_of(path, "OK"), 0);
  CHECK(count_of("_OTHER", "OK") >= 50);
}

TEST_MAIN(TEST(an_answered_method_has_its_own_label), TEST(what_nobody_answered_is_other),
          TEST(the_number_of_series_is_bounded))
