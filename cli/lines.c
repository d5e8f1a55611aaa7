#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A line is one message; the reader runs ahead by one buffer. */
enum { LINE_BYTES_MAX = 8 << 20, CHUNK = 65536 };

struct cli_lines {
  pthread_t thread;
  bool has_thread;
  int stop; /* eventfd */
  pthread_mutex_t lock;
  pthread_cond_t room;
  base_buf bytes; /* read and not yet taken */
  bool ended, stopping;
  int error; /* errno */
  void (*wake)(void *ctx);
  void *ctx;
};

/* False: the end. */
static bool store(cli_lines *l, const uint8_t *bytes, ssize_t n) {
  pthread_mutex_lock(&l->lock);
  /* What waits is no more than a chunk, unless a line is longer. */
  while (!l->stopping && base_buf_size(&l->bytes) >= CHUNK &&
         memchr(base_buf_span(&l->bytes).p, '\n', base_buf_size(&l->bytes)))
    pthread_cond_wait(&l->room, &l->lock);
  bool fits = n <= 0 || base_is_ok(base_buf_append(&l->bytes, base_span_of(bytes, (size_t)n)));
  l->error = n < 0 ? errno : fits ? 0 : EMSGSIZE;
  l->ended = n <= 0 || !fits;
  bool go_on = !l->ended && !l->stopping;
  pthread_mutex_unlock(&l->lock);
  l->wake(l->ctx);
  return go_on;
}

static void *run(void *arg) {
  cli_lines *l = arg;
  static uint8_t chunk[CHUNK];
  struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = l->stop, .events = POLLIN}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) {
      if (errno == EINTR) continue; /* what fds say is of the time before */
      break;
    }
    if (fds[1].revents) break;
    if (!fds[0].revents) continue;
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (!store(l, chunk, n)) break;
  }
  return NULL;
}

cli_lines *cli_lines_new(void (*wake)(void *ctx), void *ctx) {
  cli_lines *l = calloc(1, sizeof *l);
  if (l) {
    l->wake = wake;
    l->ctx = ctx;
    base_buf_init(&l->bytes, LINE_BYTES_MAX);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    l->stop = eventfd(0, EFD_CLOEXEC);
    l->has_thread = l->stop >= 0 && pthread_create(&l->thread, NULL, run, l) == 0;
  }
  if (l && l->has_thread) return l;
  cli_say("standard input cannot be read: out of memory");
  cli_lines_free(l);
  return NULL;
}

void cli_lines_free(cli_lines *l) {
  uint64_t one = 1;
  if (!l) return;
  pthread_mutex_lock(&l->lock);
  l->stopping = true;
  pthread_cond_signal(&l->room);
  pthread_mutex_unlock(&l->lock);
  if (l->has_thread && write(l->stop, &one, sizeof one) == (ssize_t)sizeof one) pthread_join(l->thread, NULL);
  if (l->stop >= 0) close(l->stop);
  base_buf_dispose(&l->bytes);
  pthread_cond_destroy(&l->room);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

/* The first line that is not blank; under the lock. */
static enum cli_next take(cli_lines *l, base_buf *out) {
  while (base_buf_size(&l->bytes) > 0) {
    base_span held = base_buf_span(&l->bytes);
    const uint8_t *end = memchr(held.p, '\n', held.n);
    if (!end && !l->ended) return CLI_NEXT_LATER;
    size_t n = end ? (size_t)(end - held.p) : held.n;
    base_span line = base_span_trim(base_span_of(held.p, n && held.p[n - 1] == '\r' ? n - 1 : n));
    bool fits = base_is_ok(base_buf_append(out, line));
    bool blank = line.n == 0;
    base_buf_consume(&l->bytes, end ? n + 1 : n);
    if (!fits) l->error = EMSGSIZE;
    if (!fits) return CLI_NEXT_FAILED;
    if (!blank) return CLI_NEXT_MESSAGE;
  }
  return !l->ended ? CLI_NEXT_LATER : l->error ? CLI_NEXT_FAILED : CLI_NEXT_END;
}

enum cli_next cli_lines_next(cli_lines *l, base_buf *out) {
  pthread_mutex_lock(&l->lock);
  enum cli_next next = take(l, out);
  int error = l->error;
  pthread_cond_signal(&l->room);
  pthread_mutex_unlock(&l->lock);
  if (next == CLI_NEXT_FAILED) cli_say("standard input: %s", strerror(error));
  return next;
}
