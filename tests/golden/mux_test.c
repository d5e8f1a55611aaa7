/* The frames of ponte.v1 against mux/: each vector is one WebSocket message. */
#include "wire/mux.h"

#include <ctype.h>

#include "base/test.h"
#include "golden.h"

enum { TEXT = 16384 };

/* What a decoded frame means goes to `text`, and the frame as we would write it to `again`. */

static base_err hello(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  wire_mux_hello h;
  BASE_TRY(wire_mux_get_hello(f->payload, &h));
  BASE_TRY(base_buf_printf(text, " version=%u credit=%u calls=%u message=%u ping=%u token=\"%.*s\"", h.version,
                           (unsigned)h.call_credit, (unsigned)h.max_calls, (unsigned)h.max_message,
                           (unsigned)h.ping_interval_ms, BASE_SPAN_ARG(h.token)));
  return wire_mux_put_hello(again, &h);
}

static base_err auth(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  base_span token;
  BASE_TRY(wire_mux_get_auth(f->payload, &token));
  BASE_TRY(base_buf_printf(text, " token=\"%.*s\"", BASE_SPAN_ARG(token)));
  return wire_mux_put_auth(again, token);
}

static base_err open_into(const wire_mux_frame *f, wire_mux_open *o, base_buf *text, base_buf *again) {
  BASE_TRY(wire_mux_get_open(f->payload, o));
  BASE_TRY(base_buf_printf(text, " path=%.*s timeout=%u", BASE_SPAN_ARG(o->path), (unsigned)o->timeout_ms));
  BASE_TRY(golden_describe(&o->metadata, text));
  return wire_mux_put_open(again, f->call, o);
}

static base_err open_call(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  wire_mux_open o;
  wire_metadata_init(&o.metadata);
  base_err e = open_into(f, &o, text, again);
  wire_metadata_dispose(&o.metadata);
  return e;
}

static base_err headers_into(const wire_mux_frame *f, wire_metadata *m, base_buf *text, base_buf *again) {
  BASE_TRY(wire_mux_get_headers(f->payload, m));
  BASE_TRY(golden_describe(m, text));
  return wire_mux_put_headers(again, f->call, m);
}

static base_err headers(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  wire_metadata m;
  wire_metadata_init(&m);
  base_err e = headers_into(f, &m, text, again);
  wire_metadata_dispose(&m);
  return e;
}

static base_err data(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  BASE_TRY(base_buf_str(text, f->flags & WIRE_MUX_END ? " END " : " "));
  BASE_TRY(base_buf_json(text, f->payload));
  return wire_mux_put_data(again, f->call, f->payload, (f->flags & WIRE_MUX_END) != 0);
}

static base_err status_into(const wire_mux_frame *f, wire_status *s, base_buf *text, base_buf *again) {
  BASE_TRY(wire_mux_get_status(f->payload, s));
  BASE_TRY(base_buf_printf(text, " status=%d message=", s->code));
  BASE_TRY(base_buf_json(text, base_buf_span(&s->message)));
  BASE_TRY(golden_describe(&s->trailers, text));
  return wire_mux_put_status(again, f->call, s);
}

static base_err status(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  wire_status s;
  wire_status_init(&s);
  base_err e = status_into(f, &s, text, again);
  wire_status_dispose(&s);
  return e;
}

static base_err cancel(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  (void)text;
  return wire_mux_put_cancel(again, f->call);
}

static base_err credit(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  uint32_t bytes = 0;
  BASE_TRY(wire_mux_get_credit(f->payload, &bytes));
  BASE_TRY(base_buf_printf(text, " bytes=%u", (unsigned)bytes));
  return wire_mux_put_credit(again, f->call, bytes);
}

static base_err ping(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  uint64_t value = 0;
  BASE_TRY(wire_mux_get_ping(f->payload, &value));
  BASE_TRY(base_buf_printf(text, " value=%016llx", (unsigned long long)value));
  return wire_mux_put_ping(again, f->type == WIRE_MUX_PONG, value);
}

static base_err drain(const wire_mux_frame *f, base_buf *text, base_buf *again) {
  wire_mux_drain d;
  BASE_TRY(wire_mux_get_drain(f->payload, &d));
  BASE_TRY(base_buf_printf(text, " last=%u grace=%u", (unsigned)d.last_call, (unsigned)d.grace_ms));
  return wire_mux_put_drain(again, &d);
}

static const struct row {
  uint8_t type;
  base_err (*run)(const wire_mux_frame *f, base_buf *text, base_buf *again);
  bool any_length; /* a shorter payload is a good one too */
} rows[] = {
    {WIRE_MUX_HELLO, hello, false},     {WIRE_MUX_AUTH, auth, true},      {WIRE_MUX_OPEN, open_call, false},
    {WIRE_MUX_HEADERS, headers, false}, {WIRE_MUX_DATA, data, true},      {WIRE_MUX_STATUS, status, false},
    {WIRE_MUX_CANCEL, cancel, false},   {WIRE_MUX_CREDIT, credit, false}, {WIRE_MUX_PING, ping, false},
    {WIRE_MUX_PONG, ping, false},       {WIRE_MUX_DRAIN, drain, false},
};

