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

bool net__transport_is_broken(const net_conn *c) {
  struct pollfd p = {.fd = c->fd};
  return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP));
}

int net__transport_unread(const net_conn *c) {
  int unread = 0;
  return ioctl(c->fd, FIONREAD, &unread) == 0 ? unread : 0;
}

int64_t net__transport_silence_ms(const net_conn *c) {
  struct tcp_info info = {0};
  socklen_t n = sizeof info;
  if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 || (info.tcpi_unacked == 0 && info.tcpi_probes == 0)) {
    return 0;
  }
  return info.tcpi_last_ack_recv < info.tcpi_last_data_recv ? info.tcpi_last_ack_recv : info.tcpi_last_data_recv;
}
