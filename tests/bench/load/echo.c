/* bench_echo - a service without a store, as lean as lib/rpc allows: ponte.test.v1.EchoService (lib/rpc/testing/echo.h). Prints its port, and stays until stdin ends. */
#include <stdio.h>

#include "rpc_testing/echo.h"

int main(void) {
  test_echo echo;
  if (!base_is_ok(test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0"}))) {
    fprintf(stderr, "cannot start\n");
    return 1;
  }
  printf("%d\n", rpc_server_port(echo.server));
  fflush(stdout);
  while (getchar() != EOF) {
  }
  test_echo_dispose(&echo);
  return 0;
}
