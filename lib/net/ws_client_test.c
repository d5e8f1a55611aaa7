#include "net/ws_client.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/test.h"
#include "net/test_cert.h"
#include "net/test_peer.h"

enum { MAX_MESSAGE = 300000, BINARY = 0x82, TEXT = 0x81, CLOSE = 0x88, PING = 0x89, PONG = 0x8a };

/* --- the server: a blocking socket, a handshake, and frames by hand, so that it can also do wrong --- */

typedef struct {
  int fd, port;
} listener;

static void listen_on(listener *l) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  struct timeval limit = {.tv_sec = TEST_DEADLINE_S};
  l->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (bind(l->fd, (struct sockaddr *)&a, n) != 0 || listen(l->fd, 8) != 0 ||
      getsockname(l->fd, (struct sockaddr *)&a, &n) != 0) {
    abort();
  }
  l->port = ntohs(a.sin_port);
}

static int accept_from(const listener *l) {
  struct timeval limit = {.tv_sec = TEST_DEADLINE_S};
  int fd = accept(l->fd, NULL, NULL);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

static bool read_head(int fd, char *out, size_t size) {
  size_t n = 0;
  while (n + 1 < size && test_read(fd, out + n, 1) == 1) {
    out[++n] = '\0';
    if (n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0) {
      return true;
    }
  }
  return false;
}

/* The answer to an upgrade request. */
static bool make_answer(const char *head, char *answer, size_t size) {
  char text[128], accept_key[64];
  unsigned char digest[SHA_DIGEST_LENGTH];
  const char *key = strstr(head, "Sec-WebSocket-Key: ");
  if (!key) {
    return false;
  }
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
  SHA1((const unsigned char *)text, strlen(text), digest);
  EVP_EncodeBlock((unsigned char *)accept_key, digest, sizeof digest);
  snprintf(
      answer, size,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
      "Sec-WebSocket-Protocol: test.v1\r\n\r\n",
      accept_key);
  return true;
}

/* Answers the upgrade; `head` keeps the request. */
static bool handshake(int fd, char *head, size_t size) {
  char answer[256];
  return read_head(fd, head, size) && make_answer(head, answer, sizeof answer) && test_send_text(fd, answer);
}

/* One frame of the client, unmasked; returns its first byte, or -1. */
static int read_frame(int fd, uint8_t *out, size_t *n) {
  uint8_t head[2], extended[8], mask[4];
  if (test_read(fd, head, 2) != 2 || !(head[1] & 0x80)) {
    return -1;
  }
  uint64_t size = head[1] & 0x7f;
  size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (more > 0) {
    size = 0;
    if (test_read(fd, extended, more) != more) {
      return -1;
    }
    for (size_t i = 0; i < more; i++) {
      size = size << 8 | extended[i];
    }
  }
  if (size > MAX_MESSAGE || test_read(fd, mask, 4) != 4 || test_read(fd, out, size) != size) {
    return -1;
  }
  for (size_t i = 0; i < size; i++) {
    out[i] ^= mask[i % 4];
  }
  *n = size;
  return head[0];
}

static bool send_frame(int fd, int first, const void *p, size_t n) {
  uint8_t head[10] = {(uint8_t)first, (uint8_t)n};
  size_t used = 2;
  if (n > 125) {
    head[1] = 127;
    for (int i = 0; i < 8; i++) {
      head[2 + i] = (uint8_t)((uint64_t)n >> (8 * (7 - i)));
    }
    used = 10;
  }
  return test_send(fd, head, used) && test_send(fd, p, n);
}

/* --- the client under test --- */

typedef struct {
  test_loop t;
  net_ws *ws; /* loop thread only */
  listener l;
  atomic_int opened, messages, bytes, closed, code;
  char reason[128];
  size_t send_sizes[4];
  int close_code; /* after the messages, if not 0 */
  bool close_in_open;
} client;

static void send_all(client *c) {
  for (size_t i = 0; i < 4 && c->send_sizes[i] > 0; i++) {
    size_t n = c->send_sizes[i];
    uint8_t *p = malloc(n);
    memset(p, (int)('a' + i), n);
    CHECK_OK(net_ws_send(c->ws, base_span_of(p, n)));
    free(p);
  }
}

static void on_open(void *ctx) {
  client *c = ctx;
  atomic_fetch_add(&c->opened, 1);
  send_all(c);
  if (c->close_in_open) {
    net_ws_close(c->ws, c->close_code);
    net_ws_close(c->ws, 1000);
    CHECK_ERR(net_ws_send(c->ws, base_span_str("late")), BASE_E_IO);
  }
}

static void on_message(void *ctx, base_span message) {
  client *c = ctx;
  atomic_fetch_add(&c->bytes, (int)message.n);
  atomic_fetch_add(&c->messages, 1);
}

static void on_close(void *ctx, int code, const char *reason) {
  client *c = ctx;
  atomic_store(&c->code, code);
  snprintf(c->reason, sizeof c->reason, "%s", reason);
  atomic_fetch_add(&c->closed, 1);
}

static const net_ws_events events = {on_open, on_message, on_close};

static void connect_to(client *c, int port) {
  char url[64];
  snprintf(url, sizeof url, "ws://127.0.0.1:%d/ws?x=1", port);
  CHECK_OK(net_loop_new(NULL, &c->t.loop));
  CHECK_OK(net_ws_connect(c->t.loop, url, "test.v1", MAX_MESSAGE, &events, c, &c->ws));
  CHECK_INT(c->closed, 0); /* never from inside the call */
}

/* Connects and accepts; the socket of the server's side. */
static int open_pair(client *c, char *head, size_t size) {
  listen_on(&c->l);
  connect_to(c, c->l.port);
  test_loop_start(&c->t);
  int fd = accept_from(&c->l);
  CHECK(handshake(fd, head, size));
  CHECK(test_wait(&c->opened, 1));
  return fd;
}

static void finish(client *c, int fd) {
  close(fd);
  close(c->l.fd);
  CHECK(test_wait(&c->closed, 1));
  test_loop_end(&c->t);
  CHECK_INT(c->closed, 1);
}

static void messages_go_both_ways(void) {
  client c = {.send_sizes = {1, 125, 70000, 200000}};
  char head[2048];
  uint8_t *got = malloc(MAX_MESSAGE);
  int fd = open_pair(&c, head, sizeof head);
  CHECK(strstr(head, "GET /ws?x=1 HTTP/1.1\r\n") != NULL);
  CHECK(strstr(head, "Sec-WebSocket-Protocol: test.v1\r\n") != NULL);
  CHECK(strstr(head, "Sec-WebSocket-Extensions") == NULL);
  char host[64];
  snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", c.l.port);
  CHECK(strstr(head, host) != NULL);
  for (size_t i = 0; i < 4; i++) {
    size_t n = 0;
    CHECK_INT(read_frame(fd, got, &n), BINARY);
    CHECK_INT(n, c.send_sizes[i]);
    CHECK(n > 0 && got[0] == 'a' + i && got[n - 1] == 'a' + i);
    CHECK(send_frame(fd, BINARY, got, n));
  }
  CHECK(test_wait(&c.messages, 4));
  CHECK_INT(c.bytes, 1 + 125 + 70000 + 200000);
  /* fragments of one message, with a ping between them */
  size_t n = 0;
  CHECK(send_frame(fd, 0x02, "ab", 2) && send_frame(fd, PING, "p", 1) && send_frame(fd, 0x80, "cd", 2));
  CHECK_INT(read_frame(fd, got, &n), PONG);
  CHECK(test_wait(&c.messages, 5));
  CHECK_INT(c.bytes, 1 + 125 + 70000 + 200000 + 4);
  CHECK(send_frame(fd, CLOSE,
                   "\x0f\xa1"
                   "drain",
                   7));
  CHECK_INT(read_frame(fd, got, &n), CLOSE);
  finish(&c, fd);
  CHECK_INT(c.code, 4001);
  CHECK_STR(c.reason, "drain");
  free(got);
}

static void closing_sends_what_is_queued_first(void) {
  client c = {.send_sizes = {3, 100000}, .close_in_open = true, .close_code = 1000};
  char head[2048];
  uint8_t *got = malloc(MAX_MESSAGE);
  size_t n = 0;
  int fd = open_pair(&c, head, sizeof head);
  CHECK_INT(read_frame(fd, got, &n), BINARY);
  CHECK_INT(read_frame(fd, got, &n), BINARY);
  CHECK_INT(n, 100000);
  CHECK_INT(read_frame(fd, got, &n), CLOSE);
  CHECK(n >= 2 && got[0] == 0x03 && got[1] == 0xe8);
  send_frame(fd, CLOSE, got, 2); /* may find the socket closed: lws does not wait for the answer */
  finish(&c, fd);
  CHECK_INT(c.code, 1000);
  free(got);
}

/* What a server can do wrong, and the code the owner sees. */
static void wrong_servers_are_told_apart(void) {
  static const struct {
    const char *reason;
    int first;
    size_t n;
    int want;
  } rows[] = {
      {"the connection is lost", 0, 0, 1006},
      {"a text message", TEXT, 5, 1003},
      {"a message too large", BINARY, MAX_MESSAGE + 1, 1009},
      {"a close without a code", CLOSE, 0, 1005},
  };
  uint8_t *block = calloc(1, MAX_MESSAGE + 1);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    client c = {0};
    char head[2048];
    int fd = open_pair(&c, head, sizeof head);
    if (rows[i].first) {
      CHECK(send_frame(fd, rows[i].first, block, rows[i].n));
      size_t n = 0;
      uint8_t got[256];
      CHECK_MSG(read_frame(fd, got, &n) == CLOSE, "%s", rows[i].reason);
    }
    finish(&c, fd);
    CHECK_MSG(c.code == rows[i].want, "%s: %d %s", rows[i].reason, c.code, c.reason);
    CHECK_INT(c.messages, 0);
  }
  free(block);
}

