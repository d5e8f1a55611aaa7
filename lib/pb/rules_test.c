#include "pb/rules.h"

#include <stdlib.h>

#include "base/test.h"
#include "pb/field.h"
#include "pb/formats.h"
#include "ponte/test/v1/rules.ponte.h"

/* protobuf-c has no texts that are only read. */
#define OF(text) ((char *)(text))

typedef Ponte__Test__Rules__V1__Ruled ruled;
typedef Ponte__Test__Rules__V1__Node node;
typedef Ponte__Test__Rules__V1__Holder holder;

static const pb_rules *rules(void) { return ponte_test_rules_v1_service.methods[0].rules; }

/* A message that keeps all rules, and what it points to. */
struct good {
  ruled m;
  node node, first;
  node *nodes[3];
};

static void make_good(struct good *g) {
  ponte__test__rules__v1__ruled__init(&g->m);
  ponte__test__rules__v1__node__init(&g->node);
  ponte__test__rules__v1__node__init(&g->first);
  g->node.name = g->first.name = OF("n");
  g->nodes[0] = g->nodes[1] = g->nodes[2] = &g->first;
  g->m.count = 1;
  g->m.at_least = 5;
  g->m.not_zero = 1;
  g->m.name = OF("ab");
  g->m.node = &g->node;
  g->m.nodes = g->nodes;
  g->m.n_nodes = 1;
  g->m.agreed = true;
}

/* -- one field ------------------------------------------------------------------------------------------------------- */

#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"

static const struct {
  const char *field;
  int64_t number;
  const char *text;
  const char *why; /* NULL: keeps the rules */
  const char *reason;
} rows[] = {
    {"count", 1, NULL, NULL, "the lower bound"},
    {"count", 10, NULL, NULL, "the upper bound"},
    {"count", 0, NULL, "must be from 1 to 10", "below; a number that is 0 is judged too"},
    {"count", 11, NULL, "must be from 1 to 10", "above"},
    {"count", INT32_MIN, NULL, "must be from 1 to 10", "far below"},
    {"at_least", 5, NULL, NULL, "gt 4"},
    {"at_least", INT32_MAX, NULL, NULL, "no upper bound"},
    {"at_least", 4, NULL, "must be at least 5", "gt excludes its number"},
    {"at_most", 99, NULL, NULL, "lt 100"},
    {"at_most", INT64_MIN, NULL, NULL, "no lower bound"},
    {"at_most", 100, NULL, "must be at most 99", "lt excludes its number"},
    {"at_most", INT64_MAX, NULL, "must be at most 99", "64 bits are all looked at"},
    {"big", INT64_MIN + 1, NULL, NULL, "the ends of the type, lower"},
    {"big", INT64_MAX - 1, NULL, NULL, "the ends of the type, upper"},
    {"big", INT64_MIN, NULL, "must be from -9223372036854775807 to 9223372036854775806", "the least number there is"},
    {"big", INT64_MAX, NULL, "must be from -9223372036854775807 to 9223372036854775806", "the greatest there is"},
    {"not_zero", -1, NULL, NULL, "required, and there"},
    {"not_zero", 0, NULL, "must not be 0", "required, without presence"},
    {"zero_or_five", 0, NULL, NULL, "zero is ignored"},
    {"zero_or_five", 5, NULL, NULL, "not zero, and fine"},
    {"zero_or_five", 4, NULL, "must be at least 5", "not zero, and judged"},
    {"name", 0, "abcd", NULL, "the most"},
    {"name", 0, "\xc3\xa3\xc3\xa3\xc3\xa3\xc3\xa3", NULL, "four characters in eight bytes"},
    {"name", 0, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80", NULL, "two characters in eight bytes"},
    {"name", 0, "", "must not be empty", "empty"},
    {"name", 0, "a", "must have at least 2 characters", "too short"},
    {"name", 0, "\xf0\x9f\x98\x80", "must have at least 2 characters", "one character in four bytes"},
    {"name", 0, "abcde", "must have at most 4 characters", "too long"},
    {"code", 0, "", NULL, "empty is ignored"},
    {"code", 0, "BRL", NULL, "exactly"},
    {"code", 0, "BR", "must have exactly 3 characters", "one less"},
    {"code", 0, "BRLX", "must have exactly 3 characters", "one more"},
    {"short", 0, "abcd", NULL, "four bytes"},
    {"short", 0, "abc\xc3\xa3", "must have at most 4 bytes", "four characters in five bytes"},
    {"email", 0, "a@b", NULL, "an address"},
    {"email", 0, "a", "must be an e-mail address like name@example.com", "none"},
    {"id", 0, UUID, NULL, "a UUID"},
    {"id", 0, "x", "must be a UUID like " UUID, "none"},
    {"color", 3, NULL, NULL, "declared"},
    {"color", -1, NULL, NULL, "declared, negative"},
    {"color", 0, NULL, NULL, "the first is declared too"},
    {"color", 2, NULL, "must be a value that ponte.test.rules.v1.Color declares", "in a gap"},
    {"color", INT32_MIN, NULL, "must be a value that ponte.test.rules.v1.Color declares", "far away"},
    {"agreed", 0, NULL, "must be set", "a required bool is true"},
};

static void set_field(ruled *m, const char *name, int64_t number, const char *text) {
  const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(m->base.descriptor, name);
  REQUIRE(f != NULL);
  char *at = (char *)m + f->offset;
  if (f->type == PROTOBUF_C_TYPE_STRING) {
    memcpy(at, &text, sizeof text);
  } else if (pb_value_size(f->type) == 8) {
    memcpy(at, &number, 8);
  } else {
    int32_t narrow = (int32_t)number;
    memcpy(at, &narrow, 4);
  }
}

static void test_fields(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct good g;
    pb_violation v;
    make_good(&g);
    set_field(&g.m, rows[i].field, rows[i].number, rows[i].text);
    bool ok = pb_validate(&g.m.base, rules(), &v);
    CHECK_MSG(ok == (rows[i].why == NULL), "%s: %s %s", rows[i].reason, v.path, v.why);
    if (!ok) {
      CHECK_MSG(strcmp(v.path, rows[i].field) == 0, "%s: at %s", rows[i].reason, v.path);
      CHECK_MSG(strcmp(v.why, rows[i].why) == 0, "%s: \"%s\"", rows[i].reason, v.why);
    } else {
      CHECK_STR(v.why, "");
    }
  }
}

