#include "wc/json_call.h"

#include <stdlib.h>

#include "pb/json.h"
#include "pb/message.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "ponte/transcription/v1/transcription.ponte.h"
#include "ponte/users/v1/users.ponte.h"

enum { MESSAGE_MAX = 4 << 20, JSON_MAX = 16 << 20 };

typedef struct {
  const pb_method *method;
  wc_json_call_events events;
  void *ctx;
  int messages;
  base_err failed; /* why the call was cancelled by us */
} json_call;

const pb_method *wc_json_method(const char *path) {
  static const pb_service *const services[] = {&ponte_transcription_v1_service, &ponte_users_v1_user_service,
                                               &ponte_chatbot_v1_service};
  for (size_t s = 0; s < sizeof services / sizeof *services; s++) {
    for (int m = 0; m < services[s]->count; m++) {
      const pb_method *method = &services[s]->methods[m];
      bool one_request = method->kind == PB_UNARY || method->kind == PB_SERVER_STREAM;
      if (one_request && strcmp(method->path, path) == 0) return method;
    }
  }
  return NULL;
}

static base_err write_message(const pb_method *method, base_span bytes, base_buf *json) {
  pb_arena arena;
  ProtobufCMessage *message;
  pb_arena_init(&arena, pb_memory_cap(bytes.n));
  base_err e = pb_unpack(method->response, bytes, &arena, &message);
  if (base_is_ok(e)) e = pb_json_write(message, PB_JSON_NUMBERS, json);
  pb_arena_dispose(&arena);
  return e;
}

static void on_message(void *ctx, ponte_call *call, base_span bytes) {
  json_call *c = ctx;
  if (!base_is_ok(c->failed)) return;
  base_buf json;
  base_buf_init(&json, JSON_MAX);
  c->failed = write_message(c->method, bytes, &json);
  if (c->method->kind == PB_UNARY && c->messages > 0) c->failed = base_fail(BASE_E_MALFORMED);
  c->messages++;
  if (base_is_ok(c->failed))
    c->events.on_message(c->ctx, base_buf_span(&json));
  else
    ponte_call_cancel(call);
  base_buf_dispose(&json);
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  json_call *c = ctx;
  (void)call;
  wire_status own;
  wire_status_init(&own);
  if (!base_is_ok(c->failed)) {
    wire_status_set(&own, BASE_GRPC_INTERNAL, "the answer to %s cannot be read: %s", c->method->path,
                    base_err_text(c->failed));
    status = &own;
  } else if (status->code == 0 && c->method->kind == PB_UNARY && c->messages == 0) {
    wire_status_set(&own, BASE_GRPC_INTERNAL, "%s ended without an answer", c->method->path);
    status = &own;
  }
  c->events.on_status(c->ctx, status);
  wire_status_dispose(&own);
  free(c);
}

static base_err read_request(const pb_method *method, base_span request, base_buf *why, base_buf *packed) {
  pb_arena arena;
  ProtobufCMessage *message;
  base_buf_clear(why);
  if (request.n == 0) return BASE_OK;
  pb_arena_init(&arena, pb_memory_cap(MESSAGE_MAX));
  base_err e = pb_json_read(method->request, request, &arena, why, &message);
  if (base_is_ok(e)) e = pb_pack(message, packed);
  pb_arena_dispose(&arena);
  return e;
}

static base_err start(ponte_channel *channel, json_call *c, base_span packed, const ponte_call_options *options,
                      ponte_call **out) {
  static const ponte_call_events handlers = {.on_message = on_message, .on_status = on_status};
  base_err e = ponte_call_start(channel, c->method->path, options, &handlers, c, out);
  if (!base_is_ok(e)) {
    free(c);
    return e;
  }
  if (base_is_ok(ponte_call_send(*out, packed))) {
    ponte_call_half_close(*out);
  } else { /* told by on_status */
    c->failed = base_fail(BASE_E_NO_MEMORY);
    ponte_call_cancel(*out);
  }
  return BASE_OK;
}

base_err wc_json_call_start(ponte_channel *channel, const pb_method *method, base_span request, int64_t timeout_ms,
                            const wc_json_call_events *events, void *ctx, base_buf *why, ponte_call **out) {
  const ponte_call_options options = {.timeout_ms = timeout_ms};
  base_buf packed;
  base_buf_init(&packed, MESSAGE_MAX);
  base_err e = read_request(method, request, why, &packed);
  json_call *c = base_is_ok(e) ? malloc(sizeof *c) : NULL;
  if (c) {
    *c = (json_call){.method = method, .events = *events, .ctx = ctx, .failed = BASE_OK};
    e = start(channel, c, base_buf_span(&packed), &options, out);
  } else if (base_is_ok(e)) {
    e = base_fail(BASE_E_NO_MEMORY);
  }
  base_buf_dispose(&packed);
  return e;
}
