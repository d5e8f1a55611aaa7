#include "h2_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW = 8 << 20, STREAMS = 10000, READ_BYTES = 256 << 10 };

void h2_die(const char *fmt, ...) {
  int error = errno;
  va_list args;
  va_start(args, fmt);
  vfprintf(stderr, fmt, args);
  va_end(args);
  fprintf(stderr, " (%s)\n", strerror(error));
  exit(1);
}

void h2_socket_init(h2_socket *s, int epoll, int fd, bool server, const nghttp2_session_callbacks *cb,
                    void *user_data) {
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};
  int on = 1;
  *s = (h2_socket){.fd = fd};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int failed = server ? nghttp2_session_server_new(&s->session, cb, user_data)
                      : nghttp2_session_client_new(&s->session, cb, user_data);
  if (failed || nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, settings, 2) ||
      nghttp2_session_set_local_window_size(s->session, NGHTTP2_FLAG_NONE, 0, WINDOW) ||
      epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    h2_die("an HTTP/2 session cannot be made");
  }
}

bool h2_socket_read(h2_socket *s) {
  static uint8_t bytes[READ_BYTES];
  for (;;) {
    ssize_t n = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return true;
    }
    if (n <= 0 || nghttp2_session_mem_recv(s->session, bytes, (size_t)n) < 0) {
      return false;
    }
    s->received_bytes += (uint64_t)n;
  }
}

static void keep(h2_socket *s, const uint8_t *bytes, size_t n) {
  if (s->out_n + n > s->out_cap) {
    s->out_cap = (s->out_n + n) * 2;
    s->out = realloc(s->out, s->out_cap);
    if (s->out == NULL) {
      h2_die("out of memory");
    }
  }
  memcpy(s->out + s->out_n, bytes, n);
  s->out_n += n;
}

bool h2_socket_flush(h2_socket *s) {
  do {
    const uint8_t *bytes;
    ssize_t n;
    while (s->out_n < READ_BYTES && (n = nghttp2_session_mem_send(s->session, &bytes)) > 0) {
      keep(s, bytes, (size_t)n);
    }
    if (s->out_n == 0) {
      return true;
    }
    n = send(s->fd, s->out, s->out_n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    s->sent_bytes += (uint64_t)n;
    memmove(s->out, s->out + n, s->out_n - (size_t)n);
    s->out_n -= (size_t)n;
  } while (s->out_n == 0);
  return true;
}

void h2_socket_dispose(h2_socket *s) {
  nghttp2_session_del(s->session);
  close(s->fd);
  free(s->out);
}
