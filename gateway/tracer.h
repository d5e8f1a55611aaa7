/* tracer.h - the gateway's way to an OpenTelemetry collector: an exporter (otlp/otlp.h) with its channel and timer on the control thread's loop. Spans come from the
 * workers through obs.h. Loop thread only.
 */
#ifndef PONTE_GATEWAY_TRACER_H
#define PONTE_GATEWAY_TRACER_H

#include "gateway/config.h"
#include "net/loop.h"

typedef struct gw_tracer gw_tracer;

/* *out is NULL when the configuration names no collector. The collector need not be there: spans wait, within bounds. INVALID: the endpoint; NO_MEMORY. */
base_err gw_tracer_new(net_loop *loop, const gw_config *config, gw_tracer **out) BASE_MUST_USE;
/* The workers have ended: sends what waits; `done` comes once, at the latest after two seconds. NULL: done at once, from inside. */
void gw_tracer_flush(gw_tracer *t, void (*done)(void *ctx), void *ctx);
/* After the workers have ended, before the loop is freed. NULL is allowed. */
void gw_tracer_free(gw_tracer *t);

#endif
