#include "rpc_testing/loop.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static void wake(void *ctx) {
  test_loop *l = ctx;
  pthread_mutex_lock(&l->lock);
  l->signalled = true;
  pthread_cond_signal(&l->woken);
  pthread_mutex_unlock(&l->lock);
}

base_err test_loop_init(test_loop *l, int port, size_t max_message_bytes) {
  char target[32];
  *l = (test_loop){.signalled = false};
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->woken, NULL);
  snprintf(target, sizeof target, "127.0.0.1:%d", port);
  BASE_TRY(rpc_client_new(&(rpc_client_options){wake, l}, &l->client));
  return rpc_channel_new(l->client, target, &(rpc_channel_options){.max_message_bytes = max_message_bytes},
                         &l->channel);
}

void test_loop_dispose(test_loop *l) {
  rpc_channel_free(l->channel);
  rpc_client_free(l->client);
  pthread_cond_destroy(&l->woken);
  pthread_mutex_destroy(&l->lock);
}

bool test_loop_turn(test_loop *l, int64_t deadline_ms) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 10 * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&l->lock);
  if (!l->signalled) {
    pthread_cond_timedwait(&l->woken, &l->lock, &until);
  }
  l->signalled = false;
  pthread_mutex_unlock(&l->lock);
  rpc_client_drain(l->client);
  return base_now_ms() < deadline_ms;
}
