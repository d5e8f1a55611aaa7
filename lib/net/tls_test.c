#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/test.h"
#include "net/connect.h"
#include "net/test_ca.h"
#include "net/test_peer.h"

enum { MIB = 1 << 20, BIG = 3 * MIB };

enum id {
  CA,
  OTHER_CA,
  SERVER,
  WILDCARD,
  EXACT,
  EXPIRED,
  FUTURE,
  SELF_SIGNED,
  FOREIGN,
  NAMELESS,
  ANA,
  ANA_EXPIRED,
  ANA_FOREIGN,
  IDS
};
static char folder[64];
static test_pair ids[IDS];
static test_id ca, other_ca;

static void make_ids(void) {
  static const struct {
    const test_id *issuer;
    test_id_options o;
  } rows[IDS] = {
      [SERVER] = {&ca, {.cn = "server", .san = "DNS:localhost,DNS:a.test,IP:127.0.0.1,IP:::1"}},
      [WILDCARD] = {&ca, {.cn = "wildcard", .san = "DNS:b.test,DNS:*.w.test"}},
      [EXACT] = {&ca, {.cn = "exact", .san = "DNS:x.w.test"}},
      [EXPIRED] = {&ca, {.cn = "expired", .san = "DNS:a.test", .from_s = -7200, .to_s = -3600}},
      [FUTURE] = {&ca, {.cn = "future", .san = "DNS:a.test", .from_s = 3600, .to_s = 7200}},
      [SELF_SIGNED] = {NULL, {.cn = "self", .san = "DNS:a.test"}},
      [FOREIGN] = {&other_ca, {.cn = "foreign", .san = "DNS:a.test"}},
      [NAMELESS] = {&ca, {.cn = "nameless", .san = "DNS:f*o.test,IP:127.0.0.2"}},
      [ANA] = {&ca, {.cn = "ana"}},
      [ANA_EXPIRED] = {&ca, {.cn = "ana", .from_s = -7200, .to_s = -3600}},
      [ANA_FOREIGN] = {&other_ca, {.cn = "ana"}},
  };
  snprintf(folder, sizeof folder, "/tmp/ponte-tls-XXXXXX");
  if (!mkdtemp(folder)) {
    abort();
  }
  ca = test_issue(NULL, (test_id_options){.cn = "ca", .is_ca = true});
  other_ca = test_issue(NULL, (test_id_options){.cn = "other ca", .is_ca = true});
  ids[CA] = test_write(folder, "ca", &ca);
  ids[OTHER_CA] = test_write(folder, "other-ca", &other_ca);
  for (int i = SERVER; i < IDS; i++) {
    char name[16];
    snprintf(name, sizeof name, "id%d", i);
    ids[i] = test_make(folder, name, rows[i].issuer, rows[i].o);
  }
}

static void remove_ids(void) {
  for (int i = 0; i < IDS; i++) {
    test_unlink(&ids[i]);
  }
  rmdir(folder);
  test_id_free(&ca);
  test_id_free(&other_ca);
}

static net_tls_pair pair(enum id i) { return (net_tls_pair){ids[i].cert, ids[i].key}; }

typedef struct server server;
typedef struct {
  server *s;
  net_conn *conn;
  net_timer *later;
  size_t gathered;
} served;

struct server {
  net_loop *loop;
  net_listener *listener;
  net_tls_server *tls;
  char address[32], subject[64], alpn[16];
  bool stutter; /* pauses after each bit and goes on a little later */
  int received, closed;
};

static void resume(void *ctx) { net_conn_pause(((served *)ctx)->conn, false); }

static void server_on_bytes(void *codec, base_span bytes) {
  served *x = codec;
  server *s = x->s;
  base_span alpn = net_conn_alpn(x->conn);
  s->received++;
  snprintf(s->subject, sizeof s->subject, "%s", net_conn_peer_subject(x->conn));
  snprintf(s->alpn, sizeof s->alpn, "%.*s", (int)alpn.n, (const char *)alpn.p);
  CHECK_OK(net_conn_write(x->conn, bytes));
  if (s->stutter) {
    net_conn_pause(x->conn, true);
    net_timer_set(x->later, 0);
  }
}