static void a_failed_connect_is_told_once(void) {
  listener l;
  listen_on(&l);
  close(l.fd); /* nobody listens there now */
  client c = {0};
  connect_to(&c, l.port);
  test_loop_start(&c.t);
  CHECK(test_wait(&c.closed, 1));
  test_loop_end(&c.t);
  CHECK_INT(c.closed, 1);
  CHECK_INT(c.opened, 0);
  CHECK_INT(c.code, 1006);
}

static void a_refused_upgrade_is_told_once(void) {
  static const char *const answers[] = {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n", ""};
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    client c = {0};
    char head[2048];
    listen_on(&c.l);
    connect_to(&c, c.l.port);
    test_loop_start(&c.t);
    int fd = accept_from(&c.l);
    CHECK(read_head(fd, head, sizeof head));
    CHECK(test_send_text(fd, answers[i]));
    finish(&c, fd);
    CHECK_INT(c.opened, 0);
    CHECK_INT(c.code, 1006);
  }
}

static void closing_before_it_is_open_works(void) {
  client c = {0};
  listen_on(&c.l);
  connect_to(&c, c.l.port);
  net_ws_close(c.ws, 1000);
  test_loop_start(&c.t);
  CHECK(test_wait(&c.closed, 1));
  CHECK_INT(c.opened, 0);
  test_loop_end(&c.t);
  close(c.l.fd);
}

