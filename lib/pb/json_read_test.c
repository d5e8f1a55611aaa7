#include "pb/json.h"

#include <stdlib.h>

#include "base/test.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.pb-c.h"

#define ALL (&ponte__test__rules__v1__all_types__descriptor)

/* What is read is written again: `out` is the standard form; NULL: refused, and `why` is what was said. */
static const struct {
  const char *in, *out, *why;
} rows[] = {
    {"{}", "{}", NULL},
    {" \t\r\n{ } ", "{}", NULL},
    {"{\"anInt32\":1}", "{\"anInt32\":1}", NULL},
    {"{\"an_int32\":1}", "{\"anInt32\":1}", NULL},
    {"{\"odd__name_1x\":\"a\"}", "{\"oddName1x\":\"a\"}", NULL},
    {"{\"anInt32\":null,\"aMessage\":null,\"manyInt64\":null,\"byName\":null}", "{}", NULL},
    /* integers */
    {"{\"anInt32\":\"1\"}", "{\"anInt32\":1}", NULL},
    {"{\"anInt32\":5.0}", "{\"anInt32\":5}", NULL},
    {"{\"anInt32\":1e3}", "{\"anInt32\":1000}", NULL},
    {"{\"anInt32\":1000e-3}", "{\"anInt32\":1}", NULL},
    {"{\"anInt32\":0.00002147483647e14}", "{\"anInt32\":2147483647}", NULL},
    {"{\"anInt32\":0e999999999999}", "{}", NULL},
    {"{\"anInt32\":-2147483648}", "{\"anInt32\":-2147483648}", NULL},
    {"{\"anInt64\":9223372036854775807}", "{\"anInt64\":\"9223372036854775807\"}", NULL},
    {"{\"anInt64\":\"-9223372036854775808\"}", "{\"anInt64\":\"-9223372036854775808\"}", NULL},
    {"{\"anInt64\":9007199254740993}", "{\"anInt64\":\"9007199254740993\"}", NULL},
    {"{\"aUint64\":18446744073709551615}", "{\"aUint64\":\"18446744073709551615\"}", NULL},
    {"{\"aUint64\":-0}", "{}", NULL},
    {"{\"anInt32\":2147483648}", NULL, "an_int32: give a whole number from -2147483648 to 2147483647"},
    {"{\"anInt32\":-2147483649}", NULL, "an_int32: give a whole number from"},
    {"{\"aUint32\":4294967296}", NULL, "a_uint32: give a whole number from 0 to 4294967295"},
    {"{\"aUint32\":-1}", NULL, "a_uint32: give a whole number from 0 to 4294967295"},
    {"{\"anInt64\":9223372036854775808}", NULL, "an_int64: give a whole number from"},
    {"{\"aUint64\":18446744073709551616}", NULL, "a_uint64: give a whole number from 0 to 18446744073709551615"},
    {"{\"anInt32\":1.5}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":1e-1}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":1e99999999999999999999}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":true}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":\"\"}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":\" 1\"}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":\"0x1\"}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":\"1\\u0030x\"}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":[1]}", NULL, "an_int32: give a whole number from"},
    {"{\"anInt32\":01}", NULL, "an_int32: line 1, column 12: this is no number"},
    {"{\"anInt32\":1.}", NULL, "an_int32: line 1, column 12: this is no number"},
    {"{\"anInt32\":.5}", NULL, "an_int32: line 1, column 12: a value belongs here"},
    {"{\"anInt32\":+1}", NULL, "an_int32: line 1, column 12: a value belongs here"},
    {"{\"anInt32\":-}", NULL, "an_int32: line 1, column 12: this is no number"},
    /* floating point */
    {"{\"aDouble\":1}", "{\"aDouble\":1}", NULL},
    {"{\"aDouble\":\"1.5e3\"}", "{\"aDouble\":1500}", NULL},
    {"{\"aDouble\":\"NaN\",\"aFloat\":\"-Infinity\"}", "{\"aDouble\":\"NaN\",\"aFloat\":\"-Infinity\"}", NULL},
    {"{\"aDouble\":-0.0}", "{\"aDouble\":-0}", NULL},
    {"{\"aFloat\":16777216e0}", "{\"aFloat\":16777216}", NULL},
    {"{\"aDouble\":1e400}", NULL, "a_double: this is beyond the numbers of a double"},
    {"{\"aFloat\":1e39}", NULL, "a_float: this is beyond the numbers of a float"},
    {"{\"aDouble\":\"inf\"}", NULL, "a_double: give a number"},
    {"{\"aDouble\":\"1x\"}", NULL, "a_double: give a number"},
    {"{\"aDouble\":NaN}", NULL, "a_double: line 1, column 12: a value belongs here"},
    /* bool, text, bytes, enum */
    {"{\"aBool\":true}", "{\"aBool\":true}", NULL},
    {"{\"aBool\":\"true\"}", NULL, "a_bool: give true or false"},
    {"{\"aBool\":1}", NULL, "a_bool: give true or false"},
    {"{\"aBool\":tru}", NULL, "a_bool: line 1, column 10: this is no value of JSON"},
    {"{\"aString\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\"}",
     "{\"aString\":\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}", NULL},
    {"{\"aString\":1}", NULL, "a_string: give a text in quotes"},
    {"{\"aString\":\"\\u0000\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"\\ud83d\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"\\ude00\\ud83d\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"\\ud83d\\u0041\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"\\u12\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"\\x41\"}", NULL, "a_string: line 1, column 12: an escape"},
    {"{\"aString\":\"a\nb\"}", NULL, "a_string: line 1, column 14: control characters"},
    {"{\"aString\":\"\xff\"}", NULL, "a_string: line 1, column 12: this text is not UTF-8"},
    {"{\"aString\":\"\xed\xa0\x80\"}", NULL, "a_string: line 1, column 12: this text is not UTF-8"},
    {"{\"aString\":\"abc}", NULL, "a_string: line 1, column 12: the quote that ends this text is missing"},
    {"{\"aString\":'abc'}", NULL, "a_string: line 1, column 12: a value belongs here"},
    {"{\"aBytes\":\"/wA=\"}", "{\"aBytes\":\"/wA=\"}", NULL},
    {"{\"aBytes\":\"/wA\"}", "{\"aBytes\":\"/wA=\"}", NULL},
    {"{\"aBytes\":\"_-8\"}", "{\"aBytes\":\"/+8=\"}", NULL},
    {"{\"aBytes\":\"-_\"}", "{\"aBytes\":\"+w==\"}", NULL},
    {"{\"aBytes\":\"\"}", "{}", NULL},
    {"{\"aBytes\":\"a\"}", NULL, "a_bytes: give bytes as base64 in quotes"},
    {"{\"aBytes\":\"a b=\"}", NULL, "a_bytes: give bytes as base64 in quotes"},
    {"{\"aBytes\":\"====\"}", NULL, "a_bytes: give bytes as base64 in quotes"},
    {"{\"aBytes\":[1]}", NULL, "a_bytes: give bytes as base64 in quotes"},
    {"{\"aColor\":\"COLOR_RED\"}", "{\"aColor\":\"COLOR_RED\"}", NULL},
    {"{\"aColor\":3}", "{\"aColor\":\"COLOR_BLUE\"}", NULL},
    {"{\"aColor\":-1}", "{\"aColor\":\"COLOR_NEGATIVE\"}", NULL},
    {"{\"aColor\":99}", "{\"aColor\":99}", NULL},
    {"{\"aColor\":\"COLOR_REDD\"}", NULL,
     "a_color: ponte.test.rules.v1.Color has no such value; did you mean COLOR_RED?"},
    {"{\"aColor\":\"completely-else\"}", NULL, "a_color: ponte.test.rules.v1.Color has no such value"},
    {"{\"aColor\":\"color_red\"}", NULL, "a_color: ponte.test.rules.v1.Color has no such value"},
    {"{\"aColor\":1.5}", NULL, "a_color: give a whole number"},
    {"{\"aColor\":{}}", NULL, "a_color: give the name of a value of ponte.test.rules.v1.Color, or its number"},
    /* messages, oneofs */
    {"{\"aMessage\":{\"aMessage\":{}}}", "{\"aMessage\":{\"aMessage\":{}}}", NULL},
    {"{\"oneText\":\"\"}", "{\"oneText\":\"\"}", NULL},
    {"{\"oneNumber\":0}", "{\"oneNumber\":\"0\"}", NULL},
    {"{\"oneText\":null,\"oneBool\":false}", "{\"oneBool\":false}", NULL},
    {"{\"oneBool\":false,\"oneText\":null}", "{\"oneBool\":false}", NULL},
    {"{\"oneText\":\"a\",\"oneNumber\":1}", NULL, "one_number: another member of its oneof is given"},
    {"{\"oneBool\":false,\"oneText\":\"\"}", NULL, "one_text: another member of its oneof is given"},
    {"{\"aMessage\":[]}", NULL, "a_message: give an object in braces"},
    {"{\"aMessage\":{\"anInt32\":1,\"an_int32\":2}}", NULL, "a_message.an_int32: comes twice"},
    {"{\"anInt32\":1,\"anInt32\":1}", NULL, "an_int32: comes twice"},
    {"{\"anInt32\":null,\"anInt32\":1}", NULL, "an_int32: comes twice"},
    {"{\"aMessage\":{\"anInt23\":1}}", NULL,
     "a_message.anInt23: ponte.test.rules.v1.AllTypes has no such field; did you mean anInt32?"},
    {"{\"completely\":1}", NULL, "completely: ponte.test.rules.v1.AllTypes has no such field"},
    {"{\"AnInt32\":1}", NULL, "AnInt32: ponte.test.rules.v1.AllTypes has no such field"},
    {"{\"anInt_32\":1}", NULL, "anInt_32: ponte.test.rules.v1.AllTypes has no such field"},
    {"{\"a\\nb\":1}", NULL, "ponte.test.rules.v1.AllTypes has no such field"},
    {"{\"\":1}", NULL, "ponte.test.rules.v1.AllTypes has no such field"},
    /* lists and maps */
    {"{\"manyInt64\":[1,\"2\",-3,4,5,6,7,8,9]}",
     "{\"manyInt64\":[\"1\",\"2\",\"-3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}", NULL},
    {"{\"manyInt64\":[]}", "{}", NULL},
    {"{\"manyMessages\":[{},{\"aBool\":true}]}", "{\"manyMessages\":[{},{\"aBool\":true}]}", NULL},
    {"{\"manyInt64\":1}", NULL, "many_int64: give a list in brackets"},
    {"{\"manyInt64\":{}}", NULL, "many_int64: give a list in brackets"},
    {"{\"manyInt64\":[1,null]}", NULL, "many_int64[1]: a list has no null items"},
    {"{\"manyInt64\":[1,[2]]}", NULL, "many_int64[1]: give a whole number"},
    {"{\"manyInt64\":[1,]}", NULL, "many_int64[1]: line 1, column 17: a value belongs here"},
    {"{\"manyInt64\":[,1]}", NULL, "many_int64[0]: line 1, column 15: a value belongs here"},
    {"{\"manyInt64\":[1 2]}", NULL, "many_int64: line 1, column 17: a comma or ] is missing"},
    {"{\"manyInt64\":[1}", NULL, "many_int64: line 1, column 16: a comma or ] is missing"},
    {"{\"manyMessages\":[{},{},{\"manyStrings\":[\"\",7]}]}", NULL,
     "many_messages[2].many_strings[1]: give a text in quotes"},
    {"{\"byName\":{\"x\":\"1\",\"\":2}}", "{\"byName\":{\"x\":\"1\",\"\":\"2\"}}", NULL},
    {"{\"byNumber\":{\"-5\":{\"aBool\":true}}}", "{\"byNumber\":{\"-5\":{\"aBool\":true}}}", NULL},
    {"{\"byBool\":{\"true\":\"a\",\"false\":\"b\"}}", "{\"byBool\":{\"true\":\"a\",\"false\":\"b\"}}", NULL},
    {"{\"colors\":{\"a\":\"COLOR_RED\",\"b\":7}}", "{\"colors\":{\"a\":\"COLOR_RED\",\"b\":7}}", NULL},
    {"{\"byName\":[]}", NULL, "by_name: give an object in braces"},
    {"{\"byName\":{\"a\":1,\"b\":2,\"a\":3}}", NULL, "by_name: a key comes twice"},
    {"{\"byNumber\":{\"1\":{},\"1.0\":{}}}", NULL, "by_number: a key comes twice"},
    {"{\"byNumber\":{\"x\":{}}}", NULL, "by_number[0]: give a whole number"},
    {"{\"byNumber\":{1:{}}}", NULL, "by_number[0]: line 1, column 14: a member's name in quotes belongs here"},
    {"{\"byBool\":{\"yes\":\"a\"}}", NULL, "by_bool[0]: the keys of this map are"},
    {"{\"byName\":{\"a\":null}}", NULL, "by_name[0]: a map has no null values"},
    {"{\"byName\":{\"key\":\"a\",\"value\":1}}", NULL, "by_name[0]: give a whole number"},
    /* well-known types */
    {"{\"at\":\"1970-01-01T00:00:00Z\"}", "{\"at\":\"1970-01-01T00:00:00Z\"}", NULL},
    {"{\"at\":\"2024-02-29T23:59:59.5+02:30\"}", "{\"at\":\"2024-02-29T21:29:59.500Z\"}", NULL},
    {"{\"at\":\"0001-01-01T00:00:00Z\"}", "{\"at\":\"0001-01-01T00:00:00Z\"}", NULL},
    {"{\"at\":\"9999-12-31T23:59:59.999999999Z\"}", "{\"at\":\"9999-12-31T23:59:59.999999999Z\"}", NULL},
    {"{\"at\":\"0001-01-01T00:00:00+00:01\"}", NULL, "at: give a time like"},
    {"{\"at\":\"9999-12-31T23:59:59-00:01\"}", NULL, "at: give a time like"},
    {"{\"at\":\"0000-01-01T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2023-02-29T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"1900-02-29T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-13-01T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-00-01T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-04-31T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T24:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:60Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:00\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01t00:00:00z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01 00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:00.Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:00.1234567890Z\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:00Zx\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-01-01T00:00:00+24:00\"}", NULL, "at: give a time like"},
    {"{\"at\":\"2024-1-01T00:00:00Z\"}", NULL, "at: give a time like"},
    {"{\"at\":{}}", NULL, "at: give a time like"},
    {"{\"at\":0}", NULL, "at: give a time like"},
    {"{\"took\":\"1.5s\"}", "{\"took\":\"1.500s\"}", NULL},
    {"{\"took\":\"-0.000000001s\"}", "{\"took\":\"-0.000000001s\"}", NULL},
    {"{\"took\":\"315576000000s\"}", "{\"took\":\"315576000000s\"}", NULL},
    {"{\"took\":\"315576000000.1s\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"99999999999999999999s\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"1.5\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"s\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"1.s\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"+1s\"}", NULL, "took: give seconds like"},
    {"{\"took\":\"--1s\"}", NULL, "took: give seconds like"},
    {"{\"took\":1.5}", NULL, "took: give seconds like"},
    {"{\"mask\":\"displayName,user.email\"}", "{\"mask\":\"displayName,user.email\"}", NULL},
    {"{\"mask\":\"\"}", "{\"mask\":\"\"}", NULL},
    {"{\"mask\":\"display_name\"}", NULL, "mask: give names of fields like"},
    {"{\"mask\":\"a,,b\"}", NULL, "mask: give names of fields like"},
    {"{\"mask\":\"a,\"}", NULL, "mask: give names of fields like"},
    {"{\"mask\":[\"a\"]}", NULL, "mask: give names of fields like"},
    {"{\"nothing\":{}}", "{\"nothing\":{}}", NULL},
    {"{\"nothing\":{\"a\":1}}", NULL, "nothing.a: google.protobuf.Empty has no such field"},
    {"{\"manyTimes\":[\"1970-01-01T00:00:00Z\",\"x\"]}", NULL, "many_times[1]: give a time like"},
    {"{\"maybeInt64\":\"5\",\"maybeText\":\"\",\"maybeBytes\":\"AA==\",\"maybeBool\":false,\"maybeDouble\":0}",
     "{\"maybeInt64\":\"5\",\"maybeText\":\"\",\"maybeBytes\":\"AA==\",\"maybeBool\":false,\"maybeDouble\":0}", NULL},
    {"{\"maybeInt64\":null}", "{}", NULL},
    {"{\"maybeInt64\":{\"value\":1}}", NULL, "maybe_int64: give a whole number"},
    {"{\"object\":{\"a\":[1,null,\"x\",true,{\"b\":{}}]}}", "{\"object\":{\"a\":[1,null,\"x\",true,{\"b\":{}}]}}",
     NULL},
    {"{\"object\":{\"a\":1,\"a\":2}}", NULL, "object: a key comes twice"},
    {"{\"object\":[]}", NULL, "object: give an object in braces"},
    {"{\"list\":[[],{}]}", "{\"list\":[[],{}]}", NULL},
    {"{\"value\":null}", "{\"value\":null}", NULL},
    {"{\"value\":[1.5,false]}", "{\"value\":[1.5,false]}", NULL},
    {"{\"value\":}", NULL, "value: line 1, column 10: a value belongs here"},
    {"{\"manyValues\":[null,1]}", "{\"manyValues\":[null,1]}", NULL},
    /* no JSON */
    {"", NULL, "line 1, column 1: a value belongs here"},
    {"   \n  ", NULL, "line 2, column 3: a value belongs here"},
    {"[]", NULL, "give an object in braces"},
    {"null", NULL, "give an object in braces"},
    {"\"x\"", NULL, "give an object in braces"},
    {"{", NULL, "line 1, column 2: a member's name in quotes belongs here"},
    {"{\"aBool\"", NULL, "line 1, column 9: a colon is missing"},
    {"{\"aBool\":", NULL, "a_bool: line 1, column 10: a value belongs here"},
    {"{\"aBool\":true", NULL, "line 1, column 14: a comma or } is missing"},
    {"{\"aBool\":true,}", NULL, "line 1, column 15: a member's name in quotes belongs here"},
    {"{,\"aBool\":true}", NULL, "line 1, column 2: a member's name in quotes belongs here"},
    {"{\"aBool\" true}", NULL, "line 1, column 10: a colon is missing"},
    {"{aBool:true}", NULL, "line 1, column 2: a member's name in quotes belongs here"},
    {"{} {}", NULL, "line 1, column 4: nothing may follow the value"},
    {"{}x", NULL, "line 1, column 3: nothing may follow the value"},
    {"{\"aBool\":true /* no */}", NULL, "line 1, column 15: a comma or } is missing"},
    {"\xef\xbb\xbf{}", NULL, "line 1, column 1: a value belongs here"},
};

