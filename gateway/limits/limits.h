/* limits.h - how much one client, and all of them together, may take: connections, calls and rates per address and per identity, and a budget of memory.
 *
 * One gw_limits serves all workers of a process; it is thread-safe (one short lock around its tables, atomics for the totals). Tables are bounded: when they are
 * full, the entry unused for longest goes. IPv6 addresses count by their /64.
 */
#ifndef PONTE_GATEWAY_LIMITS_H
#define PONTE_GATEWAY_LIMITS_H

#include "net/loop.h"
#include "wire/status.h"

typedef struct gw_limits gw_limits;

/* Plain data; 0 = the default in brackets. */
typedef struct {
  uint32_t
      connections; /* [10000] of browsers, all workers together; no more than the process may open files, whose soft limit is raised */
  uint32_t connections_per_address; /* [500] */
  uint32_t calls_per_connection;    /* [100] streams at once on an HTTP/2 connection or a WebSocket */
  uint32_t calls;                   /* [20000] open at once, all together */
  uint32_t calls_per_address;       /* [5000] */
  uint32_t message_bytes;           /* [4 MiB] one gRPC message, either way */
  uint32_t header_bytes;            /* [16 KiB] */
  int64_t header_ms, body_ms;       /* [10 s] for a request's head; [30 s] without a byte of an unfinished body */
  int64_t keep_alive_ms;            /* [75 s] an HTTP/1.1 connection between requests */
  int64_t idle_ms;                  /* [1 h] an HTTP/2 connection or a WebSocket without a call */
  int64_t lost_ms;                  /* [15 s] while a client has calls: its network answers nothing */
  int64_t lifetime_ms;              /* [none] a connection is drained after so long */
  int64_t
      max_timeout_ms; /* [none] ceiling of a unary call's or stream's grpc-timeout; also what calls without one get */
  uint32_t rate_per_address, burst_per_address;   /* [2000/s, 4000] new calls */
  uint32_t rate_per_identity, burst_per_identity; /* [1000/s, 2000] */
  uint64_t
      memory_bytes; /* [half of the machine's or the cgroup's] resident; above 90 % new calls are shed, above 95 % new connections too; below 85 % all is well again */
} gw_limits_options;

/* A copy with every 0 replaced by its default. */
gw_limits_options gw_limits_with_defaults(const gw_limits_options *o);

base_err gw_limits_new(const gw_limits_options *options, gw_limits **out) BASE_MUST_USE;
void gw_limits_free(gw_limits *l);
/* Hot reload: new numbers for what is there; counts go on. */
void gw_limits_set(gw_limits *l, const gw_limits_options *options);

/* A connection of this numeric address: true if it may stay; then gw_limits_disconnected follows at its end. A refusal is counted (ponte_gateway_rejected_total). */
bool gw_limits_connected(gw_limits *l, const char *address);
void gw_limits_disconnected(gw_limits *l, const char *address);
/* A call. EXHAUSTED: *refusal (initialised) holds RESOURCE_EXHAUSTED with ErrorInfo, RetryInfo and the trailer grpc-retry-pushback-ms, and it is counted. After BASE_OK
 * gw_limits_call_ended follows. `address` and `subject` may be "": no rate applies then. */
base_err gw_limits_call_started(gw_limits *l, const char *address, const char *subject, int64_t now_ms,
                                wire_status *refusal) BASE_MUST_USE;
void gw_limits_call_ended(gw_limits *l, const char *address);
/* What costs more than it looks like is charged to its address's rate, into debt if need be; while it is in debt its connections are refused too. */
enum gw_penalty {
  GW_PENALTY_BROKEN_OFF = 10, /* calls: one that the client breaks off before the service has said a word */
  GW_PENALTY_BAD_TOKEN =
      10, /* a token that had to be looked into and is not good: a signature costs as much as ten calls */
  GW_PENALTY_FLOOD = 1000, /* a connection that had to be ended for a flood */
};
void gw_limits_punish(gw_limits *l, const char *address, enum gw_penalty calls);
/* Before credentials are looked into: EXHAUSTED with *refusal, counted, while the address is in debt. */
base_err gw_limits_may_ask(gw_limits *l, const char *address, int64_t now_ms, wire_status *refusal) BASE_MUST_USE;
/* For readiness: false while calls are shed. */
bool gw_limits_has_memory(const gw_limits *l);
/* To be called about twice a second by one worker: looks at the memory in use. */
void gw_limits_look(gw_limits *l);
/* Calls it, from this loop, until the loop is freed, which is before the limits are. NO_MEMORY only; at most once. */
base_err gw_limits_watch(gw_limits *l, net_loop *loop) BASE_MUST_USE;

#endif
