#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "calls.h"
#include "h2_socket.h"

enum { EVENTS = 64 };

/* One of those under way at a time; the next call takes it over. */
struct slot {
  h2_socket *socket;
  calls_one call;
  size_t sent;
  bool ok;
};

static nghttp2_nv header(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *user_data) {
  struct slot *s = source->ptr;
  size_t left = s->call.body.n - s->sent, n = left < room ? left : room;
  (void)session, (void)id, (void)user_data;
  memcpy(buf, s->call.body.p + s->sent, n);
  s->sent += n;
  *flags |= s->sent == s->call.body.n ? NGHTTP2_DATA_FLAG_EOF : NGHTTP2_DATA_FLAG_NONE;
  return (ssize_t)n;
}

static void begin(struct slot *s) {
  char authority[32];
  const nghttp2_data_provider body = {.source.ptr = s, .read_callback = on_read};
  if (!calls_next(&s->call)) {
    return;
  }
  snprintf(authority, sizeof authority, "127.0.0.1:%ld", calls->port);
  const nghttp2_nv head[] = {header(":method", "POST"),
                             header(":scheme", "http"),
                             header(":path", calls->path),
                             header(":authority", authority),
                             header("content-type", "application/grpc"),
                             header("te", "trailers")};
  s->sent = 0;
  s->ok = false;
  if (nghttp2_submit_request(s->socket->session, NULL, head, sizeof head / sizeof *head, &body, s) < 0) {
    h2_die("a call cannot be begun");
  }
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *user_data) {
  struct slot *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  (void)flags, (void)user_data;
  if (s && base_span_is(base_span_of(name, name_n), "grpc-status")) {
    s->ok = base_span_is(base_span_of(value, value_n), "0");
  } else if (s && !s->ok && base_span_is(base_span_of(name, name_n), "grpc-message")) {
    fprintf(stderr, "grpc-message: %.*s\n", (int)value_n, (const char *)value);
  }
  return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user_data) {
  struct slot *s = nghttp2_session_get_stream_user_data(session, id);
  (void)user_data;
  calls_done(&s->call, s->ok && code == NGHTTP2_NO_ERROR,
             base_span_str(code == NGHTTP2_NO_ERROR ? "its status" : nghttp2_http2_strerror(code)));
  begin(s);
  return 0;
}

static void turn(int epoll) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(epoll, events, EVENTS, -1);
  for (int i = 0; i < n; i++) {
    h2_socket *s = events[i].data.ptr;
    if (!h2_socket_read(s) || !h2_socket_flush(s)) {
      h2_die("the server closed a connection");
    }
  }
}

void calls_h2_run(void) {
  nghttp2_session_callbacks *cb;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  h2_socket *sockets = calloc((size_t)calls->connections, sizeof *sockets);
  struct slot *slots = calloc((size_t)calls->concurrency, sizeof *slots);
  if (epoll < 0 || sockets == NULL || slots == NULL || nghttp2_session_callbacks_new(&cb)) {
    h2_die("cannot start");
  }
  nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
  for (long i = 0; i < calls->connections; i++) {
    h2_socket_init(&sockets[i], epoll, calls_connect(), false, cb, NULL);
  }
  for (long i = 0; i < calls->concurrency; i++) {
    slots[i].socket = &sockets[i % calls->connections];
    begin(&slots[i]);
  }
  for (long i = 0; i < calls->connections; i++) {
    h2_socket_flush(&sockets[i]);
  }
  while (!calls_over()) {
    turn(epoll);
  }
  for (long i = 0; i < calls->connections; i++) {
    calls_sent_bytes += sockets[i].sent_bytes;
    calls_received_bytes += sockets[i].received_bytes;
    h2_socket_dispose(&sockets[i]);
  }
  nghttp2_session_callbacks_del(cb);
  free(sockets);
  free(slots);
}
