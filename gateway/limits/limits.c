#include "gateway/limits/limits.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/limits/memory.h"
#include "gateway/limits/table.h"
#include "gateway/obs/obs.h"
#include "gateway/refusal/refusal.h"

enum { TABLE_ENTRIES = 16384, OTHER_FILES = 256, LOOK_MS = 500, PAUSE_MS = 1000 };
/* Percent of the budget. Between WELL and CALLS the state stays as it is, so that it does not flutter. */
enum { WELL = 85, NO_CALLS = 90, NO_CONNECTIONS = 95 };

enum pressure { NONE, SHED_CALLS, SHED_CONNECTIONS };

struct gw_limits {
  pthread_mutex_t lock;
  gw_limits_options options; /* under the lock, as the tables are */
  gw_table addresses, identities;
  atomic_uint connections, calls;
  atomic_int pressure;
  net_timer *timer; /* of gw_limits_watch */
};

static uint32_t or32(uint32_t value, uint32_t fallback) { return value ? value : fallback; }
static int64_t or64(int64_t value, int64_t fallback) { return value ? value : fallback; }

gw_limits_options gw_limits_with_defaults(const gw_limits_options *o) {
  gw_limits_options d = *o;
  uint64_t memory = o->memory_bytes ? o->memory_bytes : gw_memory_total() / 2;
  d.connections = or32(o->connections, 10000);
  d.connections_per_address = or32(o->connections_per_address, 500);
  d.calls_per_connection = or32(o->calls_per_connection, 100);
  d.calls = or32(o->calls, 20000);
  d.calls_per_address = or32(o->calls_per_address, 5000);
  d.message_bytes = or32(o->message_bytes, 4 << 20);
  d.header_bytes = or32(o->header_bytes, 16 << 10);
  d.header_ms = or64(o->header_ms, 10000);
  d.body_ms = or64(o->body_ms, 30000);
  d.keep_alive_ms = or64(o->keep_alive_ms, 75000);
  d.idle_ms = or64(o->idle_ms, 3600000);
  d.lost_ms = or64(o->lost_ms, 15000);
  d.rate_per_address = or32(o->rate_per_address, 2000);
  d.burst_per_address = or32(o->burst_per_address, 4000);
  d.rate_per_identity = or32(o->rate_per_identity, 1000);
  d.burst_per_identity = or32(o->burst_per_identity, 2000);
  d.memory_bytes = memory ? memory : UINT64_MAX;
  return d;
}

/* Connections are descriptors: as many as the process may have, but some for the services, files and the log. Without them accepting would pause for all. */
static uint32_t affordable(uint32_t connections) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
    return connections;
  }
  if (files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
  }
  rlim_t most = files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : files.rlim_cur / 2;
  if (connections <= most) {
    return connections;
  }
  BASE_LOG(BASE_LOG_WARN, "fewer connections than configured: the process may open too few files (ulimit -n)",
           LOG_INT("connections", connections), LOG_INT("possible", most));
  return (uint32_t)most;
}

