#include "otlp/otlp.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request;
typedef Opentelemetry__Proto__Trace__V1__Span span;

/* A channel to a collector that answers when the test says so. */
typedef struct {
  ponte_channel base;
  ponte_call call;
  const ponte_call_events *events;
  void *ctx;
  base_buf message;
  int started;
  bool cancelled;
} collector;

static base_err start(ponte_channel *ch, const char *path, const ponte_call_options *options,
                      const ponte_call_events *events, void *ctx, ponte_call **out) {
  collector *c = (collector *)ch;
  CHECK_STR(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
  CHECK(options->timeout_ms > 0);
  c->call.channel = ch;
  c->events = events;
  c->ctx = ctx;
  c->started++;
  base_buf_clear(&c->message);
  *out = &c->call;
  return BASE_OK;
}
static base_err send_message(ponte_call *call, base_span message) {
  return base_buf_append(&((collector *)call->channel)->message, message);
}
static void half_close(ponte_call *call) { (void)call; }
static void cancel(ponte_call *call) { ((collector *)call->channel)->cancelled = true; }
static size_t queued(const ponte_call *call) { return (void)call, 0; }
static void pause_call(ponte_call *call, bool paused) { (void)call, (void)paused; }

static const ponte_channel_vt vt = {start, send_message, half_close, cancel, queued, pause_call, NULL};

static void collector_init(collector *c) {
  *c = (collector){.base.vt = &vt};
  base_buf_init(&c->message, 1 << 20);
}

/* `reply`: the packed answer of an OK. */
static void answer(collector *c, int code, base_span reply) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, code, "said by the test");
  if (code == 0) {
    c->events->on_message(c->ctx, &c->call, reply);
  }
  c->events->on_status(c->ctx, &c->call, &status);
  wire_status_dispose(&status);
}
static const base_span empty = {(const uint8_t *)"", 0};

static otlp_span sample(const char *method, int code) {
  otlp_span s = {.start_us = 1000, .end_us = 3000, .code = code, .protocol = "mux", .peer = "127.0.0.1"};
  base_trace_start(NULL, 1, &s.trace);
  snprintf(s.method, sizeof s.method, "%s", method);
  return s;
}

static const char *attribute(const span *s, const char *key) {
  for (size_t i = 0; i < s->n_attributes; i++) {
    if (strcmp(s->attributes[i]->key, key) == 0) {
      return s->attributes[i]->value->string_value;
    }
  }
  return "(absent)";
}

static void a_batch_says_all_of_a_span(void) {
  collector c;
  otlp *o = NULL;
  collector_init(&c);
  CHECK_OK(otlp_new(&c.base, "ponte-gateway", "here", &o));
  CHECK(otlp_is_idle(o));
  otlp_span good = sample("p.S/M", 0), bad = sample("p.S/N", 14);
  memset(bad.parent, 7, sizeof bad.parent);
  otlp_record(o, &good);
  otlp_record(o, &bad);
  otlp_tick(o, base_now_ms());
  base_span bytes = base_buf_span(&c.message);
  request *r = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(NULL, bytes.n, bytes.p);
  REQUIRE(r && r->n_resource_spans == 1 && r->resource_spans[0]->n_scope_spans == 1);
  CHECK_STR(r->resource_spans[0]->resource->attributes[0]->value->string_value, "ponte-gateway");
  REQUIRE(r->resource_spans[0]->scope_spans[0]->n_spans == 2);
  const span *first = r->resource_spans[0]->scope_spans[0]->spans[0];
  const span *second = r->resource_spans[0]->scope_spans[0]->spans[1];
  CHECK_STR(first->name, "p.S/M");
  CHECK_STR(attribute(first, "rpc.service"), "p.S");
  CHECK_STR(attribute(first, "rpc.method"), "M");
  CHECK_STR(attribute(first, "ponte.protocol"), "mux");
  CHECK_STR(attribute(first, "client.address"), "127.0.0.1");
  CHECK_INT(first->start_time_unix_nano, 1000000);
  CHECK_INT(first->end_time_unix_nano, 3000000);
  CHECK_INT(first->parent_span_id.len, 0);
  CHECK(first->status == NULL);
  CHECK(first->trace_id.len == 16 && memcmp(first->trace_id.data, good.trace.trace_id, 16) == 0);
  CHECK_INT(second->parent_span_id.len, 8);
  CHECK(second->status && second->status->code == 2);
  opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(r, NULL);
  answer(&c, 0, empty);
  CHECK(otlp_is_idle(o));
  CHECK_INT(otlp_sent(o), 2);
  otlp_free(o);
  base_buf_dispose(&c.message);
}

