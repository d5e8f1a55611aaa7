/* Types from strangers, and messages of those types: two bytes say how long the FileDescriptorSet is, the rest is a request of the method t.S/Do. What is accepted packs to
 * bytes that are accepted again and are then stable. */
#include "fuzz.h"

#include "pb/dynamic.h"
#include "pb/message.h"

enum { ROOM = 1 << 22 };

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, base_span bytes, pb_arena *arena) {
  ProtobufCMessage *m = NULL;
  base_err e = pb_unpack(type, bytes, arena, &m);
  FUZZ_CHECK((m != NULL) == base_is_ok(e));
  return m;
}

static void try_message(const ProtobufCMessageDescriptor *type, base_span bytes) {
  pb_arena arena, again;
  base_buf once, twice;
  pb_arena_init(&arena, ROOM);
  pb_arena_init(&again, 4 * ROOM);
  base_buf_init(&once, ROOM);
  base_buf_init(&twice, ROOM);
  ProtobufCMessage *first = unpack(type, bytes, &arena);
  if (first) {
    FUZZ_OK(pb_pack(first, &once));
    ProtobufCMessage *second = unpack(type, base_buf_span(&once), &again);
    FUZZ_CHECK(second != NULL);
    FUZZ_OK(pb_pack(second, &twice));
    FUZZ_CHECK(base_span_eq(base_buf_span(&once), base_buf_span(&twice)));
  }
  pb_arena_dispose(&arena);
  pb_arena_dispose(&again);
  base_buf_dispose(&once);
  base_buf_dispose(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  base_cursor c = base_cursor_of(base_span_of(data, size));
  base_span set = base_cursor_bytes(&c, base_cursor_u16(&c));
  pb_dynamic *d = NULL;
  if (c.failed) {
    return 0;
  }
  base_err e = pb_dynamic_new(set, &d);
  FUZZ_CHECK((d != NULL) == base_is_ok(e));
  const pb_service *s = d ? pb_dynamic_service(d, "t.S") : NULL;
  if (s && s->count > 0) {
    try_message(s->methods[0].request, base_cursor_bytes(&c, base_cursor_left(&c)));
  }
  pb_dynamic_free(d);
  return 0;
}
