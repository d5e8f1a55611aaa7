/* exports_call.c - calls by a method's name. */
#include <inttypes.h>
#include <stdlib.h>

#include "wc/json_call.h"
#include "wc_wasm/client.h"
#include "wc_wasm/exports.h"

enum { EVENT_MAX = 17 << 20, TIMEOUT_MS = 20000, STREAM_TIMEOUT_MS = 600000, WHY_MAX = 1024 };

typedef struct {
  ponte_client *client;
  uint32_t number;
  base_err failed; /* an event that could not be written */
} call;

static void on_message(void *ctx, base_span message) {
  call *k = ctx;
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  base_err e = base_buf_printf(&json, "{\"type\":\"message\",\"call\":%" PRIu32 ",\"body\":", k->number);
  if (base_is_ok(e)) e = base_buf_append(&json, message);
  if (base_is_ok(e)) e = base_buf_str(&json, "}");
  if (!base_is_ok(e)) k->failed = e;
  client_tell(k->client, &json, e);
}

static void tell_end(ponte_client *c, uint32_t number, const wire_status *status) {
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  base_err e = base_buf_printf(&json, "{\"type\":\"reply\",\"call\":%" PRIu32, number);
  if (base_is_ok(e)) e = client_write_status(&json, status);
  if (base_is_ok(e)) e = base_buf_str(&json, "}");
  client_tell(c, &json, e);
}

static void on_status(void *ctx, const wire_status *status) {
  call *k = ctx;
  wire_status own;
  wire_status_init(&own);
  if (status->code == 0 && !base_is_ok(k->failed)) {
    wire_status_from_err(&own, k->failed);
    status = &own;
  }
  client_saw(k->client, status);
  tell_end(k->client, k->number, status);
  wire_status_dispose(&own);
  free(k);
}

const char *ponte_client_call(ponte_client *c, const char *path, const char *request, uint32_t number) {
  static const wc_json_call_events events = {on_message, on_status};
  static char text[WHY_MAX + 1];
  const pb_method *method = wc_json_method(path);
  if (!method) return "there is no such method";
  call *k = malloc(sizeof *k);
  if (!k) return "out of memory";
  *k = (call){.client = c, .number = number, .failed = BASE_OK};
  ponte_call *running;
  base_buf why;
  base_buf_init(&why, WHY_MAX);
  int64_t timeout_ms = method->kind == PB_UNARY ? TIMEOUT_MS : STREAM_TIMEOUT_MS;
  base_err e = wc_json_call_start(wc_session_channel(client_session(c)), method, base_span_str(request), timeout_ms,
                                  &events, k, &why, &running);
  if (base_is_ok(e)) {
    base_buf_dispose(&why);
    return NULL;
  }
  free(k);
  base_span words = base_buf_size(&why) ? base_buf_span(&why) : base_span_str(base_err_text(e));
  memcpy(text, words.p, words.n);
  text[words.n] = 0;
  base_buf_dispose(&why);
  return text;
}
