#include <math.h>

#include "base/test.h"
#include "pb/json.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.pb-c.h"

/* protobuf-c has no texts that are only read. */
#define OF(text) ((char *)(text))
typedef Ponte__Test__Rules__V1__AllTypes all_types;

static base_err write(const ProtobufCMessage *m, unsigned flags, char text[4096]) {
  base_buf out;
  base_buf_init(&out, 4095);
  base_err e = pb_json_write(m, flags, &out);
  size_t n = base_buf_size(&out);
  if (n > 0) {
    memcpy(text, base_buf_span(&out).p, n);
  }
  text[n] = 0;
  base_buf_dispose(&out);
  return e;
}

#define WRITES(m, flags, want)                \
  do {                                        \
    char text_[4096];                         \
    CHECK_OK(write(&(m).base, flags, text_)); \
    CHECK_STR(text_, want);                   \
  } while (0)

static void test_scalars(void) {
  all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
  WRITES(m, PB_JSON_STANDARD, "{}");
  m.an_int32 = INT32_MIN;
  m.an_int64 = INT64_MIN;
  m.a_uint32 = UINT32_MAX;
  m.a_uint64 = UINT64_MAX;
  m.a_bool = true;
  m.a_string = OF("a \"b\"\n");
  m.odd__name_1x = OF("x");
  WRITES(m, PB_JSON_STANDARD,
         "{\"anInt32\":-2147483648,\"anInt64\":\"-9223372036854775808\",\"aUint32\":4294967295,"
         "\"aUint64\":\"18446744073709551615\",\"aBool\":true,\"aString\":\"a \\\"b\\\"\\n\",\"oddName1x\":\"x\"}");
  WRITES(m, PB_JSON_NUMBERS,
         "{\"anInt32\":-2147483648,\"anInt64\":-9223372036854775808,\"aUint32\":4294967295,"
         "\"aUint64\":18446744073709551615,\"aBool\":true,\"aString\":\"a \\\"b\\\"\\n\",\"oddName1x\":\"x\"}");
}

/* The browser's client writes all digits. */
#ifdef __wasm__
#define SHORT(shortest, all) all
#else
#define SHORT(shortest, all) shortest
#endif

static const struct {
  double value;
  const char *json;
} doubles[] = {
    {0.1, SHORT("0.1", "0.10000000000000001")},
    {-0.0, "-0"},
    {1e21, "1e+21"},
    {1.0 / 3, SHORT("0.3333333333333333", "0.33333333333333331")},
    {5e-324, SHORT("4.94065645841247e-324", "4.9406564584124654e-324")},
    {NAN, "\"NaN\""},
    {INFINITY, "\"Infinity\""},
    {-INFINITY, "\"-Infinity\""},
    {123456789, "123456789"},
    {0.1 + 0.2, "0.30000000000000004"},
};

static void test_numbers(void) {
  char want[128];
  for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
    all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
    m.a_double = doubles[i].value;
    snprintf(want, sizeof want, "{\"aDouble\":%s}", doubles[i].json);
    WRITES(m, PB_JSON_STANDARD, want);
  }
  all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
  m.a_float = 0.1f;
  WRITES(m, PB_JSON_STANDARD, SHORT("{\"aFloat\":0.1}", "{\"aFloat\":0.10000000149011612}"));
  m.a_float = 16777216.0f;
  WRITES(m, PB_JSON_STANDARD, "{\"aFloat\":16777216}");
}

static void test_bytes_and_enums(void) {
  static const char *const base64[] = {"", "/w==", "/wA=", "/wAB"};
  uint8_t bytes[] = {0xff, 0, 1};
  char want[64];
  for (size_t n = 1; n <= 3; n++) {
    all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
    m.a_bytes = (ProtobufCBinaryData){n, bytes};
    snprintf(want, sizeof want, "{\"aBytes\":\"%s\"}", base64[n]);
    WRITES(m, PB_JSON_STANDARD, want);
  }
  all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
  m.a_color = PONTE__TEST__RULES__V1__COLOR__COLOR_BLUE;
  WRITES(m, PB_JSON_STANDARD, "{\"aColor\":\"COLOR_BLUE\"}");
  m.a_color = (Ponte__Test__Rules__V1__Color)77; /* of a newer .proto */
  WRITES(m, PB_JSON_STANDARD, "{\"aColor\":77}");
}

static void test_presence(void) {
  all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT, child = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
  m.a_message = &child;
  m.one_case = PONTE__TEST__RULES__V1__ALL_TYPES__ONE_ONE_NUMBER;
  WRITES(m, PB_JSON_STANDARD, "{\"aMessage\":{},\"oneNumber\":\"0\"}");
  m.one_case = PONTE__TEST__RULES__V1__ALL_TYPES__ONE_ONE_TEXT;
  m.one_text = OF("");
  WRITES(m, PB_JSON_STANDARD, "{\"aMessage\":{},\"oneText\":\"\"}");
  Ponte__Test__Rules__V1__Node node = PONTE__TEST__RULES__V1__NODE__INIT;
  WRITES(node, PB_JSON_DEFAULTS, "{\"name\":\"\"}");
  Ponte__Test__Rules__V1__Holder holder = PONTE__TEST__RULES__V1__HOLDER__INIT;
  WRITES(holder, PB_JSON_DEFAULTS, "{\"nodes\":[]}");
}

