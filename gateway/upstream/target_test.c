#include "gateway/upstream/target.h"

#include "base/test.h"

static void known_forms(void) {
  static const struct {
    const char *text;
    enum gw_target_kind kind;
    const char *host;
    int port;
    const char *address, *authority;
  } rows[] = {
      {"localhost:50051", GW_TARGET_NAME, "localhost", 50051, "", "localhost:50051"},
      {"dns:///svc.default.svc.cluster.local.:1", GW_TARGET_NAME, "svc.default.svc.cluster.local.", 1, "",
       "svc.default.svc.cluster.local.:1"},
      {"dns:a_b-c.d:65535", GW_TARGET_NAME, "a_b-c.d", 65535, "", "a_b-c.d:65535"},
      {"127.0.0.1:80", GW_TARGET_ADDRESS, "127.0.0.1", 80, "127.0.0.1:80", "127.0.0.1:80"},
      {"ipv4:10.1.2.3:80", GW_TARGET_ADDRESS, "10.1.2.3", 80, "10.1.2.3:80", "10.1.2.3:80"},
      {"[::1]:80", GW_TARGET_ADDRESS, "::1", 80, "[::1]:80", "[::1]:80"},
      {"ipv6:[fe80::1]:80", GW_TARGET_ADDRESS, "fe80::1", 80, "[fe80::1]:80", "[fe80::1]:80"},
      {"dns:///[::1]:80", GW_TARGET_ADDRESS, "::1", 80, "[::1]:80", "[::1]:80"},
      {"unix:/run/x.sock", GW_TARGET_UNIX, "localhost", 0, "unix:/run/x.sock", "localhost"},
      {"unix:///run/x.sock", GW_TARGET_UNIX, "localhost", 0, "unix:/run/x.sock", "localhost"},
      {"unix:x.sock", GW_TARGET_UNIX, "localhost", 0, "unix:x.sock", "localhost"},
      /* Four numbers above 255 are no address, and DNS may say so. */
      {"1.2.3.999:80", GW_TARGET_NAME, "1.2.3.999", 80, "", "1.2.3.999:80"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_target t;
    base_err e = gw_target_parse(rows[i].text, &t);
    CHECK_MSG(base_is_ok(e), "%s", rows[i].text);
    CHECK_INT(t.kind, rows[i].kind);
    CHECK_STR(t.host, rows[i].host);
    CHECK_INT(t.port, rows[i].port);
    CHECK_STR(t.address, rows[i].address);
    CHECK_STR(t.authority, rows[i].authority);
  }
}

static void forms_of_the_core(void) {
  static const char *const rows[] = {
      "xds:///svc",           "dns://8.8.8.8/svc:80", "ipv4:1.2.3.4:5,1.2.3.5:5",
      "ipv6:[::1]:5,[::2]:5", "unix-abstract:x",      "vsock:2:1",
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_target t;
    CHECK_MSG(base_is(gw_target_parse(rows[i], &t), BASE_E_UNIMPLEMENTED), "%s", rows[i]);
  }
}

static void bad_forms(void) {
  char long_host[400], long_path[200];
  memset(long_host, 'a', sizeof long_host);
  memcpy(long_host + sizeof long_host - 4, ":80", 4);
  memset(long_path, 'a', sizeof long_path);
  memcpy(long_path, "unix:/", 6);
  long_path[sizeof long_path - 1] = 0;
  const char *const rows[] = {
      "",
      "host",
      ":80",
      "host:",
      "host:0",
      "host:65536",
      "host:-1",
      "host:+1",
      "host:8x",
      "host: 80",
      "ho st:80",
      "host/x:80",
      "http://host:80",
      "dns://",
      "dns:///",
      "dns:///host",
      "dns://host:80",
      "ipv4:host:80",
      "ipv4:[::1]:80",
      "ipv6:1.2.3.4:80",
      "ipv6:::1:80",
      "[::1:80",
      "::1]:80",
      "[]:80",
      "[x]:80",
      "[1.2.3.4]:80",
      "::1:80",
      "-a:80",
      ".a:80",
      "unix:",
      "unix://",
      "unix://x/y",
      "a,b:80",
      "h\xc3\xb6st:80",
      "host:80,host:81",
      long_host,
      long_path,
      "host:080000000000000000000000",
      "user@host:80",
      "host:80/path",
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_target t;
    base_err e = gw_target_parse(rows[i], &t);
    CHECK_MSG(!base_is_ok(e), "%s", rows[i]);
  }
}

TEST_MAIN(TEST(known_forms), TEST(forms_of_the_core), TEST(bad_forms))
