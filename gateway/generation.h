/* generation.h - the parts of a worker that are made of one configuration: router and upstream connections, HTTP/1.1 server, WebSocket hub. A reload makes a new one for
 * what comes; connections and calls keep theirs until they end. Loop thread only, but for making the first one.
 */
#ifndef PONTE_GATEWAY_GENERATION_H
#define PONTE_GATEWAY_GENERATION_H

#include "gateway/gate/gate.h"
#include "gateway/routes.h"
#include "gateway/shared.h"
#include "http/h1.h"
#include "rpc/client.h"

typedef struct gw_generation {
  gw_upstream *upstream; /* the router; NULL once it has retired */
  gw_ws_hub *hub;
  http_h1_server *h1;
  struct gw_generation *older;
} gw_generation;

/* Of the worker; they outlive its generations. */
typedef struct {
  net_loop *loop;
  rpc_client *client;
  gw_gate *gate;
  http_app app; /* what requests of HTTP/1.1 go to */
} gw_generation_parts;

/* INVALID, NO_MEMORY, said in `why`. */
base_err gw_generation_new(const gw_generation_parts *parts, const gw_shared *shared, base_buf *why,
                           gw_generation **out) BASE_MUST_USE;
/* For one that has been replaced, again and again: gives up its upstream connections once no call needs them. True when no connection of browsers is left either. */
bool gw_generation_retire(gw_generation *g);
/* The loop is about to be freed: what lives on it ends. For those behind it too; NULL is allowed. */
void gw_generation_stop(gw_generation *g);
/* Frees those behind it too. After their calls ended; NULL is allowed. */
void gw_generation_free(gw_generation *g);

#endif
