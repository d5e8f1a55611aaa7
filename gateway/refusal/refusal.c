#include "gateway/refusal/refusal.h"

#include "wire/details.h"

static const struct {
  const char *name;
  int code;
  const char *hint;
} rows[GW_REFUSAL_COUNT] = {
#define X(name, code, hint) {#name, BASE_GRPC_##code, hint},
    GW_REFUSALS(X)
#undef X
};

const char *gw_refusal_name(enum gw_refusal why) { return rows[why].name; }

void gw_refuse(wire_status *out, enum gw_refusal why, int64_t retry_after_ms, const char *message) {
  wire_status_set(out, rows[why].code, "%s", message);
  wire_metadata_clear(&out->trailers);
  base_err e = wire_details_add(out, &(wire_details){.domain = "ponte",
                                                     .reason = rows[why].name,
                                                     .key = rows[why].hint ? "www-authenticate" : NULL,
                                                     .value = rows[why].hint,
                                                     .retry_after_ms = retry_after_ms});
  if (!base_is_ok(e)) {
    wire_metadata_clear(&out->trailers);
  }
}