static void a_freed_loop_tells_the_owner(void) {
  client c = {0};
  char head[2048];
  int fd = open_pair(&c, head, sizeof head);
  test_loop_end(&c.t);
  CHECK_INT(c.closed, 1);
  CHECK_INT(c.code, 1006);
  close(fd);
  close(c.l.fd);
}

static void the_queue_has_a_ceiling(void) {
  client c = {0};
  listen_on(&c.l);
  connect_to(&c, c.l.port);
  uint8_t *block = calloc(1, 1 << 20);
  for (int i = 0; i < 16; i++) {
    CHECK_OK(net_ws_send(c.ws, base_span_of(block, 1 << 20))); /* before it is open: queued */
  }
  CHECK_INT(net_ws_queued(c.ws), 16 << 20);
  CHECK_ERR(net_ws_send(c.ws, base_span_of(block, 1)), BASE_E_TOO_LARGE);
  net_loop_free(c.t.loop);
  CHECK_INT(c.closed, 1);
  free(block);
  close(c.l.fd);
}

static void bad_urls_are_refused(void) {
  static const char *const urls[] = {"",           "127.0.0.1:80", "http://127.0.0.1/", "ws://",
                                     "ws:///x",    "ws://h:0/",    "ws://h:/",          "ws://h:65536/",
                                     "ws://h:8x/", "ws://[::1/x",  "ws://[::1]8/"};
  net_loop *l = NULL;
  net_ws *w = NULL;
  client c = {0};
  CHECK_OK(net_loop_new(NULL, &l));
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    base_err e = net_ws_connect(l, urls[i], "test.v1", 100, &events, &c, &w);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "%s: %s", urls[i], base_err_name(e));
  }
  net_loop_free(l);
  CHECK_INT(c.closed, 0);
}

