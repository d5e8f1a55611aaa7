/* bench_calls PORT [option VALUE]... - the load of tests/bench/services.py: unary calls, so many at once, each with the next body of a file.
 *
 *   connections N (1; of h1 always `concurrency`)  concurrency N (32)  calls N (10000)  path P  protocol grpc|h1 (grpc)
 *   bodies FILE: gRPC frames one behind the other, taken in turn and again from the first; h1 posts what is in them as JSON
 *
 * Prints JSON: calls, how many failed, seconds, latencies in us, bytes on the wire.
 */
#include "calls.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "pace.h"

enum { BODY_READ = 65536 };

static calls_options options = {.connections = 1, .concurrency = 32, .calls = 10000, .protocol = "grpc"};
const calls_options *const calls = &options;
uint64_t calls_sent_bytes, calls_received_bytes;

static base_buf file;
static base_cursor unread;
static long begun, ended, failed;
static uint32_t *latency_us;

bool calls_next(calls_one *out) {
  if (begun == options.calls) {
    return false;
  }
  begun++;
  if (base_cursor_left(&unread) == 0) {
    unread = base_cursor_of(base_buf_span(&file));
  }
  const uint8_t *from = unread.p;
  base_cursor_u8(&unread);
  base_span message = base_cursor_bytes(&unread, base_cursor_u32(&unread));
  if (unread.failed) {
    pace_die("%s holds no gRPC frames", options.bodies);
  }
  *out = (calls_one){.body = base_span_of(from, CALLS_FRAME_HEAD + message.n), .start_us = base_now_us()};
  return true;
}

void calls_done(const calls_one *call, bool ok, base_span why) {
  latency_us[ended++] = (uint32_t)(base_now_us() - call->start_us);
  if (!ok && failed++ == 0) {
    fprintf(stderr, "the first call that failed: %.*s\n", BASE_SPAN_ARG(why));
  }
}

bool calls_over(void) { return ended == options.calls; }

int calls_connect(void) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)options.port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    pace_die("no connection to port %ld", options.port);
  }
  return fd;
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void report(int64_t us) {
  static const struct {
    const char *name;
    long share; /* in 1000 */
  } rows[] = {{"p50_us", 500}, {"p90_us", 900}, {"p99_us", 990}};
  uint64_t sum = 0;
  qsort(latency_us, (size_t)ended, sizeof *latency_us, by_size);
  for (long i = 0; i < ended; i++) {
    sum += latency_us[i];
  }
  printf("{\"calls\": %ld, \"failed\": %ld, \"seconds\": %.6f, \"sent_bytes\": %" PRIu64
         ", \"received_bytes\": %" PRIu64 ", \"mean_us\": %.1f",
         ended, failed, (double)us / 1e6, calls_sent_bytes, calls_received_bytes, (double)sum / (double)ended);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    printf(", \"%s\": %u", rows[i].name, latency_us[(ended - 1) * rows[i].share / 1000]);
  }
  printf("}\n");
}

static void read_bodies(void) {
  FILE *from = fopen(options.bodies, "rb");
  uint8_t *at = NULL;
  size_t n = 1;
  base_buf_init(&file, SIZE_MAX / 2);
  while (from && n > 0 && base_is_ok(base_buf_reserve(&file, BODY_READ, &at))) {
    n = fread(at, 1, BODY_READ, from);
    base_buf_commit(&file, n);
  }
  if (from == NULL || ferror(from) || fclose(from) != 0) {
    pace_die("%s cannot be read", options.bodies);
  }
  unread = base_cursor_of(base_buf_span(&file));
}

int main(int argc, char **argv) {
  static const pace_option rows[] = {{"connections", &options.connections, NULL},
                                     {"concurrency", &options.concurrency, NULL},
                                     {"calls", &options.calls, NULL},
                                     {"path", NULL, &options.path},
                                     {"bodies", NULL, &options.bodies},
                                     {"protocol", NULL, &options.protocol}};
  pace_read_options(argc, argv, rows, sizeof rows / sizeof *rows, &options.port);
  if (options.connections < 1 || options.concurrency < options.connections || options.calls < 1 ||
      options.path == NULL || options.bodies == NULL) {
    pace_die("an option is missing or out of range");
  }
  latency_us = calloc((size_t)options.calls, sizeof *latency_us);
  if (latency_us == NULL) {
    pace_die("out of memory");
  }
  read_bodies();
  int64_t start_us = base_now_us();
  if (strcmp(options.protocol, "h1") == 0) {
    calls_h1_run();
  } else {
    calls_h2_run();
  }
  report(base_now_us() - start_us);
  return failed > 0;
}
