/* SIGHUP: a new configuration under calls that run. */
#include <openssl/ssl.h>

#include "base/clock.h"
#include "gateway_calls.h"
#include "net/test_cert.h"
#include "sockets.h"

enum { TEXT = 4096, BEFORE = 1, AFTER = 2, RENEWAL_MS = 60000 };

typedef struct {
  world w;        /* its echo service is the first one */
  world other;    /* only the second echo service */
  char file[64];  /* the configuration */
  int extra_port; /* a free one, to listen on later */
} setting;

static setting t;
static session s;

static int free_port(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0
                 ? ntohs(a.sin_port)
                 : 0;
  close(fd);
  return port;
}

/* `listen` are further listeners, `rest` further sections. */
static void write_config(int upstream_port, const char *listen, const char *rest) {
  FILE *f = fopen(t.file, "w");
  if (f == NULL) {
    abort();
  }
  fprintf(f,
          "listen:\n  - address: 127.0.0.1:0\n%sadmin: 127.0.0.1:0\nworkers: 2\ngrace: 1m\n"
          "clusters: [{name: echo, targets: [\"127.0.0.1:%d\"]}]\n%s",
          listen, upstream_port, rest);
  fclose(f);
}

static bool start(const char *listen) {
  char line[128];
  memset(&t, 0, sizeof t);
  snprintf(t.file, sizeof t.file, "/tmp/ponte-reload-XXXXXX");
  int fd = mkstemp(t.file);
  if (fd < 0 || !world_start_echo(&t.w) || !world_start_echo(&t.other)) {
    return false;
  }
  close(fd);
  t.extra_port = free_port();
  write_config(t.w.echo_port, listen, "");
  return process_start(&t.w.gateway, "PONTE_GATEWAY", (const char *const[]){"--config", t.file, NULL}) &&
         process_line(&t.w.gateway, line, sizeof line) && sscanf(line, "admin http://127.0.0.1:%d", &t.w.admin) == 1 &&
         process_line(&t.w.gateway, line, sizeof line) && sscanf(line, "listening http://127.0.0.1:%d", &t.w.port) == 1;
}

static void end(void) {
  world_end(&t.w);
  process_stop(&t.other.echo, SIGKILL);
  unlink(t.file);
}

static bool reload_is(const char *result, long count) {
  char sample[96];
  snprintf(sample, sizeof sample, "ponte_gateway_config_reloads_total{result=\"%s\"}", result);
  kill(t.w.gateway.pid, SIGHUP);
  return world_metric_becomes(&t.w, sample, count);
}

static bool echo_on(uint32_t id, bool last) {
  echo_request r = ECHO_REQUEST;
  if (!send_request(&s, id, &r, last)) {
    return false;
  }
  echo_reply *reply = next_reply(&s, id);
  if (reply) {
    ponte__echo__v1__echo_reply__free_unpacked(reply, NULL);
  }
  return reply != NULL;
}

static bool call_works(uint32_t id) {
  put_open(&s, id, "Unary", 0, NULL);
  return echo_on(id, true) && status_of(&s, id) == 0;
}

static void calls_in_flight_keep_theirs_and_new_ones_take_the_new(void) {
  CHECK(start(""));
  CHECK(session_open(&s, t.w.port, 65536));
  put_open(&s, BEFORE, "Bidi", 0, NULL);
  CHECK(echo_on(BEFORE, false));
  CHECK_INT(sockets_with(0, (unsigned)t.other.echo_port, SOCKET_ESTABLISHED), 0);
  write_config(t.other.echo_port, "", "");
  CHECK(reload_is("applied", 1));
  CHECK_MSG(call_works(AFTER), "%s", "on the same socket, by the new cluster");
  CHECK(sockets_with(0, (unsigned)t.other.echo_port, SOCKET_ESTABLISHED) > 0);
  CHECK_MSG(echo_on(BEFORE, false), "%s", "the call in flight goes on, by the old one");
  CHECK(echo_on(BEFORE, true));
  CHECK_INT(status_of(&s, BEFORE), 0);
  CHECK_MSG(sockets_become(0, (unsigned)t.w.echo_port, SOCKET_ESTABLISHED, 0), "%s",
            "then its connections are given up");
  process_stop(&t.w.echo, SIGKILL);
  CHECK(call_works(AFTER + 1));
  session_close(&s);
  end();
}

