#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "service.h"

enum { QUEUE_LOW = 65536, MAX_WAITING = 4096 };

/* A message that was asked for. */
typedef struct {
  int32_t size, interval_us;
  bool compressed;
} answer;

typedef struct stream stream;
struct stream {
  stream *next, **link; /* among those with something to send */
  rpc_call *call;
  answer *answers;
  size_t count, sent;
  int64_t due_ms; /* of answers[sent] */
  int64_t bytes;  /* StreamingInputCall */
  bool one_request;
  bool held;   /* HalfDuplexCall: nothing is sent before the half-close */
  bool ending; /* finish after the last answer */
  bool finished;
};

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* all streams' state; the handlers' and the timer's threads meet here */
static pthread_cond_t changed;
static stream *active;

static void leave(stream *s) {
  if (s->link) {
    *s->link = s->next;
    if (s->next) {
      s->next->link = s->link;
    }
    s->link = NULL;
  }
}

static void join(stream *s) {
  if (s->link == NULL) {
    s->next = active;
    s->link = &active;
    if (s->next) {
      s->next->link = &s->next;
    }
    active = s;
  }
}

static void finish(stream *s, const rpc_error *e) {
  leave(s);
  if (!s->finished) {
    s->finished = true;
    rpc_call_finish(s->call, e);
  }
}

static void finish_with(stream *s, const echo_status *asked) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set_span(&status, asked->code, base_span_str(asked->message));
  leave(s);
  s->finished = true;
  rpc_call_finish_status(s->call, &status);
  wire_status_dispose(&status);
}

