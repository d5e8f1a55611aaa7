/* process.h - test code only: real processes, their output lines, and blocking sockets to them. Every wait has a generous deadline. */
#ifndef PONTE_TESTS_PROCESS_H
#define PONTE_TESTS_PROCESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 60, ARGS_MAX = 32 };

typedef struct {
  pid_t pid; /* 0: not running */
  int out;   /* its stdout */
} process;

/* The environment variable holds the program's path (cmake/PonteTest.cmake sets it). */
static inline bool process_start(process *p, const char *variable, const char *const *args) {
  const char *program = getenv(variable);
  char *argv[ARGS_MAX + 2] = {(char *)program};
  int ends[2], n = 1;
  for (; n <= ARGS_MAX && args && args[n - 1]; n++) {
    argv[n] = (char *)args[n - 1];
  }
  if (program == NULL || pipe(ends) != 0) {
    fprintf(stderr, "%s is not set\n", variable);
    return false;
  }
  p->pid = fork();
  if (p->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves nothing behind */
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execv(program, argv);
    _exit(127);
  }
  close(ends[1]);
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  p->out = ends[0];
  return p->pid > 0;
}

/* One line of its stdout without the line end; false at the end or after the deadline. */
static inline bool process_line(process *p, char *line, size_t size) {
  size_t n = 0;
  while (n + 1 < size) {
    struct pollfd f = {.fd = p->out, .events = POLLIN};
    if (poll(&f, 1, WAIT_S * 1000) <= 0 || read(p->out, line + n, 1) != 1) {
      return false;
    }
    if (line[n] == '\n') {
      break;
    }
    n++;
  }
  line[n] = 0;
  return true;
}

/* Waits for its end; the exit code, or 128 + the signal; -1 after the deadline (then it is killed). */
static inline int process_wait(process *p) {
  struct timespec tick = {.tv_nsec = 5000000};
  int status = 0;
  for (int i = 0; i < WAIT_S * 200; i++) {
    if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
      close(p->out);
      p->pid = 0;
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    nanosleep(&tick, NULL);
  }
  kill(p->pid, SIGKILL);
  waitpid(p->pid, &status, 0);
  close(p->out);
  p->pid = 0;
  return -1;
}

static inline int process_stop(process *p, int signal) {
  if (p->pid == 0) {
    return 0;
  }
  kill(p->pid, signal);
  return process_wait(p);
}

/* Resident memory in bytes. */
static inline size_t process_memory(const process *p) {
  char path[64];
  unsigned long pages = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)p->pid);
  FILE *f = fopen(path, "r");
  if (f) {
    if (fscanf(f, "%*u %lu", &pages) != 1) {
      pages = 0;
    }
    fclose(f);
  }
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static inline int tcp_connect(int port) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval limit = {.tv_sec = WAIT_S};
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static inline bool tcp_send(int fd, const void *p, size_t n) {
  for (const char *at = p; n > 0;) {
    ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    at += sent;
    n -= (size_t)sent;
  }
  return true;
}

/* n bytes, or fewer at the end. */
static inline size_t tcp_read(int fd, void *out, size_t n) {
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

/* Up to and with the empty line; the status, or 0. `head` gets a NUL. */
static inline int http_read_head(int fd, char *head, size_t size) {
  size_t n = 0;
  int status = 0;
  while (n + 1 < size && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
    if (tcp_read(fd, head + n, 1) != 1) {
      break;
    }
    n++;
  }
  head[n] = 0;
  return sscanf(head, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

/* One request on a connection of its own; the whole answer goes to `out`. `head` are further lines, each with its end. */
static inline int http_ask(int port, const char *method, const char *path, const char *head, char *out, size_t size) {
  char text[2048];
  int fd = tcp_connect(port);
  int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", method, path, head);
  if (fd < 0 || !tcp_send(fd, text, (size_t)n)) {
    return 0;
  }
  size_t got = tcp_read(fd, out, size - 1);
  out[got] = 0;
  close(fd);
  int status = 0;
  return sscanf(out, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

#endif
