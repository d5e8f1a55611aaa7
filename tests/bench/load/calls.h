/* calls.h - the calls that bench_calls makes: which is next, and what became of it. One thread.
 *
 * A transport (calls_h2.c, calls_h1.c) keeps `concurrency` calls under way: it asks for the next one whenever one is done, until there is none.
 */
#ifndef PONTE_BENCH_CALLS_H
#define PONTE_BENCH_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

typedef struct {
  long port, connections, concurrency, calls;
  const char *path, *bodies, *protocol;
} calls_options;

typedef struct {
  base_span body; /* a gRPC frame; alive until the end */
  int64_t start_us;
} calls_one;

enum { CALLS_FRAME_HEAD = 5 };

extern const calls_options *const calls;

/* False: all have begun. */
bool calls_next(calls_one *out);
/* `why` says what a failed one failed with; the first is printed. */
void calls_done(const calls_one *call, bool ok, base_span why);
/* All have ended. */
bool calls_over(void);
/* A connection to the server, with Nagle's algorithm off. */
int calls_connect(void);
/* Bytes of the sockets, HTTP included. */
extern uint64_t calls_sent_bytes, calls_received_bytes;

/* gRPC over HTTP/2 without TLS; JSON over HTTP/1.1, one call at a time on each connection. They return when all calls have ended. */
void calls_h2_run(void);
void calls_h1_run(void);

#endif
