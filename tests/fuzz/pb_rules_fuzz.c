/* The judges of a request's fields: any message that unpacks is judged without a slip, a refusal says where and why, and what passes as an e-mail address is one line
 * with one @. */
#include "fuzz.h"

#include <string.h>

#include "pb/formats.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.ponte.h"

static void formats(base_span text) {
  if (pb_is_email(text)) {
    const uint8_t *at = memchr(text.p, '@', text.n);
    FUZZ_CHECK(at && text.n <= 254 && base_span_utf8(text));
    FUZZ_CHECK(memchr(at + 1, '@', (size_t)(text.p + text.n - at - 1)) == NULL);
    for (size_t i = 0; i < text.n; i++) {
      FUZZ_CHECK(text.p[i] > ' ' && text.p[i] != 0x7f);
    }
  }
  FUZZ_CHECK(!pb_is_uuid(text) || text.n == 36);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const pb_method *method = &ponte_test_rules_v1_service.methods[0];
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  pb_violation v;
  formats(base_span_of(data, size));
  pb_arena_init(&arena, pb_memory_cap(size));
  if (base_is_ok(pb_unpack(method->request, base_span_of(data, size), &arena, &m))) {
    bool ok = pb_validate(m, method->rules, &v);
    FUZZ_CHECK(memchr(v.path, 0, sizeof v.path) && memchr(v.why, 0, sizeof v.why));
    FUZZ_CHECK(ok ? v.why[0] == '\0' : v.why[0] && v.path[0]);
    FUZZ_CHECK(base_span_utf8(base_span_str(v.why)));
  }
  pb_arena_dispose(&arena);
  return 0;
}