static void test_lists_and_maps(void) {
  all_types m = PONTE__TEST__RULES__V1__ALL_TYPES__INIT;
  int64_t numbers[] = {1, 0, -2};
  char *texts[] = {OF("a"), OF("")};
  m.many_int64 = numbers;
  m.n_many_int64 = 3;
  m.many_strings = texts;
  m.n_many_strings = 2;
  WRITES(m, PB_JSON_STANDARD, "{\"manyInt64\":[\"1\",\"0\",\"-2\"],\"manyStrings\":[\"a\",\"\"]}");
  m.n_many_int64 = m.n_many_strings = 0;
  Ponte__Test__Rules__V1__AllTypes__ByNameEntry a = PONTE__TEST__RULES__V1__ALL_TYPES__BY_NAME_ENTRY__INIT, b = a;
  Ponte__Test__Rules__V1__AllTypes__ByNameEntry *by_name[] = {&a, &b};
  Ponte__Test__Rules__V1__AllTypes__ByNumberEntry n = PONTE__TEST__RULES__V1__ALL_TYPES__BY_NUMBER_ENTRY__INIT;
  Ponte__Test__Rules__V1__AllTypes__ByNumberEntry *by_number[] = {&n};
  Ponte__Test__Rules__V1__AllTypes__ByBoolEntry t = PONTE__TEST__RULES__V1__ALL_TYPES__BY_BOOL_ENTRY__INIT;
  Ponte__Test__Rules__V1__AllTypes__ByBoolEntry *by_bool[] = {&t};
  a.key = OF("x\"y");
  a.value = 7;
  n.key = -5; /* and no value: an empty message */
  t.key = true;
  t.value = OF("yes");
  m.by_name = by_name;
  m.n_by_name = 2;
  m.by_number = by_number;
  m.n_by_number = 1;
  m.by_bool = by_bool;
  m.n_by_bool = 1;
  WRITES(m, PB_JSON_STANDARD,
         "{\"byName\":{\"x\\\"y\":\"7\",\"\":\"0\"},\"byNumber\":{\"-5\":{}},\"byBool\":{\"true\":\"yes\"}}");
}

static const struct {
  int64_t seconds;
  int32_t nanos;
  const char *time, *duration; /* NULL: has no text */
} times[] = {
    {0, 0, "1970-01-01T00:00:00Z", "0s"},
    {1, 500000000, "1970-01-01T00:00:01.500Z", "1.500s"},
    {1, 1000, "1970-01-01T00:00:01.000001Z", "1.000001s"},
    {1, 1, "1970-01-01T00:00:01.000000001Z", "1.000000001s"},
    {951782400, 0, "2000-02-29T00:00:00Z", "951782400s"},
    {-1, 0, "1969-12-31T23:59:59Z", "-1s"},
    {-1, -500000000, NULL, "-1.500s"},
    {0, -500000000, NULL, "-0.500s"},
    {-1, 500000000, "1969-12-31T23:59:59.500Z", NULL},
    {1, -1, NULL, NULL},
    {-62135596800, 0, "0001-01-01T00:00:00Z", "-62135596800s"},
    {253402300799, 999999999, "9999-12-31T23:59:59.999999999Z", "253402300799.999999999s"},
    {-62135596801, 0, NULL, "-62135596801s"},
    {253402300800, 0, NULL, "253402300800s"},
    {0, 1000000000, NULL, NULL},
    {315576000000, 0, NULL, "315576000000s"},
    {315576000001, 0, NULL, NULL},
    {INT64_MIN, 0, NULL, NULL},
    {INT64_MAX, INT32_MAX, NULL, NULL},
};

static void check_time(const ProtobufCMessage *m, const char *json, size_t row) {
  char text[4096], want[64];
  base_err e = write(m, PB_JSON_STANDARD, text);
  CHECK_MSG(base_is_ok(e) == (json != NULL), "row %zu: %s", row, text);
  if (json) {
    snprintf(want, sizeof want, "\"%s\"", json);
    CHECK_STR(text, want);
  } else {
    CHECK_MSG(base_is(e, BASE_E_INVALID), "row %zu", row);
  }
}

static void test_times(void) {
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;
    t.seconds = d.seconds = times[i].seconds;
    t.nanos = d.nanos = times[i].nanos;
    check_time(&t.base, times[i].time, i);
    check_time(&d.base, times[i].duration, i);
  }
}

static const struct {
  const char *path, *json;
} masks[] = {
    {"a", "a"},     {"user.display_name", "user.displayName"},
    {"aB", NULL},   {"a__b", NULL},
    {"a_", NULL},   {"a_1", NULL},
    {"a,b", NULL},  {"a\"", NULL},
    {"\x01", NULL},
};

static void test_masks(void) {
  char text[4096], want[64];
  for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
    Google__Protobuf__FieldMask m = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
    char *paths[] = {OF("x"), OF(masks[i].path)};
    m.paths = paths;
    m.n_paths = 2;
    base_err e = write(&m.base, PB_JSON_STANDARD, text);
    CHECK_MSG(base_is_ok(e) == (masks[i].json != NULL), "%s", masks[i].path);
    if (masks[i].json) {
      snprintf(want, sizeof want, "\"x,%s\"", masks[i].json);
      CHECK_STR(text, want);
    }
  }
}

static void test_depth(void) {
  static all_types chain[PB_DEPTH_MAX + 2];
  char text[4096];
  for (size_t i = 0; i < PB_DEPTH_MAX + 2; i++) {
    ponte__test__rules__v1__all_types__init(&chain[i]);
    chain[i].a_message = i > 0 ? &chain[i - 1] : NULL;
  }
  CHECK_OK(write(&chain[PB_DEPTH_MAX].base, PB_JSON_STANDARD, text));
  CHECK_ERR(write(&chain[PB_DEPTH_MAX + 1].base, PB_JSON_STANDARD, text), BASE_E_TOO_LARGE);
}

TEST_MAIN(TEST(test_scalars), TEST(test_numbers), TEST(test_bytes_and_enums), TEST(test_presence),
          TEST(test_lists_and_maps), TEST(test_times), TEST(test_masks), TEST(test_depth))
