/* Clusters (gateway/upstream/cluster.h) against real gRPC servers that die, come back, are many, are sick, or go away politely. What both legs promise runs on
 * both. */
#include "gateway/upstream/h2/cluster.h"
#include "upstream_peers.h"

enum { LOAD = 24 };

#define WITH(setting) \
  (const char *const[]) { setting, NULL }

static void hold(struct seen *s) {
  if (begin(s, "Hold", false)) {
    UNTIL(s->data || s->statuses);
  }
}

static bool held_by(const struct seen *s, const char *name) { return strncmp(s->text, name, strlen(name)) == 0; }

static void let_go(struct seen *s) {
  tell(s, base_span_str("bye"), true);
  UNTIL(s->statuses);
  CHECK_MSG(s->code == 0, "%s: %d %s", w.what, s->code, s->message);
}

/* Asks until all these servers have answered. */
static void until_all_answer(int n) {
  unsigned seen_names = 0;
  struct seen s;
  for (int64_t end = base_now_ms() + WAIT_S * 1000; base_now_ms() < end && seen_names != (1U << n) - 1;) {
    const char *name = ask_name(&s);
    seen_names |= *name ? 1U << (*name - 'a') : 0;
  }
  CHECK_MSG(seen_names == (1U << n) - 1, "%s: %x", w.what, seen_names);
}

/* -- one server -- */

static void a_killed_server_comes_back(void) {
  for (size_t i = 0; i < LEGS; i++) {
    struct seen s;
    peers_start(1);
    gw_cluster_options o = options_for(legs[i].which, 1);
    world_open(&o, legs[i].name);
    hold(&s);
    process_stop(&peers[0].process, SIGKILL);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 14);
    CHECK(*s.message);
    /* Nobody there: calls do not wait. */
    UNTIL(!w.up->vt->is_ready(w.up));
    do {
      ask_name(&s);
    } while (s.code == 0);
    CHECK_INT(s.code, 14);
    CHECK_MSG(legs[i].which == GW_LEG_CORE || strstr(s.message, "refused") != NULL, "%s", s.message);
    peer_start(&peers[0], "a", peers[0].port, NULL);
    UNTIL(w.up->vt->is_ready(w.up));
    CHECK_STR(ask_name(&s), "a");
    world_close();
    peers_stop();
  }
}

static void calls_move_on_before_a_connection_grows_old(void) {
  for (size_t i = 0; i < LEGS; i++) {
    struct seen s;
    char last[256] = "";
    int connections = 0;
    peer_start(&peers[0], "a", 0, WITH("age_ms=100"));
    gw_cluster_options o = options_for(legs[i].which, 1);
    world_open(&o, legs[i].name);
    while (connections < 4 && test_failures == 0) {
      if (begin(&s, "Wait", true)) {
        UNTIL(s.statuses);
      }
      CHECK_MSG(s.code == 0, "%s: %d %s", w.what, s.code, s.message);
      connections += strcmp(last, s.text) != 0;
      snprintf(last, sizeof last, "%s", s.text);
    }
    world_close();
    peers_stop();
  }
}

static void one_stream_at_a_time(void) {
  for (uint32_t connections = 1; connections <= 2; connections++) {
    struct seen first, second;
    peer_start(&peers[0], "a", 0, WITH("max_streams=1"));
    gw_cluster_options o = options_for(GW_LEG_H2, 1);
    o.connections = connections;
    world_open(&o, connections == 1 ? "one connection" : "two connections");
    hold(&first);
    begin(&second, "Name", true);
    if (connections == 1) {
      struct seen third;
      begin(&third, "Name", true);
      cancel(&third);
      UNTIL(third.statuses);
      CHECK_INT(third.code, 1);
      CHECK_INT(second.statuses, 0);
      let_go(&first);
      UNTIL(second.statuses);
    } else {
      UNTIL(second.statuses);
      CHECK(strcmp(first.text, second.text) != 0);
      let_go(&first);
    }
    CHECK_MSG(second.code == 0, "%s: %d %s", w.what, second.code, second.message);
    world_close();
    peers_stop();
  }
}

