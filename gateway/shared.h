/* shared.h - what all workers have in common: one configuration and what was made of it once. The control thread owns it; to workers it is read-only, but for the
 * objects that have locks of their own. A reload makes the next one; the last one goes when every worker has taken the next.
 */
#ifndef PONTE_GATEWAY_SHARED_H
#define PONTE_GATEWAY_SHARED_H

#include "gateway/config.h"
#include "net/tls_server.h"

/* Room for the longest numeric address and a port. */
enum { GW_ADDRESS_SIZE = 80 };

typedef struct {
  char address[GW_ADDRESS_SIZE]; /* with the port that port 0 became; "": left out */
  net_tls_server *tls;           /* NULL: plain */
} gw_place;

typedef struct {
  gw_config *config;
  gw_limits *limits;                 /* the same one for all reloads */
  gw_auth *auth;                     /* NULL: off */
  gw_place places[GW_CONFIG_LISTEN]; /* of config->listen, in its order */
} gw_shared;

#endif
