#include <inttypes.h>
#include <stdio.h>

#include "service.h"

enum { METADATA_TEXT_MAX = 65536 };

static void keep(base_err e, const char *what) {
  if (!base_is_ok(e)) {
    fprintf(stderr, "interop_server: %s: %s\n", what, base_err_text(e));
  }
}

void echo_metadata(rpc_call *call) {
  static const char initial[] = "x-grpc-test-echo-initial", trailing[] = "x-grpc-test-echo-trailing-bin";
  const wire_metadata *m = rpc_call_metadata(call);
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    if (base_span_is(pair.key, initial)) {
      keep(rpc_call_header(call, initial, pair.value), initial);
    } else if (base_span_is(pair.key, trailing)) {
      keep(rpc_call_trailer(call, trailing, pair.value), trailing);
    }
  }
}

bool asked_error(const rpc_call *call, rpc_error *out) {
  static char field[128]; /* an rpc_error keeps the pointer; the name is the same whoever writes it */
  base_span name;
  if (!wire_metadata_get(rpc_call_metadata(call), "x-test-error-field", &name)) {
    return false;
  }
  snprintf(field, sizeof field, "%.*s", BASE_SPAN_ARG(name));
  *out = rpc_error_of(RPC_REASON_INVALID_FIELD, field, "the request asked for an error: 100%% of \xc3\xa7");
  out->retry_after_ms = 1500;
  return true;
}

static void fail(rpc_call *call, enum rpc_reason reason, const char *field, const char *text) {
  rpc_error e = rpc_error_of(reason, field, "%s", text);
  rpc_call_fail(call, &e);
}

void on_empty_call(void *service, rpc_call *call, const Grpc__Testing__Empty *request, Grpc__Testing__Empty *response) {
  (void)service, (void)request, (void)response;
  rpc_error e;
  echo_metadata(call);
  if (asked_error(call, &e)) {
    rpc_call_fail(call, &e);
  }
}

/* The request's metadata as text; false when it does not fit. */
static bool tell_metadata(rpc_call *call, payload *body) {
  const wire_metadata *m = rpc_call_metadata(call);
  base_buf text;
  base_buf_init(&text, METADATA_TEXT_MAX);
  base_err e = BASE_OK;
  for (uint32_t i = 0; base_is_ok(e) && i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    e = base_buf_append(&text, pair.key);
    e = base_is_ok(e) ? base_buf_append(&text, base_span_str(" ")) : e;
    e = base_is_ok(e) ? wire_base64_encode(pair.value, &text) : e;
    e = base_is_ok(e) ? base_buf_append(&text, base_span_str("\n")) : e;
  }
  body->body.len = base_buf_size(&text);
  body->body.data = base_is_ok(e) ? rpc_call_alloc(call, body->body.len + 1) : NULL;
  if (body->body.data && body->body.len > 0) {
    memcpy(body->body.data, base_buf_span(&text).p, body->body.len);
  }
  base_buf_dispose(&text);
  return body->body.data != NULL;
}

static bool fill(rpc_call *call, const Grpc__Testing__SimpleRequest *request, payload *body) {
  base_span asked;
  if (wire_metadata_get(rpc_call_metadata(call), "x-test-metadata", &asked)) {
    return tell_metadata(call, body);
  }
  body->body.len = (size_t)request->response_size;
  body->body.data = rpc_call_alloc(call, body->body.len + 1);
  if (body->body.data) {
    memset(body->body.data, 0, body->body.len);
  }
  return body->body.data != NULL;
}

void on_unary_call(void *service, rpc_call *call, const Grpc__Testing__SimpleRequest *request,
                   Grpc__Testing__SimpleResponse *response) {
  (void)service;
  rpc_error error;
  echo_metadata(call);
  if (asked_error(call, &error)) {
    rpc_call_fail(call, &error);
    return;
  }
  if (request->response_status && request->response_status->code != 0) {
    wire_status status;
    wire_status_init(&status);
    wire_status_set_span(&status, request->response_status->code, base_span_str(request->response_status->message));
    rpc_call_finish_status(call, &status);
    wire_status_dispose(&status);
    return;
  }
  if (request->response_size < 0 || request->response_size > MAX_RESPONSE) {
    fail(call, RPC_REASON_INVALID_FIELD, "response_size", "ask for 0 to 16777216 bytes");
    return;
  }
  payload *body = rpc_call_alloc(call, sizeof *body);
  if (body == NULL) {
    fail(call, RPC_REASON_OUT_OF_MEMORY, NULL, "ask for less");
    return;
  }
  grpc__testing__payload__init(body);
  if (!fill(call, request, body)) {
    fail(call, RPC_REASON_OUT_OF_MEMORY, NULL, "ask for less");
    return;
  }
  rpc_call_compress(call, request->response_compressed && request->response_compressed->value);
  response->payload = body;
}
