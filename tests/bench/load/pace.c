#include "pace.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/span.h"

void pace_die(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vfprintf(stderr, fmt, args);
  va_end(args);
  fprintf(stderr, "\n");
  exit(1);
}

static long number(const char *text) {
  uint64_t n = 0;
  if (!base_span_u64(base_span_str(text), &n) || n > INT32_MAX) {
    pace_die("\"%s\" is no number", text);
  }
  return (long)n;
}

void pace_read_options(int argc, char **argv, const pace_option *rows, size_t count, long *port) {
  if (argc < 2 || argc % 2 != 0) {
    pace_die("usage: %s PORT [option VALUE]...", argv[0]);
  }
  *port = number(argv[1]);
  for (int i = 2; i < argc; i += 2) {
    size_t k = 0;
    while (k < count && strcmp(rows[k].name, argv[i]) != 0) {
      k++;
    }
    if (k == count) {
      pace_die("unknown option %s", argv[i]);
    } else if (rows[k].number) {
      *rows[k].number = number(argv[i + 1]);
    } else {
      *rows[k].text = argv[i + 1];
    }
  }
}

/* Streams are ordered by their ticks: a ring. */
struct ring {
  int64_t *due_us;
  long next;
  uint64_t sent, late;
};

/* Everything that is due is sent; gives the time of the next. */
static int64_t tick(const pace_plan *plan, struct ring *r, int64_t now_us) {
  int64_t period = 1000000 / plan->rate;
  while (r->due_us[r->next] <= now_us) {
    r->late += now_us - r->due_us[r->next] > period;
    r->due_us[r->next] += period;
    plan->send(r->next);
    r->sent++;
    r->next = (r->next + 1) % plan->streams;
  }
  return r->due_us[r->next];
}

void pace_run(const pace_plan *plan) {
  int64_t start_us = base_now_us(), period = 1000000 / plan->rate;
  int64_t measured_us = start_us + plan->warmup * 1000000, end_us = measured_us + plan->seconds * 1000000;
  struct ring r = {.due_us = calloc((size_t)plan->streams, sizeof *r.due_us)};
  uint64_t before = 0;
  bool measuring = false;
  if (r.due_us == NULL) {
    pace_die("out of memory");
  }
  for (long i = 0; i < plan->streams; i++) {
    r.due_us[i] = start_us + period * i / plan->streams;
  }
  for (int64_t now_us = start_us; now_us < end_us; now_us = base_now_us()) {
    if (!measuring && now_us >= measured_us) {
      measuring = true;
      r.sent = r.late = 0;
      before = *plan->received;
      printf("measuring\n");
      fflush(stdout);
    }
    int64_t wait_us = tick(plan, &r, now_us) - base_now_us();
    plan->turn(wait_us > 0 ? (int)(wait_us + 999) / 1000 : 0);
  }
  printf("%lu %lu %lu\n", (unsigned long)r.sent, (unsigned long)((*plan->received - before) / plan->answer_bytes),
         (unsigned long)r.late);
  free(r.due_us);
}

void pace_hold(void) {
  printf("open\n");
  fflush(stdout);
  while (getchar() != EOF) {
  }
}
