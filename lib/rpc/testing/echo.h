/* echo.h - ponte.test.v1.EchoService: what each method does on which `command`, for contract and interop tests.
 *
 *   UnaryEcho  ""        answers the request            Chat  ""        answers each message
 *              "fail"    INVALID_FIELD on `text`              "silent"  answers nothing
 *                        with a retry hint                    "finish"  ends the call with OK
 *              "headers" x-echo and x-echo-bin of             "fail"    ends it with INVALID_FIELD
 *                        the request come back as             "pause"   stops reading until test_echo_resume()
 *                        initial metadata               Expand text "COUNT SIZE": COUNT messages of SIZE bytes, then OK
 *              "wait"    blocks until test_echo_release()     any stream with x-refuse in its metadata is refused in on_open
 *   Collect    answers the count and bytes of `data` at half-close; "fail" ends it with INVALID_FIELD
 *
 * Counters tell what the handlers saw; any thread.
 */
#ifndef PONTE_RPC_TESTING_ECHO_H
#define PONTE_RPC_TESTING_ECHO_H

#include <pthread.h>
#include <stdatomic.h>

#include "rpc/server.h"

typedef struct {
  rpc_server *server;
  _Atomic int opened, messages, half_closed, ended, cancelled, waiting, pauses;
  _Atomic int out_of_order; /* callbacks after on_end, or half-closes twice */
  _Atomic size_t most_queued;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool released;
  rpc_call *paused;
} test_echo;

/* Starts the service on 127.0.0.1; port 0 picks one. */
base_err test_echo_start(test_echo *e, const rpc_server_options *options) BASE_MUST_USE;
void test_echo_release(test_echo *e);
/* Resumes the call that "pause" stopped; false if there is none. */
bool test_echo_resume(test_echo *e);
void test_echo_dispose(test_echo *e);

#endif