static const struct row *row_of(uint8_t type) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].type == type) {
      return &rows[i];
    }
  }
  return NULL;
}

static const char *type_name(uint8_t type) {
  switch (type) {
#define X(name, value) \
  case value: return #name;
    WIRE_MUX_TYPES(X)
#undef X
  default: return "hint";
  }
}

static base_err frame(base_span *message, base_buf *text, base_buf *again) {
  wire_mux_frame f;
  BASE_TRY(wire_mux_next(message, &f));
  const struct row *r = row_of(f.type);
  size_t before = base_buf_size(text);
  BASE_TRY(base_buf_printf(text, "%s call=%u", type_name(f.type), (unsigned)f.call));
  base_err e = r ? r->run(&f, text, again) : BASE_OK;
  if (!base_is_ok(e)) {
    base_buf_truncate(text, before); /* a refused frame means nothing */
    return e;
  }
  return base_buf_str(text, "\n");
}

static base_err decode(base_span message, base_buf *text, base_buf *again) {
  do { /* an empty message is judged too */
    BASE_TRY(frame(&message, text, again));
  } while (message.n > 0);
  return BASE_OK;
}

static base_err decode_only(base_span message) {
  base_buf text, again;
  base_buf_init(&text, TEXT);
  base_buf_init(&again, TEXT);
  base_err e = decode(message, &text, &again);
  base_buf_dispose(&text);
  base_buf_dispose(&again);
  return e;
}

/* A message that ends inside a frame is malformed, wherever it ends. */
static void truncate_message(const golden_vector *v) {
  for (size_t n = 0; n < v->n; n++) {
    base_span left = golden_span(v);
    wire_mux_frame f;
    bool at_border = false; /* between two frames a message may end */
    while (left.n > 0 && base_is_ok(wire_mux_next(&left, &f))) {
      at_border |= v->n - left.n == n;
    }
    base_err e = decode_only(base_span_of(v->bytes, n));
    CHECK_MSG(base_is(e, at_border ? BASE_E_OK : BASE_E_MALFORMED), GOLDEN_FMT ": cut off at %zu: %s", GOLDEN_ARG(v), n,
              base_err_name(e));
  }
}

/* The payload of the first frame cut off at every length, under a head that says so. */
static void truncate_payload(const golden_vector *v) {
  static uint8_t shorter[GOLDEN_BYTES];
  base_span left = golden_span(v);
  wire_mux_frame f;
  if (!base_is_ok(wire_mux_next(&left, &f)) || v->one_way || row_of(f.type)->any_length) {
    return;
  }
  memcpy(shorter, v->bytes, v->n);
  for (size_t n = 0; n < f.payload.n; n++) {
    shorter[6] = (uint8_t)(n >> 16);
    shorter[7] = (uint8_t)(n >> 8);
    shorter[8] = (uint8_t)n;
    base_err e = decode_only(base_span_of(shorter, WIRE_MUX_HEAD + n));
    CHECK_MSG(base_is(e, BASE_E_MALFORMED), GOLDEN_FMT ": payload cut off at %zu: %s", GOLDEN_ARG(v), n,
              base_err_name(e));
  }
}

static void check(const golden_vector *v) {
  base_buf text, again;
  base_buf_init(&text, TEXT);
  base_buf_init(&again, TEXT);
  base_err e = decode(golden_span(v), &text, &again);
  CHECK_MSG(strcmp(base_is_ok(e) ? "" : base_err_name(e), v->error) == 0, GOLDEN_FMT ": %s", GOLDEN_ARG(v),
            base_err_name(e));
  CHECK_MSG(base_span_is(base_buf_span(&text), v->means), GOLDEN_FMT ":\n%.*s", GOLDEN_ARG(v),
            BASE_SPAN_ARG(base_buf_span(&text)));
  if (base_is_ok(e)) {
    CHECK_MSG(v->one_way != base_span_eq(base_buf_span(&again), golden_span(v)), GOLDEN_FMT ": written again",
              GOLDEN_ARG(v));
    truncate_message(v);
    truncate_payload(v);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&again);
}

static void every_type_has_its_vectors(void) {
  static const char *const names[] = {
#define X(name, value) #name,
      WIRE_MUX_TYPES(X)
#undef X
          "MESSAGE"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    int n = snprintf(path, sizeof path, "mux/%s.hex", names[i]);
    for (int k = 4; k < n; k++) {
      path[k] = (char)tolower((unsigned char)path[k]);
    }
    CHECK_MSG(golden_each(path, check) >= 3, "%s", path);
  }
}

TEST_MAIN(TEST(every_type_has_its_vectors))
