/* upstream_peers.h - test code only: gRPC servers by grpcio (upstream_peer.py), clusters of them, and calls that ask who answers. */
#ifndef PONTE_TESTS_UPSTREAM_PEERS_H
#define PONTE_TESTS_UPSTREAM_PEERS_H

#include "upstream_world.h"

enum { PEERS = 3 };

static const struct leg {
  const char *name;
  enum gw_leg which;
} legs[] = {{"core", GW_LEG_CORE}, {"h2", GW_LEG_H2}};
enum { LEGS = sizeof legs / sizeof *legs };

/* -- the servers -- */

typedef struct {
  process process;
  int port;
  char name[16], target[64];
} peer;

static peer peers[PEERS];

/* `more`: further settings up to a NULL, or NULL. A port of 0 picks one. */
static inline void peer_start(peer *p, const char *name, int port, const char *const *more) {
  char line[64] = "", named[32], address[48];
  const char *script = getenv("UPSTREAM_PEER");
  snprintf(p->name, sizeof p->name, "%s", name);
  snprintf(named, sizeof named, "name=%s", name);
  snprintf(address, sizeof address, "address=127.0.0.1:%d", port);
  const char *args[8] = {script, named, address};
  for (size_t i = 0; i < 4 && more && more[i]; i++) {
    args[3 + i] = more[i];
  }
  CHECK(process_start(&p->process, "PYTHON", args));
  CHECK(process_line(&p->process, line, sizeof line) && sscanf(line, "%d", &p->port) == 1);
  snprintf(p->target, sizeof p->target, "127.0.0.1:%d", p->port);
}

static inline void peers_start(int n) {
  static const char *const names[PEERS] = {"a", "b", "c"};
  for (int i = 0; i < n; i++) {
    peer_start(&peers[i], names[i], 0, NULL);
  }
}

static inline void peers_stop(void) {
  for (int i = 0; i < PEERS; i++) {
    if (peers[i].process.pid) {
      process_stop(&peers[i].process, SIGKILL);
    }
  }
}

static char cluster_name[] = "peers";

static inline gw_cluster_options options_for(enum gw_leg leg, int n) {
  gw_cluster_options o = {.name = cluster_name, .target_count = n, .leg = leg};
  for (int i = 0; i < n; i++) {
    o.targets[i] = peers[i].target;
  }
  return o;
}

/* -- calls -- */

static inline bool begin(struct seen *s, const char *method, bool end) {
  char path[64];
  snprintf(path, sizeof path, "/peer.Peer/%s", method);
  if (!start_at(s, path, 0, NULL)) {
    return false;
  }
  credit(s, 100000);
  tell(s, base_span_str("x"), end);
  return true;
}

/* One call; the name of the server that answered, "" on an error. */
static inline const char *ask_name(struct seen *s) {
  if (begin(s, "Name", true)) {
    UNTIL(s->statuses);
  }
  char *blank = strchr(s->text, ' ');
  if (blank) {
    *blank = 0;
  }
  return s->code == 0 ? s->text : "";
}

#endif