base_err gw_limits_new(const gw_limits_options *options, gw_limits **out) {
  gw_limits *l = calloc(1, sizeof *l);
  if (l == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  pthread_mutex_init(&l->lock, NULL);
  l->options = gw_limits_with_defaults(options);
  l->options.connections = affordable(l->options.connections);
  base_err e = gw_table_init(&l->addresses, TABLE_ENTRIES);
  if (base_is_ok(e)) {
    e = gw_table_init(&l->identities, TABLE_ENTRIES);
  }
  if (!base_is_ok(e)) {
    gw_limits_free(l);
    return e;
  }
  *out = l;
  return BASE_OK;
}

void gw_limits_free(gw_limits *l) {
  if (l) {
    gw_table_dispose(&l->addresses);
    gw_table_dispose(&l->identities);
    pthread_mutex_destroy(&l->lock);
    free(l);
  }
}

void gw_limits_set(gw_limits *l, const gw_limits_options *options) {
  gw_limits_options next = gw_limits_with_defaults(options);
  next.connections = affordable(next.connections);
  pthread_mutex_lock(&l->lock);
  l->options = next;
  pthread_mutex_unlock(&l->lock);
}

/* -- connections ------------------------------------------------------------------------------------------------------------ */

/* Under the lock. */
static bool admit(gw_limits *l, const char *address) {
  gw_key key = gw_key_of_address(address);
  if (atomic_load(&l->connections) >= l->options.connections) {
    return false;
  }
  const gw_limits_options *o = &l->options;
  int64_t now_ms = base_now_ms();
  gw_entry *e = gw_table_get(&l->addresses, &key, o->burst_per_address, now_ms);
  if (e == NULL || e->connections >= o->connections_per_address ||
      gw_bucket_in_debt(&e->bucket, o->rate_per_address, o->burst_per_address, now_ms)) {
    return false;
  }
  gw_table_hold(&l->addresses, e, &e->connections);
  atomic_fetch_add(&l->connections, 1);
  return true;
}

bool gw_limits_connected(gw_limits *l, const char *address) {
  if (atomic_load(&l->pressure) == SHED_CONNECTIONS) {
    gw_obs_rejected(GW_REJECT_SHED);
    return false;
  }
  pthread_mutex_lock(&l->lock);
  bool may = admit(l, address);
  pthread_mutex_unlock(&l->lock);
  if (!may) {
    gw_obs_rejected(GW_REJECT_CONNECTIONS);
  }
  return may;
}

void gw_limits_disconnected(gw_limits *l, const char *address) {
  gw_key key = gw_key_of_address(address);
  pthread_mutex_lock(&l->lock);
  gw_entry *e = gw_table_find(&l->addresses, &key);
  if (e && e->connections > 0) {
    gw_table_release(&l->addresses, e, &e->connections);
    atomic_fetch_sub(&l->connections, 1);
  }
  pthread_mutex_unlock(&l->lock);
}

/* -- calls ------------------------------------------------------------------------------------------------------------------ */

/* Spread over a second, so that those refused together do not come back together. */
static int64_t pause_ms(void) { return PAUSE_MS + base_now_us() % PAUSE_MS; }

static base_err refuse(wire_status *out, enum gw_rejection metric, enum gw_refusal why, int64_t retry_ms,
                       const char *message) {
  gw_obs_rejected(metric);
  gw_refuse(out, why, retry_ms, message);
  return base_fail(BASE_E_EXHAUSTED);
}

/* 0, or the time until one may call again. Under the lock. An entry that memory lacks for limits nothing: the budget does. */
static int64_t take_token(gw_entry *e, uint32_t per_s, uint32_t burst, int64_t now_ms) {
  return e ? gw_bucket_take(&e->bucket, per_s, burst, now_ms) : 0;
}

enum verdict { ADMITTED, TOO_FAST, TOO_MANY };

/* Under the lock. */
static enum verdict judge_call(gw_limits *l, const char *address, const char *subject, int64_t now_ms,
                               int64_t *wait_ms) {
  const gw_limits_options *o = &l->options;
  gw_entry *from = NULL;
  if (address[0]) {
    gw_key key = gw_key_of_address(address);
    from = gw_table_get(&l->addresses, &key, o->burst_per_address, now_ms);
    *wait_ms = take_token(from, o->rate_per_address, o->burst_per_address, now_ms);
  }
  if (*wait_ms == 0 && subject[0]) {
    gw_key key = gw_key_of_name(&l->identities, base_span_str(subject));
    gw_entry *of = gw_table_get(&l->identities, &key, o->burst_per_identity, now_ms);
    *wait_ms = take_token(of, o->rate_per_identity, o->burst_per_identity, now_ms);
  }
  if (*wait_ms > 0) {
    return TOO_FAST;
  }
  if (atomic_load(&l->calls) >= o->calls || (from && from->calls >= o->calls_per_address)) {
    return TOO_MANY;
  }
  if (from) {
    gw_table_hold(&l->addresses, from, &from->calls);
  }
  atomic_fetch_add(&l->calls, 1);
  return ADMITTED;
}

base_err gw_limits_call_started(gw_limits *l, const char *address, const char *subject, int64_t now_ms,
                                wire_status *refusal) {
  int64_t wait_ms = 0;
  if (atomic_load(&l->pressure) != NONE) {
    return refuse(refusal, GW_REJECT_SHED, GW_REFUSAL_OVERLOADED, pause_ms(),
                  "the gateway is short of memory; try again later");
  }
  pthread_mutex_lock(&l->lock);
  enum verdict verdict = judge_call(l, address, subject, now_ms, &wait_ms);
  pthread_mutex_unlock(&l->lock);
  switch (verdict) {
  case TOO_FAST:
    return refuse(refusal, GW_REJECT_RATE, GW_REFUSAL_RATE_LIMITED, wait_ms,
                  "more calls than one client may begin in this time; call less often");
  case TOO_MANY:
    return refuse(refusal, GW_REJECT_CALLS, GW_REFUSAL_TOO_MANY_CALLS, pause_ms(),
                  "as many calls are open as may be, of one address or in all; end some, or try again later");
  case ADMITTED: break;
  }
  return BASE_OK;
}

base_err gw_limits_may_ask(gw_limits *l, const char *address, int64_t now_ms, wire_status *refusal) {
  gw_key key = gw_key_of_address(address);
  pthread_mutex_lock(&l->lock);
  const gw_limits_options *o = &l->options;
  gw_entry *e = address[0] ? gw_table_find(&l->addresses, &key) : NULL;
  bool in_debt = e && gw_bucket_in_debt(&e->bucket, o->rate_per_address, o->burst_per_address, now_ms);
  pthread_mutex_unlock(&l->lock);
  return in_debt ? refuse(refusal, GW_REJECT_RATE, GW_REFUSAL_RATE_LIMITED, pause_ms(),
                          "too many bad tokens and broken calls came from this address; wait")
                 : BASE_OK;
}

void gw_limits_call_ended(gw_limits *l, const char *address) {
  gw_key key = gw_key_of_address(address);
  pthread_mutex_lock(&l->lock);
  gw_entry *e = address[0] ? gw_table_find(&l->addresses, &key) : NULL;
  if (e && e->calls > 0) {
    gw_table_release(&l->addresses, e, &e->calls);
  }
  atomic_fetch_sub(&l->calls, 1);
  pthread_mutex_unlock(&l->lock);
}

void gw_limits_punish(gw_limits *l, const char *address, enum gw_penalty calls) {
  gw_key key = gw_key_of_address(address);
  pthread_mutex_lock(&l->lock);
  const gw_limits_options *o = &l->options;
  int64_t now_ms = base_now_ms();
  gw_entry *e = address[0] ? gw_table_get(&l->addresses, &key, o->burst_per_address, now_ms) : NULL;
  if (e) {
    gw_bucket_charge(&e->bucket, (uint32_t)calls, o->rate_per_address, o->burst_per_address, now_ms);
  }
  pthread_mutex_unlock(&l->lock);
}

/* -- memory ----------------------------------------------------------------------------------------------------------------- */

bool gw_limits_has_memory(const gw_limits *l) { return atomic_load(&l->pressure) == NONE; }

static enum pressure judge(enum pressure now, uint64_t resident, uint64_t budget) {
  uint64_t percent = resident / (budget / 100 + 1);
  if (percent >= NO_CONNECTIONS) {
    return SHED_CONNECTIONS;
  }
  if (percent >= NO_CALLS) {
    return SHED_CALLS;
  }
  return percent < WELL ? NONE : now == NONE ? NONE : SHED_CALLS;
}

void gw_limits_look(gw_limits *l) {
  enum pressure before = (enum pressure)atomic_load(&l->pressure);
  if (before != NONE) {
    malloc_trim(0); /* what was freed is still resident otherwise, and calls would be shed for ever */
  }
  uint64_t resident = gw_memory_resident();
  pthread_mutex_lock(&l->lock);
  uint64_t budget = l->options.memory_bytes;
  pthread_mutex_unlock(&l->lock);
  enum pressure after = judge(before, resident, budget);
  if (after != before) {
    static const char *const texts[] = {"memory is enough again", "memory is short: new calls are shed",
                                        "memory is short: new calls and connections are shed"};
    atomic_store(&l->pressure, (int)after);
    BASE_LOG(after == NONE ? BASE_LOG_INFO : BASE_LOG_WARN, texts[after], LOG_INT("resident", (int64_t)resident),
             LOG_INT("budget", (int64_t)budget));
  }
}

static void on_timer(void *ctx) {
  gw_limits *l = ctx;
  gw_limits_look(l);
  net_timer_set(l->timer, LOOK_MS);
}

base_err gw_limits_watch(gw_limits *l, net_loop *loop) {
  l->timer = net_timer_new(loop, on_timer, l);
  if (l->timer == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  net_timer_set(l->timer, 0);
  return BASE_OK;
}
