#include "gateway/limits/memory.h"

#include "base/test.h"

static void reads_files_of_the_kernel(void) {
  static const struct {
    const char *text;
    uint64_t want;
  } meminfo[] =
      {
          {"MemTotal:       16384 kB\nMemFree: 1 kB\n", 16384u * 1024},
          {"MemFree: 1 kB\nMemTotal: 2 kB", 2048},
          {"MemTotal:\n", 0},
          {"MemTotal", 0},
          {"MemTotal: many kB\n", 0},
          {"MemTotal: -1 kB\n", 0},
          {"SwapMemTotal: 2 kB\n", 0},
          {"", 0},
      },
    cgroup[] =
        {
            {"1048576\n", 1048576}, {"max\n", 0}, {"", 0}, {"12x\n", 0}, {"99999999999999999999999\n", 0},
        },
    statm[] = {
        {"2000 300 200 1 0 100 0\n", 300u * 4096}, {"2000 300", 300u * 4096}, {"2000", 0}, {"", 0}, {"a b c\n", 0},
    };
  for (size_t i = 0; i < sizeof meminfo / sizeof *meminfo; i++) {
    CHECK_MSG(gw_memory_of_meminfo(base_span_str(meminfo[i].text)) == meminfo[i].want, "%s", meminfo[i].text);
  }
  for (size_t i = 0; i < sizeof cgroup / sizeof *cgroup; i++) {
    CHECK_MSG(gw_memory_of_cgroup(base_span_str(cgroup[i].text)) == cgroup[i].want, "%s", cgroup[i].text);
  }
  for (size_t i = 0; i < sizeof statm / sizeof *statm; i++) {
    CHECK_MSG(gw_memory_of_statm(base_span_str(statm[i].text), 4096) == statm[i].want, "%s", statm[i].text);
  }
}

static void finds_its_control_group(void) {
  static const struct {
    const char *text, *path;
  } rows[] = {
      {"0::/\n", "/"},
      {"0::/system.slice/ponte.service\n", "/system.slice/ponte.service"},
      {"12:memory:/old\n0::/new\n", "/new"},
      {"12:memory:/old\n", ""},
      {"0::\n", ""},
      {"10::/x\n", ""},
      {"", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(base_span_is(gw_memory_cgroup_path(base_span_str(rows[i].text)), rows[i].path), "%s", rows[i].text);
  }
}

static void knows_this_process(void) {
  CHECK(gw_memory_resident() > 100 << 10);
  CHECK(gw_memory_total() > gw_memory_resident());
}

TEST_MAIN(TEST(reads_files_of_the_kernel), TEST(finds_its_control_group), TEST(knows_this_process))
