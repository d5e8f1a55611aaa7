#include "gateway/upstream/h2/cluster.h"

#include <stdlib.h>

#include "base/clock.h"
#include "gateway/upstream/h2/cluster_internal.h"

/* -- the one timer -- */

static int64_t links_due_ms(const gw__cluster *c) {
  int64_t due_ms = INT64_MAX;
  for (size_t i = 0; i < c->endpoint_count; i++) {
    for (const gw__link *k = c->endpoints[i]->links; k; k = k->next) {
      due_ms = gw__link_due_ms(k) < due_ms ? gw__link_due_ms(k) : due_ms;
    }
  }
  for (const gw__endpoint *e = c->leaving; e; e = e->next) {
    for (const gw__link *k = e->links; k; k = k->next) {
      due_ms = gw__link_due_ms(k) < due_ms ? gw__link_due_ms(k) : due_ms;
    }
  }
  return due_ms;
}

void gw__arm(gw__cluster *c, int64_t at_ms) {
  if (at_ms < c->armed_ms && !c->stopped) {
    c->armed_ms = at_ms;
    net_timer_set(c->timer, at_ms > 0 ? at_ms - base_now_ms() : 0);
  }
}

static void links_on_time(gw__endpoint *e, int64_t now_ms) {
  for (gw__link *k = e->links, *next; k; k = next) {
    next = k->next; /* links are freed by their connections alone, later */
    gw__link_on_time(k, now_ms);
  }
}

static void on_timer(void *ctx) {
  gw__cluster *c = ctx;
  int64_t now_ms = base_now_ms();
  c->armed_ms = INT64_MAX;
  for (size_t i = 0; i < c->endpoint_count; i++) {
    links_on_time(c->endpoints[i], now_ms);
  }
  for (gw__endpoint *e = c->leaving; e; e = e->next) {
    links_on_time(e, now_ms);
  }
  gw__work(c, now_ms);
  gw__arm(c, links_due_ms(c));
}

void gw__work(gw__cluster *c, int64_t now_ms) {
  if (c->stopped) {
    return;
  }
  gw__names_work(c, now_ms);
  gw__endpoints_connect(c, now_ms);
  gw__calls_work(c, now_ms);
  /* What ended may have left the cluster stopped. */
  gw__arm(c, gw__names_due_ms(c));
  gw__arm(c, gw__endpoints_due_ms(c));
  gw__arm(c, c->waiting_due_ms);
}

/* xorshift64*: for spreading, not for secrets. */
uint32_t gw__random(gw__cluster *c) {
  c->random ^= c->random >> 12;
  c->random ^= c->random << 25;
  c->random ^= c->random >> 27;
  return (uint32_t)((c->random * 0x2545F4914F6CDD1DULL) >> 32);
}

int64_t gw__backoff_ms(gw__cluster *c, unsigned attempt) {
  return base_backoff_ms(attempt, GW__BACKOFF_MS, GW__BACKOFF_CAP_MS, gw__random(c));
}

/* -- life -- */

static void dispose(gw__cluster *c) {
  gw__endpoints_free(c);
  for (size_t i = 0; i < c->name_count; i++) {
    gw__name_dispose(&c->names[i]);
  }
  free(c->names);
  net_tls_client_free(c->tls);
  free(c->text);
  free(c);
}

void gw__release(gw__cluster *c) {
  if (c->disowned && c->links == 0) {
    dispose(c);
  }
}

static bool cluster_is_ready(gw_upstream *u) {
  gw__cluster *c = (gw__cluster *)u;
  if (!c->active && !c->stopped) {
    c->active = true;
    gw__arm(c, 0);
  }
  return gw__endpoints_ready(c);
}

static void close_links(gw__endpoint *e) {
  for (gw__link *k = e->links; k; k = k->next) {
    gw__link_close(k, "the gateway is shutting down");
  }
}

