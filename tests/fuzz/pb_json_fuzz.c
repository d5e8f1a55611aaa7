/* JSON from strangers: what is read as a message is written as JSON that reads as the same message; what is refused says why, in UTF-8; nothing takes more than the arena's
 * cap. */
#include "fuzz.h"

#include "pb/json.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.pb-c.h"

enum { ROOM = 1 << 22, WHY = 200, CAP = 1 << 20 };

static ProtobufCMessage *read(base_span json, pb_arena *arena) {
  base_buf why;
  ProtobufCMessage *m = NULL;
  base_buf_init(&why, WHY);
  base_err e = pb_json_read(&ponte__test__rules__v1__all_types__descriptor, json, arena, &why, &m);
  FUZZ_CHECK((m != NULL) == base_is_ok(e));
  FUZZ_CHECK(base_is_ok(e) || (base_buf_size(&why) > 0 && base_span_utf8(base_buf_span(&why))));
  FUZZ_CHECK(arena->used_bytes <= arena->cap_bytes + 64);
  base_buf_dispose(&why);
  return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pb_arena arena, again;
  base_buf once, twice;
  pb_arena_init(&arena, CAP);
  pb_arena_init(&again, 8 * CAP); /* the standard form may be longer than what was given */
  base_buf_init(&once, ROOM);
  base_buf_init(&twice, ROOM);
  const ProtobufCMessage *first = read(base_span_of(data, size), &arena);
  if (first) {
    FUZZ_OK(pb_json_write(first, PB_JSON_STANDARD, &once));
    const ProtobufCMessage *second = read(base_buf_span(&once), &again);
    FUZZ_CHECK(second != NULL);
    FUZZ_OK(pb_json_write(second, PB_JSON_STANDARD, &twice));
    FUZZ_CHECK(base_span_eq(base_buf_span(&once), base_buf_span(&twice)));
    base_buf_clear(&once);
    base_buf_clear(&twice);
    FUZZ_OK(pb_pack(first, &once));
    FUZZ_OK(pb_pack(second, &twice));
    FUZZ_CHECK(base_span_eq(base_buf_span(&once), base_buf_span(&twice)));
  }
  pb_arena_dispose(&arena);
  pb_arena_dispose(&again);
  base_buf_dispose(&once);
  base_buf_dispose(&twice);
  return 0;
}