static void server_on_drained(void *codec) { (void)codec; }

static void server_on_closed(void *codec) {
  served *x = codec;
  x->s->closed++;
  net_timer_free(x->later);
  free(x);
}

static const net_codec_vt server_vt = {server_on_bytes, server_on_drained, NULL, server_on_closed};

static bool on_accept(void *ctx, net_conn *conn) {
  server *s = ctx;
  served *x = calloc(1, sizeof *x);
  *x = (served){.s = s, .conn = conn, .later = net_timer_new(s->loop, resume, x)};
  net_conn_set_codec(conn, &server_vt, x);
  return true;
}

static void start(server *s, const net_tls_server_options *options) {
  *s = (server){0};
  CHECK_OK(net_loop_new(NULL, &s->loop));
  CHECK_OK(net_tls_server_new(options, NULL, &s->tls));
  CHECK_OK(net_listen(
      s->loop, &(net_listener_options){.address = "127.0.0.1:0", .tls = s->tls, .on_accept = on_accept, .ctx = s},
      &s->listener));
  snprintf(s->address, sizeof s->address, "127.0.0.1:%d", net_listener_port(s->listener));
}

static void end(server *s) {
  net_tls_server_free(s->tls); /* before its listener, on purpose */
  net_loop_free(s->loop);
}

typedef struct {
  net_loop *loop;
  net_conn *conn;
  net_timer *later;
  size_t want, received, wrong;
  int opened, closed;
  bool stays, stutter;
  char failure[160], subject[64];
} client;

static uint8_t pattern(size_t at) { return (uint8_t)(at * 31 >> 3); }

static void client_on_open(void *codec) {
  client *c = codec;
  uint8_t *p = malloc(c->want);
  for (size_t i = 0; i < c->want; i++) {
    p[i] = pattern(i);
  }
  c->opened++;
  snprintf(c->subject, sizeof c->subject, "%s", net_conn_peer_subject(c->conn));
  CHECK_OK(net_conn_write(c->conn, base_span_of(p, c->want)));
  free(p);
}

static void client_resume(void *ctx) { net_conn_pause(((client *)ctx)->conn, false); }

static void client_on_bytes(void *codec, base_span bytes) {
  client *c = codec;
  for (size_t i = 0; i < bytes.n; i++) {
    c->wrong += bytes.p[i] != pattern(c->received + i);
  }
  c->received += bytes.n;
  if (c->received == c->want && c->stays) {
    net_loop_stop(c->loop);
  } else if (c->received == c->want) {
    net_conn_close(c->conn, 10000);
  } else if (c->stutter) {
    net_conn_pause(c->conn, true);
    net_timer_set(c->later, 0);
  }
}

static void client_on_closed(void *codec) {
  client *c = codec;
  c->closed++;
  snprintf(c->failure, sizeof c->failure, "%s", net_conn_failure(c->conn));
  net_timer_free(c->later);
  net_loop_stop(c->loop);
}

static const net_codec_vt client_vt = {client_on_bytes, server_on_drained, NULL, client_on_closed};

/* Connects, sends `want` bytes, and reads them back. */
static void talk(client *c, net_loop *l, const char *address, const char *name, net_tls_client_options o) {
  net_tls_client *tls = NULL;
  c->loop = l;
  c->want = c->want ? c->want : 1;
  c->later = net_timer_new(l, client_resume, c);
  CHECK_OK(net_tls_client_new(l, &o, NULL, &tls));
  const net_connect_options options = {.address = address, .tls = tls, .server_name = name, .on_open = client_on_open};
  CHECK_OK(net_connect(l, &options, &client_vt, c, &c->conn));
  net_loop_run(l);
  CHECK_INT(c->closed, c->stays ? 0 : 1);
  net_tls_client_free(tls);
}

