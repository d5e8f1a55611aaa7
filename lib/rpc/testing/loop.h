/* loop.h - the smallest owner's loop for an rpc_client in a test: sleeps until the client wakes it, or a deadline far above anything
 * honest has passed. Test code only; one thread besides the client's own. */
#ifndef PONTE_RPC_TESTING_LOOP_H
#define PONTE_RPC_TESTING_LOOP_H

#include <pthread.h>

#include "rpc/client.h"

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t woken;
  bool signalled;
  rpc_client *client;
  ponte_channel *channel;
} test_loop;

/* A client with one channel to 127.0.0.1:port. max_message_bytes 0 = default. */
base_err test_loop_init(test_loop *l, int port, size_t max_message_bytes) BASE_MUST_USE;
void test_loop_dispose(test_loop *l);
/* Waits for the client and drains it, also when nothing happened for 10 ms, since what a test waits for may be on the server's side; false
 * when the deadline has passed. */
bool test_loop_turn(test_loop *l, int64_t deadline_ms);

enum { TEST_LOOP_PATIENCE_MS = 60000 };
/* True once the condition holds. */
#define TEST_LOOP_UNTIL(l, cond)                                     \
  __extension__({                                                    \
    int64_t loop_deadline__ = base_now_ms() + TEST_LOOP_PATIENCE_MS; \
    while (!(cond) && test_loop_turn(l, loop_deadline__)) {          \
    }                                                                \
    (cond);                                                          \
  })

#endif