static void many_reloads_leave_nothing_behind(void) {
  enum { TIMES = 20 };
  CHECK(start(""));
  CHECK(session_open(&s, t.w.port, 65536));
  for (int i = 0; i < TIMES; i++) {
    write_config(i % 2 ? t.w.echo_port : t.other.echo_port, "", "");
    CHECK(reload_is("applied", i + 1));
    CHECK(call_works((uint32_t)i + 1));
  }
  CHECK_MSG(sockets_become(0, (unsigned)t.other.echo_port, SOCKET_ESTABLISHED, 0), "%s",
            "no connection of an earlier configuration");
  session_close(&s);
  end();
}

static int preflight(void) {
  static char out[4096];
  return http_ask(t.w.port, "OPTIONS", "/a.B/C",
                  "Host: localhost\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n", out,
                  sizeof out);
}

static void who_may_call_changes_with_the_next_request(void) {
  char keys[] = "/tmp/ponte-keys-XXXXXX", auth[160];
  int fd = mkstemp(keys);
  static const char line[] = "0000000000000000000000000000000000000000000000000000000000000000 robot - -\n";
  REQUIRE(fd >= 0 && write(fd, line, sizeof line - 1) == sizeof line - 1);
  close(fd);
  CHECK(start(""));
  CHECK(session_open(&s, t.w.port, 65536));
  CHECK_INT(preflight(), 403);
  CHECK(call_works(1));
  snprintf(auth, sizeof auth,
           "cors: {origins: [\"https://app.example\"]}\nauth: {api_keys: %s, rules: [{prefix: /}]}\n", keys);
  write_config(t.w.echo_port, "", auth);
  CHECK(reload_is("applied", 1));
  CHECK_INT(preflight(), 204);
  put_open(&s, 2, "Unary", 0, NULL);
  CHECK_MSG(status_of(&s, 2) == 16, "%s", "on a socket that was open before");
  write_config(t.w.echo_port, "", "");
  CHECK(reload_is("applied", 2));
  CHECK_INT(preflight(), 403);
  CHECK(call_works(3));
  session_close(&s);
  end();
  unlink(keys);
}

static void a_bad_file_changes_nothing(void) {
  static const char *const bad[] = {
      "nonsense: 1\n",          "workers: 1\n",    "routes: [{prefix: /, cluster: none}]\n",
      "cors: {origins: [x]}\n", "web: /nowhere\n", "auth: {api_keys: /nowhere, rules: [{prefix: /}]}\n"};
  char taken[96];
  long refused = 0;
  CHECK(start(""));
  CHECK(session_open(&s, t.w.port, 65536));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_config(t.other.echo_port, "", bad[i]);
    CHECK_MSG(reload_is("refused", ++refused), "%s", bad[i]);
  }
  snprintf(taken, sizeof taken, "  - address: 127.0.0.1:%d\n", t.other.echo_port);
  write_config(t.other.echo_port, taken, "");
  CHECK_MSG(reload_is("refused", ++refused), "%s", "a port that is taken");
  unlink(t.file);
  CHECK_MSG(reload_is("refused", ++refused), "%s", "no file");
  CHECK(call_works(1));
  CHECK_INT(sockets_with(0, (unsigned)t.other.echo_port, SOCKET_ESTABLISHED), 0);
  CHECK_INT(world_metric(&t.w, "ponte_gateway_config_reloads_total{result=\"applied\"}"), 0);
  session_close(&s);
  end();
}