static bool holds(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* --- servers proved to clients --- */

static void servers_are_verified(void) {
  const char *trusted = ids[CA].cert;
  const struct {
    enum id server;
    const char *ca, *name, *failure; /* NULL: none */
    const char *reason;
  } rows[] = {
      {SERVER, trusted, "a.test", NULL, "the name is in the certificate"},
      {SERVER, trusted, "A.TEST", NULL, "names know no case"},
      {SERVER, trusted, "127.0.0.1", NULL, "an IPv4 address"},
      {SERVER, trusted, "::1", NULL, "an IPv6 address"},
      {WILDCARD, trusted, "y.w.test", NULL, "a wildcard"},
      {WILDCARD, trusted, "w.test", "hostname mismatch", "a wildcard is not its parent"},
      {WILDCARD, trusted, "z.y.w.test", "hostname mismatch", "a wildcard is one label"},
      {NAMELESS, trusted, "foo.test", "hostname mismatch", "a wildcard within a label"},
      {NAMELESS, trusted, "nameless", "hostname mismatch", "the common name counts for nothing beside names"},
      {SERVER, trusted, "evil.test", "hostname mismatch", "another name"},
      {NAMELESS, trusted, "127.0.0.1", "IP address mismatch", "another address"},
      {EXPIRED, trusted, "a.test", "certificate has expired", "expired"},
      {FUTURE, trusted, "a.test", "certificate is not yet valid", "not valid yet"},
      {SELF_SIGNED, trusted, "a.test", "self-signed certificate", "signed by itself"},
      {FOREIGN, trusted, "a.test", "unable to get local issuer certificate", "another authority"},
      {SERVER, NULL, "a.test", "unable to get local issuer certificate", "an authority the system does not trust"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    server s;
    client c = {0};
    start(&s, &(net_tls_server_options){.main = pair(rows[i].server)});
    talk(&c, s.loop, s.address, rows[i].name, (net_tls_client_options){.ca_file = rows[i].ca, .alpn = "h2"});
    bool ok = rows[i].failure ? c.opened == 0 && holds(c.failure, rows[i].failure) && s.received == 0
                              : c.opened == 1 && c.failure[0] == '\0' && strcmp(s.alpn, "h2") == 0;
    CHECK_MSG(ok, "%s: \"%s\"", rows[i].reason, c.failure);
    end(&s);
  }
}

static void bad_client_settings_are_told(void) {
  const struct {
    net_tls_client_options o;
    const char *why;
  } rows[] = {
      {{.ca_file = "/nonexistent"}, "CA file /nonexistent: cannot be read"},
      {{.ca_file = ids[ANA].key}, "CA file"},
      {{.cert_file = ids[ANA].cert}, "a certificate and its key are needed together"},
      {{.key_file = ids[ANA].key}, "a certificate and its key are needed together"},
      {{.cert_file = ids[ANA].cert, .key_file = ids[CA].key}, "key values mismatch"},
      {{.cert_file = ids[ANA].key, .key_file = ids[ANA].key}, "certificate"},
      {{.alpn = ""}, ""},
  };
  net_loop *l = NULL;
  CHECK_OK(net_loop_new(NULL, &l));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    net_tls_client *t = NULL;
    base_buf why;
    base_buf_init(&why, 1000);
    CHECK_ERR(net_tls_client_new(l, &rows[i].o, &why, &t), BASE_E_INVALID);
    CHECK_MSG(holds(why.data ? (char *)why.data : "", rows[i].why), "row %zu: \"%s\"", i, (char *)why.data);
    CHECK_ERR(net_tls_client_new(l, &rows[i].o, NULL, &t), BASE_E_INVALID);
    base_buf_dispose(&why);
  }
  net_tls_client_free(NULL);
  net_tls_client *t = NULL;
  CHECK_OK(net_tls_client_new(l, &(net_tls_client_options){0}, NULL, &t));
  static const char *const names[] = {NULL, "", ".a.test"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    net_conn *c = NULL;
    const net_connect_options o = {.address = "127.0.0.1:1", .tls = t, .server_name = names[i]};
    CHECK_ERR(net_connect(l, &o, &client_vt, NULL, &c), BASE_E_INVALID);
  }
  net_tls_client_free(t);
  net_loop_free(l);
}

/* Peers that are no proper TLS servers for us: a thread each. */
enum odd { PLAIN_TEXT, CLOSES, SILENT, NO_ALPN };

typedef struct {
  int fd;
  enum odd how;
} odd_peer;

static void *odd_main(void *arg) {
  odd_peer *p = arg;
  char got[1], hello[4096];
  int fd = accept(p->fd, NULL, NULL);
  if (p->how == PLAIN_TEXT || p->how == CLOSES) {
    (void)!recv(fd, hello, sizeof hello, 0);
  }
  if (p->how == PLAIN_TEXT) {
    test_send_text(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
  } else if (p->how == NO_ALPN) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(ctx, ids[SERVER].cert, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(ctx, ids[SERVER].key, SSL_FILETYPE_PEM);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    (void)!(SSL_accept(ssl) == 1 && SSL_read(ssl, got, 1) == 1);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
  }
  while (p->how == SILENT && recv(fd, got, 1, 0) > 0) {
  }
  close(fd);
  return NULL;
}

static void odd_servers_are_refused(void) {
  static const struct {
    enum odd how;
    const char *failure;
    int64_t timeout_ms;
  } rows[] = {{PLAIN_TEXT, "wrong version number", 0},
              {CLOSES, "closed the connection in the handshake", 0},
              {SILENT, "Connection timed out", 1},
              {NO_ALPN, "(ALPN)", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    odd_peer p = {.fd = socket(AF_INET, SOCK_STREAM, 0), .how = rows[i].how};
    pthread_t thread;
    char address[32];
    client c = {.want = 1};
    net_tls_client *tls = NULL;
    CHECK(bind(p.fd, (struct sockaddr *)&a, n) == 0 && listen(p.fd, 1) == 0);
    getsockname(p.fd, (struct sockaddr *)&a, &n);
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(a.sin_port));
    pthread_create(&thread, NULL, odd_main, &p);
    CHECK_OK(net_loop_new(NULL, &c.loop));
    CHECK_OK(net_tls_client_new(c.loop, &(net_tls_client_options){.ca_file = ids[CA].cert, .alpn = "h2"}, NULL, &tls));
    const net_connect_options o = {.address = address,
                                   .tls = tls,
                                   .server_name = "a.test",
                                   .timeout_ms = rows[i].timeout_ms,
                                   .on_open = client_on_open};
    CHECK_OK(net_connect(c.loop, &o, &client_vt, &c, &c.conn));
    net_loop_run(c.loop);
    CHECK_MSG(c.opened == 0 && holds(c.failure, rows[i].failure), "row %zu: \"%s\"", i, c.failure);
    net_loop_free(c.loop);
    net_tls_client_free(tls);
    pthread_join(thread, NULL);
    close(p.fd);
  }
}

/* --- clients proved to servers --- */

static void clients_are_verified(void) {
  enum { NONE = -1 };
  const struct {
    enum net_tls_client_auth auth;
    int client;
    const char *subject, *failure; /* failure NULL: served */
    const char *reason;
  } rows[] = {
      {NET_TLS_CLIENT_AUTH_NONE, NONE, "", NULL, "not asked for, none shown"},
      {NET_TLS_CLIENT_AUTH_NONE, ANA, "", NULL, "not asked for"},
      {NET_TLS_CLIENT_AUTH_OPTIONAL, NONE, "", NULL, "optional, none shown"},
      {NET_TLS_CLIENT_AUTH_OPTIONAL, ANA, "CN=ana", NULL, "optional, shown"},
      {NET_TLS_CLIENT_AUTH_OPTIONAL, ANA_FOREIGN, "", "unknown ca", "optional, but a wrong one is wrong"},
      {NET_TLS_CLIENT_AUTH_REQUIRED, ANA, "CN=ana", NULL, "required, shown"},
      {NET_TLS_CLIENT_AUTH_REQUIRED, NONE, "", "certificate required", "required, none shown"},
      {NET_TLS_CLIENT_AUTH_REQUIRED, ANA_FOREIGN, "", "unknown ca", "another authority"},
      {NET_TLS_CLIENT_AUTH_REQUIRED, ANA_EXPIRED, "", "certificate expired", "expired"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    server s;
    client c = {0};
    net_tls_client_options o = {.ca_file = ids[CA].cert};
    if (rows[i].client != NONE) {
      o.cert_file = ids[rows[i].client].cert;
      o.key_file = ids[rows[i].client].key;
    }
    start(&s,
          &(net_tls_server_options){.main = pair(SERVER), .client_ca_file = ids[CA].cert, .client_auth = rows[i].auth});
    talk(&c, s.loop, s.address, "a.test", o);
    bool ok = rows[i].failure ? holds(c.failure, rows[i].failure) && s.received == 0
                              : c.failure[0] == '\0' && strcmp(s.subject, rows[i].subject) == 0;
    CHECK_MSG(ok, "%s: \"%s\", subject \"%s\"", rows[i].reason, c.failure, s.subject);
    CHECK_STR(c.opened ? c.subject : "CN=server", "CN=server");
    end(&s);
  }
}

/* --- which certificate --- */

static void the_name_chooses_the_certificate(void) {
  static const struct {
    const char *name, *subject; /* subject NULL: refused by the client, since the main one came */
  } rows[] = {{"a.test", "CN=server"},     {"127.0.0.1", "CN=server"}, {"b.test", "CN=wildcard"},
              {"y.w.test", "CN=wildcard"}, {"x.w.test", "CN=exact"},   {"X.W.test", "CN=exact"},
              {"unknown.test", NULL},      {"z.y.w.test", NULL}};
  const net_tls_pair sni[] = {pair(WILDCARD), pair(EXACT)};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    server s;
    client c = {0};
    start(&s, &(net_tls_server_options){.main = pair(SERVER), .sni = sni, .sni_count = 2});
    talk(&c, s.loop, s.address, rows[i].name, (net_tls_client_options){.ca_file = ids[CA].cert});
    CHECK_MSG(strcmp(c.subject, rows[i].subject ? rows[i].subject : "") == 0, "%s: %s", rows[i].name, c.subject);
    CHECK_MSG(holds(c.failure, rows[i].subject ? "" : "hostname mismatch"), "%s: %s", rows[i].name, c.failure);
    end(&s);
  }
}

static void bad_server_settings_are_told(void) {
  const net_tls_pair bad = {ids[ANA].cert, "/nonexistent.key"};
  const struct {
    net_tls_server_options o;
    const char *why;
  } rows[] = {
      {{.main = {NULL, NULL}}, "a certificate and its key are needed together"},
      {{.main = {ids[SERVER].cert, NULL}}, "a certificate and its key are needed together"},
      {{.main = {"/nonexistent.cert", ids[SERVER].key}}, "certificate /nonexistent.cert: cannot be read"},
      {{.main = {ids[SERVER].cert, ids[ANA].key}}, "key values mismatch"},
      {{.main = pair(SERVER), .sni = &bad, .sni_count = 1}, "key /nonexistent.key: cannot be read"},
      {{.main = pair(SERVER), .client_auth = NET_TLS_CLIENT_AUTH_REQUIRED}, "a client CA file is needed"},
      {{.main = pair(SERVER), .client_auth = NET_TLS_CLIENT_AUTH_OPTIONAL, .client_ca_file = ids[ANA].key}, "CA file"},
      {{.main = pair(SERVER), .sni = &bad, .sni_count = NET_TLS_SNI_MAX + 1}, "too many"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    net_tls_server *t = NULL;
    base_buf why;
    base_buf_init(&why, 1000);
    CHECK_ERR(net_tls_server_new(&rows[i].o, &why, &t), BASE_E_INVALID);
    CHECK_MSG(holds(why.data ? (char *)why.data : "", rows[i].why), "row %zu: \"%s\"", i, (char *)why.data);
    base_buf_dispose(&why);
  }
}

/* --- reloading --- */

static void write_text(const char *path, const char *text) {
  FILE *f = fopen(path, "w");
  fputs(text, f);
  fclose(f);
}

static void meet(server *s, const char *want_subject) {
  client c = {0};
  talk(&c, s->loop, s->address, "a.test", (net_tls_client_options){.ca_file = ids[CA].cert});
  CHECK_STR(c.subject, want_subject);
  CHECK_STR(c.failure, "");
}

static void certificates_change_under_living_connections(void) {
  server s;
  client stays = {.stays = true};
  base_buf why;
  test_pair files = test_make(folder, "live", &ca, (test_id_options){.cn = "first", .san = "DNS:a.test"});
  base_buf_init(&why, 1000);
  start(&s, &(net_tls_server_options){.main = {files.cert, files.key}});
  talk(&stays, s.loop, s.address, "a.test", (net_tls_client_options){.ca_file = ids[CA].cert});
  CHECK_STR(stays.subject, "CN=first");
  CHECK(!net_tls_server_is_stale(s.tls));

  test_make(folder, "live", &ca, (test_id_options){.cn = "second one", .san = "DNS:a.test"});
  CHECK(net_tls_server_is_stale(s.tls));
  meet(&s, "CN=first"); /* nothing happens by itself */
  CHECK_OK(net_tls_server_reload(s.tls, NULL, &why));
  CHECK(!net_tls_server_is_stale(s.tls));
  meet(&s, "CN=second one");

  write_text(files.cert, "no certificate");
  CHECK(net_tls_server_is_stale(s.tls));
  CHECK_ERR(net_tls_server_reload(s.tls, NULL, &why), BASE_E_INVALID);
  CHECK_MSG(holds((char *)why.data, files.cert), "%s", (char *)why.data);
  CHECK(!net_tls_server_is_stale(s.tls)); /* until it changes again: no error each second */
  meet(&s, "CN=second one");
  unlink(files.cert);
  CHECK(net_tls_server_is_stale(s.tls));

  CHECK_ERR(net_tls_server_reload(s.tls, &(net_tls_server_options){.main = pair(CA), .client_auth = 1}, &why),
            BASE_E_INVALID);
  CHECK(net_tls_server_is_stale(s.tls)); /* the refused options left no trace */
  CHECK_OK(net_tls_server_reload(s.tls, &(net_tls_server_options){.main = pair(SERVER)}, &why));
  CHECK(!net_tls_server_is_stale(s.tls));
  meet(&s, "CN=server");

  stays.stays = false; /* the first connection has seen nothing of it */
  stays.want = 2;
  CHECK_OK(net_conn_write(stays.conn, base_span_of((uint8_t[]){pattern(1)}, 1)));
  net_loop_run(s.loop);
  CHECK_INT(stays.received, 2);
  CHECK_INT(stays.wrong, 0);
  end(&s);
  unlink(files.key);
  base_buf_dispose(&why);
}

/* --- bytes --- */

static void much_goes_through_with_pauses(void) {
  for (int who = 0; who < 4; who++) {
    server s;
    client c = {.want = BIG, .stutter = who & 1};
    start(&s, &(net_tls_server_options){.main = pair(SERVER)});
    s.stutter = who & 2;
    talk(&c, s.loop, s.address, "a.test", (net_tls_client_options){.ca_file = ids[CA].cert, .alpn = "h2"});
    CHECK_INT(c.received, BIG);
    CHECK_INT(c.wrong, 0);
    CHECK_STR(c.failure, "");
    end(&s);
  }
}

/* --- clients that are not ours --- */

static void old_protocols_and_ciphers_are_refused(void) {
  static const struct {
    int version;
    const char *ciphers, *alpn;
    bool ok;
    const char *reason;
  } rows[] = {
      {TLS1_VERSION, "DEFAULT@SECLEVEL=0", NULL, false, "TLS 1.0"},
      {TLS1_1_VERSION, "DEFAULT@SECLEVEL=0", NULL, false, "TLS 1.1"},
      {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, true, "TLS 1.2"},
      {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", NULL, false, "CBC"},
      {TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, false, "no forward secrecy"},
      {TLS1_3_VERSION, NULL, NULL, true, "TLS 1.3"},
      {TLS1_3_VERSION, NULL, "\x08http/1.1", true, "http/1.1"},
      {TLS1_3_VERSION, NULL, "\x08http/0.9\x02h2", true, "h2 among others"},
      {TLS1_3_VERSION, NULL, "\x03smt", false, "another protocol"},
  };
  server s;
  start(&s, &(net_tls_server_options){.main = pair(SERVER)});
  test_loop t = {.loop = s.loop};
  test_loop_start(&t);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, rows[i].version);
    SSL_CTX_set_max_proto_version(ctx, rows[i].version);
    CHECK(!rows[i].ciphers || SSL_CTX_set_cipher_list(ctx, rows[i].ciphers) == 1);
    if (rows[i].alpn) {
      SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)rows[i].alpn, (unsigned)strlen(rows[i].alpn));
    }
    int fd = test_connect(net_listener_port(s.listener));
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    CHECK_MSG((SSL_connect(ssl) == 1) == rows[i].ok, "%s", rows[i].reason);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
  }
  net_loop_stop(t.loop);
  pthread_join(t.thread, NULL);
  end(&s);
}

