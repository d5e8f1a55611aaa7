/* What wc/plat.h promises of records and locks, on each platform that runs without a browser. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "wc/fake/fake_plat.h"
#include "wc_net/plat_net.h"
#include "wc_net/records.h"

static char folder[64];

/* A platform, and a way to let its loop run until `stop_when` answers came. */
typedef struct {
  const char *name;
  bool is_fake;
  fake_plat fake;
  net_loop *loop;
  wc_plat *plat;
  int answers, stop_when;
  base_err last;
  char value[64];
  size_t size;
} bench;

static void bench_open(bench *b, bool is_fake, bool keeps) {
  *b = (bench){.is_fake = is_fake, .name = is_fake ? "fake" : "native"};
  if (is_fake) {
    fake_plat_init(&b->fake, 1);
    b->fake.no_records = !keeps;
    b->plat = &b->fake.base;
    return;
  }
  CHECK_OK(net_loop_new(NULL, &b->loop));
  CHECK_OK(wc_plat_net_new(b->loop, &b->plat));
  if (keeps) CHECK_OK(wc_plat_net_set_folder(b->plat, folder));
}

static void bench_close(bench *b) {
  if (b->is_fake) {
    fake_plat_dispose(&b->fake);
    return;
  }
  net_loop_free(b->loop);
  wc_plat_net_free(b->plat);
}