static void answers_decide_what_becomes_of_a_batch(void) {
  static const uint8_t partial_one[] = {0x0a, 2, 0x08, 1}; /* partial_success { rejected_spans: 1 } */
  static const struct {
    int code;
    base_span reply;
    int sent, dropped;
    bool kept;
  } rows[] = {
      {0, {(const uint8_t *)"", 0}, 2, 0, false},
      {0, {partial_one, sizeof partial_one}, 1, 1, false},
      {14, {NULL, 0}, 0, 0, true},
      {4, {NULL, 0}, 0, 0, true},
      {8, {NULL, 0}, 0, 0, true},
      {3, {NULL, 0}, 0, 2, false},
      {12, {NULL, 0}, 0, 2, false},
      {16, {NULL, 0}, 0, 2, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    collector c;
    otlp *o = NULL;
    collector_init(&c);
    CHECK_OK(otlp_new(&c.base, "s", "i", &o));
    otlp_span s = sample("p.S/M", 0);
    otlp_record(o, &s);
    otlp_record(o, &s);
    otlp_tick(o, base_now_ms());
    otlp_tick(o, base_now_ms());
    CHECK_INT(c.started, 1); /* one at a time */
    answer(&c, rows[i].code, rows[i].reply);
    CHECK_MSG(otlp_is_idle(o) != rows[i].kept, "row %zu", i);
    CHECK_INT(otlp_sent(o), rows[i].sent);
    CHECK_INT(otlp_dropped(o), rows[i].dropped);
    otlp_tick(o, base_now_ms()); /* too early after a failure, nothing to do otherwise */
    CHECK_INT(c.started, 1);
    otlp_tick(o, base_now_ms() + 60000);
    CHECK_INT(c.started, rows[i].kept ? 2 : 1);
    if (rows[i].kept) {
      answer(&c, 0, empty);
      CHECK_INT(otlp_sent(o), 2);
    }
    otlp_free(o);
    base_buf_dispose(&c.message);
  }
}

static void what_does_not_fit_is_dropped_and_counted(void) {
  collector c;
  otlp *o = NULL;
  collector_init(&c);
  CHECK_OK(otlp_new(&c.base, "s", "i", &o));
  otlp_span s = sample("p.S/M", 0);
  for (int i = 0; i < OTLP_SPANS + 3; i++) {
    otlp_record(o, &s);
  }
  CHECK_INT(otlp_dropped(o), 3);
  while (!otlp_is_idle(o)) {
    otlp_tick(o, base_now_ms());
    answer(&c, 0, empty);
  }
  CHECK_INT(c.started, OTLP_SPANS / OTLP_BATCH);
  CHECK_INT(otlp_sent(o), OTLP_SPANS);
  otlp_free(o);
  base_buf_dispose(&c.message);
}

static void the_end_waits_for_the_last_answer(void) {
  collector c;
  otlp *o = NULL;
  collector_init(&c);
  CHECK_OK(otlp_new(&c.base, "s", "i", &o));
  otlp_span s = sample("p.S/M", 0);
  otlp_record(o, &s);
  otlp_tick(o, base_now_ms());
  otlp_free(o);
  CHECK(c.cancelled);
  answer(&c, 1, empty); /* LeakSanitizer and AddressSanitizer judge */
  base_buf_dispose(&c.message);
}

TEST_MAIN(TEST(a_batch_says_all_of_a_span), TEST(answers_decide_what_becomes_of_a_batch),
          TEST(what_does_not_fit_is_dropped_and_counted), TEST(the_end_waits_for_the_last_answer))
