/* server.h - test code only: a real `ponte-services` with transcription on a free port. Every wait has a generous deadline. */
#ifndef PONTE_TESTS_LIVE_SERVER_H
#define PONTE_TESTS_LIVE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
  pid_t pid;
  int log; /* its stderr, which a thread of its own does not read: it is small */
  int port, admin_port;
} live_server;

/* The program is $PONTE_SERVICES. `more`: further flags, ended by NULL, or NULL. */
bool live_server_start(live_server *s, const char *engine, const char *const *more);
/* Its exit code after the signal, 128 + signal when it died of one, -1 when it had to be killed. */
int live_server_stop(live_server *s, int signal);
/* Resident bytes, and user and system time in seconds. */
void live_server_usage(const live_server *s, long *resident_bytes, double *cpu_seconds);

#endif