/* -- presence, lists, messages ---------------------------------------------------------------------------------------- */

#define FAILS(g, where, what)                       \
  do {                                              \
    pb_violation v_;                                \
    CHECK(!pb_validate(&(g).m.base, rules(), &v_)); \
    CHECK_STR(v_.path, where);                      \
    CHECK_STR(v_.why, what);                        \
  } while (0)
#define KEEPS(g)                                                                     \
  do {                                                                               \
    pb_violation v_;                                                                 \
    CHECK_MSG(pb_validate(&(g).m.base, rules(), &v_), "at %s: %s", v_.path, v_.why); \
  } while (0)

static void test_good(void) {
  struct good g;
  pb_violation v;
  make_good(&g);
  KEEPS(g);
  CHECK(pb_validate(&g.m.base, NULL, &v));
  CHECK_STR(v.path, "");
  /* The first one counts, in the order of the fields' numbers. */
  ruled empty = PONTE__TEST__RULES__V1__RULED__INIT;
  CHECK(!pb_validate(&empty.base, rules(), &v));
  CHECK_STR(v.path, "count");
}

static void test_bytes(void) {
  struct good g;
  make_good(&g);
  g.m.data = (ProtobufCBinaryData){3, (uint8_t *)"\xc3\xa3\x00"};
  KEEPS(g);
  g.m.data.len = 4;
  FAILS(g, "data", "must have at most 3 bytes");
}

static void test_lists(void) {
  struct good g;
  int32_t numbers[] = {0, 5, 7, 9};
  char *words[] = {OF(UUID), OF(""), OF("x")};
  make_good(&g);
  g.m.numbers = numbers;
  g.m.n_numbers = 3;
  KEEPS(g);
  g.m.n_numbers = 4;
  FAILS(g, "numbers", "must have at most 3 items");
  g.m.n_numbers = 3;
  numbers[2] = -1;
  FAILS(g, "numbers[2]", "must be at least 0");
  g.m.n_numbers = 0; /* empty is fine without min_items */
  g.m.words = words;
  g.m.n_words = 2; /* the empty one is ignored */
  KEEPS(g);
  g.m.n_words = 1; /* an empty list is ignored, this is none */
  FAILS(g, "words", "must have at least 2 items");
  g.m.n_words = 3;
  FAILS(g, "words[2]", "must be a UUID like " UUID);
  g.m.n_words = 0;
  g.m.n_nodes = 0;
  FAILS(g, "nodes", "must not be empty");
}