static base_err send_answer(const stream *s, const answer *a) {
  Grpc__Testing__StreamingOutputCallResponse response = GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
  payload body = GRPC__TESTING__PAYLOAD__INIT;
  uint8_t *zeros = calloc(1, (size_t)a->size + 1);
  if (zeros == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  body.body = (ProtobufCBinaryData){(size_t)a->size, zeros};
  response.payload = &body;
  rpc_call_compress(s->call, a->compressed);
  base_err e = rpc_call_send(s->call, &response.base);
  free(zeros);
  return e;
}

/* Locked. Sends what is due while the queue is short; on_writable and the timer go on. */
static void advance(stream *s) {
  int64_t now = base_now_ms();
  while (!s->finished && !s->held && s->sent < s->count && s->due_ms <= now && rpc_call_queued(s->call) <= QUEUE_LOW) {
    if (!base_is_ok(send_answer(s, &s->answers[s->sent]))) {
      leave(s);
      s->finished = true;
      return;
    }
    s->sent++;
    s->due_ms = s->sent < s->count ? now + (s->answers[s->sent].interval_us + 999) / 1000 : 0;
  }
  if (s->sent < s->count && !s->finished) {
    join(s);
    pthread_cond_signal(&changed);
  } else if (s->ending) {
    finish(s, NULL);
  } else {
    leave(s);
  }
}

static void *timer(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  for (;;) {
    int64_t now = base_now_ms(), next_ms = INT64_MAX;
    for (stream *s = active, *next; s; s = next) {
      next = s->next;
      if (s->due_ms <= now) {
        advance(s); /* freed by streams_end only, which waits for the lock */
      }
      /* What is still due waits for room in its queue: streams_writable comes. */
      if (s->link && s->due_ms > now && s->due_ms < next_ms && !s->held) {
        next_ms = s->due_ms;
      }
    }
    struct timespec until = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
    if (next_ms == INT64_MAX) {
      pthread_cond_wait(&changed, &lock);
    } else {
      pthread_cond_timedwait(&changed, &lock, &until);
    }
  }
  return NULL;
}

bool streams_start(void) {
  pthread_condattr_t monotonic;
  pthread_t thread;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* base_now_ms is of that clock */
  pthread_cond_init(&changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return pthread_create(&thread, NULL, timer, NULL) == 0 && pthread_detach(thread) == 0;
}

/* -- handlers -------------------------------------------------------------------------------------------------------- */

void streams_open(void *service, rpc_call *call) {
  (void)service;
  rpc_error error;
  stream *s = calloc(1, sizeof *s);
  if (s == NULL) {
    error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "try later");
    rpc_call_finish(call, &error);
    return;
  }
  s->call = call;
  rpc_call_set_state(call, s);
  echo_metadata(call);
  if (asked_error(call, &error)) {
    s->finished = true;
    rpc_call_finish(call, &error);
  }
}

void on_output_open(void *service, rpc_call *call) {
  streams_open(service, call);
  stream *s = rpc_call_state(call);
  if (s) {
    s->one_request = true;
  }
}

void streams_end(void *service, rpc_call *call, bool cancelled) {
  (void)service, (void)cancelled;
  stream *s = rpc_call_state(call);
  if (s) {
    pthread_mutex_lock(&lock);
    leave(s);
    pthread_mutex_unlock(&lock);
    free(s->answers);
    free(s);
  }
}

void streams_writable(void *service, rpc_call *call) {
  (void)service;
  pthread_mutex_lock(&lock);
  advance(rpc_call_state(call));
  pthread_mutex_unlock(&lock);
}

void streams_half_close(void *service, rpc_call *call) {
  (void)service;
  stream *s = rpc_call_state(call);
  pthread_mutex_lock(&lock);
  s->held = false;
  s->ending = true;
  advance(s);
  pthread_mutex_unlock(&lock);
}

/* Locked. */
static bool add_answers(stream *s, const output_request *request) {
  size_t left = s->count - s->sent;
  if (request->n_response_parameters > MAX_WAITING - left) {
    return false;
  }
  answer *all = calloc(left + request->n_response_parameters + 1, sizeof *all);
  if (all == NULL) {
    return false;
  }
  if (left > 0) {
    memcpy(all, s->answers + s->sent, left * sizeof *all);
  }
  for (size_t i = 0; i < request->n_response_parameters; i++) {
    const Grpc__Testing__ResponseParameters *p = request->response_parameters[i];
    all[left + i] = (answer){p->size, p->interval_us, p->compressed && p->compressed->value};
    if (p->size < 0 || p->size > MAX_RESPONSE || p->interval_us < 0) {
      free(all);
      return false;
    }
  }
  if (left == 0 && request->n_response_parameters > 0) {
    s->due_ms = base_now_ms() + (all[0].interval_us + 999) / 1000;
  }
  /* The algorithm is told with the first answer, whether or not that one is compressed. */
  for (size_t i = 0; i < left + request->n_response_parameters; i++) {
    if (all[i].compressed) {
      rpc_call_compress(s->call, true);
    }
  }
  free(s->answers);
  s->answers = all;
  s->count = left + request->n_response_parameters;
  s->sent = 0;
  return true;
}

static void take_request(rpc_call *call, const output_request *request, bool hold) {
  stream *s = rpc_call_state(call);
  pthread_mutex_lock(&lock);
  s->held |= hold;
  if (!add_answers(s, request)) {
    rpc_error e = rpc_error_of(RPC_REASON_INVALID_FIELD, "response_parameters", "ask for fewer and smaller answers");
    finish(s, &e);
  } else if (request->response_status && request->response_status->code != 0) {
    s->count = s->sent;
    finish_with(s, request->response_status);
  } else {
    s->ending |= s->one_request;
    advance(s);
  }
  pthread_mutex_unlock(&lock);
}

void on_output_request(void *service, rpc_call *call, const output_request *request) {
  (void)service;
  take_request(call, request, false);
}

void on_half_duplex(void *service, rpc_call *call, const output_request *request) {
  (void)service;
  take_request(call, request, true);
}

void on_input_request(void *service, rpc_call *call, const input_request *request) {
  (void)service;
  stream *s = rpc_call_state(call);
  s->bytes += request->payload ? (int64_t)request->payload->body.len : 0;
}

void on_input_half_close(void *service, rpc_call *call) {
  (void)service;
  const stream *s = rpc_call_state(call);
  Grpc__Testing__StreamingInputCallResponse response = GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
  response.aggregated_payload_size = (int32_t)s->bytes;
  if (base_is_ok(grpc_testing_test_streaming_input_call_reply(call, &response))) {
    rpc_call_finish(call, NULL);
  }
}
