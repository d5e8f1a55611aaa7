#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "pace.h"

enum { EVENTS = 64, ANSWER_MAX = 65536, HEAD_MAX = 512 };

struct connection {
  int fd;
  bool busy;
  calls_one call;
  size_t n;
  char answer[ANSWER_MAX];
};

static void begin(struct connection *c) {
  uint8_t request[HEAD_MAX + ANSWER_MAX];
  c->busy = calls_next(&c->call);
  c->n = 0;
  if (!c->busy) {
    return;
  }
  base_span json = base_span_of(c->call.body.p + CALLS_FRAME_HEAD, c->call.body.n - CALLS_FRAME_HEAD);
  int head = snprintf((char *)request, HEAD_MAX,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      calls->path, calls->port, json.n);
  if (head >= HEAD_MAX || json.n > ANSWER_MAX) {
    pace_die("the request is too long");
  }
  memcpy(request + head, json.p, json.n);
  size_t n = (size_t)head + json.n;
  if (send(c->fd, request, n, MSG_NOSIGNAL) != (ssize_t)n) {
    pace_die("the server does not take a request");
  }
  calls_sent_bytes += n;
}

/* Of the answer as far as it is here; 0: its head is not. */
static size_t whole_length(const struct connection *c) {
  const char *end = memmem(c->answer, c->n, "\r\n\r\n", 4);
  if (end == NULL) {
    return 0;
  }
  size_t head = (size_t)(end - c->answer) + 4;
  uint64_t body = 0;
  for (const char *line = c->answer; line < end; line = (const char *)memmem(line, head, "\r\n", 2) + 2) {
    static const char name[] = "content-length:";
    base_span left = base_span_of(line, (size_t)(end - line));
    if (left.n > sizeof name && base_span_ieq(base_span_of(line, sizeof name - 1), base_span_str(name))) {
      const char *stop = memmem(line, left.n + 2, "\r\n", 2);
      base_span digits = base_span_of(line + sizeof name - 1, (size_t)(stop - line) - (sizeof name - 1));
      if (base_span_u64(base_span_trim(digits), &body)) {
        return head + body;
      }
    }
  }
  pace_die("an answer without Content-Length");
}

static void read_some(struct connection *c) {
  ssize_t n = recv(c->fd, c->answer + c->n, ANSWER_MAX - c->n, MSG_DONTWAIT);
  if (n <= 0) {
    pace_die("the server closed a connection");
  }
  calls_received_bytes += (uint64_t)n;
  c->n += (size_t)n;
  size_t whole = whole_length(c);
  if (whole > 0 && c->n >= whole) {
    bool ok = base_span_starts(base_span_of(c->answer, c->n), "HTTP/1.1 200 ");
    calls_done(&c->call, ok, base_span_of(c->answer, c->n));
    begin(c);
  }
}

void calls_h1_run(void) {
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct connection *connections = calloc((size_t)calls->concurrency, sizeof *connections);
  if (epoll < 0 || connections == NULL) {
    pace_die("cannot start");
  }
  for (long i = 0; i < calls->concurrency; i++) {
    struct connection *c = &connections[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    c->fd = calls_connect();
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
      pace_die("cannot wait");
    }
    begin(c);
  }
  while (!calls_over()) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      read_some(events[i].data.ptr);
    }
  }
  for (long i = 0; i < calls->concurrency; i++) {
    close(connections[i].fd);
  }
  free(connections);
}
