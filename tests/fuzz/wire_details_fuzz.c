/* google.rpc.Status in a trailer of a stranger: what is read of it lies inside it and is UTF-8. */
#include "fuzz.h"

#include "wire/details.h"

static bool is_inside(base_span part, base_span whole) {
  return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n && base_span_utf8(part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wire_status s;
  wire_details_found found;
  base_span held;
  wire_status_init(&s);
  if (base_is_ok(wire_metadata_add(&s.trailers, base_span_str("grpc-status-details-bin"), base_span_of(data, size)))) {
    base_err e = wire_details_read(&s, &found);
    FUZZ_CHECK(wire_metadata_get(&s.trailers, "grpc-status-details-bin", &held));
    FUZZ_CHECK(is_inside(found.reason, held) && is_inside(found.domain, held) && is_inside(found.field, held));
    FUZZ_CHECK(found.retry_after_ms >= 0);
    FUZZ_CHECK(base_is_ok(e) || found.reason.p == NULL);
  }
  wire_status_dispose(&s);
  return 0;
}
