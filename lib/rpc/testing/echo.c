#include "rpc_testing/echo.h"

#include <stdlib.h>

#include "ponte/test/v1/echo.ponte.server.h"

typedef Ponte__Test__V1__Payload payload;

/* One stream. */
struct stream {
  uint32_t messages;
  uint64_t bytes;
  uint32_t left, size; /* Expand */
  bool half_closed;
};

static rpc_error failure(void) {
  rpc_error e = rpc_error_of(RPC_REASON_INVALID_FIELD, "text", "send another text");
  e.retry_after_ms = 1500;
  return e;
}

/* -- UnaryEcho ------------------------------------------------------------------------------------------------------- */

static void copy_headers(rpc_call *call) {
  const wire_metadata *m = rpc_call_metadata(call);
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair p = wire_metadata_at(m, i);
    if (base_span_is(p.key, "x-echo") && !base_is_ok(rpc_call_header(call, "x-echo", p.value))) {
      abort();
    }
    if (base_span_is(p.key, "x-echo-bin") && !base_is_ok(rpc_call_header(call, "x-echo-bin", p.value))) {
      abort();
    }
  }
}

static void wait_for_release(test_echo *e) {
  atomic_fetch_add(&e->waiting, 1);
  pthread_mutex_lock(&e->lock);
  while (!e->released) {
    pthread_cond_wait(&e->changed, &e->lock);
  }
  pthread_mutex_unlock(&e->lock);
}

static void on_unary(void *service, rpc_call *call, const payload *request, payload *response) {
  test_echo *e = service;
  atomic_fetch_add(&e->messages, 1);
  if (strcmp(request->command, "fail") == 0) {
    rpc_error error = failure();
    rpc_call_fail(call, &error);
    return;
  }
  if (strcmp(request->command, "headers") == 0) {
    copy_headers(call);
  }
  if (strcmp(request->command, "wait") == 0) {
    wait_for_release(e);
  }
  response->text = rpc_call_strdup(call, request->text);
  response->data = request->data;
  response->count = request->count;
}

/* -- streams --------------------------------------------------------------------------------------------------------- */

static void on_open(void *service, rpc_call *call) {
  test_echo *e = service;
  atomic_fetch_add(&e->opened, 1);
  rpc_call_set_state(call, calloc(1, sizeof(struct stream)));
  base_span refuse;
  if (wire_metadata_get(rpc_call_metadata(call), "x-refuse", &refuse)) {
    rpc_error error = failure();
    rpc_call_finish(call, &error);
  }
}

static void on_end(void *service, rpc_call *call, bool cancelled) {
  test_echo *e = service;
  pthread_mutex_lock(&e->lock);
  if (e->paused == call) {
    e->paused = NULL;
  }
  pthread_mutex_unlock(&e->lock);
  atomic_fetch_add(&e->cancelled, cancelled);
  free(rpc_call_state(call));
  rpc_call_set_state(call, NULL);
  atomic_fetch_add(&e->ended, 1);
}

static struct stream *stream_of(test_echo *e, rpc_call *call) {
  struct stream *s = rpc_call_state(call);
  if (s == NULL || s->half_closed) {
    atomic_fetch_add(&e->out_of_order, 1);
  }
  return s;
}

static void count_message(test_echo *e, rpc_call *call, size_t bytes) {
  struct stream *s = stream_of(e, call);
  atomic_fetch_add(&e->messages, 1);
  s->messages++;
  s->bytes += bytes;
}

static void half_closed(test_echo *e, rpc_call *call) {
  stream_of(e, call)->half_closed = true;
  atomic_fetch_add(&e->half_closed, 1);
}

static void on_collect(void *service, rpc_call *call, const payload *m) {
  count_message(service, call, m->data.len);
  if (strcmp(m->command, "fail") == 0) {
    rpc_error error = failure();
    rpc_call_finish(call, &error);
  }
}

static void on_collected(void *service, rpc_call *call) {
  Ponte__Test__V1__Payload__Sum sum = PONTE__TEST__V1__PAYLOAD__SUM__INIT;
  const struct stream *s = rpc_call_state(call);
  half_closed(service, call);
  sum.messages = s->messages;
  sum.bytes = s->bytes;
  if (base_is_ok(ponte_test_v1_echo_collect_reply(call, &sum))) {
    rpc_call_finish(call, NULL);
  }
}