static void remove_folder(void) {
  DIR *d = opendir(folder);
  for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    unlink(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

static void answered(bench *b, base_err e) {
  b->last = e;
  if (++b->answers == b->stop_when && !b->is_fake) net_loop_stop(b->loop);
}

static void on_put(void *ctx, base_err e) { answered(ctx, e); }
static void on_get(void *ctx, base_err e, base_span value) {
  bench *b = ctx;
  b->size = value.n;
  size_t n = value.n < sizeof b->value - 1 ? value.n : sizeof b->value - 1;
  if (n) memcpy(b->value, value.p, n);
  b->value[n] = 0;
  answered(b, e);
}

/* Nothing may have been told before the loop runs. */
static void run(bench *b, int answers) {
  CHECK_MSG(b->answers == 0, "%s: told from inside the call", b->name);
  b->stop_when = answers;
  if (b->is_fake)
    fake_run(&b->fake, 0);
  else
    net_loop_run(b->loop);
  CHECK_MSG(b->answers == answers, "%s: %d answers", b->name, b->answers);
  b->answers = 0;
}

static base_err put(bench *b, const char *key, base_span value) {
  b->plat->vt->record_put(b->plat, key, value, on_put, b);
  run(b, 1);
  return b->last;
}

static const char *get(bench *b, const char *key) {
  b->plat->vt->record_get(b->plat, key, on_get, b);
  run(b, 1);
  return base_is_ok(b->last) ? b->value : base_err_name(b->last);
}

static void each(void (*test)(bench *b)) {
  for (int fake = 0; fake < 2; fake++) {
    bench b;
    bench_open(&b, fake, true);
    test(&b);
    bench_close(&b);
    remove_folder();
  }
}

static void kept(bench *b) {
  CHECK_STR(get(b, "a"), "");
  CHECK_OK(put(b, "a", base_span_str("one")));
  CHECK_OK(put(b, "b/../c.d", base_span_str("other")));
  CHECK_STR(get(b, "a"), "one");
  CHECK_OK(put(b, "a", base_span_str("two")));
  CHECK_STR(get(b, "a"), "two");
  CHECK_STR(get(b, "b/../c.d"), "other");
  CHECK_OK(put(b, "a", base_span_of("\0\xff\n", 3)));
  get(b, "a");
  CHECK_INT(b->size, 3);
  CHECK(memcmp(b->value, "\0\xff\n", 3) == 0);
  CHECK_OK(put(b, "a", base_span_of(NULL, 0)));
  CHECK_OK(put(b, "a", base_span_of(NULL, 0)));
  CHECK_STR(get(b, "a"), "");
}

static void in_order(bench *b) {
  char text[] = "mine";
  b->plat->vt->record_put(b->plat, "k", base_span_str(text), on_put, b);
  text[0] = 'f'; /* it was copied */
  b->plat->vt->record_get(b->plat, "k", on_get, b);
  b->plat->vt->record_put(b->plat, "k", base_span_str("later"), on_put, b);
  run(b, 3);
  CHECK_STR(b->value, "mine");
  CHECK_STR(get(b, "k"), "later");
}

static void refused(bench *b) {
  char longest[WC_RECORD_KEY_MAX + 2];
  memset(longest, '/', sizeof longest);
  longest[sizeof longest - 1] = 0;
  const char *const bad[] = {"", " ", "a b", "a\n", "\x7f", "\xc3\xa3", longest};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_ERR(put(b, bad[i], base_span_str("x")), BASE_E_INVALID);
    CHECK_STR(get(b, bad[i]), "INVALID");
  }
  CHECK_OK(put(b, longest + 1, base_span_str("x")));
  CHECK_STR(get(b, longest + 1), "x");
  char *big = calloc(1, WC_RECORD_MAX + 1);
  REQUIRE(big);
  CHECK_OK(put(b, "big", base_span_of(big, WC_RECORD_MAX)));
  CHECK_ERR(put(b, "big", base_span_of(big, WC_RECORD_MAX + 1)), BASE_E_TOO_LARGE);
  get(b, "big");
  CHECK_INT(b->size, WC_RECORD_MAX);
  free(big);
}

static void test_kept(void) { each(kept); }
static void test_in_order(void) { each(in_order); }
static void test_refused(void) { each(refused); }

static void test_nothing_kept(void) {
  for (int fake = 0; fake < 2; fake++) {
    bench b;
    bench_open(&b, fake, false);
    CHECK_ERR(put(&b, "a", base_span_str("x")), BASE_E_UNAVAILABLE);
    CHECK_STR(get(&b, "a"), "UNAVAILABLE");
    CHECK_INT(b.answers, 0);
    b.stop_when = 0;
    b.plat->vt->record_get(b.plat, "a", on_get, &b); /* the platform goes before its loop runs */
    b.plat->vt->record_put(b.plat, "a", base_span_str("x"), on_put, &b);
    bench_close(&b);
    CHECK_INT(b.answers, 2);
    CHECK_ERR(b.last, BASE_E_CANCELLED);
  }
}

static void on_held(void *ctx) { answered(ctx, BASE_OK); }

static void locked(bench *b) {
  wc_lock *first = b->plat->vt->lock_take(b->plat, "l", on_held, b);
  run(b, 1);
  wc_lock *other = b->plat->vt->lock_take(b->plat, "other", on_held, b);
  run(b, 1);
  b->plat->vt->lock_release(first);
  b->plat->vt->lock_release(b->plat->vt->lock_take(b->plat, "l", on_held, b)); /* taken back: never told */
  first = b->plat->vt->lock_take(b->plat, "l", on_held, b);
  run(b, 1);
  b->plat->vt->lock_release(first);
  b->plat->vt->lock_release(other);
  b->plat->vt->lock_release(NULL);
}

static void test_locked(void) { each(locked); }

static void test_the_next_one_waits_for_the_lock(void) {
  bench b;
  bench_open(&b, true, true);
  wc_lock *first = b.plat->vt->lock_take(b.plat, "l", on_held, &b);
  wc_lock *second = b.plat->vt->lock_take(b.plat, "l", on_held, &b);
  wc_lock *third = b.plat->vt->lock_take(b.plat, "l", on_held, &b);
  run(&b, 1);
  b.plat->vt->lock_release(second);
  fake_run(&b.fake, 1000);
  CHECK_INT(b.answers, 0);
  b.plat->vt->lock_release(first);
  run(&b, 1);
  b.plat->vt->lock_release(third);
  bench_close(&b);
}

static int mode_of(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (int)(st.st_mode & 0777) : -1;
}

static void test_files(void) {
  char path[128];
  CHECK_OK(wc_records_write(folder, "who/is.it", base_span_str("x")));
  snprintf(path, sizeof path, "%s/who%%2Fis%%2Eit", folder);
  CHECK_INT(mode_of(path), 0600);
  CHECK_INT(mode_of(folder), 0700);
  CHECK_OK(wc_records_write(folder, "who/is.it", base_span_of(NULL, 0)));
  CHECK_INT(mode_of(path), -1);
  CHECK_INT(rmdir(folder), 0); /* no temporary file is left */
  base_buf out;
  base_buf_init(&out, 8);
  CHECK_ERR(wc_records_write("/nowhere/at/all", "k", base_span_str("x")), BASE_E_IO);
  CHECK_OK(wc_records_read("/nowhere/at/all", "k", &out));
  CHECK_OK(wc_records_write(folder, "k", base_span_str("123456789")));
  CHECK_ERR(wc_records_read(folder, "k", &out), BASE_E_TOO_LARGE);
  base_buf_dispose(&out);
  remove_folder();
}

static void test_another_process(void) {
  bench b;
  bench_open(&b, false, true);
  CHECK_OK(put(&b, "k", base_span_str("still here")));
  bench_close(&b);
  bench_open(&b, false, true);
  CHECK_STR(get(&b, "k"), "still here");
  bench_close(&b);
  remove_folder();
}

static void test_setup(void) { snprintf(folder, sizeof folder, "/tmp/ponte-records-%d", (int)getpid()); }

TEST_MAIN(TEST(test_setup), TEST(test_kept), TEST(test_in_order), TEST(test_refused), TEST(test_nothing_kept),
          TEST(test_locked), TEST(test_the_next_one_waits_for_the_lock), TEST(test_files), TEST(test_another_process))
