/* sockets.h - test code only: what the kernel says about this machine's TCP sockets. */
#ifndef PONTE_TESTS_SOCKETS_H
#define PONTE_TESTS_SOCKETS_H

#include "process.h"

enum { SOCKET_ESTABLISHED = 1, SOCKET_LISTENING = 10 };

/* Sockets of this machine in the state, with that local port, or that remote one; the gRPC core's are IPv6 sockets with mapped addresses. */
static inline int sockets_with(unsigned local, unsigned remote, unsigned state) {
  static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
  char line[512];
  int n = 0;
  for (int i = 0; i < 2; i++) {
    FILE *f = fopen(tables[i], "r");
    while (f && fgets(line, sizeof line, f)) {
      unsigned l = 0, r = 0, s = 0;
      if (sscanf(line, " %*d: %*[0-9A-F]:%4x %*[0-9A-F]:%4x %2x", &l, &r, &s) == 3 && s == state &&
          (local == 0 || l == local) && (remote == 0 || r == remote)) {
        n++;
      }
    }
    if (f) {
      fclose(f);
    }
  }
  return n;
}

static inline bool sockets_become(unsigned local, unsigned remote, unsigned state, int want) {
  struct timespec tick = {.tv_nsec = 10000000};
  for (int i = 0; i < WAIT_S * 100; i++) {
    if (sockets_with(local, remote, state) == want) {
      return true;
    }
    nanosleep(&tick, NULL);
  }
  return false;
}

#endif
