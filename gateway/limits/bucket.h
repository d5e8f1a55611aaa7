/* bucket.h - a token bucket: `burst` at once, `per_s` come back each second. Pure: time is an argument, on any monotonic clock. The limits are arguments too, so that
 * a reload changes them for buckets that are in use. */
#ifndef PONTE_GATEWAY_BUCKET_H
#define PONTE_GATEWAY_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  int64_t millitokens, last_ms;
} gw_bucket;

/* Full, which is how each begins. */
gw_bucket gw_bucket_full(uint32_t burst, int64_t now_ms);
/* Takes one token and returns 0; or the milliseconds until there will be one, at least 1. per_s and burst are at least 1. */
int64_t gw_bucket_take(gw_bucket *b, uint32_t per_s, uint32_t burst, int64_t now_ms);
/* A penalty: takes so many tokens, into debt if need be, but no deeper than `burst`. */
void gw_bucket_charge(gw_bucket *b, uint32_t tokens, uint32_t per_s, uint32_t burst, int64_t now_ms);
bool gw_bucket_in_debt(gw_bucket *b, uint32_t per_s, uint32_t burst, int64_t now_ms);

#endif
