/* bench_echo rpc|svc - a service without a store: ponte.test.v1.EchoService, as lean as lib/rpc allows (lib/rpc/testing/echo.h), or with all that services/svc does for a call.
 * Prints its port, and stays until stdin ends. */
#include <stdio.h>
#include <stdlib.h>

#include "ponte/test/v1/echo.ponte.svc.h"
#include "rpc_testing/echo.h"
#include "svc/host.h"

typedef Ponte__Test__V1__Payload payload;

static base_err on_unary(svc_call *c, const payload *request, payload *response) {
  response->text = svc_strdup(c, request->text);
  response->data = request->data;
  response->count = request->count;
  return response->text ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err open_echo(svc *s, base_buf *why, void **state) {
  static const ponte_test_v1_echo_methods methods = {.unary_echo = {.call = on_unary}};
  (void)why, (void)state;
  return ponte_test_v1_echo_add(s, &methods);
}

static const svc_definition echo_definition = {.name = "echo", .open = open_echo};

static void serve(int port) {
  printf("%d\n", port);
  fflush(stdout);
  while (getchar() != EOF) {
  }
}

static base_err run_rpc(void) {
  test_echo echo;
  BASE_TRY(test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0"}));
  serve(rpc_server_port(echo.server));
  test_echo_dispose(&echo);
  return BASE_OK;
}

static base_err run_svc(void) {
  svc_host *host;
  base_buf why;
  base_buf_init(&why, 1 << 16);
  BASE_TRY(svc_host_new(&(svc_host_options){.listen_host = "127.0.0.1"}, &host));
  BASE_TRY(svc_host_add(host, &echo_definition, 0, &why));
  BASE_TRY(svc_host_start(host, &why));
  serve(svc_host_port(host, "echo"));
  svc_host_stop(host, 0);
  svc_host_free(host);
  base_buf_dispose(&why);
  return BASE_OK;
}

int main(int argc, char **argv) {
  bool framework = argc == 2 && strcmp(argv[1], "svc") == 0;
  if (argc != 2 || (!framework && strcmp(argv[1], "rpc") != 0)) {
    fprintf(stderr, "usage: bench_echo rpc|svc\n");
    return 2;
  }
  rpc_poll_apart(); /* as ponte-services */
  base_err e = framework ? run_svc() : run_rpc();
  if (!base_is_ok(e)) {
    fprintf(stderr, "cannot serve: %s\n", base_err_text(e));
    return 1;
  }
  return 0;
}
