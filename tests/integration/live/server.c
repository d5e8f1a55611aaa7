#include "live/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 60, MAX_ARGS = 32, LINE = 2048 };

static bool read_line(int fd, char *line, size_t size) {
  size_t n = 0;
  while (n + 1 < size) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, PATIENCE_S * 1000) <= 0 || read(fd, line + n, 1) != 1) return false;
    if (line[n] == '\n') break;
    n++;
  }
  line[n] = '\0';
  return true;
}

static bool wait_for_ports(live_server *s) {
  char line[LINE];
  while (s->port == 0 || s->admin_port == 0) {
    if (!read_line(s->log, line, sizeof line)) return false;
    const char *port = strstr(line, "\"port\":");
    if (!port || !strstr(line, "\"message\":\"listening\"")) continue;
    *(strstr(line, "\"service\":\"admin\"") ? &s->admin_port : &s->port) =
        (int)strtol(port + strlen("\"port\":"), NULL, 10);
  }
  /* Nobody reads on: what does not fit into the pipe is lost, which the logger may. */
  fcntl(s->log, F_SETPIPE_SZ, 1 << 20);
  return true;
}

bool live_server_start(live_server *s, const char *engine, const char *const *more) {
  *s = (live_server){.log = -1};
  const char *program = getenv("PONTE_SERVICES");
  int ends[2];
  if (!program || pipe2(ends, O_CLOEXEC) != 0) return false;
  const char *argv[MAX_ARGS] = {program,       "--only",       "transcription", "--transcription-port", "0", "--admin",
                                "127.0.0.1:0", "--asr-engine", engine};
  for (size_t n = 9; more && *more && n + 1 < MAX_ARGS; n++)
    argv[n] = *more++;
  s->pid = fork();
  if (s->pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    execv(program, (char *const *)argv);
    _exit(127);
  }
  close(ends[1]);
  s->log = ends[0];
  return s->pid > 0 && wait_for_ports(s);
}

int live_server_stop(live_server *s, int signal) {
  struct timespec tick = {.tv_nsec = 5000000};
  int status = 0;
  kill(s->pid, signal);
  for (int i = 0; i < PATIENCE_S * 200; i++) {
    char drop[LINE];
    struct pollfd p = {.fd = s->log, .events = POLLIN};
    if (poll(&p, 1, 0) > 0 && read(s->log, drop, sizeof drop) < 0) return -1;
    if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
      close(s->log);
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    nanosleep(&tick, NULL);
  }
  kill(s->pid, SIGKILL);
  waitpid(s->pid, &status, 0);
  close(s->log);
  return -1;
}

void live_server_usage(const live_server *s, long *resident_bytes, double *cpu_seconds) {
  char path[64], text[1024] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)s->pid);
  FILE *f = fopen(path, "re");
  if (f && !fgets(text, sizeof text, f)) text[0] = '\0';
  if (f) fclose(f);
  /* proc(5): after the name in brackets, utime and stime are fields 14 and 15, rss (pages) is 24. */
  const char *p = strrchr(text, ')');
  unsigned long fields[25] = {0};
  for (int i = 3; p && i <= 24; i++) {
    p = strchr(p, ' ');
    if (p) fields[i] = strtoul(++p, NULL, 10);
  }
  *cpu_seconds = (double)(fields[14] + fields[15]) / (double)sysconf(_SC_CLK_TCK);
  *resident_bytes = (long)fields[24] * sysconf(_SC_PAGESIZE);
}
