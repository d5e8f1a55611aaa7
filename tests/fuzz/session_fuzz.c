/* Arbitrary messages from the gateway against the ponte.v1 client with three calls. First byte of a step: its length; then the message. */
#include <stdlib.h>

#include "wc/fake/fake_gateway.h"
#include "wc/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int statuses;
static void on_message(void *ctx, ponte_call *call, base_span message) {
  (void)ctx;
  if (message.n == 3) ponte_call_pause(call, true);
  if (message.n == 4) ponte_call_cancel(call);
}
static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  (void)call;
  (void)status;
  *(ponte_call **)ctx = NULL;
  statuses++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const ponte_call_events events = {.on_message = on_message, .on_status = on_status};
  fake_gateway gw;
  fake_gateway_init(&gw, 1);
  wc_session_options options = {.url = "ws://fuzz/", .call_credit = 4096, .max_message = 4096};
  wc_session *session;
  if (!base_is_ok(wc_session_new(&gw.plat.base, &options, &session))) abort();
  ponte_call *calls[3] = {NULL, NULL, NULL};
  statuses = 0;
  for (int i = 0; i < 3; i++) {
    if (!base_is_ok(ponte_call_start(wc_session_channel(session), "/p.S/M", NULL, &events, &calls[i], &calls[i])))
      abort();
    if (!base_is_ok(ponte_call_send(calls[i], base_span_str("hello")))) abort();
  }
  fake_run(&gw.plat, 10);
  while (size > 0) {
    size_t n = data[0] < size - 1 ? data[0] : size - 1;
    fake_send(gw.socket, base_span_of(data + 1, n));
    fake_run(&gw.plat, 2);
    data += n + 1;
    size -= n + 1;
  }
  for (int i = 0; i < 3; i++) {
    if (calls[i]) ponte_call_pause(calls[i], false);
  }
  fake_run(&gw.plat, 10);
  fake_close(gw.socket, WC_CLOSE_LOST);
  fake_run(&gw.plat, 10);
  if (statuses != 3) abort();
  wc_session_free(session);
  fake_gateway_dispose(&gw);
  return 0;
}
