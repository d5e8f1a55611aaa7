#include "wc/reason.h"

#include "base/test.h"

/* Status{code: 3, message: "no", details: [Any{RetryInfo}, Any{ErrorInfo{reason: "BAD"}}]} */
static const uint8_t details[] = "\x08\x03\x12\x02no"
                                 "\x1a\x19\x0a\x17x.y/google.rpc.RetryInf"
                                 "\x1a\x21\x0a\x18x.y/google.rpc.ErrorInfo\x12\x05\x0a\x03"
                                 "BAD";

static base_span reason_of(const uint8_t *bytes, size_t n, wire_status *status) {
  wire_status_init(status);
  CHECK_OK(wire_metadata_add(&status->trailers, base_span_str("grpc-status-details-bin"), base_span_of(bytes, n)));
  return wc_reason(status);
}

static void test_reason(void) {
  wire_status status;
  CHECK(base_span_is(reason_of(details, sizeof details - 1, &status), "BAD"));
  wire_status_dispose(&status);
  wire_status_init(&status);
  CHECK_INT(wc_reason(&status).n, 0);
  wire_status_dispose(&status);
}

static void test_cut_and_broken(void) {
  for (size_t n = 0; n < sizeof details - 1; n++) {
    wire_status status;
    CHECK_MSG(reason_of(details, n, &status).n == 0, "cut at %d", (int)n);
    wire_status_dispose(&status);
  }
  for (size_t i = 0; i < sizeof details - 1; i++) { /* no byte may lead it astray */
    uint8_t broken[sizeof details];
    memcpy(broken, details, sizeof details);
    broken[i] ^= 0xff;
    wire_status status;
    CHECK(reason_of(broken, sizeof details - 1, &status).n <= sizeof details);
    wire_status_dispose(&status);
  }
}

TEST_MAIN(TEST(test_reason), TEST(test_cut_and_broken))
