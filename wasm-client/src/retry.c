#include "wc/retry.h"

#include "base/clock.h"

enum { PUSHBACK_MAX_MS = 60000, ATTEMPT_MAX = 16 };

bool wc_retry_may_help(int code) {
  switch (code) {
  case BASE_GRPC_CANCELLED:
  case BASE_GRPC_UNKNOWN:
  case BASE_GRPC_DEADLINE_EXCEEDED:
  case BASE_GRPC_RESOURCE_EXHAUSTED:
  case BASE_GRPC_ABORTED:
  case BASE_GRPC_INTERNAL:
  case BASE_GRPC_UNAVAILABLE: return true;
  default: return false;
  }
}

int64_t wc_retry_delay_ms(const wire_status *status, enum wc_retry_pace pace, unsigned attempt, uint32_t random) {
  static const struct {
    int64_t base_ms, cap_ms;
  } paces[] = {[WC_RETRY_QUICK] = {200, 5000}, [WC_RETRY_CALM] = {1000, 30000}};
  base_span text;
  uint64_t ms;
  if (wire_metadata_get(&status->trailers, "grpc-retry-pushback-ms", &text)) {
    if (!base_span_u64(text, &ms)) return -1;
    return ms < PUSHBACK_MAX_MS ? (int64_t)ms : PUSHBACK_MAX_MS;
  }
  if (attempt > ATTEMPT_MAX) attempt = ATTEMPT_MAX;
  return base_backoff_ms(attempt, paces[pace].base_ms, paces[pace].cap_ms, random);
}
