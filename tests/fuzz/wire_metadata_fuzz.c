/* Metadata: the form of ponte.v1, then the same bytes as a header "name\nvalue". What is accepted obeys the rules, and
 * goes both ways. */
#include "fuzz.h"

#include "wire/metadata.h"

static void check_rules(const wire_metadata *m) {
  size_t bytes = 0;
  FUZZ_CHECK(m->count <= WIRE_METADATA_MAX_PAIRS);
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair p = wire_metadata_at(m, i);
    FUZZ_CHECK(p.key.n > 0);
    for (size_t k = 0; k < p.key.n; k++) {
      FUZZ_CHECK(memchr("0123456789abcdefghijklmnopqrstuvwxyz_.-", p.key.p[k], 39) != NULL);
    }
    for (size_t k = 0; k < p.value.n && !wire_metadata_is_binary(p.key); k++) {
      FUZZ_CHECK(p.value.p[k] >= 0x20 && p.value.p[k] <= 0x7e);
    }
    bytes += p.key.n + p.value.n;
  }
  FUZZ_CHECK(bytes <= WIRE_METADATA_MAX_BYTES);
}

static void binary_form(base_span in) {
  wire_metadata m;
  base_cursor c = base_cursor_of(in);
  wire_metadata_init(&m);
  base_err e = wire_metadata_decode(&c, &m);
  check_rules(&m);
  if (base_is_ok(e)) {
    base_buf again;
    base_buf_init(&again, in.n);
    FUZZ_OK(wire_metadata_encode(&m, &again));
    FUZZ_CHECK(base_span_eq(base_buf_span(&again), base_span_of(in.p, in.n - base_cursor_left(&c))));
    base_buf_dispose(&again);
  }
  wire_metadata_dispose(&m);
}

static void header_form(base_span in) {
  wire_metadata m, again;
  const uint8_t *lf = in.n ? memchr(in.p, '\n', in.n) : NULL;
  if (lf == NULL) {
    return;
  }
  base_span name = base_span_of(in.p, (size_t)(lf - in.p)), value = base_span_of(lf + 1, in.n - name.n - 1);
  wire_metadata_init(&m);
  wire_metadata_init(&again);
  base_err e = wire_metadata_add_header(&m, name, value);
  check_rules(&m);
  for (uint32_t i = 0; base_is_ok(e) && i < m.count; i++) {
    wire_pair p = wire_metadata_at(&m, i), back;
    base_buf text;
    base_buf_init(&text, 2 * WIRE_METADATA_MAX_BYTES);
    FUZZ_OK(wire_metadata_header_value(p, &text));
    FUZZ_OK(wire_metadata_add_header(&again, p.key, base_buf_span(&text)));
    back = wire_metadata_at(&again, i);
    FUZZ_CHECK(base_span_eq(p.key, back.key) && base_span_eq(p.value, back.value));
    base_buf_dispose(&text);
  }
  wire_metadata_dispose(&m);
  wire_metadata_dispose(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_span in = base_span_of(data, size);
  binary_form(in);
  header_form(in);
  return 0;
}