static void test_messages(void) {
  struct good g;
  node inner = PONTE__TEST__RULES__V1__NODE__INIT, bad = PONTE__TEST__RULES__V1__NODE__INIT;
  holder h = PONTE__TEST__RULES__V1__HOLDER__INIT;
  node *held[] = {&inner, &bad};
  make_good(&g);
  g.m.node = NULL;
  FAILS(g, "node", "must be set");
  make_good(&g);
  g.nodes[2] = &bad;
  g.m.n_nodes = 3;
  FAILS(g, "nodes[2].name", "must not be empty");
  make_good(&g);
  g.node.child = &inner;
  FAILS(g, "node.child.name", "must not be empty");
  inner.name = OF("in");
  KEEPS(g);
  /* Through a message that has no rules of its own. */
  inner.holder = &h;
  h.nodes = held;
  h.n_nodes = 2;
  held[0] = &g.first;
  FAILS(g, "node.child.holder.nodes[1].name", "must not be empty");
}

static void test_oneof(void) {
  struct good g;
  node bad = PONTE__TEST__RULES__V1__NODE__INIT;
  make_good(&g);
  g.m.text = OF(""); /* not chosen, so not there */
  KEEPS(g);
  g.m.choice_case = PONTE__TEST__RULES__V1__RULED__CHOICE_TEXT;
  FAILS(g, "text", "must not be empty");
  g.m.text = OF("x");
  KEEPS(g);
  g.m.choice_case = PONTE__TEST__RULES__V1__RULED__CHOICE_OTHER;
  g.m.other = &bad;
  FAILS(g, "other.name", "must not be empty");
}

enum { DEEP = 100 };

static void test_depth(void) {
  struct good g;
  static node chain[DEEP];
  pb_violation v;
  make_good(&g);
  for (size_t i = 0; i < DEEP; i++) {
    ponte__test__rules__v1__node__init(&chain[i]);
    chain[i].name = OF("n");
    chain[i].child = i + 1 < DEEP ? &chain[i + 1] : NULL;
  }
  g.m.node = &chain[0];
  CHECK(!pb_validate(&g.m.base, rules(), &v));
  CHECK(strncmp(v.why, "is nested too deep", 18) == 0);
  /* A path that does not fit is cut, and still ends. */
  CHECK(strlen(v.path) == PB_PATH_SIZE - 1);
  CHECK(strncmp(v.path, "node.child.child.", 17) == 0);
}

static void test_policy(void) {
  const pb_method *check = &ponte_test_rules_v1_service.methods[0];
  const pb_method *watch = &ponte_test_rules_v1_service.methods[1];
  const pb_method *free_method = &ponte_test_rules_v1_service.methods[2];
  REQUIRE(check->policy && watch->policy);
  CHECK(check->policy->mutates && !check->policy->is_public);
  CHECK_STR(check->policy->owner, "node.name");
  CHECK_STR(check->policy->roles[0], "teacher");
  CHECK_STR(check->policy->roles[1], "a\"dmin");
  CHECK(check->policy->roles[2] == NULL);
  CHECK(watch->policy->is_public && watch->policy->roles == NULL && watch->policy->owner == NULL);
  CHECK(free_method->policy == NULL && free_method->rules == NULL);
}

/* Whoever asks server reflection sees the same rules. */
static void test_descriptor_keeps_options(void) {
  static const uint8_t email[] = {0xba, 0x48, 0x07, 0x72, 0x02, 0x60, 0x01, 0xd8, 0x01, 0x01};
  base_span set = ponte_test_v1_rules_descriptor_set;
  CHECK(memmem(set.p, set.n, email, sizeof email) != NULL);
}

/* -- formats --------------------------------------------------------------------------------------------------------- */

#define TEXT_16 "abcdefghijklmnop"
#define TEXT_63 TEXT_16 TEXT_16 TEXT_16 "abcdefghijklmno"
#define TEXT_64 TEXT_16 TEXT_16 TEXT_16 TEXT_16

