/* test_peer.h - test code only: a loop on a thread of its own, and blocking client sockets to talk to it. Every wait has a generous deadline. */
#ifndef PONTE_NET_TEST_PEER_H
#define PONTE_NET_TEST_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/conn.h"

/* Below TCP's keep-alive (60 s), which would find dead peers too and hide that nothing else did. */
enum { TEST_DEADLINE_S = 30 };

typedef struct {
  net_loop *loop;
  pthread_t thread;
} test_loop;

static inline void *test_loop_main(void *arg) {
  net_loop_run(((test_loop *)arg)->loop);
  return NULL;
}

/* Listen and connect before this: from now on the loop belongs to its thread. */
static inline void test_loop_start(test_loop *t) { pthread_create(&t->thread, NULL, test_loop_main, t); }

static inline void test_loop_end(test_loop *t) {
  net_loop_stop(t->loop);
  pthread_join(t->thread, NULL);
  net_loop_free(t->loop);
}

static inline int test_connect_from(int port, int receive_buffer) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval limit = {.tv_sec = TEST_DEADLINE_S};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (receive_buffer > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static inline int test_connect(int port) { return test_connect_from(port, 0); }

static inline bool test_send(int fd, const void *p, size_t n) {
  const char *at = p;
  while (n > 0) {
    ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    at += sent;
    n -= (size_t)sent;
  }
  return true;
}

static inline bool test_send_text(int fd, const char *text) { return test_send(fd, text, strlen(text)); }

/* Reads n bytes, or up to the end; returns how many. */
static inline size_t test_read(int fd, void *out, size_t n) {
  size_t have = 0;
  while (have < n) {
    ssize_t got = recv(fd, (char *)out + have, n - have, 0);
    if (got <= 0) {
      break;
    }
    have += (size_t)got;
  }
  return have;
}

/* 0: a clean end; otherwise errno (ECONNRESET, EAGAIN after the deadline) or -1 for a byte too many. */
static inline int test_read_end(int fd) {
  char c;
  ssize_t n = recv(fd, &c, 1, 0);
  return n == 0 ? 0 : n < 0 ? errno : -1;
}

/* Resets instead of closing. */
static inline void test_abort(int fd) {
  struct linger hard = {.l_onoff = 1};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

/* Waits until *value >= want; false after the deadline. */
static inline bool test_wait(atomic_int *value, int want) {
  struct timespec tick = {.tv_nsec = 1000000};
  for (int i = 0; i < TEST_DEADLINE_S * 1000; i++) {
    if (atomic_load(value) >= want) {
      return true;
    }
    nanosleep(&tick, NULL);
  }
  return false;
}

#endif
