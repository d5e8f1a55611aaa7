/* Socket addresses as text, and what both directions set on a TCP socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net/internal.h"

/* A peer that vanished without a word is noticed after about two minutes. */
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 15, KEEPALIVE_PROBES = 4 };

/* "127.0.0.1:8080" or "[::1]:8080". */
bool net__address_parse(const char *text, net__address *out, socklen_t *n) {
  char host[INET6_ADDRSTRLEN];
  const char *colon = strrchr(text, ':');
  bool v6 = text[0] == '[';
  const char *first = v6 ? text + 1 : text, *last = colon;
  uint64_t port = 0;
  if (!colon || !base_span_u64(base_span_str(colon + 1), &port) || port > UINT16_MAX) {
    return false;
  }
  if (v6 && (colon == first || *--last != ']')) {
    return false;
  }
  if (last <= first || (size_t)(last - first) >= sizeof host) {
    return false;
  }
  memcpy(host, first, (size_t)(last - first));
  host[last - first] = '\0';
  memset(out, 0, sizeof *out);
  if (v6) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    *n = sizeof out->v6;
    return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1;
  }
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons((uint16_t)port);
  *n = sizeof out->v4;
  return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

bool net__address_parse_unix(const char *path, net__address *out, socklen_t *n) {
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof out->local.sun_path) {
    return false;
  }
  memset(out, 0, sizeof *out);
  out->local.sun_family = AF_UNIX;
  memcpy(out->local.sun_path, path, length);
  *n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
  return true;
}

void net__address_name(const net__address *a, char out[NET__ADDRESS_NAME]) {
  switch (a->any.sa_family) {
  case AF_INET: inet_ntop(AF_INET, &a->v4.sin_addr, out, NET__ADDRESS_NAME); return;
  case AF_INET6: inet_ntop(AF_INET6, &a->v6.sin6_addr, out, NET__ADDRESS_NAME); return;
  default: snprintf(out, NET__ADDRESS_NAME, "unix"); return;
  }
}

void net__address_set_options(int fd) {
  static const struct {
    int level, name, value;
  } options[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
  };
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
  }
  net__address_set_probes(fd, 0, 0);
}

void net__address_set_probes(int fd, int idle_s, int interval_s) {
  idle_s = idle_s ? idle_s : KEEPALIVE_IDLE_S;
  interval_s = interval_s ? interval_s : KEEPALIVE_INTERVAL_S;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
}
