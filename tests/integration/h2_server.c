/* h2_server CERT KEY - the gateway's front with the simplest application: each request is read to its end and then answered. h2spec needs that, since it
 * sends frames after the head of a request and judges the answer to them; routes answer a wrong path at once. Prints two ports, plain and TLS, on a
 * line each; ends with SIGTERM. */
#include <stdio.h>

#include "gateway/front.h"

enum { BODY_BYTES = 1024 };

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  (void)ctx;
  http_consume(x, bytes.n);
}

static void on_end(void *ctx, http_exchange *x) {
  static const uint8_t body[BODY_BYTES];
  const http_header type = {base_span_str("content-type"), base_span_str("application/octet-stream")};
  (void)ctx;
  http_respond(x, 200, &type, 1, false);
  http_body(x, base_span_of(body, sizeof body), true);
}

static void on_closed(void *ctx, http_exchange *x, bool aborted) { (void)ctx, (void)x, (void)aborted; }

static const http_handler handler = {on_body, on_end, NULL, on_closed};

static void on_request(void *app, http_exchange *x, const http_request *r) {
  (void)r;
  http_exchange_handle(x, &handler, app);
}

static void on_signal(void *loop, int signal) {
  (void)signal;
  net_loop_stop(*(net_loop **)loop);
}

static base_err serve(net_loop *loop, gw_front *front, const char *cert, const char *key) {
  for (int tls = 0; tls < 2; tls++) {
    net_listener *listener = NULL;
    const net_listener_options options = {.address = "127.0.0.1:0",
                                          .cert_file = tls ? cert : NULL,
                                          .key_file = tls ? key : NULL,
                                          .on_accept = gw_front_on_accept,
                                          .ctx = front};
    BASE_TRY(net_listen(loop, &options, &listener));
    printf("%d\n", net_listener_port(listener));
  }
  fflush(stdout);
  return BASE_OK;
}

int main(int argc, char **argv) {
  net_loop *loop = NULL;
  gw_front front = {.app = {.on_request = on_request}};
  const net_loop_options options = {.on_signal = on_signal, .ctx = &loop, .handle_signals = true};
  if (argc != 3 || !base_is_ok(net_loop_new(&options, &loop))) {
    return 2;
  }
  base_err e = http_h1_server_new(loop, &front.app, NULL, &front.h1);
  e = base_is_ok(e) ? serve(loop, &front, argv[1], argv[2]) : e;
  if (base_is_ok(e)) {
    net_loop_run(loop);
  }
  net_loop_free(loop);
  http_h1_server_free(front.h1);
  return base_is_ok(e) ? 0 : 1;
}
