#include "gateway/limits/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 4096, PATH_BYTES = 1024 };

static uint64_t number(base_span text) {
  uint64_t n = 0;
  return base_span_u64(base_span_trim(text), &n) ? n : 0;
}

/* The part before the first of `mark`, which goes too; *text becomes what is behind it. */
static base_span cut(base_span *text, char mark) {
  const uint8_t *at = text->n ? memchr(text->p, mark, text->n) : NULL;
  base_span part = at ? base_span_of(text->p, (size_t)(at - text->p)) : *text;
  *text = at ? base_span_of(at + 1, text->n - part.n - 1) : base_span_of(NULL, 0);
  return part;
}

uint64_t gw_memory_of_meminfo(base_span text) {
  while (text.n > 0) {
    base_span line = cut(&text, '\n');
    if (base_span_is(cut(&line, ':'), "MemTotal")) {
      line = base_span_trim(line);
      return number(cut(&line, ' ')) * 1024;
    }
  }
  return 0;
}

uint64_t gw_memory_of_statm(base_span text, uint64_t page_bytes) {
  cut(&text, ' ');
  return number(cut(&text, ' ')) * page_bytes;
}

static base_span without_line_end(base_span text) { return cut(&text, '\n'); }

uint64_t gw_memory_of_cgroup(base_span text) { return number(without_line_end(text)); }

base_span gw_memory_cgroup_path(base_span text) {
  while (text.n > 0) {
    base_span line = cut(&text, '\n');
    if (line.n > 3 && memcmp(line.p, "0::/", 4) == 0) {
      return base_span_of(line.p + 3, line.n - 3);
    }
  }
  return base_span_of(NULL, 0);
}

static base_span read_file(const char *path, char room[FILE_BYTES]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, room, FILE_BYTES);
  if (fd >= 0) {
    close(fd);
  }
  return base_span_of(room, n > 0 ? (size_t)n : 0);
}

static uint64_t least(uint64_t a, uint64_t b) { return b == 0 || (a != 0 && a < b) ? a : b; }

uint64_t gw_memory_total(void) {
  char room[FILE_BYTES], path[PATH_BYTES], file[PATH_BYTES + 64];
  uint64_t total = gw_memory_of_meminfo(read_file("/proc/meminfo", room));
  base_span own = gw_memory_cgroup_path(read_file("/proc/self/cgroup", room));
  if (own.n == 0 || own.n >= sizeof path) {
    return total;
  }
  snprintf(path, sizeof path, "%.*s", BASE_SPAN_ARG(own));
  for (;;) {
    snprintf(file, sizeof file, "/sys/fs/cgroup%s/memory.max", path);
    total = least(total, gw_memory_of_cgroup(read_file(file, room)));
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
      return total;
    }
    *slash = '\0';
  }
}

uint64_t gw_memory_resident(void) {
  char room[FILE_BYTES];
  return gw_memory_of_statm(read_file("/proc/self/statm", room), (uint64_t)sysconf(_SC_PAGESIZE));
}
