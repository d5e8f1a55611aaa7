#include "gateway/limits/bucket.h"

enum { TOKEN = 1000 }; /* so that per_s tokens a second are per_s parts a millisecond */

gw_bucket gw_bucket_full(uint32_t burst, int64_t now_ms) { return (gw_bucket){(int64_t)burst * TOKEN, now_ms}; }

static void refill(gw_bucket *b, uint32_t per_s, uint32_t burst, int64_t now_ms) {
  int64_t full = (int64_t)burst * TOKEN, passed = now_ms - b->last_ms;
  if (passed > 0) {
    /* Division first: the product might overflow after a long pause. */
    b->millitokens = passed > 2 * full / per_s ? full : b->millitokens + passed * per_s;
    b->last_ms = now_ms;
  }
  b->millitokens = b->millitokens < full ? b->millitokens : full;
}

int64_t gw_bucket_take(gw_bucket *b, uint32_t per_s, uint32_t burst, int64_t now_ms) {
  refill(b, per_s, burst, now_ms);
  if (b->millitokens < TOKEN) {
    return (TOKEN - b->millitokens + per_s - 1) / per_s;
  }
  b->millitokens -= TOKEN;
  return 0;
}

void gw_bucket_charge(gw_bucket *b, uint32_t tokens, uint32_t per_s, uint32_t burst, int64_t now_ms) {
  int64_t deepest = -(int64_t)burst * TOKEN;
  refill(b, per_s, burst, now_ms);
  b->millitokens -= (int64_t)tokens * TOKEN;
  b->millitokens = b->millitokens > deepest ? b->millitokens : deepest;
}

bool gw_bucket_in_debt(gw_bucket *b, uint32_t per_s, uint32_t burst, int64_t now_ms) {
  refill(b, per_s, burst, now_ms);
  return b->millitokens < 0;
}