static void listeners_come_and_go_and_the_same_stay(void) {
  char more[96];
  CHECK(start(""));
  CHECK(session_open(&s, t.w.port, 65536));
  snprintf(more, sizeof more, "  - address: 127.0.0.1:%d\n", t.extra_port);
  write_config(t.w.echo_port, more, "");
  CHECK(reload_is("applied", 1));
  CHECK_INT(sockets_with((unsigned)t.extra_port, 0, SOCKET_LISTENING), 2);
  CHECK_INT(sockets_with((unsigned)t.w.port, 0, SOCKET_LISTENING), 2);
  client c;
  CHECK_INT(client_upgrade(&c, t.extra_port, "Host: localhost\r\n" UPGRADE), 101);
  write_config(t.w.echo_port, "", "");
  CHECK(reload_is("applied", 2));
  CHECK(sockets_become((unsigned)t.extra_port, 0, SOCKET_LISTENING, 0));
  CHECK_INT(sockets_with((unsigned)t.w.port, 0, SOCKET_LISTENING), 2);
  CHECK_MSG(call_works(1), "%s", "a connection outlives what it came by, and others do not notice");
  client_close(&c);
  session_close(&s);
  end();
}

/* A number that tells the certificate of the port from others: part of its public key's digest. 0 on a failure. */
static unsigned certificate_of(int port) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(ctx);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0, number = 0;
  int fd = tcp_connect(port);
  SSL_set_fd(ssl, fd);
  if (SSL_connect(ssl) == 1) {
    X509 *x = SSL_get1_peer_certificate(ssl);
    if (x && X509_pubkey_digest(x, EVP_sha256(), digest, &n) == 1) {
      memcpy(&number, digest, sizeof number);
    }
    X509_free(x);
  }
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  close(fd);
  return number;
}

static void certificates_are_exchanged(void) {
  credentials k;
  char tls[256], line[128];
  int port = 0;
  make_credentials(&k);
  snprintf(tls, sizeof tls, "  - {address: \"127.0.0.1:0\", tls: {cert: %s, key: %s}}\n", k.cert, k.key);
  CHECK(start(tls));
  CHECK(process_line(&t.w.gateway, line, sizeof line) && sscanf(line, "listening https://127.0.0.1:%d", &port) == 1);
  unsigned before = certificate_of(port);
  CHECK(before != 0);
  CHECK(session_open(&s, t.w.port, 65536));
  write_certificate(k.cert, k.key);
  CHECK(reload_is("applied", 1));
  unsigned after = certificate_of(port);
  CHECK(after != 0 && after != before);
  CHECK(unlink(k.key) == 0);
  CHECK_MSG(reload_is("refused", 1), "%s", "no key: the last certificate stays");
  CHECK_INT(certificate_of(port), after);
  CHECK(call_works(1));
  session_close(&s);
  remove_credentials(&k);
  end();
}

/* Tools that renew certificates know nothing of us. */
static void renewed_certificates_are_taken_without_being_told(void) {
  credentials k;
  char tls[256], line[128];
  int port = 0;
  make_credentials(&k);
  snprintf(tls, sizeof tls, "  - {address: \"127.0.0.1:0\", tls: {cert: %s, key: %s}}\n", k.cert, k.key);
  CHECK(start(tls));
  CHECK(process_line(&t.w.gateway, line, sizeof line) && sscanf(line, "listening https://127.0.0.1:%d", &port) == 1);
  CHECK(session_open(&s, t.w.port, 65536));
  unsigned before = certificate_of(port), after = before;
  CHECK(before != 0);
  write_certificate(k.cert, k.key);
  for (int64_t end_ms = base_now_ms() + RENEWAL_MS; after == before && base_now_ms() < end_ms;) {
    usleep(50000);
    after = certificate_of(port);
  }
  CHECK(after != 0 && after != before);
  CHECK_INT(world_metric(&t.w, "ponte_gateway_config_reloads_total{result=\"applied\"}"), 0);
  CHECK(call_works(1));
  session_close(&s);
  remove_credentials(&k);
  end();
}

TEST_MAIN(TEST(calls_in_flight_keep_theirs_and_new_ones_take_the_new), TEST(many_reloads_leave_nothing_behind),
          TEST(who_may_call_changes_with_the_next_request), TEST(a_bad_file_changes_nothing),
          TEST(listeners_come_and_go_and_the_same_stay), TEST(certificates_are_exchanged),
          TEST(renewed_certificates_are_taken_without_being_told))
