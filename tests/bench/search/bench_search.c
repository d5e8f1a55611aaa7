/* bench_search PASSAGES THREADS SECONDS LESSON... -- an index of so many passages and questions on it, as JSON. `tests/bench/run search` starts it.
 *
 * Passages are sentences of the lessons, shuffled, in which every third long word gives way to one of 30,000 that do not exist, few of them often and most of them seldom, as words of a language are.
 * A question is some words of a passage. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "search/search.h"

enum {
  WORDS_MAX = 40000,
  RUN = 12,
  PASSAGE_WORDS = 95,
  LONG = 6,
  INVENTED = 30000,
  ASKED = 7,
  SAMPLES_MAX = 1 << 20,
  BATCH = 100,
  THREADS_MAX = 64
};

static char *words[WORDS_MAX];
static size_t word_count;
static search *index_of_all;
static atomic_bool stop;
static atomic_size_t sampled;
static int64_t samples_us[SAMPLES_MAX];

static uint32_t next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}

static void read_words(const char *path) {
  FILE *f = fopen(path, "r");
  char word[64];
  while (f && word_count < WORDS_MAX && fscanf(f, "%63s", word) == 1)
    words[word_count++] = strdup(word);
  if (f) fclose(f);
}

static void invent(uint64_t *seed, char out[16]) {
  static const char *const syllables[] = {"ba", "cor", "di",  "fe", "gan", "jo", "lu", "men",
                                          "po", "ra",  "sti", "tu", "vel", "xi", "zo", "qua"};
  double u = (double)next(seed) / UINT32_MAX;
  uint32_t n = (uint32_t)(INVENTED * u * u * u);
  snprintf(out, 16, "%s%s%s%s", syllables[n & 15], syllables[n >> 4 & 15], syllables[n >> 8 & 15],
           syllables[n >> 12 & 15]);
}

static void write_text(uint64_t *seed, int count, int run, base_buf *out) {
  size_t at = 0;
  base_buf_clear(out);
  for (int i = 0; i < count; i++, at++) {
    char invented[16];
    if (i % run == 0) at = next(seed) % (word_count - (size_t)run);
    invent(seed, invented);
    bool other = strlen(words[at]) > LONG && next(seed) % 3 == 0;
    if (!base_is_ok(base_buf_printf(out, "%s%s", i ? " " : "", other ? invented : words[at]))) abort();
  }
}

static bool put_all(int count) {
  search_passage batch[BATCH];
  base_buf texts[BATCH];
  char ids[BATCH][16];
  uint64_t seed = 1;
  bool ok = true;
  for (int i = 0; i < BATCH; i++)
    base_buf_init(&texts[i], 4096);
  for (int done = 0; ok && done < count; done += BATCH) {
    int n = count - done < BATCH ? count - done : BATCH;
    for (int i = 0; i < n; i++) {
      write_text(&seed, PASSAGE_WORDS, RUN, &texts[i]);
      snprintf(ids[i], sizeof ids[i], "m%d", (done + i) / 50);
      base_span text = base_buf_span(&texts[i]);
      batch[i] = (search_passage){.material_id = ids[i],
                                  .ordinal = done + i,
                                  .title = "Lesson",
                                  .heading = "",
                                  .owner = "ana",
                                  .shared = true,
                                  .end = text.n,
                                  .start_ms = -1,
                                  .end_ms = -1,
                                  .text = text};
    }
    ok = base_is_ok(search_put(index_of_all, batch, (size_t)n));
  }
  for (int i = 0; i < BATCH; i++)
    base_buf_dispose(&texts[i]);
  return ok;
}

static void *ask(void *ctx) {
  uint64_t seed = *(const uint64_t *)ctx;
  base_buf question;
  base_buf_init(&question, 4096);
  while (!atomic_load(&stop)) {
    search_hits hits;
    write_text(&seed, ASKED, ASKED, &question);
    if (!base_is_ok(base_buf_u8(&question, 0))) abort();
    const search_query q = {.text = (const char *)base_buf_span(&question).p, .owner = "bia", .limit = 8};
    int64_t begin = base_now_us();
    if (!base_is_ok(search_find(index_of_all, &q, &hits))) abort();
    size_t i = atomic_fetch_add(&sampled, 1);
    if (i < SAMPLES_MAX) samples_us[i] = base_now_us() - begin;
    search_hits_dispose(&hits);
  }
  base_buf_dispose(&question);
  return NULL;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int64_t cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static long resident_kb(void) {
  char line[128] = "", *at = line;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f && fgets(line, sizeof line, f)) strtol(at, &at, 10); /* the second number, in pages */
  if (f) fclose(f);
  return strtol(at, NULL, 10) * 4;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  int count = (int)strtol(argv[1], NULL, 10), thread_count = (int)strtol(argv[2], NULL, 10),
      seconds = (int)strtol(argv[3], NULL, 10);
  for (int i = 4; i < argc; i++)
    read_words(argv[i]);
  if (word_count < 100 || count < 1 || thread_count < 1 || thread_count > THREADS_MAX) return 2;
  long before_kb = resident_kb();
  if (!base_is_ok(search_open(&index_of_all))) return 1;
  int64_t begin = base_now_us(), begin_cpu = cpu_us();
  if (!put_all(count)) return 1;
  int64_t built_us = base_now_us() - begin, built_cpu = cpu_us() - begin_cpu;
  long kb = resident_kb() - before_kb;
  pthread_t threads[THREADS_MAX];
  uint64_t seeds[THREADS_MAX];
  begin_cpu = cpu_us();
  for (int i = 0; i < thread_count; i++) {
    seeds[i] = (uint64_t)i * 7919 + 17;
    if (pthread_create(&threads[i], NULL, ask, &seeds[i]) != 0) return 1;
  }
  nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
  atomic_store(&stop, true);
  for (int i = 0; i < thread_count; i++)
    pthread_join(threads[i], NULL);
  int64_t asked_cpu = cpu_us() - begin_cpu;
  size_t all = atomic_load(&sampled), n = all < SAMPLES_MAX ? all : SAMPLES_MAX;
  qsort(samples_us, n, sizeof *samples_us, compare);
  printf("{\"passages\": %d, \"threads\": %d, \"build_ms\": %.0f, \"build_cpu_ms\": %.0f, \"memory_mb\": %.1f, "
         "\"per_second\": %.0f, "
         "\"cpu_us\": %.0f, \"p50_us\": %lld, \"p95_us\": %lld, \"p99_us\": %lld, \"memory_after_mb\": %.1f}\n",
         count, thread_count, (double)built_us / 1000, (double)built_cpu / 1000, (double)kb / 1024,
         (double)all / seconds, (double)asked_cpu / (double)(all ? all : 1), (long long)samples_us[n / 2],
         (long long)samples_us[n * 95 / 100], (long long)samples_us[n * 99 / 100],
         (double)(resident_kb() - before_kb) / 1024);
  search_close(index_of_all);
  for (size_t i = 0; i < word_count; i++)
    free(words[i]);
  return 0;
}
