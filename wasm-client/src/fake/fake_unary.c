#include "wc/fake/fake_unary.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/details.h"

static void must(base_err e) {
  if (!base_is_ok(e)) abort();
}

static fake_call *find(fake_unary *u, const wc_socket *s, uint32_t call) {
  for (int i = 0; i < FAKE_CALLS; i++) {
    if (u->calls[i].call == call && u->calls[i].socket == s) return &u->calls[i];
  }
  return NULL;
}

static void on_open(fake_unary *u, wc_socket *s, const wire_mux_frame *f) {
  fake_call *c = find(u, NULL, 0);
  if (!c) abort();
  wire_mux_open open = {0};
  wire_metadata_init(&open.metadata);
  must(wire_mux_get_open(f->payload, &open));
  *c = (fake_call){.unary = u, .socket = s, .call = f->call};
  snprintf(c->path, sizeof c->path, "%.*s", BASE_SPAN_ARG(open.path));
  base_buf_init(&c->bytes, 4 << 20);
  wire_metadata_dispose(&open.metadata);
}

static void on_frame(void *ctx, wc_socket *s, const wire_mux_frame *f) {
  fake_unary *u = ctx;
  if (f->type == WIRE_MUX_OPEN) on_open(u, s, f);
  fake_call *c = f->call ? find(u, s, f->call) : NULL;
  if (!c || (f->type != WIRE_MUX_DATA && f->type != WIRE_MUX_CANCEL)) return;
  must(base_buf_append(&c->bytes, f->type == WIRE_MUX_DATA ? f->payload : base_span_of(NULL, 0)));
  if (f->type == WIRE_MUX_DATA && !(f->flags & WIRE_MUX_END)) return;
  fake_call whole = *c;
  *c = (fake_call){0};
  base_span bytes = base_buf_span(&whole.bytes);
  if (f->type == WIRE_MUX_DATA && bytes.n >= 5) u->on_request(u->ctx, &whole, base_span_of(bytes.p + 5, bytes.n - 5));
  base_buf_dispose(&whole.bytes);
}

void fake_unary_init(fake_unary *u, uint64_t seed) {
  *u = (fake_unary){0};
  fake_gateway_init(&u->gw, seed);
  u->gw.on_frame = on_frame;
  u->gw.ctx = u;
}

void fake_unary_dispose(fake_unary *u) {
  for (int i = 0; i < FAKE_CALLS; i++)
    base_buf_dispose(&u->calls[i].bytes);
  fake_gateway_dispose(&u->gw);
}

void fake_unary_reply(const fake_call *c, const ProtobufCMessage *reply) {
  size_t n = protobuf_c_message_get_packed_size(reply);
  uint8_t *bytes = malloc(n ? n : 1);
  if (!bytes) abort();
  protobuf_c_message_pack(reply, bytes);
  fake_gateway_headers(c->socket, c->call);
  fake_gateway_message(c->socket, c->call, base_span_of(bytes, n));
  fake_gateway_status(c->socket, c->call, 0, "");
  free(bytes);
}

void fake_unary_fail(const fake_call *c, int code, const char *reason, int64_t retry_after_ms) {
  wire_status status;
  base_buf out;
  wire_status_init(&status);
  base_buf_init(&out, WIRE_MUX_MESSAGE_MAX);
  wire_status_set(&status, code, "refused: %s", reason);
  const wire_details details = {.domain = "ponte", .reason = reason, .retry_after_ms = retry_after_ms};
  must(wire_details_add(&status, &details));
  must(wire_mux_put_status(&out, c->call, &status));
  fake_send(c->socket, base_buf_span(&out));
  base_buf_dispose(&out);
  wire_status_dispose(&status);
}
