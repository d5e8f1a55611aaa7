#include "base/address.h"

#include <string.h>

#include "base/test.h"

static void forms(void) {
  static const struct {
    const char *host;
    int port;
    const char *address;
  } rows[] = {
      {"127.0.0.1", 80, "127.0.0.1:80"}, {"localhost", 0, "localhost:0"}, {"::1", 8082, "[::1]:8082"},
      {"[::1]", 8082, "[::1]:8082"},     {"::", 65535, "[::]:65535"},     {"fe80::1%eth0", 1, "[fe80::1%eth0]:1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char out[BASE_ADDRESS_SIZE];
    base_address_of(rows[i].host, rows[i].port, out);
    CHECK_STR(out, rows[i].address);
  }
}

static void a_long_host_is_cut(void) {
  char host[2 * BASE_ADDRESS_SIZE], out[BASE_ADDRESS_SIZE];
  memset(host, 'a', sizeof host - 1);
  host[sizeof host - 1] = '\0';
  base_address_of(host, 80, out);
  CHECK_INT(strlen(out), BASE_ADDRESS_SIZE - 1);
}

static void loopback(void) {
  static const char *const near[] = {"127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"};
  static const char *const far[] = {"",  "0.0.0.0", "::", "128.0.0.1", "10.0.0.1", "::11", "localhost.example.com",
                                    "12"};
  for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
    CHECK_MSG(base_is_loopback(near[i]), "%s", near[i]);
  for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
    CHECK_MSG(!base_is_loopback(far[i]), "%s", far[i]);
}

TEST_MAIN(TEST(forms), TEST(loopback), TEST(a_long_host_is_cut))