static void cluster_stop(gw_upstream *u) {
  gw__cluster *c = (gw__cluster *)u;
  if (c->stopped) {
    return;
  }
  c->stopped = true;
  net_timer_free(c->timer);
  for (size_t i = 0; i < c->name_count; i++) {
    gw__name_dispose(&c->names[i]);
  }
  for (size_t i = 0; i < c->endpoint_count; i++) {
    close_links(c->endpoints[i]);
  }
  for (gw__endpoint *e = c->leaving; e; e = e->next) {
    close_links(e);
  }
  gw__calls_stop(c);
}

static void cluster_free(gw_upstream *u) {
  gw__cluster *c = (gw__cluster *)u;
  cluster_stop(u);
  c->disowned = true;
  gw__release(c);
}

static const gw_upstream_vt cluster_vt = {
    .start = gw__call_start,
    .write = gw__call_write,
    .credit = gw__call_credit,
    .cancel = gw__call_cancel,
    .is_ready = cluster_is_ready,
    .stop = cluster_stop,
    .free = cluster_free,
};

/* -- making one -- */

/* Keeps what the calls need of the options; the targets live on in the names, and the files were read. */
static base_err copy_text(gw__cluster *c) {
  gw_cluster_options *o = &c->options;
  const char *from[] = {o->name, o->tls_server_name ? o->tls_server_name : "",
                        o->health_service ? o->health_service : ""};
  size_t n = 0, at = 0;
  for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
    n += strlen(from[i]) + 1;
  }
  c->text = malloc(n);
  if (c->text == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  char *copies[sizeof from / sizeof *from];
  for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
    copies[i] = c->text + at;
    memcpy(copies[i], from[i], strlen(from[i]) + 1);
    at += strlen(from[i]) + 1;
  }
  o->name = copies[0];
  o->tls_server_name = o->tls_server_name ? copies[1] : NULL;
  o->health_service = copies[2];
  return BASE_OK;
}

static base_err read_tls(gw__cluster *c, base_buf *why) {
  const net_tls_client_options tls = {
      .ca_file = c->options.tls_ca, .cert_file = c->options.tls_cert, .key_file = c->options.tls_key, .alpn = "h2"};
  return c->options.tls ? net_tls_client_new(c->loop, &tls, why, &c->tls) : BASE_OK;
}

static base_err name_targets(gw__cluster *c, base_buf *why) {
  c->names = calloc((size_t)c->options.target_count, sizeof *c->names);
  if (c->names == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (int i = 0; i < c->options.target_count; i++) {
    base_err e = gw__name_init(&c->names[i], c, c->options.targets[i]);
    c->name_count++;
    if (!base_is_ok(e)) {
      base_err told = base_buf_printf(
          why, "target \"%s\": the h2 leg takes host:port, dns:, ipv4:, ipv6: and unix:", c->options.targets[i]);
      return base_is_ok(told) ? base_fail(BASE_E_INVALID) : told;
    }
  }
  return BASE_OK;
}

static base_err make(gw__cluster *c, base_buf *why) {
  BASE_TRY(name_targets(c, why));
  BASE_TRY(read_tls(c, why));
  BASE_TRY(copy_text(c));
  c->timer = net_timer_new(c->loop, on_timer, c);
  if (c->timer == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  gw__endpoints_update(c);
  return BASE_OK;
}

base_err gw_h2_cluster_new(net_loop *loop, const gw_cluster_options *options, const gw_h2_lookup *lookup, base_buf *why,
                           gw_upstream **out) {
  static const gw_h2_lookup system_lookup = {net_resolve_start, net_resolve_cancel};
  gw__cluster *c = calloc(1, sizeof *c);
  if (c == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  c->base = (gw_upstream){.vt = &cluster_vt, .max_message_bytes = options->max_message_bytes};
  c->loop = loop;
  c->options = *options;
  c->lookup = lookup ? lookup : &system_lookup;
  c->armed_ms = c->waiting_due_ms = INT64_MAX;
  TAILQ_INIT(&c->waiting);
  TAILQ_INIT(&c->ended);
  base_random(&c->random, sizeof c->random);
  c->random |= 1;
  c->cursor = gw__random(c);
  base_err e = make(c, why);
  if (!base_is_ok(e)) {
    net_timer_free(c->timer);
    dispose(c);
    return e;
  }
  *out = &c->base;
  return BASE_OK;
}
