/* echo_server [ADDRESS [--report]] - the service of tests/proto/ponte/echo/v1/echo.proto, for tests that cross processes. It prints its port on a line, and
 * ends with SIGTERM. With --report it prints "cancelled" for each stream whose client went away. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "ponte/echo/v1/echo.ponte.server.h"

enum { MAX_METADATA = 64, QUEUE_LOW = 65536, MAX_SIZE = 8 << 20, GRACE_MS = 2000 };

typedef Ponte__Echo__V1__EchoRequest request;
typedef Ponte__Echo__V1__EchoReply reply;

static bool report;

/* A stream's state. */
typedef struct {
  uint32_t sequence, left, messages;
  uint64_t bytes;
  bool fail, hang;
  char text[256];
  uint8_t *data;
  size_t data_n;
} stream;

static rpc_error text_error(void) {
  return rpc_error_of(RPC_REASON_INVALID_FIELD, "text", "the request asked for an error: 100%% of \xc3\xa7");
}

static int64_t deadline_left(const rpc_call *call) {
  int64_t at = rpc_call_deadline_ms(call);
  return at == INT64_MAX ? 0 : at - base_now_ms();
}

static void echo_headers(rpc_call *call) {
  const wire_metadata *m = rpc_call_metadata(call);
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    char key[128];
    if (base_span_starts(pair.key, "x-echo-") && pair.key.n < sizeof key) {
      snprintf(key, sizeof key, "%.*s", BASE_SPAN_ARG(pair.key));
      if (!base_is_ok(rpc_call_header(call, key, pair.value))) {
        fprintf(stderr, "echo_server: %s cannot be a header\n", key);
      }
    }
  }
}

/* Keys are C strings in protobuf-c: they go into `keys`. */
typedef struct {
  Ponte__Echo__V1__Metadata rows[MAX_METADATA], *at[MAX_METADATA];
  char keys[MAX_METADATA][128];
} metadata_rows;

static void fill_metadata(const rpc_call *call, reply *r, metadata_rows *rows) {
  const wire_metadata *m = rpc_call_metadata(call);
  for (uint32_t i = 0; i < m->count && i < MAX_METADATA; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    snprintf(rows->keys[i], sizeof rows->keys[i], "%.*s", BASE_SPAN_ARG(pair.key));
    ponte__echo__v1__metadata__init(&rows->rows[i]);
    rows->rows[i].key = rows->keys[i];
    rows->rows[i].value = (ProtobufCBinaryData){pair.value.n, (uint8_t *)pair.value.p};
    rows->at[i] = &rows->rows[i];
    r->n_metadata = i + 1;
  }
  r->metadata = rows->at;
}

/* ---- unary: on the pool's threads ---- */

static void unary(void *service, rpc_call *call, const request *in, reply *out) {
  (void)service;
  if (in->crash) {
    _exit(9);
  }
  if (in->delay_ms > 0) {
    usleep(in->delay_ms * 1000U);
  }
  echo_headers(call);
  if (in->fail) {
    rpc_error e = text_error();
    rpc_call_fail(call, &e);
    return;
  }
  metadata_rows *rows = rpc_call_alloc(call, sizeof *rows);
  size_t n = in->data.len + (in->size < MAX_SIZE ? in->size : MAX_SIZE);
  uint8_t *data = rpc_call_alloc(call, n ? n : 1);
  if (rows == NULL || data == NULL) {
    rpc_error e = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "ask for less");
    rpc_call_fail(call, &e);
    return;
  }
  memset(data, 0, n);
  if (in->data.len > 0) {
    memcpy(data, in->data.data, in->data.len);
  }
  out->text = rpc_call_strdup(call, in->text);
  out->data = (ProtobufCBinaryData){n, data};
  out->messages = 1;
  out->bytes = in->data.len;
  out->deadline_ms = deadline_left(call);
  fill_metadata(call, out, rows);
}

/* ---- streams: on the queue's thread ---- */

static void on_open(void *service, rpc_call *call) {
  (void)service;
  stream *s = calloc(1, sizeof *s);
  if (s == NULL) {
    rpc_error e = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "try later");
    rpc_call_finish(call, &e);
    return;
  }
  rpc_call_set_state(call, s);
  echo_headers(call);
}

static void on_end(void *service, rpc_call *call, bool cancelled) {
  (void)service;
  stream *s = rpc_call_state(call);
  if (report && cancelled) {
    printf("cancelled\n");
    fflush(stdout);
  }
  if (s) {
    free(s->data);
    free(s);
  }
}

