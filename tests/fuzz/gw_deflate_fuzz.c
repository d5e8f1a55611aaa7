/* permessage-deflate: arbitrary offers and arbitrary compressed messages. What is inflated stays within the ratio; what we compress comes back as it was.
 * Input: the offers up to a zero byte, then a message. */
#include "fuzz.h"

#include "gateway/ws/deflate.h"

struct out {
  base_buf bytes;
  int ends;
};

static bool keep(void *ctx, base_span piece, bool end) {
  struct out *o = ctx;
  FUZZ_CHECK(o->ends == 0);
  FUZZ_OK(base_buf_append(&o->bytes, piece));
  o->ends += end;
  return true;
}

static void check_both(gw_deflate *d, base_span message) {
  struct out out = {.ends = 0};
  base_buf packed;
  base_buf_init(&packed, 1 << 20);
  base_buf_init(&out.bytes, 1 << 20);
  if (gw_deflate_compress(d, message, &packed) && base_buf_size(&packed) * 4 + 65536 > message.n) {
    FUZZ_OK(gw_deflate_inflate(d, base_buf_span(&packed), true, keep, &out));
    FUZZ_CHECK(out.ends == 1 && base_span_eq(base_buf_span(&out.bytes), message));
  }
  out.ends = 0;
  base_buf_clear(&out.bytes);
  base_err e = gw_deflate_inflate(d, message, true, keep, &out);
  FUZZ_CHECK(!base_is_ok(e) || out.ends == 1);
  FUZZ_CHECK(base_buf_size(&out.bytes) <= (message.n + 8) * 4 + 65536 + 16384);
  base_buf_dispose(&packed);
  base_buf_dispose(&out.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  size_t n = zero ? (size_t)(zero - data) : size;
  gw_deflate_params params = {.server_bits = 9, .client_bits = 9};
  char answer[GW_DEFLATE_ANSWER] = "";
  gw_deflate_pool *pool = NULL;
  gw_deflate *d = NULL;
  const gw_deflate_options o = {.on = true, .context_takeover = n % 2, .max_ratio = 4, .min_bytes = 1};
  if (gw_deflate_negotiate(&o, base_span_of(data, n), &params, answer)) {
    FUZZ_CHECK(strlen(answer) < GW_DEFLATE_ANSWER - 1);
    FUZZ_CHECK(params.server_bits >= 9 && params.server_bits <= 12 && params.client_bits >= 8 &&
               params.client_bits <= 15);
  }
  params.client_bits = params.client_bits < params.server_bits ? params.server_bits : params.client_bits;
  FUZZ_OK(gw_deflate_pool_new(&o, &pool));
  FUZZ_OK(gw_deflate_new(pool, &params, &d));
  if (zero) {
    check_both(d, base_span_of(zero + 1, size - n - 1));
  }
  gw_deflate_free(d);
  FUZZ_CHECK(gw_deflate_pool_reserved(pool) == 0);
  gw_deflate_pool_free(pool);
  return 0;
}
