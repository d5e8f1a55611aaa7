#include "base/metrics.h"

#include <math.h>
#ifndef __EMSCRIPTEN__
#include <pthread.h>
#endif
#include <stdlib.h>

#include "base/test.h"

static const double bounds[] = {0.01, 0.5, 2, 0};
static const double twelve[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static int64_t computed(void) { return 42; }

static base_metric plain = BASE_COUNTER("t_plain_total", "Back\\slash and\nline.", NULL);
static base_metric mux = BASE_GAUGE("t_streams", "Open streams.", "kind=\"mux\"");
static base_metric web = BASE_GAUGE("t_streams", "Open streams.", "kind=\"web\"");
static base_metric fn = BASE_GAUGE_FN("t_fn", "Computed.", "", computed);
static base_metric seconds = BASE_HISTOGRAM("t_seconds", "Time.", "a=\"b\"", bounds);
static base_metric full = BASE_HISTOGRAM("t_full", "All buckets, no end mark.", NULL, twelve);

static base_buf out;
static const char *text(void) {
  base_buf_dispose(&out);
  base_buf_init(&out, 65536);
  CHECK_OK(base_metrics_write(&out));
  CHECK_OK(base_buf_u8(&out, 0));
  return (const char *)base_buf_span(&out).p;
}

static void the_text_is_the_prometheus_format(void) {
  base_metric_register(&mux);
  base_metric_register(&plain);
  base_metric_register(&web);
  base_metric_register(&fn);
  base_metric_register(&seconds);
  base_metric_register(&mux); /* twice is once */
  base_metric_add(&plain, 2);
  base_metric_add(&plain, 3);
  base_metric_add(&mux, 1);
  base_metric_add(&web, -4);
  const double seen[] = {0.001, 0.01, 0.25, 0.5000001, 2, 2.0001, 1e13, NAN, -1};
  for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
    base_metric_observe(&seconds, seen[i]);
  }
  static const char want[] = "# HELP t_streams Open streams.\n"
                             "# TYPE t_streams gauge\n"
                             "t_streams{kind=\"mux\"} 1\n"
                             "t_streams{kind=\"web\"} -4\n"
                             "# HELP t_plain_total Back\\\\slash and\\nline.\n"
                             "# TYPE t_plain_total counter\n"
                             "t_plain_total 5\n"
                             "# HELP t_fn Computed.\n"
                             "# TYPE t_fn gauge\n"
                             "t_fn 42\n"
                             "# HELP t_seconds Time.\n"
                             "# TYPE t_seconds histogram\n"
                             "t_seconds_bucket{a=\"b\",le=\"0.01\"} 3\n"
                             "t_seconds_bucket{a=\"b\",le=\"0.5\"} 4\n"
                             "t_seconds_bucket{a=\"b\",le=\"2\"} 6\n"
                             "t_seconds_bucket{a=\"b\",le=\"+Inf\"} 8\n"
                             "t_seconds_sum{a=\"b\"} 3.761100\n"
                             "t_seconds_count{a=\"b\"} 8\n";
  const char *got = text();
  CHECK_MSG(strncmp(got, want, strlen(want)) == 0, "%s", got);
  CHECK_INT(base_metric_value(&plain), 5);
}

static void all_twelve_buckets_can_be_used(void) {
  base_metric_register(&full);
  for (int i = 1; i <= 13; i++) {
    base_metric_observe(&full, i);
  }
  const char *got = text();
  CHECK(strstr(got,
               "t_full_bucket{le=\"12\"} 12\nt_full_bucket{le=\"+Inf\"} 13\nt_full_sum 91.000000\nt_full_count 13\n") !=
        NULL);
}

#ifndef __EMSCRIPTEN__ /* built without threads */
enum { THREADS = 4, ROUNDS = 10000 };
static base_metric shared = BASE_COUNTER("t_shared_total", "From several threads.", NULL);
static base_metric shared_seconds = BASE_HISTOGRAM("t_shared_seconds", "From several threads.", NULL, bounds);

static void *update(void *arg) {
  for (int i = 0; i < ROUNDS; i++) {
    base_metric_add(&shared, 1);
    base_metric_observe(&shared_seconds, 0.25);
  }
  return arg;
}

/* Also while they are scraped: ThreadSanitizer watches, and no update may be lost. */
static void updates_come_from_any_thread(void) {
  pthread_t threads[THREADS];
  int started = 0;
  base_metric_register(&shared);
  base_metric_register(&shared_seconds);
  while (started < THREADS && pthread_create(&threads[started], NULL, update, NULL) == 0) {
    started++;
  }
  CHECK_INT(started, THREADS);
  for (int i = 0; i < 100; i++) {
    (void)text();
  }
  for (int i = 0; i < started; i++) {
    pthread_join(threads[i], NULL);
  }
  CHECK_INT(base_metric_value(&shared), THREADS * ROUNDS);
  CHECK(strstr(text(), "t_shared_seconds_sum 10000.000000\nt_shared_seconds_count 40000\n") != NULL);
}
#else
static void updates_come_from_any_thread(void) {}
#endif

static void the_process_tells_about_itself(void) {
#ifndef __EMSCRIPTEN__
  static const char *const names[] = {"\nprocess_start_time_seconds ", "\nprocess_cpu_seconds_total ",
                                      "\nprocess_resident_memory_bytes "};
  const char *got = text();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *at = strstr(got, names[i]);
    CHECK_MSG(at != NULL, "%s", names[i]);
    CHECK_MSG(at == NULL || strtod(at + strlen(names[i]), NULL) > 0, "%s", names[i]);
  }
  const char *start = strstr(got, names[0]);
  CHECK(start != NULL && strtod(start + strlen(names[0]), NULL) > 1577836800); /* after 2020: not seconds since boot */
#endif
}

static void without_room_nothing_is_written(void) {
  base_buf small;
  base_buf_init(&small, 100);
  CHECK_OK(base_buf_str(&small, "kept"));
  CHECK_ERR(base_metrics_write(&small), BASE_E_TOO_LARGE);
  CHECK(base_span_is(base_buf_span(&small), "kept"));
  base_buf_dispose(&small);
  base_buf_dispose(&out);
}

TEST_MAIN(TEST(the_text_is_the_prometheus_format), TEST(all_twelve_buckets_can_be_used),
          TEST(updates_come_from_any_thread), TEST(the_process_tells_about_itself),
          TEST(without_room_nothing_is_written))