/* Each byte of the handshake and of a record in a segment of its own. */
static void bytes_may_come_one_by_one(void) {
  server s;
  start(&s, &(net_tls_server_options){.main = pair(SERVER)});
  test_loop t = {.loop = s.loop};
  test_loop_start(&t);
  int fd = test_connect(net_listener_port(s.listener)), on = 1;
  setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(ctx);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  SSL_set_connect_state(ssl);
  char got[8] = "";
  int n = 0;
  for (bool asked = false; n <= 0;) {
    char buffer[4096];
    if (!asked && SSL_do_handshake(ssl) == 1) {
      asked = SSL_write(ssl, "hello", 5) == 5;
    }
    for (char byte; BIO_read(out, &byte, 1) == 1;) {
      REQUIRE(test_send(fd, &byte, 1));
    }
    ssize_t more = recv(fd, buffer, sizeof buffer, 0);
    REQUIRE(more > 0);
    BIO_write(in, buffer, (int)more);
    n = asked ? SSL_read(ssl, got, sizeof got - 1) : 0;
  }
  CHECK_STR(got, "hello");
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  close(fd);
  net_loop_stop(t.loop);
  pthread_join(t.thread, NULL);
  CHECK_STR(s.subject, "");
  end(&s);
}

TEST_MAIN(TEST(make_ids), TEST(servers_are_verified), TEST(bad_client_settings_are_told), TEST(odd_servers_are_refused),
          TEST(clients_are_verified), TEST(the_name_chooses_the_certificate), TEST(bad_server_settings_are_told),
          TEST(certificates_change_under_living_connections), TEST(much_goes_through_with_pauses),
          TEST(old_protocols_and_ciphers_are_refused), TEST(bytes_may_come_one_by_one), TEST(remove_ids))
