/* interop_server [ADDRESS] - grpc.testing.TestService, for tests with other people's clients. It prints its port on a line, and ends with SIGTERM. */
#include <signal.h>
#include <stdio.h>

#include "service.h"

enum { GRACE_MS = 2000 };

static const grpc_testing_test_handlers handlers = {
    .empty_call = on_empty_call,
    .unary_call = on_unary_call,
    .cacheable_unary_call = on_unary_call,
    .streaming_output_call = {.on_open = on_output_open,
                              .on_message = on_output_request,
                              .on_writable = streams_writable,
                              .on_end = streams_end},
    .streaming_input_call = {.on_open = streams_open,
                             .on_message = on_input_request,
                             .on_half_close = on_input_half_close,
                             .on_end = streams_end},
    .full_duplex_call = {.on_open = streams_open,
                         .on_message = on_output_request,
                         .on_half_close = streams_half_close,
                         .on_writable = streams_writable,
                         .on_end = streams_end},
    .half_duplex_call = {.on_open = streams_open,
                         .on_message = on_half_duplex,
                         .on_half_close = streams_half_close,
                         .on_writable = streams_writable,
                         .on_end = streams_end},
};

int main(int argc, char **argv) {
  rpc_server_options options = {.listen = argc > 1 ? argv[1] : "127.0.0.1:0", .max_receive_bytes = MAX_RESPONSE};
  rpc_server *server = NULL;
  sigset_t signals;
  int number = 0;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, NULL); /* before other threads exist, so that only sigwait sees them */
  base_err e = rpc_server_new(&options, &server);
  e = base_is_ok(e) ? grpc_testing_test_serve(server, &handlers, NULL) : e;
  e = base_is_ok(e) && !streams_start() ? base_fail(BASE_E_EXHAUSTED) : e;
  e = base_is_ok(e) ? rpc_server_start(server) : e;
  if (!base_is_ok(e)) {
    fprintf(stderr, "interop_server: %s: %s\n", options.listen, base_err_text(e));
    return 1;
  }
  printf("%d\n", rpc_server_port(server));
  fflush(stdout);
  sigwait(&signals, &number);
  rpc_server_stop(server, GRACE_MS);
  rpc_server_free(server);
  return 0;
}