static void send_more(test_echo *e, rpc_call *call) {
  struct stream *s = rpc_call_state(call);
  payload m = PONTE__TEST__V1__PAYLOAD__INIT;
  uint8_t *data = calloc(1, s->size + 1);
  m.data = (ProtobufCBinaryData){s->size, data};
  while (s->left > 0 && rpc_call_queued(call) <= PONTE_CALL_WRITABLE_LOW) {
    m.count = s->left;
    if (!base_is_ok(ponte_test_v1_echo_expand_reply(call, &m))) {
      break;
    }
    s->left--;
  }
  size_t queued = rpc_call_queued(call);
  if (queued > atomic_load(&e->most_queued)) {
    atomic_store(&e->most_queued, queued);
  }
  free(data);
  if (s->left == 0) {
    rpc_call_finish(call, NULL);
  }
}

static void on_expand(void *service, rpc_call *call, const Ponte__Test__Common__V1__Note *note) {
  struct stream *s = rpc_call_state(call);
  count_message(service, call, 0);
  char *rest = NULL;
  s->left = (uint32_t)strtoul(note->text, &rest, 10);
  s->size = (uint32_t)strtoul(rest, &rest, 10);
  if (*rest != '\0' || s->left == 0) {
    rpc_error error = failure();
    rpc_call_finish(call, &error);
    return;
  }
  send_more(service, call);
}

static void on_expand_writable(void *service, rpc_call *call) { send_more(service, call); }

static void pause_call(test_echo *e, rpc_call *call) {
  pthread_mutex_lock(&e->lock);
  e->paused = call;
  pthread_mutex_unlock(&e->lock);
  rpc_call_pause(call, true);
  atomic_fetch_add(&e->pauses, 1);
}

static void on_chat(void *service, rpc_call *call, const payload *m) {
  test_echo *e = service;
  count_message(e, call, m->data.len);
  if (strcmp(m->command, "fail") == 0) {
    rpc_error error = failure();
    rpc_call_finish(call, &error);
  } else if (strcmp(m->command, "pause") == 0) {
    pause_call(e, call);
  } else if (strcmp(m->command, "silent") == 0) {
    return;
  } else if (strcmp(m->command, "finish") == 0 || !base_is_ok(ponte_test_v1_echo_chat_reply(call, m))) {
    rpc_call_finish(call, NULL);
  }
}

static void on_chat_half_close(void *service, rpc_call *call) {
  half_closed(service, call);
  rpc_call_finish(call, NULL);
}

static const ponte_test_v1_echo_handlers handlers = {
    .unary_echo = on_unary,
    .collect = {.on_open = on_open, .on_message = on_collect, .on_half_close = on_collected, .on_end = on_end},
    .expand = {.on_open = on_open, .on_message = on_expand, .on_writable = on_expand_writable, .on_end = on_end},
    .chat = {.on_open = on_open, .on_message = on_chat, .on_half_close = on_chat_half_close, .on_end = on_end},
};

base_err test_echo_start(test_echo *e, const rpc_server_options *options) {
  static const ponte_test_v1_spare_handlers none;
  memset(e, 0, sizeof *e);
  pthread_mutex_init(&e->lock, NULL);
  pthread_cond_init(&e->changed, NULL);
  BASE_TRY(rpc_server_new(options, &e->server));
  BASE_TRY(ponte_test_v1_echo_serve(e->server, &handlers, e));
  BASE_TRY(ponte_test_v1_spare_serve(e->server, &none, e));
  return rpc_server_start(e->server);
}

void test_echo_release(test_echo *e) {
  pthread_mutex_lock(&e->lock);
  e->released = true;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
}

bool test_echo_resume(test_echo *e) {
  pthread_mutex_lock(&e->lock);
  rpc_call *call = e->paused;
  e->paused = NULL;
  if (call) { /* on_end takes the lock, so the call is alive in here */
    rpc_call_pause(call, false);
  }
  pthread_mutex_unlock(&e->lock);
  return call != NULL;
}

void test_echo_dispose(test_echo *e) {
  rpc_server_free(e->server);
  pthread_cond_destroy(&e->changed);
  pthread_mutex_destroy(&e->lock);
}