static void unix_sockets(void) {
  for (size_t i = 0; i < LEGS; i++) {
    char path[64], address[80];
    struct seen s;
    peer *p = &peers[0];
    snprintf(path, sizeof path, "/tmp/ponte-peer-%d.sock", (int)getpid());
    snprintf(address, sizeof address, "address=unix:%s", path);
    peer_start(p, "a", 0, WITH(address));
    snprintf(p->target, sizeof p->target, "unix:%.50s", path);
    gw_cluster_options o = options_for(legs[i].which, 1);
    world_open(&o, legs[i].name);
    CHECK_STR(ask_name(&s), "a");
    world_close();
    peers_stop();
    unlink(path);
  }
}

/* -- several -- */

static void calls_are_spread(void) {
  static const struct {
    enum gw_leg leg;
    enum gw_balance balance;
    const char *name;
    int most; /* answers of one server out of 30 */
  } rows[] = {
      {GW_LEG_CORE, GW_ROUND_ROBIN, "core, round_robin", 10}, {GW_LEG_H2, GW_ROUND_ROBIN, "h2, round_robin", 10},
      {GW_LEG_H2, GW_LEAST_REQUEST, "h2, least_request", 28}, {GW_LEG_CORE, GW_PICK_FIRST, "core, pick_first", 30},
      {GW_LEG_H2, GW_PICK_FIRST, "h2, pick_first", 30},
  };
  peers_start(3);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    int answers[PEERS] = {0}, most = 0;
    struct seen s;
    gw_cluster_options o = options_for(rows[r].leg, 3);
    o.balance = rows[r].balance;
    world_open(&o, rows[r].name);
    UNTIL(w.up->vt->is_ready(w.up));
    if (o.balance != GW_PICK_FIRST) {
      until_all_answer(3);
    }
    for (int i = 0; i < 30; i++) {
      const char *name = ask_name(&s);
      CHECK_MSG(*name, "%s: %d %s", w.what, s.code, s.message);
      answers[*name ? *name - 'a' : 0]++;
    }
    for (int i = 0; i < PEERS; i++) {
      most = answers[i] > most ? answers[i] : most;
    }
    CHECK_MSG(o.balance == GW_LEAST_REQUEST ? most <= rows[r].most : most == rows[r].most, "%s: %d", w.what, most);
    world_close();
  }
  peers_stop();
}

static void fewer_calls_go_where_more_run(void) {
  struct seen held[10], s;
  peers_start(2);
  gw_cluster_options o = options_for(GW_LEG_H2, 2);
  o.balance = GW_LEAST_REQUEST;
  world_open(&o, "least_request");
  until_all_answer(2);
  /* With two servers both are looked at each time: running calls stay within one of each other. */
  int at_a = 0;
  for (int i = 0; i < 10; i++) {
    hold(&held[i]);
    at_a += held_by(&held[i], "a");
  }
  CHECK_INT(at_a, 5);
  for (int i = 0; i < 10; i++) {
    let_go(&held[i]);
  }
  CHECK(*ask_name(&s));
  world_close();
  peers_stop();
}

struct departure {
  enum gw_leg leg;
  const char *name;
  int signal;      /* 0: none */
  const char *age; /* GOAWAY again and again; or NULL */
};

/* A load of calls, while the first of two servers goes. Calls that the server had may fail then; those that began later may not, and none may fail for a mere
 * GOAWAY. (A server of the C core that is told to stop drops what it has read and not begun, in its last moment, so politeness is not enough.) */
