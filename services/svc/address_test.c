#include "base/test.h"
#include "svc/internal.h"

static void the_gateway_is_believed_from_near(void) {
  static const struct {
    const char *peer, *told, *want, *reason;
  } rows[] = {
      {"127.0.0.1", "", "127.0.0.1", "nobody was told of"},
      {"127.0.0.1", "203.0.113.7", "203.0.113.7", "a gateway on this machine"},
      {"::1", "2001:db8::7", "2001:db8::7", "by IPv6"},
      {"10.1.2.3", "203.0.113.7", "203.0.113.7", "on a private network"},
      {"172.31.255.255", "203.0.113.7", "203.0.113.7", "the end of one"},
      {"192.168.0.9", "203.0.113.7", "203.0.113.7", "another"},
      {"fd00::9", "203.0.113.7", "203.0.113.7", "a private one of IPv6"},
      {"::ffff:10.1.2.3", "203.0.113.7", "203.0.113.7", "IPv4 in IPv6"},
      {"198.51.100.1", "203.0.113.7", "198.51.100.1", "a stranger who tells of another"},
      {"172.32.0.1", "203.0.113.7", "172.32.0.1", "behind the end"},
      {"11.0.0.1", "203.0.113.7", "11.0.0.1", "beside it"},
      {"2001:db8::1", "203.0.113.7", "2001:db8::1", "a stranger by IPv6"},
      {"::ffff:198.51.100.1", "203.0.113.7", "::ffff:198.51.100.1", "a stranger in IPv6"},
      {"", "203.0.113.7", "", "a peer without an address"},
      {"127.0.0.1", "somebody", "127.0.0.1", "no address"},
      {"127.0.0.1", "203.0.113.7, 127.0.0.1", "127.0.0.1", "two"},
      {"127.0.0.1", "203.0.113.7:80", "127.0.0.1", "with a port"},
      {"127.0.0.1", " 203.0.113.7", "127.0.0.1", "with a blank"},
      {"127.0.0.1", "203.0.113.7777777777777777777777777777777777777777", "127.0.0.1", "too long"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[RPC_ADDRESS_SIZE];
    svc__client_address(rows[i].peer, base_span_str(rows[i].told), got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: \"%s\"", rows[i].reason, got);
  }
}

static void networks(void) {
  static const struct {
    const char *address, *want, *reason;
  } rows[] = {
      {"203.0.113.7", "203.0.113.7", "IPv4 as it is"},
      {"203.0.113.8", "203.0.113.8", "and its neighbour is another"},
      {"2001:db8:1:2::7", "2001:db8:1:2::/64", "IPv6"},
      {"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", "the same subscriber"},
      {"2001:DB8:1:2:0:0:0:1", "2001:db8:1:2::/64", "written in another way"},
      {"2001:db8:1:3::7", "2001:db8:1:3::/64", "the next subscriber"},
      {"::ffff:203.0.113.7", "::ffff:203.0.113.7", "IPv4 in IPv6: all of IPv4 is no subscriber"},
      {"127.0.0.1", "", "this machine"},
      {"::1", "", "this machine by IPv6"},
      {"", "", "unknown"},
      {"fe80::1%eth0", "fe80::1%eth0", "with a zone"},
      {"somebody", "somebody", "no address"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char got[SVC_NETWORK_SIZE];
    svc__network_of(rows[i].address, got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: \"%s\"", rows[i].reason, got);
  }
}

TEST_MAIN(TEST(the_gateway_is_believed_from_near), TEST(networks))
