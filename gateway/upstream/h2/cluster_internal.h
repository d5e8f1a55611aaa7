/* cluster_internal.h - what the files of the h2 leg's cluster share. Inside gateway/upstream/h2 only; loop thread only.
 *
 * Ownership: the cluster owns names, endpoints and waiting calls; an endpoint owns its links; a link lives until its connection's on_closed. So the cluster's memory
 * stays until its owner has freed it and its last link has closed. An endpoint that left the names lives until its last link has closed, too.
 *
 * Every event ends in gw__work(), which does all that can be done now: look names up, connect, start waiting calls or fail them, and set the one timer.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_CLUSTER_INTERNAL_H
#define PONTE_GATEWAY_UPSTREAM_H2_CLUSTER_INTERNAL_H

#include <sys/queue.h>

#include "gateway/upstream/h2/balance.h"
#include "gateway/upstream/h2/cluster.h"
#include "gateway/upstream/h2/health.h"
#include "gateway/upstream/h2/session.h"
#include "gateway/upstream/target.h"

enum { GW__WHY = 200, GW__ENDPOINTS_MAX = 256, GW__BACKOFF_MS = 200, GW__BACKOFF_CAP_MS = 3000 };

typedef struct gw__cluster gw__cluster;
typedef struct gw__name gw__name;
typedef struct gw__endpoint gw__endpoint;
typedef struct gw__link gw__link;
typedef struct gw__call gw__call;
TAILQ_HEAD(gw__calls, gw__call);

struct gw__name {
  gw__cluster *cluster;
  gw_target target;
  char *addresses[NET_RESOLVE_MAX];
  size_t count;
  net_resolve *running;
  int64_t due_ms, asked_ms; /* the next look-up; INT64_MAX: never */
  unsigned failures;        /* in a row */
  char why[GW__WHY];
};

struct gw__endpoint {
  gw__cluster *cluster;
  gw__endpoint *next; /* among those that left */
  const gw_target *target;
  char address[GW_TARGET_TEXT];
  gw__link *links;
  bool left;    /* no name has it any more: what runs may finish */
  bool failing; /* gRPC's TRANSIENT_FAILURE: from a failed try until a connection stands */
  unsigned attempt;
  int64_t retry_ms;
  char why[GW__WHY];
};

/* CONNECTING -> OPEN (the connection stands; `settled` with the server's SETTINGS) -> GOING (no new calls) -> DEAD (only on_closed is awaited). */
enum gw__link_state { GW__CONNECTING, GW__OPEN, GW__GOING, GW__DEAD };
enum gw__health { GW__UNKNOWN, GW__WELL, GW__SICK };

struct gw__link {
  gw__endpoint *endpoint;
  gw__link *next;
  net_conn *conn;
  gw_h2c *session; /* NULL while connecting */
  enum gw__link_state state;
  bool settled;
  int64_t opened_ms; /* began to connect, then: stands since */
  /* The Watch; without health checks WELL from the start. */
  enum gw__health health;
  gw_h2c_call *watch;
  gw__health_reader reader;
  unsigned watch_failures;
  int64_t watch_due_ms;
};

struct gw__cluster {
  gw_upstream base;
  net_loop *loop;
  gw_cluster_options options;
  char *text; /* what the options point to */
  const gw_h2_lookup *lookup;
  net_tls_client *tls;
  gw__name *names;
  size_t name_count;
  gw__endpoint **endpoints; /* in the order of the names' answers */
  size_t endpoint_count;
  gw__endpoint *leaving;
  size_t cursor;
  uint64_t random;
  struct gw__calls waiting, ended; /* `ended`: their status is told from the loop */
  size_t waiting_count;
  int64_t waiting_due_ms; /* no waiting call's deadline is before it */
  net_timer *timer;
  int64_t armed_ms;
  size_t links;           /* not closed yet */
  bool active;            /* somebody asked for a connection */
  bool stopped, disowned; /* free() was called */
};

/* -- cluster.c -- */
void gw__work(gw__cluster *c, int64_t now_ms);
/* gw__work will run at this time at the latest. */
void gw__arm(gw__cluster *c, int64_t at_ms);
uint32_t gw__random(gw__cluster *c);
int64_t gw__backoff_ms(gw__cluster *c, unsigned attempt);
/* A link has gone, or the owner: frees the cluster after the last of them. */
void gw__release(gw__cluster *c);

/* -- names.c -- */
base_err gw__name_init(gw__name *n, gw__cluster *c, const char *target) BASE_MUST_USE;
void gw__name_dispose(gw__name *n);
void gw__names_work(gw__cluster *c, int64_t now_ms);
/* A connection failed: perhaps the address is an old one. */
void gw__names_ask_again(gw__cluster *c, int64_t now_ms);
int64_t gw__names_due_ms(const gw__cluster *c);

/* -- endpoint.c -- */
/* Takes over what the names say now. */
void gw__endpoints_update(gw__cluster *c);
/* The link for the next call; NULL: none can take one now. */
gw__link *gw__endpoints_pick(gw__cluster *c);
bool gw__endpoints_ready(const gw__cluster *c);
/* True while no call can hope for a connection; `why` then says the first reason. */
bool gw__endpoints_failing(const gw__cluster *c, char why[GW__WHY]);
void gw__endpoints_connect(gw__cluster *c, int64_t now_ms);
int64_t gw__endpoints_due_ms(const gw__cluster *c);
void gw__endpoint_failed(gw__endpoint *e, const char *why, int64_t now_ms);
/* A connection that stood since `opened_ms` takes no calls any more. */
void gw__endpoint_lost(gw__endpoint *e, int64_t opened_ms, int64_t now_ms);
/* Frees those that left and have no link. */
void gw__endpoints_sweep(gw__cluster *c);
void gw__endpoints_free(gw__cluster *c);

/* -- link.c -- */
base_err gw__link_open(gw__endpoint *e, int64_t now_ms) BASE_MUST_USE;
/* Takes no new calls; closes when the last has ended. */
void gw__link_leave(gw__link *k);
/* Calls end with UNAVAILABLE and this text. */
void gw__link_close(gw__link *k, const char *why);
bool gw__link_is_ready(const gw__link *k);
size_t gw__link_room(const gw__link *k);
void gw__link_on_time(gw__link *k, int64_t now_ms);
int64_t gw__link_due_ms(const gw__link *k);

/* -- watch.c: health -- */
void gw__watch_start(gw__link *k, int64_t now_ms);

/* -- relay.c: calls -- */
base_err gw__call_start(gw_upstream *u, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                        const gw_up_events *events, void *ctx, gw_up_call **out) BASE_MUST_USE;
base_err gw__call_write(gw_up_call *c, base_span bytes, bool end) BASE_MUST_USE;
void gw__call_credit(gw_up_call *c, size_t bytes);
void gw__call_cancel(gw_up_call *c);
/* Starts waiting calls where there is room; fails those past their deadline, and all if nobody can be reached. */
void gw__calls_work(gw__cluster *c, int64_t now_ms);
/* The cluster ends: every call that waits is told. */
void gw__calls_stop(gw__cluster *c);

#endif
