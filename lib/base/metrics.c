#include "base/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifndef __EMSCRIPTEN__ /* a page's process is the browser's; it has no /proc */
#include "base/process.h"
#endif

/* Metrics of one name are neighbours, as the text format demands. */
static base_metric *registered;
static pthread_mutex_t registered_lock = PTHREAD_MUTEX_INITIALIZER;

static void insert(base_metric *m) {
  base_metric **last_of_name = NULL, **end = &registered;
  for (; *end; end = &(*end)->next) {
    if (*end == m) {
      return;
    }
    if (strcmp((*end)->name, m->name) == 0) {
      last_of_name = &(*end)->next;
    }
  }
  base_metric **at = last_of_name ? last_of_name : end;
  m->next = *at;
  *at = m;
}

void base_metric_register(base_metric *m) {
  pthread_mutex_lock(&registered_lock);
  insert(m);
  pthread_mutex_unlock(&registered_lock);
}

void base_metric_observe(base_metric *m, double v) {
  int i = 0;
  if (isnan(v)) {
    return;
  }
  while (i < BASE_METRIC_BUCKETS && m->bounds[i] != 0 && v > m->bounds[i]) {
    i++;
  }
  bool is_inf = i == BASE_METRIC_BUCKETS || m->bounds[i] == 0;
  atomic_fetch_add_explicit(&m->buckets[is_inf ? BASE_METRIC_BUCKETS : i], 1, memory_order_relaxed);
  /* Values whose millionths do not fit count, but add nothing: one of them would make the sum meaningless. */
  if (fabs(v) < 1e12) {
    atomic_fetch_add_explicit(&m->sum_micro, llround(v * 1e6), memory_order_relaxed);
  }
}

/* HELP text: backslash and line feed are escaped (Prometheus text format 0.0.4). */
static base_err put_help(base_buf *out, const char *help) {
  for (; *help; help++) {
    const char one[2] = {*help, 0};
    BASE_TRY(base_buf_str(out, *help == '\\' ? "\\\\" : *help == '\n' ? "\\n" : one));
  }
  return BASE_OK;
}

static base_err put_head(base_buf *out, const base_metric *m) {
  static const char *const kinds[] = {"counter", "gauge", "histogram"};
  BASE_TRY(base_buf_printf(out, "# HELP %s ", m->name));
  BASE_TRY(put_help(out, m->help));
  return base_buf_printf(out, "\n# TYPE %s %s\n", m->name, kinds[m->kind]);
}

/* name<suffix>{labels,le="bound"} and a blank; `bound` may be NULL. */
static base_err put_name(base_buf *out, const base_metric *m, const char *suffix, const char *bound) {
  bool labels = m->labels && *m->labels;
  BASE_TRY(base_buf_printf(out, "%s%s", m->name, suffix));
  if (labels || bound) {
    BASE_TRY(base_buf_printf(out, "{%s%s", labels ? m->labels : "", labels && bound ? "," : ""));
    if (bound) {
      BASE_TRY(base_buf_printf(out, "le=\"%s\"", bound));
    }
    BASE_TRY(base_buf_u8(out, '}'));
  }
  return base_buf_u8(out, ' ');
}

static base_err put_sample(base_buf *out, base_metric *m, const char *suffix, const char *bound, int64_t value) {
  BASE_TRY(put_name(out, m, suffix, bound));
  return base_buf_printf(out, "%" PRId64 "\n", value);
}

static int64_t load(_Atomic int64_t *v) { return atomic_load_explicit(v, memory_order_relaxed); }

static base_err put_histogram(base_buf *out, base_metric *m) {
  int64_t sum = load(&m->sum_micro), count = 0;
  for (int i = 0; i < BASE_METRIC_BUCKETS && m->bounds[i] != 0; i++) {
    char bound[32];
    snprintf(bound, sizeof bound, "%.9g", m->bounds[i]);
    count += load(&m->buckets[i]);
    BASE_TRY(put_sample(out, m, "_bucket", bound, count));
  }
  /* _count is what the buckets add up to, not a counter of its own: the two must agree in every scrape. */
  count += load(&m->buckets[BASE_METRIC_BUCKETS]);
  BASE_TRY(put_sample(out, m, "_bucket", "+Inf", count));
  BASE_TRY(put_name(out, m, "_sum", NULL));
  BASE_TRY(base_buf_printf(out, "%.6f\n", (double)sum / 1e6));
  return put_sample(out, m, "_count", NULL, count);
}

static base_err put_metric(base_buf *out, base_metric *m) {
  if (m->kind == BASE_METRIC_HISTOGRAM) {
    return put_histogram(out, m);
  }
  return put_sample(out, m, "", NULL, m->read ? m->read() : base_metric_value(m));
}

static base_err put_all(base_buf *out) {
  const char *name = "";
  for (base_metric *m = registered; m; m = m->next) {
    if (strcmp(name, m->name) != 0) {
      BASE_TRY(put_head(out, m));
    }
    name = m->name;
    BASE_TRY(put_metric(out, m));
  }
#ifndef __EMSCRIPTEN__
  return base_process_write(out);
#else
  return BASE_OK;
#endif
}

base_err base_metrics_write(base_buf *out) {
  size_t before = base_buf_size(out);
  pthread_mutex_lock(&registered_lock);
  base_err e = put_all(out);
  pthread_mutex_unlock(&registered_lock);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}
