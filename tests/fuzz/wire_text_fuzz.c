/* The small text forms: grpc-timeout, base64, grpc-message. */
#include "fuzz.h"

#include "wire/status.h"

enum { ROOM = 65536 };

static void timeout(base_span in) {
  int64_t ms = -1, back = -1;
  char text[16];
  if (base_is_ok(wire_timeout_decode(in, &ms))) {
    FUZZ_CHECK(ms >= 0 && in.n >= 2 && in.n <= 9);
    wire_timeout_encode(ms, text);
    FUZZ_OK(wire_timeout_decode(base_span_str(text), &back));
    FUZZ_CHECK(back >= ms && back - ms < 3600000);
  }
}

/* Raw bytes as a number: a deadline is never shortened (but for the longest there is). */
static void timeout_of(base_span in) {
  base_cursor c = base_cursor_of(in);
  int64_t ms = (int64_t)(base_cursor_u64(&c) >> 1), back = -1;
  char text[16];
  wire_timeout_encode(ms, text);
  FUZZ_OK(wire_timeout_decode(base_span_str(text), &back));
  FUZZ_CHECK(back >= ms || back == 99999999LL * 3600000);
}

static void base64(base_span in) {
  base_buf text, raw;
  base_buf_init(&text, ROOM);
  base_buf_init(&raw, ROOM);
  FUZZ_OK(wire_base64_encode(in, &text));
  FUZZ_OK(wire_base64_decode(base_buf_span(&text), &raw));
  FUZZ_CHECK(base_span_eq(in, base_buf_span(&raw)));

  base_buf_clear(&raw);
  base_buf_clear(&text);
  if (base_is_ok(wire_base64_decode(in, &raw))) {
    FUZZ_OK(wire_base64_encode(base_buf_span(&raw), &text));
    size_t n = in.n; /* one value has one text, padding apart */
    while (n > 0 && in.p[n - 1] == '=') {
      n--;
    }
    FUZZ_CHECK(base_span_eq(base_span_of(in.p, n), base_buf_span(&text)));
  } else {
    FUZZ_CHECK(base_buf_size(&raw) == 0);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&raw);
}

static void message(base_span in) {
  base_buf text, raw;
  base_buf_init(&text, ROOM);
  base_buf_init(&raw, ROOM);
  FUZZ_OK(wire_status_message_encode(in, &text));
  FUZZ_OK(wire_status_message_decode(base_buf_span(&text), &raw));
  FUZZ_CHECK(base_span_eq(in, base_buf_span(&raw)));
  base_buf_clear(&raw);
  FUZZ_OK(wire_status_message_decode(in, &raw));
  FUZZ_CHECK(base_buf_size(&raw) <= in.n);
  base_buf_dispose(&text);
  base_buf_dispose(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_span in = base_span_of(data, size);
  timeout(in);
  timeout_of(in);
  base64(in);
  message(in);
  return 0;
}