/* Keeps what of a request the replies repeat. */
static void remember(stream *s, const request *in) {
  if (in->crash) {
    _exit(9);
  }
  s->messages++;
  s->bytes += in->data.len;
  s->fail = in->fail;
  s->hang = in->hang;
  snprintf(s->text, sizeof s->text, "%s", in->text);
  free(s->data);
  s->data_n = in->data.len + (in->size < MAX_SIZE ? in->size : MAX_SIZE);
  s->data = calloc(1, s->data_n ? s->data_n : 1);
  if (s->data && in->data.len > 0) {
    memcpy(s->data, in->data.data, in->data.len);
  }
}

typedef base_err (*send_fn)(rpc_call *call, const reply *message);

static base_err send_reply(rpc_call *call, stream *s, send_fn send) {
  reply r = PONTE__ECHO__V1__ECHO_REPLY__INIT;
  metadata_rows rows;
  r.text = s->text;
  r.data = (ProtobufCBinaryData){s->data ? s->data_n : 0, s->data};
  r.sequence = s->sequence;
  r.messages = s->messages;
  r.bytes = s->bytes;
  r.deadline_ms = deadline_left(call);
  if (s->sequence++ == 0) {
    fill_metadata(call, &r, &rows);
  }
  return send(call, &r);
}

static void finish(rpc_call *call, const stream *s) {
  rpc_error e = text_error();
  if (!s->hang) {
    rpc_call_finish(call, s->fail ? &e : NULL);
  }
}

/* Sends as long as the queue is short; on_writable goes on. */
static void expand(void *service, rpc_call *call) {
  (void)service;
  stream *s = rpc_call_state(call);
  while (s->left > 0 && rpc_call_queued(call) <= QUEUE_LOW) {
    s->left--;
    if (!base_is_ok(send_reply(call, s, ponte_echo_v1_server_stream_reply))) {
      return;
    }
  }
  if (s->left == 0) {
    finish(call, s);
  }
}

static void expand_message(void *service, rpc_call *call, const request *in) {
  stream *s = rpc_call_state(call);
  remember(s, in);
  s->left = in->count;
  expand(service, call);
}

static void collect_message(void *service, rpc_call *call, const request *in) {
  (void)service;
  remember(rpc_call_state(call), in);
}

static void collect_half_close(void *service, rpc_call *call) {
  (void)service;
  stream *s = rpc_call_state(call);
  if (!s->fail && !base_is_ok(send_reply(call, s, ponte_echo_v1_client_stream_reply))) {
    return;
  }
  finish(call, s);
}

static void chat_message(void *service, rpc_call *call, const request *in) {
  (void)service;
  stream *s = rpc_call_state(call);
  remember(s, in);
  if (in->fail) {
    finish(call, s);
    return;
  }
  base_err e = send_reply(call, s, ponte_echo_v1_bidi_reply);
  /* Whoever does not read is not read either. */
  rpc_call_pause(call, base_is_ok(e) && rpc_call_queued(call) > QUEUE_LOW);
}

static void chat_writable(void *service, rpc_call *call) {
  (void)service;
  rpc_call_pause(call, false);
}

static void chat_half_close(void *service, rpc_call *call) {
  (void)service;
  finish(call, rpc_call_state(call));
}

static const ponte_echo_v1_handlers handlers = {
    .unary = unary,
    .server_stream = {.on_open = on_open, .on_message = expand_message, .on_writable = expand, .on_end = on_end},
    .client_stream = {.on_open = on_open,
                      .on_message = collect_message,
                      .on_half_close = collect_half_close,
                      .on_end = on_end},
    .bidi = {.on_open = on_open,
             .on_message = chat_message,
             .on_half_close = chat_half_close,
             .on_writable = chat_writable,
             .on_end = on_end},
};

int main(int argc, char **argv) {
  rpc_server_options options = {.listen = argc > 1 ? argv[1] : "127.0.0.1:0", .max_receive_bytes = 16 << 20};
  rpc_server *server = NULL;
  sigset_t signals;
  int number = 0;
  report = argc > 2 && strcmp(argv[2], "--report") == 0;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, NULL); /* before other threads exist, so that only sigwait sees them */
  base_err e = rpc_server_new(&options, &server);
  e = base_is_ok(e) ? ponte_echo_v1_serve(server, &handlers, NULL) : e;
  e = base_is_ok(e) ? rpc_server_start(server) : e;
  if (!base_is_ok(e)) {
    fprintf(stderr, "echo_server: %s: %s\n", options.listen, base_err_text(e));
    return 1;
  }
  printf("%d\n", rpc_server_port(server));
  fflush(stdout);
  sigwait(&signals, &number);
  rpc_server_stop(server, GRACE_MS);
  rpc_server_free(server);
  return 0;
}
