#include "gateway/limits/table.h"

#include "base/test.h"

static bool same(const gw_key *a, const gw_key *b) { return memcmp(a, b, sizeof *a) == 0; }

static void addresses_to_keys(void) {
  static const struct {
    const char *a, *b;
    bool same;
    const char *reason;
  } rows[] = {
      {"127.0.0.1", "127.0.0.1", true, "itself"},
      {"127.0.0.1", "127.0.0.2", false, "another"},
      {"255.255.255.254", "255.255.255.255", false, "the longest text"},
      {"2001:db8::1", "2001:db8::ffff:1", true, "one /64"},
      {"2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true, "one /64, written out"},
      {"2001:db8:0:1::1", "2001:db8:0:2::1", false, "two /64"},
      {"::1", "::2", true, "one /64"},
      {"::ffff:1.2.3.4", "1.2.3.4", true, "IPv4 in IPv6"},
      {"::ffff:1.2.3.4", "::ffff:1.2.3.5", false, "two IPv4 in IPv6"},
      {"::1", "0.0.0.0", false, "two families"},
      {"", "x", false, "no address at all"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_key a = gw_key_of_address(rows[i].a), b = gw_key_of_address(rows[i].b);
    CHECK_MSG(same(&a, &b) == rows[i].same, "%s", rows[i].reason);
  }
}

static void names_to_keys(void) {
  gw_table t, other;
  CHECK_OK(gw_table_init(&t, 1));
  CHECK_OK(gw_table_init(&other, 1));
  base_span one = base_span_str("user-1");
  gw_key a = gw_key_of_name(&t, one), b = gw_key_of_name(&t, base_span_str("user-2")), c = gw_key_of_name(&other, one);
  CHECK(!same(&a, &b));
  CHECK_MSG(!same(&a, &c), "%s", "the seed is random");
  CHECK_MSG(memcmp(a.bytes, a.bytes + 8, 8) != 0, "%s", "two halves, not one twice");
  /* The vector of SipHash's paper, appendix A. */
  uint8_t input[15];
  for (int i = 0; i < 15; i++) {
    input[i] = (uint8_t)i;
  }
  t.seed[0] = 0x0706050403020100, t.seed[1] = 0x0f0e0d0c0b0a0908;
  uint64_t half;
  gw_key v = gw_key_of_name(&t, base_span_of(input, sizeof input));
  memcpy(&half, v.bytes, sizeof half);
  CHECK(half == 0xa129ca6149be45e5);
  gw_table_dispose(&t);
  gw_table_dispose(&other);
}

static gw_key key_of(int i) {
  char text[32];
  snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
  return gw_key_of_address(text);
}

static void the_one_unused_for_longest_goes(void) {
  gw_table t;
  CHECK_OK(gw_table_init(&t, 3));
  gw_key keys[5];
  for (int i = 0; i < 5; i++) {
    keys[i] = key_of(i);
  }
  for (int i = 0; i < 3; i++) {
    CHECK(gw_table_get(&t, &keys[i], 1, 0) != NULL);
  }
  CHECK(gw_table_get(&t, &keys[0], 1, 0) != NULL);
  CHECK(gw_table_get(&t, &keys[3], 1, 0) != NULL);
  CHECK_INT(t.count, 3);
  CHECK_MSG(gw_table_find(&t, &keys[1]) == NULL, "%s", "1 was unused for longest: 0 came again");
  CHECK(gw_table_find(&t, &keys[0]) != NULL);
  gw_table_dispose(&t);
}

static void connections_hold_their_entries(void) {
  gw_table t;
  CHECK_OK(gw_table_init(&t, 2));
  gw_key held = key_of(1);
  gw_entry *e = gw_table_get(&t, &held, 1, 0);
  gw_table_hold(&t, e, &e->connections);
  gw_table_hold(&t, e, &e->calls);
  for (int i = 10; i < 1000; i++) {
    gw_key key = key_of(i);
    CHECK(gw_table_get(&t, &key, 1, 0) != NULL);
  }
  CHECK_INT(t.count, 3);
  CHECK(gw_table_find(&t, &held) == e);
  CHECK_MSG(gw_table_get(&t, &held, 1, 0) == e, "%s", "using it does not put it among the idle ones");
  gw_table_release(&t, e, &e->calls);
  CHECK(gw_table_find(&t, &held) == e);
  gw_table_release(&t, e, &e->connections);
  CHECK_INT(t.count, 2);
  CHECK_MSG(gw_table_find(&t, &held) == e, "%s", "just used: others go first");
  gw_table_dispose(&t);
}

static void many_come_and_go(void) {
  gw_table t;
  CHECK_OK(gw_table_init(&t, 500));
  uint32_t seed = 3;
  gw_entry *open[64] = {NULL};
  for (int step = 0; step < 50000; step++) {
    seed = seed * 1664525u + 1013904223u;
    gw_key key = key_of((int)(seed >> 8) % 2000);
    gw_entry *e = gw_table_get(&t, &key, 1, step);
    int slot = (int)(seed >> 20) % 64;
    CHECK(e != NULL && same(&e->key, &key));
    if (open[slot]) {
      gw_table_release(&t, open[slot], &open[slot]->connections);
      open[slot] = NULL;
      continue;
    }
    gw_table_hold(&t, e, &e->connections);
    open[slot] = e;
  }
  CHECK(t.count <= 500 + 64 && t.idle <= 500);
  gw_table_dispose(&t);
}

TEST_MAIN(TEST(addresses_to_keys), TEST(names_to_keys), TEST(the_one_unused_for_longest_goes),
          TEST(connections_hold_their_entries), TEST(many_come_and_go))