static base_err read(const char *in, size_t n, size_t cap, char why[256], char out[4096]) {
  /* A copy of its own, so that the sanitizer sees a read past the end. */
  uint8_t *copy = malloc(n ? n : 1);
  base_buf reason, text;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  memcpy(copy, in, n);
  base_buf_init(&reason, 255);
  base_buf_init(&text, 4095);
  pb_arena_init(&arena, cap);
  base_err e = pb_json_read(ALL, base_span_of(copy, n), &arena, &reason, &m);
  CHECK((m != NULL) == base_is_ok(e));
  if (m) {
    CHECK_OK(pb_json_write(m, PB_JSON_STANDARD, &text));
  }
  snprintf(why, 256, "%.*s", BASE_SPAN_ARG(base_buf_span(&reason)));
  snprintf(out, 4096, "%.*s", BASE_SPAN_ARG(base_buf_span(&text)));
  base_buf_dispose(&reason);
  base_buf_dispose(&text);
  pb_arena_dispose(&arena);
  free(copy);
  return e;
}

static void test_rows(void) {
  char why[256], out[4096];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_err e = read(rows[i].in, strlen(rows[i].in), 1 << 20, why, out);
    if (rows[i].out) {
      CHECK_MSG(base_is_ok(e), "%s: %s", rows[i].in, why);
      CHECK_STR(out, rows[i].out);
    } else {
      CHECK_MSG(base_is(e, BASE_E_MALFORMED), "%s gave %s", rows[i].in, out);
      CHECK_MSG(strncmp(why, rows[i].why, strlen(rows[i].why)) == 0, "%s: %s", rows[i].in, why);
    }
  }
}

