/* bench_sockets PORT [option VALUE]... - live audio over WebSockets, one bidirectional call on each, or sockets that only wait: bench_streams for browsers that use
 * ponte.v1 or grpc-websockets.
 *
 *   streams N (400)  rate N (50 messages a second on each; 0: none)  bytes N (320 a message)  seconds N (5)  warmup N (1)
 *   path P (/bench.Echo/Bidi)  protocol ponte.v1|grpc-websockets  calls 0: sockets without a call  deflate 1: offers permessage-deflate
 *   hold 1: when all are open say "open" and stay until stdin ends
 *
 * It does not count its credit: a gateway of ponte.v1 that falls more than half a window behind ends the call with 4003, and that is the run's end.
 * Prints "sent received late": messages after the warm-up, and how many were more than a period behind their time. The ticks of the streams are spread evenly.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pace.h"
#include "wire/mux.h"
#include "wire/ws.h"

enum { FRAME_HEAD = 5, EVENTS = 64, MAX_BYTES = 60000, READ_BYTES = 65536, TEXT = 1024 };

static struct {
  long port, streams, rate, bytes, seconds, warmup, hold, calls, deflate;
  const char *path, *protocol;
} options = {.streams = 400,
             .rate = 50,
             .bytes = 320,
             .seconds = 5,
             .warmup = 1,
             .calls = 1,
             .path = "/bench.Echo/Bidi",
             .protocol = WIRE_MUX_SUBPROTOCOL};

struct stream {
  int fd;
  uint64_t received;
  bool open;
};

static struct stream *streams;
static uint8_t message[WIRE_WS_HEAD_MAX + WIRE_MUX_HEAD + FRAME_HEAD + MAX_BYTES];
static size_t message_n, payload_n; /* with its frames; without */
static long open_count;
static int epoll;
static uint64_t received_bytes;
static bool is_mux;

static void read_options(int argc, char **argv) {
  static const pace_option rows[] = {{"streams", &options.streams, NULL},   {"rate", &options.rate, NULL},
                                     {"bytes", &options.bytes, NULL},       {"seconds", &options.seconds, NULL},
                                     {"warmup", &options.warmup, NULL},     {"hold", &options.hold, NULL},
                                     {"calls", &options.calls, NULL},       {"path", NULL, &options.path},
                                     {"protocol", NULL, &options.protocol}, {"deflate", &options.deflate, NULL}};
  pace_read_options(argc, argv, rows, sizeof rows / sizeof *rows, &options.port);
  if (options.bytes > MAX_BYTES || options.streams < 1 || (options.rate == 0 && !options.hold)) {
    pace_die("an option is out of range");
  }
  is_mux = strcmp(options.protocol, WIRE_MUX_SUBPROTOCOL) == 0;
}

static void check(base_err e) {
  if (!base_is_ok(e)) {
    pace_die("%s", base_err_text(e));
  }
}

/* One frame with a mask of zeroes, so that the payload stays as it is. */
static size_t frame(uint8_t *out, base_span payload) {
  size_t n = wire_ws_head(out, WIRE_WS_FIN | WIRE_WS_BINARY, payload.n);
  out[1] |= 0x80;
  memset(out + n, 0, 4);
  memcpy(out + n + 4, payload.p, payload.n);
  return n + 4 + payload.n;
}

static void put_grpc(base_buf *out) {
  static uint8_t bytes[MAX_BYTES];
  uint32_t x = 1;
  for (long i = 0; i < options.bytes; i++) { /* like sound: compression finds nothing */
    x = x * 1103515245 + 12345;
    bytes[i] = (uint8_t)(x >> 16);
  }
  check(base_buf_u8(out, 0));
  check(base_buf_u32(out, (uint32_t)options.bytes));
  check(base_buf_append(out, base_span_of(bytes, (size_t)options.bytes)));
}