static void a_server_leaves_under_load(const struct departure *d) {
  static struct seen calls[LOAD];
  int64_t started_ms[LOAD] = {0}, gone_ms = INT64_MAX;
  int done = 0, failed_late = 0, failed = 0;
  peer_start(&peers[0], "a", 0, WITH(d->age));
  peer_start(&peers[1], "b", 0, WITH(d->age));
  gw_cluster_options o = options_for(d->leg, 2);
  world_open(&o, d->name);
  until_all_answer(2);
  for (int i = 0; i < LOAD; i++) {
    begin(&calls[i], "Wait", true);
  }
  for (int64_t end = base_now_ms() + WAIT_S * 1000; base_now_ms() < end && done < 12 * LOAD;) {
    turn();
    for (int i = 0; i < LOAD; i++) {
      if (calls[i].statuses == 0) {
        continue;
      }
      done++;
      failed += calls[i].code != 0;
      CHECK_MSG(calls[i].code == 0 || calls[i].code == 14, "%s: %d %s", w.what, calls[i].code, calls[i].message);
      failed_late += calls[i].code != 0 && started_ms[i] > gone_ms;
      started_ms[i] = base_now_ms();
      begin(&calls[i], "Wait", true);
    }
    if (done >= 3 * LOAD && gone_ms == INT64_MAX && d->signal) {
      kill(peers[0].process.pid, d->signal);
      if (d->signal == SIGKILL) {
        process_wait(&peers[0].process);
      }
      gone_ms = d->signal == SIGKILL ? base_now_ms() : INT64_MAX - 1; /* a stopping server takes its time */
    }
  }
  CHECK_MSG(done >= 12 * LOAD && failed_late == 0, "%s: %d done, %d failed late", w.what, done, failed_late);
  CHECK_MSG(d->signal || failed == 0, "%s: %d failed", w.what, failed);
  for (int i = 0; i < LOAD; i++) {
    UNTIL(calls[i].statuses);
  }
  world_close();
  peers_stop();
}

