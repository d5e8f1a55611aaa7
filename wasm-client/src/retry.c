#include "wc/retry.h"

#include "base/clock.h"

enum { BACKOFF_BASE_MS = 200, BACKOFF_CAP_MS = 5000, PUSHBACK_MAX_MS = 60000, ATTEMPT_MAX = 16 };

int64_t wc_retry_delay_ms(const wire_status *status, unsigned attempt, uint32_t random) {
  base_span text;
  uint64_t ms;
  if (wire_metadata_get(&status->trailers, "grpc-retry-pushback-ms", &text)) {
    if (!base_span_u64(text, &ms)) return -1;
    return ms < PUSHBACK_MAX_MS ? (int64_t)ms : PUSHBACK_MAX_MS;
  }
  return base_backoff_ms(attempt < ATTEMPT_MAX ? attempt : ATTEMPT_MAX, BACKOFF_BASE_MS, BACKOFF_CAP_MS, random);
}
