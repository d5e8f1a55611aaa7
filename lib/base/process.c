#include "base/process.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The text of a small file of /proc, or "". */
static void read_text(const char *path, char *out, size_t size) {
  FILE *f = fopen(path, "re");
  size_t n = f ? fread(out, 1, size - 1, f) : 0;
  out[n] = 0;
  if (f) {
    fclose(f);
  }
}

static double seconds_of(clockid_t clock) {
  struct timespec t = {0, 0};
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* proc(5): statm's second field is resident pages. */
static int64_t resident_bytes(void) {
  char text[256];
  read_text("/proc/self/statm", text, sizeof text);
  char *space = strchr(text, ' ');
  return space ? strtoll(space, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

/* What malloc() gave and free() has not taken back, the large blocks it maps among it: unlike resident pages free of what
 * the allocator keeps for later. 0 where a sanitizer took malloc's place. */
static size_t heap_bytes(void) {
  struct mallinfo2 all = mallinfo2();
  return all.uordblks + all.hblkhd;
}

/* proc(5): stat's 22nd field is the start in clock ticks since boot. The 2nd, the name, may hold blanks and
 * parentheses, so fields are counted from its last parenthesis. */
static double start_seconds(void) {
  char text[1024];
  read_text("/proc/self/stat", text, sizeof text);
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) {
    at = strchr(at + 1, ' ');
  }
  if (at == NULL) {
    return -1;
  }
  double age = seconds_of(CLOCK_BOOTTIME) - strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
  return seconds_of(CLOCK_REALTIME) - age;
}

base_err base_process_write(base_buf *out) {
  int64_t resident = resident_bytes();
  size_t heap = heap_bytes();
  double start = start_seconds();
  BASE_TRY(base_buf_printf(out,
                           "# HELP process_cpu_seconds_total User and system time.\n"
                           "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.6f\n",
                           seconds_of(CLOCK_PROCESS_CPUTIME_ID)));
  if (resident >= 0) {
    BASE_TRY(base_buf_printf(out,
                             "# HELP process_resident_memory_bytes Resident memory.\n"
                             "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %" PRId64 "\n",
                             resident));
  }
  if (heap > 0) {
    BASE_TRY(base_buf_printf(out,
                             "# HELP process_heap_bytes Allocated and not yet freed.\n"
                             "# TYPE process_heap_bytes gauge\nprocess_heap_bytes %zu\n",
                             heap));
  }
  if (start >= 0) {
    BASE_TRY(base_buf_printf(out,
                             "# HELP process_start_time_seconds Start of the process, Unix time.\n"
                             "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
                             start));
  }
  return BASE_OK;
}
