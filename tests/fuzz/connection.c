#include "connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "fuzz.h"
#include "gateway/front.h"
#include "gateway/routes.h"
#include "gateway/upstream/fake.h"
#include "net_double.h"

enum { OPS = 13, FAR_MS = 120000, MAX_FRAME = 1 << 17 };

struct world {
  const connection_kind *kind;
  gw_fake up;
  gw_timers timers;
  gw_gate gate;
  gw_policy policy;
  gw_ws_hub *hub;
  gw_routes routes;
  http_h1_server *h1;
  gw_front front;
  net_conn *conn;
  size_t piece;
  bool stuck;
};

/* Of all runs: its tables take long to make. Each run gives back what it took, or a later one is refused; rates are out of reach. */
static gw_limits *limits;

static void set_up_once(void) {
  const gw_limits_options options = {
      .calls = 16, .connections = 4, .rate_per_address = 1 << 30, .burst_per_address = 1 << 30};
  setenv("PONTE_LOG", "error", 1);
  base_log_init("fuzz");
  FUZZ_OK(gw_limits_new(&options, &limits));
}

static void set_up(struct world *w) {
  const http_app app = {
      .on_request = gw_routes_on_request, .app = &w->routes, .refusal_headers = gw_routes_refusal_headers};
  const http_h1_options h1 = {.max_header_bytes = 4096, .max_body_bytes = 1 << 16, .on_upgrade = gw_routes_on_upgrade};
  gw_fake_init(&w->up);
  gw_policy_init(&w->policy);
  FUZZ_OK(gw_policy_add_origin(&w->policy, "https://app.example"));
  w->gate.limits = limits;
  w->gate.upstream = &w->up.base;
  w->gate.timers = &w->timers;
  w->gate.max_timeout_ms = FAR_MS / 2;
  FUZZ_OK(gw_ws_hub_new(NULL, &w->gate, &(gw_ws_options){.mux = {.max_calls = 8}}, &w->hub));
  w->routes = (gw_routes){.policy = &w->policy, .hub = w->hub, .grpc_web = {.gate = &w->gate}};
  FUZZ_OK(http_h1_server_new(NULL, &app, &h1, &w->h1));
  w->front = (gw_front){.h1 = w->h1, .app = app, .h2_options = {.max_streams = 8}, .limits = w->gate.limits};
  w->conn = double_open();
  FUZZ_CHECK(gw_front_on_accept(&w->front, w->conn));
}

static void receive(struct world *w, base_span bytes) {
  while (bytes.n > 0) {
    size_t n = w->piece < bytes.n ? w->piece : bytes.n;
    double_receive(w->conn, base_span_of(bytes.p, n));
    bytes = base_span_of(bytes.p + n, bytes.n - n);
  }
}

static void receive_frame(struct world *w, base_span bytes) {
  base_buf frame;
  base_buf_init(&frame, MAX_FRAME);
  if (bytes.n > 0 && base_is_ok(w->kind->frame(bytes, &frame))) {
    receive(w, base_buf_span(&frame));
  }
  base_buf_dispose(&frame);
}

static gw_fake_call *pick(gw_fake *up, uint8_t nth) {
  gw_fake_call *c = up->calls;
  for (; c && nth > 0; nth--) {
    c = c->next ? c->next : up->calls;
  }
  return c;
}

static void service_step(struct world *w, uint8_t op, base_span arg) {
  gw_fake_call *c = pick(&w->up, arg.n > 0 ? arg.p[0] & 7 : 0);
  if (c == NULL) {
    return;
  }
  switch (op) {
  case 6: gw_fake_data(c, arg); break;
  case 7: gw_fake_take(c); break;
  case 8: gw_fake_headers(c, "key", "value"); break;
  default: gw_fake_status(c, arg.n > 1 ? arg.p[1] & 31 : 0, "end");
  }
}

static void drain(struct world *w) {
  w->routes.draining = true;
  gw_ws_hub_drain(w->hub, 10);
  http_h1_server_drain(w->h1);
  gw_h2_group_drain(&w->front.h2);
}

static void step(struct world *w, uint8_t op, base_span arg) {
  switch (op) {
  case 4:
  case 5: receive_frame(w, arg); break;
  case 6:
  case 7:
  case 8:
  case 9: service_step(w, op, arg); break;
  case 10: double_stick(w->conn, w->stuck = !w->stuck); break;
  case 11:
    gw_timers_run(&w->timers, base_now_ms() + FAR_MS);
    double_time(w->conn);
    break;
  case 12: drain(w); break;
  default: receive(w, arg);
  }
  gw_fake_end_cancelled(&w->up);
  double_turn(w->conn);
}

static void tear_down(struct world *w) {
  double_stick(w->conn, false);
  double_end(w->conn);
  gw_front_on_end(&w->front, w->conn);
  gw_fake_end_cancelled(&w->up);
  FUZZ_CHECK(w->up.calls == NULL && w->up.base.calls == 0);
  FUZZ_CHECK(w->timers.first == NULL);
  FUZZ_CHECK(gw_ws_hub_count(w->hub) == 0 && http_h1_server_connections(w->h1) == 0 && w->front.h2.count == 0);
  FUZZ_CHECK(double_free_timers() == 1); /* the HTTP/1.1 server's; the loop frees it */
  http_h1_server_free(w->h1);
  gw_ws_hub_free(w->hub);
  gw_policy_dispose(&w->policy);
  gw_fake_dispose(&w->up);
}

void connection_run(const connection_kind *kind, base_span input) {
  static const size_t pieces[] = {1, 2, 3, 7, 16, 100, 1000, 1 << 20};
  struct world w = {.kind = kind};
  base_cursor c = base_cursor_of(input);
  if (limits == NULL) {
    set_up_once();
  }
  w.piece = pieces[base_cursor_u8(&c) & 7];
  set_up(&w);
  receive(&w, kind->first);
  while (base_cursor_left(&c) > 2 && double_is_open(w.conn)) {
    uint8_t op = base_cursor_u8(&c) % OPS;
    size_t n = base_cursor_u16(&c);
    n = n < base_cursor_left(&c) ? n : base_cursor_left(&c);
    step(&w, op, base_cursor_bytes(&c, n));
  }
  tear_down(&w);
}
