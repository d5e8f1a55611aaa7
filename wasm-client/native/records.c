#include "wc_net/records.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wc/plat.h"

/* A key may hold what a file's name may not: all but letters, digits, '-' and '_' is written %XX. */
static base_err path_of(const char *folder, const char *key, const char *suffix, char out[PATH_MAX]) {
  char name[3 * WC_RECORD_KEY_MAX + 1];
  size_t n = 0;
  for (; *key && n + 3 < sizeof name; key++) {
    char c = *key;
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    n += (size_t)snprintf(name + n, sizeof name - n, plain ? "%c" : "%%%02X", (unsigned char)c);
  }
  int size = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix);
  return size > 0 && size < PATH_MAX ? BASE_OK : base_fail(BASE_E_INVALID);
}

static base_err read_all(int fd, base_buf *out) {
  for (;;) {
    uint8_t *room;
    if (base_buf_room(out) == 0) return base_fail(BASE_E_TOO_LARGE);
    size_t want = base_buf_room(out) < 4096 ? base_buf_room(out) : 4096;
    BASE_TRY(base_buf_reserve(out, want, &room));
    ssize_t n = read(fd, room, want);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base_fail(BASE_E_IO);
    if (n == 0) return BASE_OK;
    base_buf_commit(out, (size_t)n);
  }
}

base_err wc_records_read(const char *folder, const char *key, base_buf *out) {
  char path[PATH_MAX];
  BASE_TRY(path_of(folder, key, "", path));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? BASE_OK : base_fail(BASE_E_IO);
  base_err e = read_all(fd, out);
  close(fd);
  return e;
}

static bool write_whole(int fd, base_span value) {
  while (value.n > 0) {
    ssize_t n = write(fd, value.p, value.n);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) value = base_span_of(value.p + n, value.n - (size_t)n);
  }
  return fsync(fd) == 0;
}

/* A name is on disk only once its folder is. */
static base_err sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return good ? BASE_OK : base_fail(BASE_E_IO);
}

static base_err replace(const char *folder, const char *path, const char *key, base_span value) {
  char temporary[PATH_MAX];
  if (mkdir(folder, 0700) != 0 && errno != EEXIST) return base_fail(BASE_E_IO);
  BASE_TRY(path_of(folder, key, ".XXXXXX", temporary)); /* no key's own name: it has a dot */
  int fd = mkstemp(temporary);                          /* 0600 */
  if (fd < 0) return base_fail(BASE_E_IO);
  bool good = write_whole(fd, value);
  good = close(fd) == 0 && good;
  if (good && rename(temporary, path) == 0) return sync_folder(folder);
  unlink(temporary);
  return base_fail(BASE_E_IO);
}

base_err wc_records_write(const char *folder, const char *key, base_span value) {
  char path[PATH_MAX];
  BASE_TRY(path_of(folder, key, "", path));
  if (value.n > 0) return replace(folder, path, key, value);
  if (unlink(path) == 0) return sync_folder(folder);
  return errno == ENOENT ? BASE_OK : base_fail(BASE_E_IO);
}
