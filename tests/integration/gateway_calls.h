/* gateway_calls.h - test code only: echo calls over ponte.v1, on top of gateway_world.h. */
#ifndef PONTE_TESTS_GATEWAY_CALLS_H
#define PONTE_TESTS_GATEWAY_CALLS_H

#include "gateway_world.h"
#include "ponte/echo/v1/echo.pb-c.h"

enum { CALLS = 128, BIG = 0x7fffffff };

typedef Ponte__Echo__V1__EchoRequest echo_request;
typedef Ponte__Echo__V1__EchoReply echo_reply;
#define ECHO_REQUEST PONTE__ECHO__V1__ECHO_REQUEST__INIT

/* What came for one call. */
typedef struct {
  base_buf data;   /* gRPC-framed, not taken yet */
  size_t received; /* bytes of DATA in all */
  wire_metadata headers;
  int header_frames, statuses;
  wire_status status;
  int64_t credit; /* given by the gateway and not used */
} call;

typedef struct {
  client c;
  call calls[CALLS];
  bool give_credit; /* for each DATA at once */
} session;

static inline bool session_open(session *s, int port, uint32_t credit) {
  memset(s->calls, 0, sizeof s->calls);
  s->give_credit = true;
  bool ok = client_open(&s->c, port, credit);
  for (int i = 0; i < CALLS; i++) {
    base_buf_init(&s->calls[i].data, 64 << 20);
    wire_metadata_init(&s->calls[i].headers);
    wire_status_init(&s->calls[i].status);
    s->calls[i].credit = s->c.credit;
  }
  return ok;
}

static inline void session_close(session *s) {
  client_close(&s->c);
  for (int i = 0; i < CALLS; i++) {
    base_buf_dispose(&s->calls[i].data);
    wire_metadata_dispose(&s->calls[i].headers);
    wire_status_dispose(&s->calls[i].status);
  }
}

/* Takes one frame; false once the gateway has closed. */
static inline bool session_step(session *s) {
  wire_mux_frame f;
  if (!client_next(&s->c, &f)) {
    return false;
  }
  call *k = &s->calls[f.call < CALLS ? f.call : 0];
  uint32_t bytes = 0;
  CHECK_MSG(f.call == 0 || k->statuses == 0, "%s", "a frame after the STATUS");
  switch (f.type) {
  case WIRE_MUX_HEADERS:
    CHECK(k->received == 0);
    k->header_frames++;
    CHECK_OK(wire_mux_get_headers(f.payload, &k->headers));
    break;
  case WIRE_MUX_DATA:
    k->received += f.payload.n;
    CHECK_OK(base_buf_append(&k->data, f.payload));
    if (s->give_credit && f.payload.n > 0) {
      CHECK_OK(wire_mux_put_credit(&s->c.out, f.call, (uint32_t)f.payload.n));
      client_send(&s->c);
    }
    break;
  case WIRE_MUX_CREDIT:
    CHECK_OK(wire_mux_get_credit(f.payload, &bytes));
    k->credit += bytes;
    break;
  case WIRE_MUX_STATUS:
    k->statuses++;
    CHECK_OK(wire_mux_get_status(f.payload, &k->status));
    break;
  default: break;
  }
  return true;
}

static inline void put_open(session *s, uint32_t id, const char *method, uint32_t timeout_ms,
                            const wire_metadata *metadata) {
  char path[128];
  snprintf(path, sizeof path, "/ponte.echo.v1.EchoService/%s", method);
  wire_mux_open o = {.path = base_span_str(path), .timeout_ms = timeout_ms};
  wire_metadata_init(&o.metadata);
  if (metadata) {
    CHECK_OK(wire_metadata_merge(&o.metadata, metadata));
  }
  CHECK_OK(wire_mux_put_open(&s->c.out, id, &o));
  wire_metadata_dispose(&o.metadata);
  client_send(&s->c);
}

/* Sends bytes as the credit allows, in frames of at most 30,000. */
static inline bool send_bytes(session *s, uint32_t id, base_span bytes, bool end) {
  call *k = &s->calls[id];
  do {
    while (bytes.n > 0 && k->credit == 0 && k->statuses == 0) {
      if (!session_step(s)) {
        return false;
      }
    }
    if (k->statuses > 0) {
      return false;
    }
    size_t n = bytes.n < 30000 ? bytes.n : 30000;
    n = n < (size_t)k->credit ? n : (size_t)k->credit;
    CHECK_OK(wire_mux_put_data(&s->c.out, id, base_span_of(bytes.p, n), end && n == bytes.n));
    client_send(&s->c);
    k->credit -= (int64_t)n;
    bytes = n > 0 ? base_span_of(bytes.p + n, bytes.n - n) : bytes;
  } while (bytes.n > 0);
  return true;
}

static inline bool send_request(session *s, uint32_t id, const echo_request *r, bool end) {
  size_t n = ponte__echo__v1__echo_request__get_packed_size(r);
  uint8_t *bytes = malloc(WIRE_FRAME_HEAD + n);
  if (bytes == NULL) {
    abort();
  }
  wire_frame_head(bytes, 0, (uint32_t)n);
  ponte__echo__v1__echo_request__pack(r, bytes + WIRE_FRAME_HEAD);
  bool ok = send_bytes(s, id, base_span_of(bytes, WIRE_FRAME_HEAD + n), end);
  free(bytes);
  return ok;
}

/* The next reply, waiting for it; NULL when the call ended first. To be freed with ponte__echo__v1__echo_reply__free_unpacked. */
static inline echo_reply *next_reply(session *s, uint32_t id) {
  call *k = &s->calls[id];
  for (;;) {
    base_span have = base_buf_span(&k->data);
    if (have.n >= WIRE_FRAME_HEAD) {
      size_t n = (size_t)have.p[1] << 24 | (size_t)have.p[2] << 16 | (size_t)have.p[3] << 8 | have.p[4];
      if (have.n >= WIRE_FRAME_HEAD + n) {
        echo_reply *r = ponte__echo__v1__echo_reply__unpack(NULL, n, have.p + WIRE_FRAME_HEAD);
        CHECK(r != NULL);
        base_buf_consume(&k->data, WIRE_FRAME_HEAD + n);
        return r;
      }
    }
    if (k->statuses > 0 || !session_step(s)) {
      return NULL;
    }
  }
}

/* Waits for the end; the status code, -1 without one. */
static inline int status_of(session *s, uint32_t id) {
  call *k = &s->calls[id];
  while (k->statuses == 0 && session_step(s)) {
  }
  return k->statuses == 1 ? k->status.code : -1;
}

/* One unary call; its status code. */
static inline int unary(session *s, uint32_t id, const echo_request *r) {
  put_open(s, id, "Unary", 0, NULL);
  send_request(s, id, r, true);
  return status_of(s, id);
}

#endif
