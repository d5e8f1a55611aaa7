/* TLS and mTLS from clusters to gRPC servers, on both legs. */
#include "net/test_ca.h"
#include "upstream_peers.h"

enum security { PLAIN, TLS, MUTUAL };

/* Files in one folder. */
static char folder[64];
static test_pair ca, other_ca, server, client, stranger;

static void make_files(void) {
  snprintf(folder, sizeof folder, "/tmp/ponte-upstream-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
  test_id ours = test_issue(NULL, (test_id_options){.cn = "ca", .is_ca = true});
  test_id theirs = test_issue(NULL, (test_id_options){.cn = "other ca", .is_ca = true});
  ca = test_write(folder, "ca", &ours);
  other_ca = test_write(folder, "other_ca", &theirs);
  server = test_make(folder, "server", &ours,
                     (test_id_options){.cn = "server", .san = "DNS:localhost,DNS:peer.test,IP:127.0.0.1"});
  client = test_make(folder, "client", &ours, (test_id_options){.cn = "gateway"});
  stranger = test_make(folder, "stranger", &theirs, (test_id_options){.cn = "gateway"});
  test_id_free(&ours);
  test_id_free(&theirs);
}

static void remove_files(void) {
  test_pair *const all[] = {&ca, &other_ca, &server, &client, &stranger};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    test_unlink(all[i]);
  }
  rmdir(folder);
}

static const struct {
  const char *why;
  enum security server, ours;
  test_pair *trusted, *cert;
  const char *name; /* tls_server_name */
  bool ok;
} rows[] = {
    {"an address in the certificate", TLS, TLS, &ca, NULL, NULL, true},
    {"a name in the certificate", TLS, TLS, &ca, NULL, "peer.test", true},
    {"a certificate nobody asked for", TLS, TLS, &ca, &client, NULL, true},
    {"both show theirs", MUTUAL, MUTUAL, &ca, &client, NULL, true},
    {"another name", TLS, TLS, &ca, NULL, "other.test", false},
    {"an unknown CA", TLS, TLS, &other_ca, NULL, NULL, false},
    {"the system does not know this CA", TLS, TLS, NULL, NULL, NULL, false},
    {"we show none", MUTUAL, TLS, &ca, NULL, NULL, false},
    {"ours is of another CA", MUTUAL, MUTUAL, &ca, &stranger, NULL, false},
    {"plain to TLS", TLS, PLAIN, NULL, NULL, NULL, false},
    {"TLS to plain", PLAIN, TLS, &ca, NULL, NULL, false},
};

static void start_server(enum security security) {
  char cert[128], key[128], client_ca[128];
  snprintf(cert, sizeof cert, "cert=%s", server.cert);
  snprintf(key, sizeof key, "key=%s", server.key);
  snprintf(client_ca, sizeof client_ca, "client_ca=%s", ca.cert);
  const char *more[] = {cert, key, client_ca, NULL};
  more[security == PLAIN ? 0 : security == TLS ? 2 : 3] = NULL;
  peer_start(&peers[0], "a", 0, more);
}

static void only_who_is_known_is_spoken_to(void) {
  make_files();
  for (enum security security = PLAIN; security <= MUTUAL; security++) {
    start_server(security);
    for (size_t r = 0; r < 2 * sizeof rows / sizeof *rows; r++) {
      size_t i = r / 2;
      char name[32];
      struct seen s;
      if (rows[i].server != security) {
        continue;
      }
      snprintf(name, sizeof name, "%s", rows[i].name ? rows[i].name : "");
      gw_cluster_options o = options_for(legs[r % 2].which, 1);
      o.tls = rows[i].ours != PLAIN;
      o.tls_ca = rows[i].trusted ? rows[i].trusted->cert : NULL;
      o.tls_cert = rows[i].cert ? rows[i].cert->cert : NULL;
      o.tls_key = rows[i].cert ? rows[i].cert->key : NULL;
      o.tls_server_name = rows[i].name ? name : NULL;
      world_open(&o, rows[i].why);
      const char *who = ask_name(&s);
      CHECK_MSG(rows[i].ok ? *who == 'a' : s.code == 14 && *s.message, "%s, %s: %d %s", rows[i].why, legs[r % 2].name,
                s.code, s.message);
      world_close();
    }
    peers_stop();
  }
  remove_files();
}

TEST_MAIN(TEST(only_who_is_known_is_spoken_to))