static void make_message(void) {
  base_buf grpc, payload;
  base_buf_init(&grpc, WIRE_MUX_MESSAGE_MAX);
  base_buf_init(&payload, WIRE_MUX_MESSAGE_MAX);
  put_grpc(&grpc);
  payload_n = base_buf_size(&grpc);
  if (is_mux) {
    check(wire_mux_put_data(&payload, 1, base_buf_span(&grpc), false));
  } else {
    check(base_buf_u8(&payload, 0));
    check(base_buf_append(&payload, base_buf_span(&grpc)));
  }
  message_n = frame(message, base_buf_span(&payload));
  base_buf_dispose(&grpc);
  base_buf_dispose(&payload);
}

/* What opens the call: HELLO and OPEN, or the header frame. */
static size_t make_opening(uint8_t out[TEXT]) {
  base_buf b;
  base_buf_init(&b, TEXT - WIRE_WS_HEAD_MAX);
  if (is_mux) {
    wire_mux_open open = {.path = base_span_str(options.path)};
    wire_metadata_init(&open.metadata);
    check(wire_mux_put_hello(&b, &(wire_mux_hello){.version = 1, .call_credit = INT32_MAX, .max_message = 1 << 20}));
    if (options.calls > 0) {
      check(wire_mux_put_open(&b, 1, &open));
    }
    wire_metadata_dispose(&open.metadata);
  } else {
    check(base_buf_str(&b, "content-type: application/grpc-web+proto\r\n"));
  }
  size_t n = frame(out, base_buf_span(&b));
  base_buf_dispose(&b);
  return n;
}

static void send_all(struct stream *s, const uint8_t *bytes, size_t n) {
  if (send(s->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n) {
    pace_die("the gateway does not take a message, or closed");
  }
}

static void open_socket(struct stream *s) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)options.port)};
  char text[TEXT];
  uint8_t opening[TEXT];
  size_t n = 0;
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof address) != 0) {
    pace_die("no connection to port %ld", options.port);
  }
  int length =
      snprintf(text, sizeof text,
               "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "Sec-WebSocket-Protocol: %s\r\n%s\r\n",
               options.path, options.port, options.protocol,
               options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  send_all(s, (const uint8_t *)text, (size_t)length);
  while (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0) {
    if (n == sizeof text || recv(s->fd, text + n, 1, 0) != 1) {
      pace_die("no WebSocket: %.*s", (int)n, text);
    }
    n++;
  }
  if (is_mux || options.calls > 0) {
    send_all(s, opening, make_opening(opening));
  }
  if (options.calls > 0) {
    send_all(s, message, message_n); /* the first message makes the service answer */
  }
}

static void turn(int timeout_ms) {
  static uint8_t bytes[READ_BYTES];
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll, events, EVENTS, timeout_ms);
  for (int i = 0; i < n; i++) {
    struct stream *s = events[i].data.ptr;
    ssize_t got = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
      continue;
    }
    if (got <= 0) {
      pace_die("the gateway closed a socket: %s", got < 0 ? strerror(errno) : "end");
    }
    received_bytes += (uint64_t)got;
    s->received += (uint64_t)got;
    if (!s->open && s->received >= payload_n) {
      s->open = true;
      open_count++;
    }
  }
}

static void send_one(long stream) { send_all(&streams[stream], message, message_n); }

int main(int argc, char **argv) {
  read_options(argc, argv);
  make_message();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  streams = calloc((size_t)options.streams, sizeof *streams);
  if (epoll < 0 || streams == NULL) {
    pace_die("cannot start");
  }
  for (long i = 0; i < options.streams; i++) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &streams[i]};
    open_socket(&streams[i]);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, streams[i].fd, &e) != 0) {
      pace_die("cannot wait");
    }
  }
  while (options.calls > 0 && open_count < options.streams) {
    turn(-1);
  }
  if (options.hold) {
    pace_hold();
    return 0;
  }
  pace_run(&(pace_plan){.streams = options.streams,
                        .rate = options.rate,
                        .seconds = options.seconds,
                        .warmup = options.warmup,
                        .answer_bytes = payload_n,
                        .received = &received_bytes,
                        .send = send_one,
                        .turn = turn});
  return 0;
}