static void servers_leave_under_load(void) {
  static const struct departure rows[] = {
      {GW_LEG_H2, "h2, killed", SIGKILL, NULL},
      {GW_LEG_H2, "h2, stopped", SIGTERM, NULL},
      {GW_LEG_H2, "h2, GOAWAY", 0, "age_ms=50"},
      {GW_LEG_CORE, "core, GOAWAY", 0, "age_ms=50"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    a_server_leaves_under_load(&rows[r]);
  }
}

static void the_unhealthy_are_skipped(void) {
  for (size_t i = 0; i < LEGS; i++) {
    struct seen s;
    peer_start(&peers[0], "a", 0, WITH("health=NOT_SERVING"));
    peer_start(&peers[1], "b", 0, WITH("health=SERVING"));
    peer_start(&peers[2], "c", 0, NULL); /* has no health service: well */
    gw_cluster_options o = options_for(legs[i].which, 3);
    o.health_check = true;
    world_open(&o, legs[i].name);
    unsigned names = 0;
    for (int n = 0; (n < 20 || names != 6) && test_failures == 0; n++) {
      const char *name = ask_name(&s);
      CHECK_MSG(*name && *name != 'a', "%s: %s, %d %s", w.what, name, s.code, s.message);
      names |= *name ? 1U << (*name - 'a') : 6;
    }
    kill(peers[0].process.pid, SIGUSR1);
    until_all_answer(3);
    for (int n = 0; n < 2; n++) {
      kill(peers[n].process.pid, SIGUSR1);
    }
    /* Only the one without a health service is left; the news takes its time. */
    int in_a_row = 0;
    for (int64_t end = base_now_ms() + WAIT_S * 1000; base_now_ms() < end && in_a_row < 20;) {
      in_a_row = strcmp(ask_name(&s), "c") == 0 ? in_a_row + 1 : 0;
    }
    CHECK_MSG(in_a_row == 20, "%s", w.what);
    process_stop(&peers[2].process, SIGKILL);
    do {
      ask_name(&s);
    } while (s.code == 0);
    CHECK_INT(s.code, 14);
    world_close();
    peers_stop();
  }
}

/* -- names -- */

static struct {
  net_resolve_fn fn;
  void *ctx;
  int asked;
  bool running;
} lookup;

static base_err lookup_start(net_loop *l, const char *host, int port, net_resolve_fn fn, void *ctx, net_resolve **out) {
  (void)l, (void)port;
  CHECK_STR(host, "peers.example");
  CHECK(!lookup.running);
  lookup.fn = fn;
  lookup.ctx = ctx;
  lookup.asked++;
  lookup.running = true;
  *out = (net_resolve *)&lookup;
  return BASE_OK;
}
static void lookup_cancel(net_resolve *r) {
  (void)r;
  lookup.running = false;
}
static const gw_h2_lookup test_lookup = {lookup_start, lookup_cancel};

static void answer(const char *const *addresses, size_t n) {
  UNTIL(lookup.running);
  lookup.running = false;
  lookup.fn(lookup.ctx, addresses, n, n ? NULL : "it is not there");
}

static void open_named(int64_t resolve_ms) {
  static char target[] = "dns:///peers.example:1";
  base_buf why;
  base_buf_init(&why, 1000);
  const gw_cluster_options o = {.name = cluster_name,
                                .targets = {target},
                                .target_count = 1,
                                .max_message_bytes = 4 << 20,
                                .connections = 1,
                                .max_pending = 10,
                                .connect_timeout_ms = 5000,
                                .keepalive_ms = -1,
                                .resolve_ms = resolve_ms};
  memset(&lookup, 0, sizeof lookup);
  world_make("names");
  CHECK_OK(gw_h2_cluster_new(w.loop, &o, &test_lookup, &why, &w.up));
  base_buf_dispose(&why);
}

static void names_change_and_calls_stay(void) {
  struct seen waits, held, s;
  peers_start(3);
  open_named(50);
  begin(&waits, "Name", true);
  answer((const char *const[]){peers[0].target, peers[1].target}, 2);
  UNTIL(waits.statuses);
  CHECK_INT(waits.code, 0);
  /* The answer is asked for again and again, and this one changes nothing. */
  answer((const char *const[]){peers[1].target, peers[0].target}, 2);
  until_all_answer(2);
  do {
    hold(&held);
    if (held_by(&held, "b")) {
      let_go(&held);
    }
  } while (held_by(&held, "b"));
  /* "a" leaves the name: its call goes on, new ones go elsewhere. */
  answer((const char *const[]){peers[1].target, peers[2].target}, 2);
  for (int i = 0; i < 10; i++) {
    const char *name = ask_name(&s);
    CHECK_MSG(*name == 'b' || *name == 'c', "%s", name);
  }
  size_t before = held.data;
  tell(&held, base_span_str("still there"), false);
  UNTIL(held.data > before);
  /* A name server that is away takes nothing from us. */
  answer(NULL, 0);
  CHECK(*ask_name(&s));
  let_go(&held);
  world_close();
  peers_stop();
}

static void a_name_without_addresses_fails_calls(void) {
  struct seen s;
  open_named(30000);
  begin(&s, "Name", true);
  answer(NULL, 0);
  UNTIL(s.statuses);
  CHECK_INT(s.code, 14);
  CHECK_MSG(strstr(s.message, "it is not there") != NULL, "%s", s.message);
  int asked = lookup.asked;
  peers_start(1);
  UNTIL(lookup.asked > asked);
  answer((const char *const[]){peers[0].target}, 1);
  CHECK_STR(ask_name(&s), "a");
  /* Its address is of no use any more: the name is asked again long before its time. */
  asked = lookup.asked;
  process_stop(&peers[0].process, SIGKILL);
  UNTIL(lookup.asked > asked);
  world_close();
  peers_stop();
}

static void a_real_name(void) {
  static char target[64];
  peers_start(1);
  snprintf(target, sizeof target, "dns:///localhost:%d", peers[0].port);
  for (size_t i = 0; i < LEGS; i++) {
    struct seen s;
    gw_cluster_options o = options_for(legs[i].which, 1);
    o.targets[0] = target;
    world_open(&o, legs[i].name);
    CHECK_STR(ask_name(&s), "a");
    world_close();
  }
  peers_stop();
}

/* -- those that wait -- */

/* A server that accepts and never says a word. */
static int silent_server(char target[64]) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 8) == 0);
  getsockname(fd, (struct sockaddr *)&a, &n);
  snprintf(target, 64, "127.0.0.1:%d", ntohs(a.sin_port));
  return fd;
}

