/* bench_streams PORT [option VALUE]... - gRPC calls over HTTP/2 cleartext that stay open: live audio as browsers send it, or calls that only wait.
 *
 *   connections N (4)  streams N (400, in all)  rate N (50 messages a second on each; 0: none)  bytes N (320 a message)  seconds N (5)  warmup N (1)
 *   path P (/bench.Echo/Bidi)  type T (application/grpc-web+proto)  hold 1: when all streams are open say "open" and stay until stdin ends
 *
 * Prints "sent received late": messages after the warm-up, and how many were more than a period behind their time. The ticks of the streams are spread evenly.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "h2_socket.h"
#include "pace.h"

enum { FRAME_HEAD = 5, EVENTS = 64, MAX_BYTES = 65536 };

static struct {
  long port, connections, streams, rate, bytes, seconds, warmup, hold;
  const char *path, *type;
} options = {.connections = 4,
             .streams = 400,
             .rate = 50,
             .bytes = 320,
             .seconds = 5,
             .warmup = 1,
             .path = "/bench.Echo/Bidi",
             .type = "application/grpc-web+proto"};

struct connection {
  h2_socket socket;
  bool dirty;
};

struct stream {
  struct connection *connection;
  int32_t id;
  uint64_t received;
  size_t unsent; /* bytes of messages that wait to be pulled */
  size_t at;     /* in the present message */
  bool waiting, open;
};

static struct stream *streams;
static struct connection *connections;
static int epoll;
static uint8_t message[FRAME_HEAD + MAX_BYTES];
static size_t message_n;
static long open_count;
static uint64_t received_bytes;

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *user_data) {
  struct stream *s = source->ptr;
  size_t done = 0;
  (void)session, (void)id, (void)flags, (void)user_data;
  if (s->unsent == 0) {
    s->waiting = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  while (done < room && s->unsent > 0) {
    size_t n = message_n - s->at < room - done ? message_n - s->at : room - done;
    memcpy(buf + done, message + s->at, n);
    done += n;
    s->unsent -= n;
    s->at = (s->at + n) % message_n;
  }
  return (ssize_t)done;
}

static nghttp2_nv header(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void open_stream(struct stream *s) {
  char authority[32];
  snprintf(authority, sizeof authority, "127.0.0.1:%ld", options.port);
  const nghttp2_nv head[] = {header(":method", "POST"),
                             header(":scheme", "http"),
                             header(":path", options.path),
                             header(":authority", authority),
                             header("content-type", options.type),
                             header("te", "trailers")};
  const nghttp2_data_provider body = {.source.ptr = s, .read_callback = on_read};
  s->unsent = message_n; /* the first message makes the service answer */
  s->id = nghttp2_submit_request(s->connection->socket.session, NULL, head, sizeof head / sizeof *head, &body, s);
  if (s->id < 0) {
    h2_die("a stream cannot be opened: %s", nghttp2_strerror(s->id));
  }
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n,
                   void *user_data) {
  struct stream *s = nghttp2_session_get_stream_user_data(session, id);
  (void)flags, (void)bytes, (void)user_data;
  if (!s->open) {
    s->open = true;
    open_count++;
  }
  s->received += n;
  received_bytes += n;
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data) {
  (void)session, (void)user_data;
  errno = 0;
  h2_die("stream %d ended with %s", id, nghttp2_http2_strerror(code));
}

static void read_options(int argc, char **argv) {
  static const pace_option rows[] = {{"connections", &options.connections, NULL},
                                     {"streams", &options.streams, NULL},
                                     {"rate", &options.rate, NULL},
                                     {"bytes", &options.bytes, NULL},
                                     {"seconds", &options.seconds, NULL},
                                     {"warmup", &options.warmup, NULL},
                                     {"hold", &options.hold, NULL},
                                     {"path", NULL, &options.path},
                                     {"type", NULL, &options.type}};
  pace_read_options(argc, argv, rows, sizeof rows / sizeof *rows, &options.port);
  if (options.bytes < 0 || options.bytes > MAX_BYTES || options.connections < 1 || options.streams < 1) {
    h2_die("an option is out of range");
  }
}

static void connect_one(struct connection *c, const nghttp2_session_callbacks *cb) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)options.port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    h2_die("no connection to port %ld", options.port);
  }
  h2_socket_init(&c->socket, epoll, fd, false, cb, NULL);
}

static void turn(int timeout_ms) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll, events, EVENTS, timeout_ms);
  for (int i = 0; i < n; i++) {
    struct connection *c = events[i].data.ptr;
    c->dirty = true;
    if (!h2_socket_read(&c->socket)) {
      h2_die("the gateway closed a connection");
    }
  }
  for (long i = 0; i < options.connections; i++) {
    if (connections[i].dirty && !h2_socket_flush(&connections[i].socket)) {
      h2_die("the gateway closed a connection");
    }
    connections[i].dirty = false;
  }
}

static void send_one(long stream) {
  struct stream *s = &streams[stream];
  s->unsent += message_n;
  s->connection->dirty = true;
  if (s->waiting) {
    s->waiting = false;
    nghttp2_session_resume_data(s->connection->socket.session, s->id);
  }
}

int main(int argc, char **argv) {
  nghttp2_session_callbacks *cb;
  read_options(argc, argv);
  uint32_t size = htonl((uint32_t)options.bytes);
  memcpy(message + 1, &size, sizeof size);
  message_n = FRAME_HEAD + (size_t)options.bytes;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  connections = calloc((size_t)options.connections, sizeof *connections);
  streams = calloc((size_t)options.streams, sizeof *streams);
  if (epoll < 0 || connections == NULL || streams == NULL || nghttp2_session_callbacks_new(&cb)) {
    h2_die("cannot start");
  }
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
  for (long i = 0; i < options.connections; i++) {
    connect_one(&connections[i], cb);
  }
  for (long i = 0; i < options.streams; i++) {
    streams[i].connection = &connections[i % options.connections];
    open_stream(&streams[i]);
    streams[i].connection->dirty = true;
  }
  while (open_count < options.streams) {
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
                        .answer_bytes = message_n,
                        .received = &received_bytes,
                        .send = send_one,
                        .turn = turn});
  return 0;
}
