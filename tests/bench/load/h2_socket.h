/* h2_socket.h - an nghttp2 session on a non-blocking socket under epoll: reading, and one write for all that a turn has gathered. One thread.
 *
 * Any failure of a benchmark's end spoils the measurement, so it ends the program, saying why.
 */
#ifndef PONTE_BENCH_H2_SOCKET_H
#define PONTE_BENCH_H2_SOCKET_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int fd;
  nghttp2_session *session;
  uint8_t *out; /* what the kernel has not taken */
  size_t out_n, out_cap;
  uint64_t sent_bytes, received_bytes;
} h2_socket;

/* Says what went wrong, with errno, and exits with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void h2_die(const char *fmt, ...);
/* Windows of 8 MiB, SETTINGS, and the socket in the epoll set with `s` as its data. The session's callbacks get user_data. */
void h2_socket_init(h2_socket *s, int epoll, int fd, bool server, const nghttp2_session_callbacks *cb, void *user_data);
/* Reads all there is and hands it to the session; false when the peer is gone. */
bool h2_socket_read(h2_socket *s);
/* Writes what the session has to say, as far as the kernel takes it. False when the peer is gone. */
bool h2_socket_flush(h2_socket *s);
void h2_socket_dispose(h2_socket *s);

#endif
