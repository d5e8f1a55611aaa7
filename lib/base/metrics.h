/* metrics.h - counters, gauges and histograms, written out in the Prometheus text format (version 0.0.4).
 *
 * A metric is an object that lives as long as the process, with fixed label values, so cardinality is bounded by
 * construction and peers cannot widen it:
 *
 *   static base_metric streams = BASE_GAUGE("ponte_gateway_streams", "Open streams.", "kind=\"mux\"");
 *   base_metric_register(&streams);
 *   base_metric_add(&streams, 1);
 *
 * Updates are relaxed atomics. Any thread.
 */
#ifndef PONTE_BASE_METRICS_H
#define PONTE_BASE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

enum { BASE_METRIC_BUCKETS = 12 };

typedef struct base_metric {
  const char *name, *help;
  const char *labels; /* ready to print between braces: a="b",c="d"; NULL or "" for none */
  enum { BASE_METRIC_COUNTER, BASE_METRIC_GAUGE, BASE_METRIC_HISTOGRAM } kind;
  const double *bounds; /* histograms: ascending upper bounds, at most BASE_METRIC_BUCKETS, ended by 0 */
  _Atomic int64_t value;
  _Atomic int64_t buckets[BASE_METRIC_BUCKETS + 1]; /* the last is +Inf */
  _Atomic int64_t sum_micro;                        /* histograms: sum in millionths */
  int64_t (*read)(void);                            /* gauges computed when scraped; or NULL */
  struct base_metric *next;
} base_metric;

#define BASE_COUNTER(n, h, l) \
  { .name = (n), .help = (h), .labels = (l), .kind = BASE_METRIC_COUNTER }
#define BASE_GAUGE(n, h, l) \
  { .name = (n), .help = (h), .labels = (l), .kind = BASE_METRIC_GAUGE }
#define BASE_GAUGE_FN(n, h, l, f) \
  { .name = (n), .help = (h), .labels = (l), .kind = BASE_METRIC_GAUGE, .read = (f) }
#define BASE_HISTOGRAM(n, h, l, b) \
  { .name = (n), .help = (h), .labels = (l), .kind = BASE_METRIC_HISTOGRAM, .bounds = (b) }

/* Registering the same object twice is a no-op. Metrics of one name with different labels share one HELP/TYPE head. */
void base_metric_register(base_metric *m);
static inline void base_metric_add(base_metric *m, int64_t n) {
  atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}
static inline int64_t base_metric_value(base_metric *m) {
  return atomic_load_explicit(&m->value, memory_order_relaxed);
}
/* Counts v in the first bucket whose bound is not below it. NaN is ignored; 1e12 and more count but add nothing to the
 * sum. */
void base_metric_observe(base_metric *m, double v);
/* All registered metrics, plus what base/process.h tells of the process (natively). On failure *out is unchanged. */
base_err base_metrics_write(base_buf *out) BASE_MUST_USE;

#endif
