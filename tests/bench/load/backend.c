/* bench_backend - a gRPC server over HTTP/2 cleartext that knows no messages, the cheapest there can be. It prints its port, and ends with SIGTERM.
 *
 *   /bench.Echo/Unary   answers with the request's own bytes
 *   /bench.Echo/Stream  the request's message is two big-endian u32: answers with so many messages of so many bytes; 0 of them: nothing, ever
 *   /bench.Echo/Bidi    answers each byte as it comes
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "h2_socket.h"

enum { FRAME_HEAD = 5, EVENTS = 64 };
enum kind { UNARY, STREAM, BIDI };

struct call {
  enum kind kind;
  uint8_t *bytes; /* received and not yet sent back */
  size_t n, cap, at;
  uint32_t left, size; /* STREAM: messages to go; at counts the bytes of the present one */
  bool ended, answered, waiting, silent;
};

#define HEADER(name_, value_)                                                       \
  {                                                                                 \
    (uint8_t *)(name_), (uint8_t *)(value_), sizeof(name_) - 1, sizeof(value_) - 1, \
        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                \
  }

static void keep(struct call *c, const uint8_t *bytes, size_t n) {
  if (c->at > 0 && c->kind == BIDI) {
    memmove(c->bytes, c->bytes + c->at, c->n - c->at);
    c->n -= c->at;
    c->at = 0;
  }
  if (c->n + n > c->cap) {
    c->cap = (c->n + n) * 2;
    c->bytes = realloc(c->bytes, c->cap);
    if (c->bytes == NULL) {
      h2_die("out of memory");
    }
  }
  memcpy(c->bytes + c->n, bytes, n);
  c->n += n;
}

/* The next bytes of a STREAM: heads and zeroes. */
static size_t produce(struct call *c, uint8_t *buf, size_t room) {
  uint32_t size = htonl(c->size);
  uint8_t head[FRAME_HEAD] = {0};
  size_t done = 0;
  memcpy(head + 1, &size, sizeof size);
  while (done < room && c->left > 0) {
    bool in_head = c->at < FRAME_HEAD;
    size_t n = (in_head ? FRAME_HEAD : FRAME_HEAD + c->size) - c->at;
    n = n < room - done ? n : room - done;
    if (in_head) {
      memcpy(buf + done, head + c->at, n);
    } else {
      memset(buf + done, 0, n);
    }
    done += n;
    c->at += n;
    if (c->at == FRAME_HEAD + c->size) {
      c->at = 0;
      c->left--;
    }
  }
  return done;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *user_data) {
  static const nghttp2_nv trailers[] = {HEADER("grpc-status", "0")};
  struct call *c = source->ptr;
  size_t n = 0;
  (void)user_data;
  if (c->kind == STREAM) {
    n = produce(c, buf, room);
  } else {
    n = c->n - c->at < room ? c->n - c->at : room;
    memcpy(buf, c->bytes + c->at, n);
    c->at += n;
  }
  bool done = c->kind == STREAM ? c->left == 0 && !c->silent : c->ended && c->at == c->n;
  if (done) {
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, id, trailers, 1);
  } else if (n == 0) {
    c->waiting = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return (ssize_t)n;
}

static void answer(nghttp2_session *session, int32_t id, struct call *c) {
  static const nghttp2_nv head[] = {HEADER(":status", "200"), HEADER("content-type", "application/grpc")};
  const nghttp2_data_provider body = {.source.ptr = c, .read_callback = on_read};
  if (!c->answered) {
    c->answered = true;
    nghttp2_submit_response(session, id, head, 2, &body);
  } else if (c->waiting) {
    c->waiting = false;
    nghttp2_session_resume_data(session, id);
  }
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
  (void)user_data;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    struct call *c = calloc(1, sizeof *c);
    if (c == NULL) {
      h2_die("out of memory");
    }
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, c);
  }
  return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *user_data) {
  struct call *c = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  (void)flags, (void)user_data;
  if (c && name_n == 5 && memcmp(name, ":path", 5) == 0) {
    const char *method = memchr(value + 1, '/', value_n - 1);
    c->kind = method && strncmp(method, "/Stream", 7) == 0 ? STREAM
              : method && strncmp(method, "/Bidi", 5) == 0 ? BIDI
                                                           : UNARY;
  }
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n,
                   void *user_data) {
  struct call *c = nghttp2_session_get_stream_user_data(session, id);
  (void)flags, (void)user_data;
  if (c) {
    keep(c, bytes, n);
    if (c->kind == BIDI) {
      answer(session, id, c);
    }
  }
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
  bool ends = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  struct call *c = ends ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
  (void)user_data;
  if (c == NULL || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
    return 0;
  }
  c->ended = true;
  if (c->kind == STREAM) {
    uint32_t words[2] = {0};
    if (c->n >= FRAME_HEAD + sizeof words) {
      memcpy(words, c->bytes + FRAME_HEAD, sizeof words);
    }
    c->left = ntohl(words[0]);
    c->size = ntohl(words[1]);
    c->silent = c->left == 0;
    c->at = 0;
  }
  answer(session, frame->hd.stream_id, c);
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data) {
  struct call *c = nghttp2_session_get_stream_user_data(session, id);
  (void)code, (void)user_data;
  if (c) {
    free(c->bytes);
    free(c);
  }
  return 0;
}

static int listen_somewhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    h2_die("no port to listen on");
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void turn(int epoll, int listener, const nghttp2_session_callbacks *cb, h2_socket *s) {
  if (s == NULL) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      h2_socket *accepted = malloc(sizeof *accepted);
      if (accepted == NULL) {
        h2_die("out of memory");
      }
      h2_socket_init(accepted, epoll, fd, true, cb, NULL);
      h2_socket_flush(accepted);
    }
  } else if (!h2_socket_read(s) || !h2_socket_flush(s)) {
    h2_socket_dispose(s);
    free(s);
  }
}

int main(void) {
  nghttp2_session_callbacks *cb;
  struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
  int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listen_somewhere();
  if (epoll < 0 || nghttp2_session_callbacks_new(&cb) || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
    h2_die("cannot start");
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
  nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
  for (;;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      turn(epoll, listener, cb, events[i].data.ptr);
    }
  }
}
