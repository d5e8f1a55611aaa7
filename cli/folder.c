#include "cli/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct {
  const char *variable, *fallback;
} folders[] = {
#define X(kind, variable, fallback) {variable, fallback},
    CLI_FOLDERS(X)
#undef X
};

static bool fail(const char *path) {
  cli_say("%s: %s", path, strerror(errno));
  return false;
}

static bool make_folders(char *path) {
  for (char *p = path + 1; *p; p++) {
    if (*p != '/') continue;
    *p = '\0';
    int made = mkdir(path, 0700);
    bool good = made == 0 || errno == EEXIST || fail(path);
    *p = '/';
    if (!good) return false;
  }
  return true;
}

bool cli_folder_file(enum cli_folder folder, const char *name, char out[CLI_PATH_MAX]) {
  const char *base = getenv(folders[folder].variable), *home = getenv("HOME");
  int n = -1;
  if (base && base[0] == '/') /* relative ones are to be ignored */
    n = snprintf(out, CLI_PATH_MAX, "%s/ponte/%s", base, name);
  else if (home && home[0] == '/')
    n = snprintf(out, CLI_PATH_MAX, "%s/%s/%s", home, folders[folder].fallback, name);
  if (n < 0 || n >= CLI_PATH_MAX) {
    cli_say("no folder for files of its own: set HOME or %s", folders[folder].variable);
    return false;
  }
  return make_folders(out);
}

int cli_lock(const char *path) {
  char name[CLI_PATH_MAX + 8];
  snprintf(name, sizeof name, "%s.lock", path);
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int locked = fd < 0 ? -1 : flock(fd, LOCK_EX);
  while (locked != 0 && fd >= 0 && errno == EINTR)
    locked = flock(fd, LOCK_EX);
  if (locked == 0) return fd;
  fail(name);
  if (fd >= 0) close(fd);
  return -1;
}

static bool write_whole(int fd, const char *bytes) {
  for (size_t left = strlen(bytes); left > 0;) {
    ssize_t n = write(fd, bytes, left);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes += n, left -= (size_t)n;
  }
  return fsync(fd) == 0;
}

/* The new name is on disk only once the folder is. */
static bool sync_folder(const char *path) {
  char folder[CLI_PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash) *slash = '\0';
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return good;
}

bool cli_replace_file(const char *path, const char *bytes) {
  char name[CLI_PATH_MAX + 16];
  snprintf(name, sizeof name, "%s.XXXXXX", path);
  int fd = mkstemp(name); /* 0600 */
  if (fd < 0) return fail(name);
  bool good = write_whole(fd, bytes);
  good = close(fd) == 0 && good;
  good = good && rename(name, path) == 0;
  if (good) return sync_folder(path) || fail(path);
  fail(path);
  unlink(name);
  return false;
}