/* --- TLS: a server on a loop of its own that answers the upgrade and sends one message --- */

typedef struct {
  net_conn *conn;
  base_buf head;
} tls_codec;

static void tls_on_bytes(void *codec, base_span bytes) {
  tls_codec *t = codec;
  char answer[256], head[4096];
  CHECK_OK(base_buf_append(&t->head, bytes));
  snprintf(head, sizeof head, "%.*s", BASE_SPAN_ARG(base_buf_span(&t->head)));
  if (strstr(head, "\r\n\r\n") && make_answer(head, answer, sizeof answer)) {
    CHECK_OK(net_conn_write(t->conn, base_span_str(answer)));
    CHECK_OK(net_conn_write(t->conn, base_span_of("\x82\x02hi", 4)));
  }
}
static void tls_on_drained(void *codec) { (void)codec; }
static void tls_on_closed(void *codec) {
  tls_codec *t = codec;
  base_buf_dispose(&t->head);
  free(t);
}
static const net_codec_vt tls_vt = {tls_on_bytes, tls_on_drained, NULL, tls_on_closed};

static bool tls_on_accept(void *ctx, net_conn *conn) {
  tls_codec *t = calloc(1, sizeof *t);
  (void)ctx;
  t->conn = conn;
  base_buf_init(&t->head, 65536);
  net_conn_set_codec(conn, &tls_vt, t);
  return true;
}

static void wss_trusts_only_known_certificates(void) {
  credentials keys;
  test_loop server;
  net_listener *listening = NULL;
  char url[64];
  make_credentials(&keys);
  CHECK_OK(net_loop_new(NULL, &server.loop));
  const net_listener_options options = {
      .address = "127.0.0.1:0", .cert_file = keys.cert, .key_file = keys.key, .on_accept = tls_on_accept};
  CHECK_OK(net_listen(server.loop, &options, &listening));
  snprintf(url, sizeof url, "wss://localhost:%d/ws", net_listener_port(listening));
  test_loop_start(&server);
  for (int trusted = 0; trusted < 2; trusted++) {
    client c = {0};
    if (trusted) {
      setenv("SSL_CERT_FILE", keys.cert, 1);
    }
    CHECK_OK(net_loop_new(NULL, &c.t.loop));
    CHECK_OK(net_ws_connect(c.t.loop, url, "test.v1", MAX_MESSAGE, &events, &c, &c.ws));
    test_loop_start(&c.t);
    CHECK(test_wait(trusted ? &c.messages : &c.closed, 1));
    test_loop_end(&c.t);
    CHECK_INT(c.opened, trusted);
    CHECK_INT(c.bytes, trusted ? 2 : 0);
    CHECK_INT(c.closed, 1);
    CHECK_INT(c.code, 1006);
  }
  unsetenv("SSL_CERT_FILE");
  test_loop_end(&server);
  remove_credentials(&keys);
}

TEST_MAIN(TEST(messages_go_both_ways), TEST(closing_sends_what_is_queued_first), TEST(wrong_servers_are_told_apart),
          TEST(a_failed_connect_is_told_once), TEST(a_refused_upgrade_is_told_once),
          TEST(closing_before_it_is_open_works), TEST(a_freed_loop_tells_the_owner), TEST(the_queue_has_a_ceiling),
          TEST(bad_urls_are_refused), TEST(wss_trusts_only_known_certificates))