/* Every beginning of a good text is refused, and never read past. */
static void test_truncated(void) {
  char why[256], out[4096];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n = strlen(rows[i].in);
    while (rows[i].out && n > 0 && strchr(" \t\r\n", rows[i].in[n - 1])) {
      n--;
    }
    for (size_t cut = 0; rows[i].out && cut < n; cut++) {
      CHECK_MSG(base_is(read(rows[i].in, cut, 1 << 20, why, out), BASE_E_MALFORMED), "%.*s", (int)cut, rows[i].in);
      CHECK(why[0] != '\0');
    }
  }
}

static void test_nul(void) {
  char why[256], out[4096];
  CHECK_ERR(read("{\"aString\":\"a\0b\"}", 17, 1 << 20, why, out), BASE_E_MALFORMED);
  CHECK_ERR(read("{}\0", 3, 1 << 20, why, out), BASE_E_MALFORMED);
  CHECK_ERR(read("{\"aBool\0\":true}", 15, 1 << 20, why, out), BASE_E_MALFORMED);
}

static void repeat(base_buf *b, const char *text, int times) {
  for (int i = 0; i < times; i++) {
    CHECK_OK(base_buf_str(b, text));
  }
}

static void test_depth(void) {
  char why[256], out[4096];
  base_buf in;
  base_buf_init(&in, 4096);
  for (int depth = PB_DEPTH_MAX; depth <= PB_DEPTH_MAX + 1; depth++) {
    base_buf_clear(&in);
    repeat(&in, "{\"aMessage\":", depth);
    repeat(&in, "{}", 1);
    repeat(&in, "}", depth);
    base_err e = read((const char *)base_buf_span(&in).p, base_buf_size(&in), 1 << 20, why, out);
    CHECK(base_is(e, depth <= PB_DEPTH_MAX ? BASE_E_OK : BASE_E_MALFORMED));
  }
  CHECK(strstr(why, "nested too deep") != NULL);
  /* Lists of google.protobuf.Value nest without messages of ours. */
  base_buf_clear(&in);
  repeat(&in, "{\"value\":", 1);
  repeat(&in, "[", 1000);
  CHECK_ERR(read((const char *)base_buf_span(&in).p, base_buf_size(&in), 1 << 20, why, out), BASE_E_MALFORMED);
  CHECK(strstr(why, "nested too deep") != NULL);
  base_buf_dispose(&in);
}

static void test_memory_is_bounded(void) {
  char why[256], out[4096];
  const char *in = "{\"manyMessages\":[{},{},{},{},{},{},{},{}]}";
  CHECK_ERR(read(in, strlen(in), 2048, why, out), BASE_E_TOO_LARGE);
  CHECK(strstr(why, "more memory than it may") != NULL);
  CHECK_ERR(read("{}", 2, 16, why, out), BASE_E_TOO_LARGE);
}

/* Half a reason is better than none. */
static void test_short_why(void) {
  base_buf why;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  base_buf_init(&why, 16);
  pb_arena_init(&arena, 1 << 20);
  CHECK_ERR(pb_json_read(ALL, base_span_str("{\"aBool\":1}"), &arena, &why, &m), BASE_E_MALFORMED);
  CHECK(base_span_is(base_buf_span(&why), "a_bool: give tru"));
  base_buf_dispose(&why);
  pb_arena_dispose(&arena);
}

TEST_MAIN(TEST(test_rows), TEST(test_truncated), TEST(test_nul), TEST(test_depth), TEST(test_memory_is_bounded),
          TEST(test_short_why))
