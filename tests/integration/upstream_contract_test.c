/* The contract of gateway/upstream/upstream.h, against a real service. Every leg is a row of `legs`; the tests do not know which one they drive. */
#include "ponte/echo/v1/echo.pb-c.h"
#include "upstream_world.h"

typedef Ponte__Echo__V1__EchoRequest echo_request;
#define ECHO_REQUEST PONTE__ECHO__V1__ECHO_REQUEST__INIT

enum { MAX_MESSAGE = 1 << 20 };

static const struct leg {
  const char *name;
  enum gw_leg which;
} legs[] = {{"core", GW_LEG_CORE}, {"h2", GW_LEG_H2}};

static process echo;
static int echo_port;

static void open_leg(const struct leg *leg) {
  char target[64], name[] = "echo";
  snprintf(target, sizeof target, "127.0.0.1:%d", echo_port);
  const gw_cluster_options options = {
      .name = name, .targets = {target}, .target_count = 1, .leg = leg->which, .max_message_bytes = MAX_MESSAGE};
  world_open(&options, leg->name);
}

static bool start(struct seen *s, const char *method, int64_t timeout_ms, const wire_metadata *m) {
  char path[128];
  snprintf(path, sizeof path, "/ponte.echo.v1.EchoService/%s", method);
  return start_at(s, path, timeout_ms, m);
}

/* Returns how many bytes. */
static size_t ask(struct seen *s, const echo_request *r, bool end) {
  uint8_t bytes[4000];
  size_t n = ponte__echo__v1__echo_request__get_packed_size(r);
  if (n > sizeof bytes) {
    CHECK(false);
    return 0;
  }
  ponte__echo__v1__echo_request__pack(r, bytes);
  return tell(s, base_span_of(bytes, n), end);
}

/* -- the contract -- */

static void a_call_goes_through(void) {
  struct seen s;
  echo_request r = ECHO_REQUEST;
  r.size = 1000;
  if (start(&s, "Unary", 0, NULL)) {
    credit(&s, 100000);
    size_t n = ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 0);
    CHECK_INT(s.headers, 1);
    CHECK_MSG(s.written <= n, "%s", "the end may overtake the report");
    CHECK(s.data > 1000);
  }
}

static void written_bytes_are_reported(void) {
  struct seen s;
  echo_request r = ECHO_REQUEST;
  if (start(&s, "ClientStream", 0, NULL)) {
    size_t n = ask(&s, &r, false);
    UNTIL(s.written == n);
    n += ask(&s, &r, false) + ask(&s, &r, true);
    credit(&s, 1000);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 0);
    CHECK(s.written <= n);
  }
}

static void metadata_and_details_travel(void) {
  struct seen s;
  wire_metadata m;
  echo_request r = ECHO_REQUEST;
  wire_metadata_init(&m);
  CHECK_OK(wire_metadata_add_str(&m, "x-echo-text", "hello there"));
  r.fail = true;
  if (start(&s, "ServerStream", 0, &m)) {
    wire_metadata_clear(&m); /* it was copied */
    credit(&s, 100000);
    ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 3);
    CHECK(s.details);
    CHECK_STR(s.header, "hello there");
  }
  wire_metadata_dispose(&m);
}

/* 1,000 bytes of credit let one message more than fits come, and no other. */
static void credit_is_kept(void) {
  struct seen s, other;
  echo_request r = ECHO_REQUEST, small = ECHO_REQUEST;
  r.count = 100;
  r.size = 10000;
  if (!start(&s, "ServerStream", 0, NULL)) {
    return;
  }
  ask(&s, &r, true);
  UNTIL(s.headers);
  for (int round = 0; round < 3; round++) {
    /* Whole calls pass meanwhile: time enough for what must not come. */
    for (int i = 0; i < 5 && start(&other, "Unary", 0, NULL); i++) {
      credit(&other, 1000);
      ask(&other, &small, true);
      UNTIL(other.statuses);
      CHECK_INT(other.code, 0);
    }
    CHECK_MSG(s.data <= (size_t)round * 11000, "round %d: %zu bytes", round, s.data);
    size_t before = s.data;
    /* What a message overran is paid back first. */
    credit(&s, round == 0 ? 1000 : 10000);
    UNTIL(s.data > before);
  }
  credit(&s, 10000000);
  UNTIL(s.statuses);
  CHECK_INT(s.code, 0);
  CHECK(s.data > 1000000);
}

static void cancel_ends_with_cancelled(void) {
  struct seen s;
  echo_request r = ECHO_REQUEST;
  r.hang = true;
  r.count = 1;
  for (int early = 0; early < 2 && start(&s, "ServerStream", 0, NULL); early++) {
    credit(&s, 1000);
    ask(&s, &r, true);
    if (!early) {
      UNTIL(s.data);
    }
    cancel(&s);
    cancel(&s);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 1);
  }
}

static void deadlines_end_calls(void) {
  struct seen s;
  echo_request r = ECHO_REQUEST;
  r.hang = true;
  if (start(&s, "ServerStream", 200, NULL)) {
    credit(&s, 1000);
    ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 4);
  }
}

static void unknown_methods_and_long_answers(void) {
  struct seen s;
  echo_request r = ECHO_REQUEST;
  if (start(&s, "NoSuchMethod", 0, NULL)) {
    credit(&s, 1000);
    ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 12);
  }
  r.size = MAX_MESSAGE + 1;
  if (start(&s, "Unary", 0, NULL)) {
    credit(&s, 10 << 20);
    ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 8);
    CHECK_INT(s.data, 0);
  }
}

static void readiness_follows_the_service(void) {
  UNTIL(w.up->vt->is_ready(w.up));
  struct seen s;
  echo_request r = ECHO_REQUEST;
  r.hang = true;
  r.count = 1;
  if (start(&s, "ServerStream", 0, NULL)) {
    credit(&s, 1000);
    ask(&s, &r, true);
    UNTIL(s.data);
    process_stop(&echo, SIGKILL);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 14);
  }
  UNTIL(!w.up->vt->is_ready(w.up));
  if (start(&s, "Unary", 0, NULL)) {
    ask(&s, &r, true);
    UNTIL(s.statuses);
    CHECK_INT(s.code, 14);
  }
}

/* Calls that still run when the leg is freed get their status before the client is gone. */
static void the_end_delivers_every_status(void) {
  struct seen s;
  CHECK(start(&s, "Bidi", 0, NULL));
  world_close();
  CHECK_INT(s.statuses, 1);
}

static void contract(void) {
  char line[64];
  for (size_t i = 0; i < sizeof legs / sizeof *legs; i++) {
    CHECK(process_start(&echo, "ECHO_SERVER", NULL));
    CHECK(process_line(&echo, line, sizeof line) && sscanf(line, "%d", &echo_port) == 1);
    open_leg(&legs[i]);
    a_call_goes_through();
    written_bytes_are_reported();
    metadata_and_details_travel();
    credit_is_kept();
    cancel_ends_with_cancelled();
    deadlines_end_calls();
    unknown_methods_and_long_answers();
    readiness_follows_the_service();
    the_end_delivers_every_status();
  }
}

TEST_MAIN(TEST(contract))
