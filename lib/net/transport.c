/* The last step of a connection's bytes. Writing goes past lws: it would copy what the socket did not take into a list of its own, stop
 * reading until that is empty, and spin meanwhile, since epoll goes on reporting the readable socket.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/internal.h"

static ssize_t write_plain(net_conn *c, base_span bytes) {
  ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
  if (n >= 0) {
    return n;
  }
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

static ssize_t write_tls(net_conn *c, base_span bytes) {
  if (!SSL_is_init_finished(c->ssl)) {
    return 0; /* lws calls back when the handshake is through and the socket writable */
  }
  ERR_clear_error(); /* SSL_get_error reads the thread's error queue, which another connection may have left full */
  int n = SSL_write(c->ssl, bytes.p, bytes.n > INT_MAX ? INT_MAX : (int)bytes.n);
  if (n > 0) {
    return n;
  }
  int why = SSL_get_error(c->ssl, n);
  return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

ssize_t net__transport_write(net_conn *c, base_span bytes) {
  ssize_t taken = 0;
  while (bytes.n > 0) {
    ssize_t n = c->ssl ? write_tls(c, bytes) : write_plain(c, bytes);
    if (n < 0) {
      return -1;
    }
    if (n == 0) {
      break;
    }
    taken += n;
    bytes.p += n;
    bytes.n -= (size_t)n;
    if (!c->ssl && bytes.n > 0) {
      break; /* a short send means a full socket; SSL_write in contrast takes one record a call */
    }
  }
  return taken;
}

void net__transport_shut(net_conn *c) {
  if (c->ssl && SSL_is_init_finished(c->ssl)) {
    ERR_clear_error();
    SSL_shutdown(
        c->ssl); /* one alert into a socket that just took everything; if it does not fit, the peer sees a bare FIN */
  }
  shutdown(c->fd, SHUT_WR);
}

static enum net__peer peer_of_unix(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLRDHUP};
  int unread = 0;
  if (poll(&p, 1, 0) <= 0) {
    return NET__PEER_HERE;
  }
  if (ioctl(fd, FIONREAD, &unread) == 0 && unread > 0) {
    return NET__PEER_FIN_UNREAD;
  }
  return p.revents & (POLLERR | POLLHUP) ? NET__PEER_GONE : NET__PEER_FIN;
}

enum net__peer net__transport_peer(const net_conn *c) {
  struct tcp_info info = {0};
  socklen_t n = offsetof(struct tcp_info, tcpi_options);
  int unread = 0;
  if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0) {
    return peer_of_unix(c->fd);
  }
  if (info.tcpi_state == TCP_CLOSE) {
    return NET__PEER_GONE;
  }
  if (info.tcpi_state != TCP_CLOSE_WAIT) {
    return NET__PEER_HERE;
  }
  /* A TLS peer that closes leaves its close_notify unread, so there unread bytes say nothing. */
  if (!c->ssl && ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0) {
    return NET__PEER_FIN_UNREAD;
  }
  return NET__PEER_FIN;
}
