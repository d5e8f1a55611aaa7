/* pace.h - what the load programs share: their options, the even pace of live streams, and giving up. One thread.
 *
 * Any failure of a benchmark's end spoils the measurement, so it ends the program, saying why.
 */
#ifndef PONTE_BENCH_PACE_H
#define PONTE_BENCH_PACE_H

#include <stddef.h>
#include <stdint.h>

/* Says what went wrong and exits with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void pace_die(const char *fmt, ...);

typedef struct {
  const char *name;
  long *number; /* either this */
  const char **text;
} pace_option;

/* PORT [option VALUE]... */
void pace_read_options(int argc, char **argv, const pace_option *rows, size_t count, long *port);

typedef struct {
  long streams, rate, seconds, warmup;
  size_t answer_bytes;          /* of one message */
  const uint64_t *received;     /* bytes so far */
  void (*send)(long stream);    /* a message is due */
  void (*turn)(int timeout_ms); /* looks after the sockets for so long; -1: until something happens */
} pace_plan;

/* Sends on every stream at its rate, the streams' ticks spread evenly. Prints "measuring" after the warm-up, and at the end "sent received late": messages since then,
 * and how many were more than a period behind their time. */
void pace_run(const pace_plan *plan);
/* Says "open", and stays until stdin ends. */
void pace_hold(void);

#endif
