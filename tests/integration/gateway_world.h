/* gateway_world.h - test code only: the echo service behind a real ponte-gateway, and a blocking ponte.v1 client with the frames in its hands, so that it can also do
 * what no client should. */
#ifndef PONTE_TESTS_GATEWAY_WORLD_H
#define PONTE_TESTS_GATEWAY_WORLD_H

#include "base/test.h"
#include "process.h"
#include "wire/frame.h"
#include "wire/mux.h"

typedef struct {
  process echo, gateway;
  int echo_port, port, admin;
} world;

static inline bool world_start_echo(world *w) {
  char address[64], line[64];
  snprintf(address, sizeof address, "127.0.0.1:%d", w->echo_port);
  return process_start(&w->echo, "ECHO_SERVER", (const char *const[]){address, "--report", NULL}) &&
         process_line(&w->echo, line, sizeof line) && sscanf(line, "%d", &w->echo_port) == 1;
}

/* `more` are further flags, or NULL. */
static inline bool world_start(world *w, const char *const *more) {
  char upstream[64], line[128];
  const char *args[ARGS_MAX] = {"--upstream", upstream, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"};
  memset(w, 0, sizeof *w);
  if (!world_start_echo(w)) {
    return false;
  }
  snprintf(upstream, sizeof upstream, "127.0.0.1:%d", w->echo_port);
  for (int i = 0; more && more[i]; i++) {
    args[6 + i] = more[i];
  }
  return process_start(&w->gateway, "PONTE_GATEWAY", args) && process_line(&w->gateway, line, sizeof line) &&
         sscanf(line, "admin http://127.0.0.1:%d", &w->admin) == 1 && process_line(&w->gateway, line, sizeof line) &&
         sscanf(line, "listening http://127.0.0.1:%d", &w->port) == 1;
}

static inline void world_end(world *w) {
  CHECK_INT(process_stop(&w->gateway, SIGTERM), 0);
  process_stop(&w->echo, SIGKILL);
}

/* One sample of /metrics; -1 if it is not there. */
static inline long world_metric(const world *w, const char *sample) {
  static char out[1 << 18];
  char wanted[128];
  long value = -1;
  http_ask(w->admin, "GET", "/metrics", "Host: localhost\r\n", out, sizeof out);
  snprintf(wanted, sizeof wanted, "\n%s ", sample);
  const char *at = strstr(out, wanted);
  return at && sscanf(at + strlen(wanted), "%ld", &value) == 1 ? value : -1;
}

/* Waits until the sample has the value. */
static inline bool world_metric_becomes(const world *w, const char *sample, long want) {
  struct timespec tick = {.tv_nsec = 10000000};
  for (int i = 0; i < WAIT_S * 100; i++) {
    if (world_metric(w, sample) == want) {
      return true;
    }
    nanosleep(&tick, NULL);
  }
  return false;
}

/* -- the client ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
  int fd;
  base_buf out;                     /* frames of the next message */
  uint8_t in[WIRE_MUX_MESSAGE_MAX]; /* the message at hand */
  base_span left;                   /* of it */
  int close_code;                   /* once the gateway has closed; 1006 without a close frame */
  uint32_t credit;                  /* of the gateway's HELLO */
} client;

#define UPGRADE                                                                \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ponte.v1\r\n"

static inline void client_frame(client *c, uint8_t first, base_span payload) {
  static const uint8_t mask[4] = {1, 2, 3, 4};
  uint8_t head[14] = {first};
  size_t n = 2;
  if (payload.n > 0xffff) {
    head[1] = 0x80 | 127;
    for (int i = 7; i >= 0; i--) {
      head[n++] = (uint8_t)((uint64_t)payload.n >> (8 * i));
    }
  } else if (payload.n > 125) {
    head[1] = 0x80 | 126;
    head[n++] = (uint8_t)(payload.n >> 8);
    head[n++] = (uint8_t)payload.n;
  } else {
    head[1] = 0x80 | (uint8_t)payload.n;
  }
  memcpy(head + n, mask, 4);
  uint8_t *masked = malloc(payload.n + 1);
  if (masked == NULL) {
    abort();
  }
  for (size_t i = 0; i < payload.n; i++) {
    masked[i] = payload.p[i] ^ mask[i % 4];
  }
  tcp_send(c->fd, head, n + 4);
  tcp_send(c->fd, masked, payload.n);
  free(masked);
}

