/* worker.h - one loop thread of the gateway, with everything that belongs to a loop: its listeners, HTTP/1.1 server, WebSocket hub, front, gate, router and upstream
 * connections. Workers share nothing but what is said to be shared; the kernel spreads connections over their listeners (SO_REUSEPORT).
 *
 * Made, given its listeners and freed by the control thread (app.h), which is the only caller of these functions; between gw_worker_start and gw_worker_free the
 * insides belong to the worker's thread.
 */
#ifndef PONTE_GATEWAY_WORKER_H
#define PONTE_GATEWAY_WORKER_H

#include "base/buf.h"
#include "gateway/config.h"

typedef struct gw_worker gw_worker;

typedef struct {
  const gw_config *config;   /* borrowed */
  gw_limits *limits;         /* shared by all workers; borrowed */
  gw_auth *auth;             /* the same; NULL: authentication is off */
  int index;                 /* 0, 1, ...: for the log */
  void (*on_end)(void *ctx); /* from the worker's thread, last */
  void *ctx;
} gw_worker_options;

/* Errors, said in `why`: INVALID, NOT_FOUND (the folder of files), NO_MEMORY. */
base_err gw_worker_new(const gw_worker_options *options, base_buf *why, gw_worker **out) BASE_MUST_USE;
/* Before gw_worker_start. `port` replaces the address's own unless it is 0 (the first worker has picked one); `share`: other workers listen there too. *got is the
 * port. IN_USE and INVALID as net_listen. */
base_err gw_worker_listen(gw_worker *w, const gw_listen *listen, int port, bool share, int *got) BASE_MUST_USE;
/* Its thread begins. EXHAUSTED: there is none. */
base_err gw_worker_start(gw_worker *w) BASE_MUST_USE;

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
