/* Answers of a health service to the gateway: byte 0 is the size of the pieces, the rest is the response. However it is split, the same status and the same
 * error come out. */
#include "fuzz.h"

#include "gateway/upstream/h2/health.h"

static base_err read_all(base_span in, size_t piece, uint64_t *status) {
  gw__health_reader r;
  base_err e = BASE_OK;
  gw__health_reader_init(&r);
  while (base_is_ok(e) && in.n > 0) {
    base_span part = base_span_of(in.p, piece < in.n ? piece : in.n);
    in = base_span_of(in.p + part.n, in.n - part.n);
    e = gw__health_read(&r, part, status);
    FUZZ_CHECK(base_buf_size(&r.message) <= GW__HEALTH_MESSAGE_MAX);
  }
  gw__health_reader_dispose(&r);
  return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t whole = UINT64_MAX, split = UINT64_MAX;
  if (size < 2) {
    return 0;
  }
  base_span in = base_span_of(data + 1, size - 1);
  base_err e = read_all(in, in.n, &whole);
  base_err f = read_all(in, (size_t)data[0] + 1, &split);
  FUZZ_CHECK(e.code == f.code);
  FUZZ_CHECK(whole == split);
  return 0;
}
