/* The last step of a connection's bytes. Writing goes past lws: it would copy what the socket did not take into a list of its own, stop
 * reading until that is empty, and spin meanwhile, since epoll goes on reporting the readable socket.
 */
#include <errno.h>
#include <netinet/tcp.h>
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

ssize_t net__transport_write(net_conn *c, base_span bytes) {
  return c->tls ? net__tls_write(c->tls, bytes) : write_plain(c, bytes);
}

const char *net__transport_error(void) { return errno ? strerror(errno) : net__tls_error(); }

void net__transport_shut(net_conn *c) {
  if (c->tls) {
    net__tls_shut(c->tls);
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
  if (!c->tls && ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0) {
    return NET__PEER_FIN_UNREAD;
  }
  return NET__PEER_FIN;
}