static void few_calls_wait(void) {
  static char target[64];
  struct seen calls[4], late;
  int fd = silent_server(target);
  gw_cluster_options o = options_for(GW_LEG_H2, 0);
  o.targets[0] = target;
  o.target_count = 1;
  o.max_pending = 3;
  o.connect_timeout_ms = 60000;
  world_open(&o, "silent");
  CHECK(start_at(&late, "/peer.Peer/Name", 100, NULL));
  UNTIL(late.statuses);
  CHECK_INT(late.code, 4);
  for (int i = 0; i < 4; i++) {
    begin(&calls[i], "Name", true);
  }
  UNTIL(calls[3].statuses);
  CHECK_INT(calls[3].code, 14);
  CHECK_MSG(strstr(calls[3].message, "too many calls wait") != NULL, "%s", calls[3].message);
  cancel(&calls[0]);
  UNTIL(calls[0].statuses);
  CHECK_INT(calls[0].code, 1);
  CHECK_INT(calls[1].statuses + calls[2].statuses, 0);
  world_close();
  CHECK_INT(calls[1].statuses, 1);
  CHECK_INT(calls[2].code, 14);
  close(fd);
}

static void a_server_without_settings_is_no_server(void) {
  static char target[64];
  struct seen s;
  int fd = silent_server(target);
  gw_cluster_options o = options_for(GW_LEG_H2, 0);
  o.targets[0] = target;
  o.target_count = 1;
  o.connect_timeout_ms = 50;
  world_open(&o, "silent");
  begin(&s, "Name", true);
  UNTIL(s.statuses);
  CHECK_INT(s.code, 14);
  CHECK_MSG(strstr(s.message, "SETTINGS") != NULL, "%s", s.message);
  world_close();
  close(fd);
}

static void bad_options(void) {
  static char file[] = "/nowhere.pem", host[] = "127.0.0.1:1", junk[] = "http://x", xds[] = "xds:///x", config[] = "{}";
  const struct {
    const char *why;
    gw_cluster_options o;
  } rows[] = {
      {"name", {.targets = {host}, .target_count = 1}},
      {"target", {.name = cluster_name}},
      {"target", {.name = cluster_name, .target_count = 17}},
      {"HOST:PORT", {.name = cluster_name, .targets = {junk}, .target_count = 1}},
      {"empty", {.name = cluster_name, .targets = {host, NULL}, .target_count = 2}},
      {"core leg", {.name = cluster_name, .targets = {xds}, .target_count = 1, .leg = GW_LEG_H2}},
      {"core leg",
       {.name = cluster_name, .targets = {host}, .target_count = 1, .leg = GW_LEG_H2, .service_config = config}},
      {"least_request", {.name = cluster_name, .targets = {xds}, .target_count = 1, .balance = GW_LEAST_REQUEST}},
      {"several", {.name = cluster_name, .targets = {xds, host}, .target_count = 2}},
      {"tls", {.name = cluster_name, .targets = {host}, .target_count = 1, .tls_ca = file}},
      {"key", {.name = cluster_name, .targets = {host}, .target_count = 1, .tls = true, .tls_cert = file}},
      {"/nowhere.pem", {.name = cluster_name, .targets = {host}, .target_count = 1, .tls = true, .tls_ca = file}},
      {"/nowhere.pem",
       {.name = cluster_name, .targets = {host}, .target_count = 1, .leg = GW_LEG_CORE, .tls = true, .tls_ca = file}},
  };
  world_make("options");
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    base_buf why;
    gw_upstream *up = NULL;
    base_buf_init(&why, 4096);
    base_err e = gw_cluster_new(w.loop, w.client, &rows[r].o, &why, &up);
    CHECK_MSG(base_is(e, BASE_E_INVALID), "row %zu: %s", r, base_err_name(e));
    CHECK(base_is_ok(base_buf_u8(&why, 0)));
    CHECK_MSG(strstr((const char *)base_buf_span(&why).p, rows[r].why) != NULL, "row %zu: %s", r,
              (const char *)base_buf_span(&why).p);
    base_buf_dispose(&why);
  }
  world_close();
}

TEST_MAIN(TEST(a_killed_server_comes_back), TEST(calls_move_on_before_a_connection_grows_old),
          TEST(one_stream_at_a_time), TEST(unix_sockets), TEST(calls_are_spread), TEST(fewer_calls_go_where_more_run),
          TEST(servers_leave_under_load), TEST(the_unhealthy_are_skipped), TEST(names_change_and_calls_stay),
          TEST(a_name_without_addresses_fails_calls), TEST(a_real_name), TEST(few_calls_wait),
          TEST(a_server_without_settings_is_no_server), TEST(bad_options))