static const struct {
  const char *text;
  bool ok;
  const char *reason;
} emails[] = {
    {"a@b", true, "the shortest"},
    {"alice@example.com", true, "plain"},
    {"alice.b+tag@sub.example.com", true, "dots and a tag"},
    {"!#$%&'*+-/=?^_`{|}~@x.y", true, "all of atext"},
    {"1@2.3", true, "digits"},
    {"jo\xc3\xa3o@example.com", true, "UTF-8 before the @"},
    {"a@caf\xc3\xa9.com.br", true, "UTF-8 in the host"},
    {"\xe5\xb1\xb1\xe7\x94\xb0@example.jp", true, "three-byte characters"},
    {TEXT_64 "@example.com", true, "64 bytes before the @"},
    {"a@" TEXT_63 ".com", true, "a label of 63 bytes"},
    {"a@" TEXT_63 "." TEXT_63 "." TEXT_63 ".abcdefghijklmnop" TEXT_16 TEXT_16 "abcdefghijkl", true, "254 bytes"},
    {"a@b-c.d", true, "a hyphen inside a label"},
    {"", false, "empty"},
    {"@", false, "nothing but the @"},
    {"a", false, "no @"},
    {"a@", false, "no host"},
    {"@b", false, "nothing before the @"},
    {"a@b@c", false, "two @"},
    {"a@@b", false, "two @ together"},
    {".a@b", false, "begins with a dot"},
    {"a.@b", false, "ends with a dot"},
    {"a..b@c", false, "two dots"},
    {"a@.b", false, "host begins with a dot"},
    {"a@b.", false, "host ends with a dot"},
    {"a@b..c", false, "an empty label"},
    {"a@-b", false, "a label begins with a hyphen"},
    {"a@b-.c", false, "a label ends with a hyphen"},
    {"a@b_c", false, "an underscore in a host"},
    {"a@[127.0.0.1]", false, "an address literal"},
    {"\"a b\"@c", false, "a quoted local part"},
    {"a b@c", false, "a space"},
    {" a@b", false, "a space in front"},
    {"a@b ", false, "a space behind"},
    {"a@b\n", false, "a line end"},
    {"a\r\nBcc: x@b", false, "a header"},
    {"a\x01@b", false, "a control character"},
    {"a\x7f@b", false, "DEL"},
    {"<a@b>", false, "in angle brackets"},
    {"A <a@b>", false, "with a name"},
    {"a,b@c", false, "a comma"},
    {"a\xff@b", false, "not UTF-8"},
    {"a\xc3@b", false, "cut UTF-8"},
    {"a\xc2\xa0@b", false, "a no-break space"},
    {"a\xe2\x80\x8b@b", false, "a zero-width space"},
    {"a@b\xe2\x80\xae"
     "c",
     false, "a right-to-left override"},
    {"a\xef\xbb\xbf@b", false, "a byte order mark"},
    {"a\xf3\xa0\x81\x81@b", false, "a tag character"},
    {"a" TEXT_64 "@example.com", false, "65 bytes before the @"},
    {"a@a" TEXT_63 ".com", false, "a label of 64 bytes"},
    {"a@" TEXT_63 "." TEXT_63 "." TEXT_63 ".abcdefghijklmnop" TEXT_16 TEXT_16 "abcdefghijklm", false, "255 bytes"},
};

static const struct {
  const char *text;
  bool ok;
} uuids[] = {
    {UUID, true},
    {"01890A5D-AC96-774B-BCCE-B302099A8057", true},
    {"00000000-0000-0000-0000-000000000000", true},
    {"", false},
    {"01890a5d-ac96-774b-bcce-b302099a805", false},
    {UUID "0", false},
    {"01890a5dac96774bbcceb302099a8057", false},
    {"01890a5d-ac96-774b-bcce-b302099a805g", false},
    {"01890a5d-ac96-774b-bcceb-302099a8057", false},
    {"01890a5d-ac96-774b-bcce_b302099a8057", false},
    {"{1890a5d-ac96-774b-bcce-b302099a805}", false},
    {" " UUID, false},
};

static void test_formats(void) {
  for (size_t i = 0; i < sizeof emails / sizeof *emails; i++) {
    CHECK_MSG(pb_is_email(base_span_str(emails[i].text)) == emails[i].ok, "%s", emails[i].reason);
  }
  CHECK(!pb_is_email(base_span_of("a\0@b", 4)));
  CHECK(!pb_is_email(base_span_of(NULL, 0)));
  for (size_t i = 0; i < sizeof uuids / sizeof *uuids; i++) {
    CHECK_MSG(pb_is_uuid(base_span_str(uuids[i].text)) == uuids[i].ok, "%s", uuids[i].text);
  }
}

TEST_MAIN(TEST(test_fields), TEST(test_good), TEST(test_bytes), TEST(test_lists), TEST(test_messages), TEST(test_oneof),
          TEST(test_depth), TEST(test_policy), TEST(test_descriptor_keeps_options), TEST(test_formats))
