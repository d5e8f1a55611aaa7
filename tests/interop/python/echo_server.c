/* The echo service of lib/rpc/testing as a process: prints its port, serves until stdin ends. */
#include <stdio.h>

#include "base/log.h"
#include "rpc_testing/echo.h"

int main(void) {
  test_echo echo;
  base_log_init("test-echo-server");
  base_err e = test_echo_start(&echo, &(rpc_server_options){.listen = "127.0.0.1:0"});
  if (!base_is_ok(e)) {
    fprintf(stderr, "cannot start: %s\n", base_err_text(e));
    return 1;
  }
  printf("%d\n", rpc_server_port(echo.server));
  fflush(stdout);
  while (getchar() != EOF) {
  }
  rpc_server_stop(echo.server, 1000);
  int wrong = atomic_load(&echo.out_of_order) + (atomic_load(&echo.opened) != atomic_load(&echo.ended));
  test_echo_dispose(&echo);
  return wrong != 0;
}
