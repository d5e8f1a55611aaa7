/* JSON by descriptors that were made at run time is JSON by those that protoc-c made. */
#include "base/test.h"
#include "pb/dynamic.h"
#include "pb/json.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.ponte.h"

static const char *const texts[] = {
    "{}",
    "{\"aDouble\":1.5,\"aFloat\":\"NaN\",\"anInt32\":-1,\"anInt64\":\"-9223372036854775808\",\"aUint64\":"
    "\"18446744073709551615\"}",
    "{\"aBool\":true,\"aString\":\"x\",\"aBytes\":\"/wA=\",\"aColor\":\"COLOR_BLUE\",\"aMessage\":{\"aColor\":99}}",
    "{\"manyInt64\":[\"1\",\"2\"],\"manyMessages\":[{},{\"manyBools\":[true,false]}],\"manyBytes\":[\"AA==\",\"\"]}",
    "{\"oneNumber\":\"0\"}",
    "{\"byName\":{\"a\":\"1\",\"\":\"0\"},\"byNumber\":{\"-5\":{\"aBool\":true}},\"byBool\":{\"true\":\"x\"},"
    "\"colors\":{\"c\":\"COLOR_RED\"}}",
    "{\"at\":\"2024-02-29T21:29:59.500Z\",\"took\":\"-1.500s\",\"mask\":\"a,bC.d\",\"nothing\":{}}",
    "{\"object\":{\"a\":[1,null,\"x\",true,{\"b\":{}}]},\"value\":null,\"list\":[[],{}],\"maybeInt64\":\"0\","
    "\"maybeText\":\"\"}",
};

static void check(const ProtobufCMessageDescriptor *type, const char *text) {
  pb_arena arena;
  base_buf why, out, packed, again;
  ProtobufCMessage *m = NULL, *unpacked = NULL;
  pb_arena_init(&arena, 1 << 20);
  base_buf_init(&why, 200);
  base_buf_init(&out, 4096);
  base_buf_init(&packed, 4096);
  base_buf_init(&again, 4096);
  base_err e = pb_json_read(type, base_span_str(text), &arena, &why, &m);
  CHECK_MSG(base_is_ok(e), "%s: %.*s", text, BASE_SPAN_ARG(base_buf_span(&why)));
  if (m) {
    CHECK_OK(pb_json_write(m, PB_JSON_STANDARD, &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), text), "%.*s", BASE_SPAN_ARG(base_buf_span(&out)));
    CHECK_OK(pb_pack(m, &packed));
    CHECK_OK(pb_unpack(type, base_buf_span(&packed), &arena, &unpacked));
    CHECK_OK(pb_json_write(unpacked, PB_JSON_STANDARD, &again));
    CHECK_MSG(base_span_is(base_buf_span(&again), text), "%.*s", BASE_SPAN_ARG(base_buf_span(&again)));
  }
  base_buf_dispose(&why);
  base_buf_dispose(&out);
  base_buf_dispose(&packed);
  base_buf_dispose(&again);
  pb_arena_dispose(&arena);
}

static void test_both(void) {
  pb_dynamic *d = NULL;
  CHECK_OK(pb_dynamic_new(ponte_test_v1_rules_descriptor_set, &d));
  const ProtobufCMessageDescriptor *type = d ? pb_dynamic_message(d, "ponte.test.rules.v1.AllTypes") : NULL;
  CHECK(type != NULL);
  for (size_t i = 0; type && i < sizeof texts / sizeof *texts; i++) {
    check(&ponte__test__rules__v1__all_types__descriptor, texts[i]);
    check(type, texts[i]);
  }
  pb_dynamic_free(d);
}

TEST_MAIN(TEST(test_both))