/* The frames put so far leave as one message. */
static inline void client_send(client *c) {
  client_frame(c, 0x82, base_buf_span(&c->out));
  base_buf_clear(&c->out);
}

/* The socket alone: no HELLO is sent. The status of the answer; 101 when it is open. */
static inline int client_upgrade(client *c, int port, const char *head) {
  char text[2048], answer[4096];
  memset(c, 0, sizeof *c);
  base_buf_init(&c->out, 1 << 20);
  c->fd = tcp_connect(port);
  int n = snprintf(text, sizeof text, "GET /ponte.v1 HTTP/1.1\r\n%s\r\n", head);
  tcp_send(c->fd, text, (size_t)n);
  return http_read_head(c->fd, answer, sizeof answer);
}

static inline bool read_message(client *c) {
  uint8_t head[10];
  if (tcp_read(c->fd, head, 2) != 2) {
    c->close_code = 1006;
    return false;
  }
  size_t n = head[1];
  if (n == 126) {
    tcp_read(c->fd, head + 2, 2);
    n = (size_t)head[2] << 8 | head[3];
  } else if (n == 127) {
    tcp_read(c->fd, head + 2, 8);
    n = (size_t)head[7] << 16 | (size_t)head[8] << 8 | head[9];
  }
  if (n > sizeof c->in || tcp_read(c->fd, c->in, n) != n) {
    c->close_code = 1006;
    return false;
  }
  if (head[0] == 0x88) {
    c->close_code = n >= 2 ? c->in[0] << 8 | c->in[1] : 1005;
    return false;
  }
  c->left = base_span_of(c->in, n);
  return true;
}

/* The next frame; false once the gateway has closed (close_code says how). PINGs are answered. */
static inline bool client_next(client *c, wire_mux_frame *f) {
  for (;;) {
    if (c->left.n == 0 && !read_message(c)) {
      return false;
    }
    base_err e = wire_mux_next(&c->left, f);
    CHECK_OK(e);
    if (!base_is_ok(e)) {
      return false;
    }
    if (f->type != WIRE_MUX_PING) {
      return true;
    }
    base_buf pong;
    base_buf_init(&pong, 64);
    uint64_t value = 0;
    CHECK_OK(wire_mux_get_ping(f->payload, &value));
    CHECK_OK(wire_mux_put_ping(&pong, true, value));
    client_frame(c, 0x82, base_buf_span(&pong));
    base_buf_dispose(&pong);
  }
}

/* Opens, says HELLO with this credit for each call, and takes the gateway's. */
static inline bool client_open(client *c, int port, uint32_t credit) {
  wire_mux_frame f;
  wire_mux_hello h;
  if (client_upgrade(c, port, "Host: localhost\r\n" UPGRADE) != 101) {
    return false;
  }
  CHECK_OK(
      wire_mux_put_hello(&c->out, &(wire_mux_hello){.version = 1, .call_credit = credit, .max_message = 16 << 20}));
  client_send(c);
  if (!client_next(c, &f) || f.type != WIRE_MUX_HELLO || !base_is_ok(wire_mux_get_hello(f.payload, &h))) {
    return false;
  }
  c->credit = h.call_credit;
  return true;
}

static inline void client_close(client *c) {
  close(c->fd);
  base_buf_dispose(&c->out);
}

/* Reads on until the gateway closes; the code. */
static inline int client_close_code(client *c) {
  wire_mux_frame f;
  while (client_next(c, &f)) {
  }
  return c->close_code;
}

#endif
