/* worker.h - one loop thread of the gateway, with everything that belongs to a loop: listeners, front, gate, upstream connections. Workers share only a gw_shared; the
 * kernel spreads connections over their listeners (SO_REUSEPORT).
 *
 * Made, given its listeners and freed by the control thread (app.h), which is the only caller of these functions; between gw_worker_start and gw_worker_free the
 * insides belong to the worker's thread.
 */
#ifndef PONTE_GATEWAY_WORKER_H
#define PONTE_GATEWAY_WORKER_H

#include "gateway/shared.h"

typedef struct gw_worker gw_worker;

typedef struct {
  const gw_shared *shared;      /* borrowed, until another one has been applied */
  int index;                    /* 0, 1, ...: for the log */
  bool share_ports;             /* there are other workers */
  void (*on_change)(void *ctx); /* from the worker's thread: it has applied, or it has ended */
  void *ctx;
} gw_worker_options;

/* Errors, said in `why`: INVALID, NOT_FOUND (the folder of files), NO_MEMORY. */
base_err gw_worker_new(const gw_worker_options *options, base_buf *why, gw_worker **out) BASE_MUST_USE;
/* Before gw_worker_start. IN_USE and INVALID as net_listen; *port is the port. */
base_err gw_worker_listen(gw_worker *w, const gw_place *place, int *port) BASE_MUST_USE;
/* Its thread begins. EXHAUSTED: there is none. */
base_err gw_worker_start(gw_worker *w) BASE_MUST_USE;

/* Hot reload: what comes from now on is served by `next`, what runs goes on as it began. Listeners whose place is the same stay, others close or open. One at a time:
 * on_change follows when it is done, and the last gw_shared is free then. */
void gw_worker_apply(gw_worker *w, const gw_shared *next);
bool gw_worker_has_applied(const gw_worker *w, const gw_shared *next);
/* No new connections; what runs may go on for config.grace_ms, then it ends with UNAVAILABLE. The worker ends when all is quiet. */
void gw_worker_drain(gw_worker *w);
/* Ends at once. */
void gw_worker_stop(gw_worker *w);
/* Its upstreams are reachable. Asks the worker and waits for it, at most a quarter of a second: a loop that hangs is not ready. */
bool gw_worker_is_ready(gw_worker *w);
bool gw_worker_has_ended(const gw_worker *w);
/* Stops and joins its thread. NULL is allowed. */
void gw_worker_free(gw_worker *w);

#endif
