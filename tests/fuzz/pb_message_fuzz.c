/* Messages from strangers: the first byte picks a type, the rest is unpacked. What is accepted packs to bytes that are accepted again and
 * are then stable; its strings are UTF-8; nothing takes more than the arena's cap. */
#include "fuzz.h"

#include "pb/message.h"
#include "ponte/transcription/v1/transcription.pb-c.h"

enum { ROOM = 1 << 22 };

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, base_span bytes, pb_arena *arena) {
  ProtobufCMessage *m = NULL;
  base_err e = pb_unpack(type, bytes, arena, &m);
  FUZZ_CHECK((m != NULL) == base_is_ok(e));
  FUZZ_CHECK(arena->used_bytes <= arena->cap_bytes + 64);
  return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const ProtobufCMessageDescriptor *const types[] = {
      &ponte__transcription__v1__audio_chunk__descriptor,
      &ponte__transcription__v1__transcription_result__descriptor,
      &ponte__transcription__v1__get_service_status_response__descriptor,
  };
  pb_arena arena, again;
  base_buf once, twice;
  if (size == 0) {
    return 0;
  }
  const ProtobufCMessageDescriptor *type = types[data[0] % 3];
  pb_arena_init(&arena, pb_memory_cap(size));
  pb_arena_init(&again, 16 * pb_memory_cap(size)); /* our own bytes may be longer: no field is left out twice */
  base_buf_init(&once, ROOM);
  base_buf_init(&twice, ROOM);
  ProtobufCMessage *first = unpack(type, base_span_of(data + 1, size - 1), &arena);
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
  return 0;
}
