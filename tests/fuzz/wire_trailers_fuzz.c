/* Trailer blocks: an accepted one is written again in our form, which decodes to the same and is then stable. */
#include "fuzz.h"

#include "wire/status.h"

enum { ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wire_status first, second;
  base_buf once, twice;
  wire_status_init(&first);
  wire_status_init(&second);
  base_buf_init(&once, ROOM);
  base_buf_init(&twice, ROOM);
  if (base_is_ok(wire_trailers_decode(base_span_of(data, size), &first))) {
    FUZZ_CHECK(first.code >= 0 && base_span_utf8(base_buf_span(&first.message)));
    FUZZ_OK(wire_trailers_encode(&first, &once));
    FUZZ_OK(wire_trailers_decode(base_buf_span(&once), &second));
    FUZZ_CHECK(first.code == second.code && first.trailers.count == second.trailers.count);
    FUZZ_OK(wire_trailers_encode(&second, &twice));
    FUZZ_CHECK(base_span_eq(base_buf_span(&once), base_buf_span(&twice)));
  } else {
    FUZZ_CHECK(first.code == 0 && first.trailers.count == 0 && base_buf_size(&first.message) == 0);
  }
  wire_status_dispose(&first);
  wire_status_dispose(&second);
  base_buf_dispose(&once);
  base_buf_dispose(&twice);
  return 0;
}
