#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

#include "cli/session.h"
#include "cli/words.h"

enum { TOKEN_MAX = 8192 };

typedef struct {
  cli_link *link;
  const cli_call *call;
  ponte_call *running; /* NULL once the status has come */
  wire_status *status;
  base_err failed; /* of on_message or next */
  bool done_sending;
} waiting;

static void send_more(waiting *w) {
  base_buf bytes;
  base_buf_init(&bytes, CLI_REQUEST_MAX);
  while (w->running && !w->done_sending && ponte_call_queued(w->running) <= PONTE_CALL_WRITABLE_LOW) {
    base_buf_clear(&bytes);
    enum cli_next next = w->call->next(w->call->ctx, &bytes);
    if (next == CLI_NEXT_LATER) break;
    base_err e = next == CLI_NEXT_FAILED ? base_fail(BASE_E_CANCELLED) : BASE_OK;
    if (next == CLI_NEXT_MESSAGE) e = ponte_call_send(w->running, base_buf_span(&bytes));
    w->done_sending = next == CLI_NEXT_END || !base_is_ok(e);
    if (next == CLI_NEXT_END) ponte_call_half_close(w->running);
    if (base_is_ok(e)) continue;
    w->failed = e;
    ponte_call_cancel(w->running);
  }
  base_buf_dispose(&bytes);
}

static void on_message(void *ctx, ponte_call *call, base_span message) {
  waiting *w = ctx;
  if (!base_is_ok(w->failed)) return;
  w->failed = w->call->on_message(w->call->ctx, message);
  if (!base_is_ok(w->failed)) ponte_call_cancel(call);
}

static void on_writable(void *ctx, ponte_call *call) {
  waiting *w = ctx;
  (void)call;
  if (w->call->next) send_more(w);
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  waiting *w = ctx;
  (void)call;
  w->running = NULL;
  wire_status_set_span(w->status, status->code, base_buf_span(&status->message));
  /* What does not fit is not worth losing the rest for: code and message are there. */
  if (!base_is_ok(wire_metadata_merge(&w->status->trailers, &status->trailers)))
    wire_metadata_clear(&w->status->trailers);
  net_loop_stop(w->link->loop);
}

static void on_wake(void *ctx) {
  waiting *w = ctx;
  if (w->call->next && w->running) send_more(w);
}

static void on_interrupt(void *ctx) {
  waiting *w = ctx;
  if (w->running) ponte_call_cancel(w->running);
}

base_err cli_add_token(const cli_link *l, wire_metadata *m) {
  char value[TOKEN_MAX + 16];
  if (!l->token || l->session) return BASE_OK;
  int n = snprintf(value, sizeof value, "Bearer %s", l->token);
  return n < (int)sizeof value ? wire_metadata_add_str(m, "authorization", value) : base_fail(BASE_E_INVALID);
}

static base_err start(waiting *w, base_span request, const wire_metadata *metadata) {
  static const ponte_call_events events = {
      .on_message = on_message, .on_writable = on_writable, .on_status = on_status};
  ponte_call_options options = {.timeout_ms = w->call->timeout_ms, .metadata = metadata};
  ponte_channel *channel = cli_link_channel(w->link, w->call->port);
  if (!channel) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(ponte_call_start(channel, w->call->path, &options, &events, w, &w->running));
  if (w->call->next) {
    send_more(w);
    return BASE_OK;
  }
  w->failed = ponte_call_send(w->running, request);
  if (base_is_ok(w->failed))
    ponte_call_half_close(w->running);
  else
    ponte_call_cancel(w->running);
  return BASE_OK;
}

static base_err run(waiting *w, base_span request) {
  wire_metadata metadata;
  wire_metadata_init(&metadata);
  base_err e = w->call->metadata ? wire_metadata_merge(&metadata, w->call->metadata) : BASE_OK;
  if (base_is_ok(e)) e = cli_add_token(w->link, &metadata);
  if (base_is_ok(e)) e = start(w, request, &metadata);
  wire_metadata_dispose(&metadata);
  BASE_TRY(e);
  w->link->on_wake = on_wake;
  w->link->on_interrupt = on_interrupt;
  w->link->ctx = w;
  while (w->running)
    net_loop_run(w->link->loop);
  w->link->on_wake = w->link->on_interrupt = NULL;
  return w->failed;
}

void cli_call_run(cli_link *l, const cli_call *call, base_span request, wire_status *status) {
  waiting w = {.link = l, .call = call, .status = status, .failed = BASE_OK};
  wire_metadata_clear(&status->trailers);
  if (!call->anonymous && !cli_session_use(l, status)) return;
  base_err e = run(&w, request);
  if (base_is_ok(e) || l->interrupted) return;
  if (base_is(e, BASE_E_MALFORMED))
    wire_status_set(status, BASE_GRPC_INTERNAL, cli_words("the answer of %s cannot be read"), call->path);
  else
    wire_status_from_err(status, e);
}

/* -- typed ------------------------------------------------------------------------------------------------------------- */

typedef struct {
  const pb_method *method;
  pb_arena *arena;
  ProtobufCMessage *reply; /* of a unary call */
  void (*on_message)(void *ctx, const ProtobufCMessage *message);
  void *ctx;
} typed;

static base_err take_reply(void *ctx, base_span bytes) {
  typed *t = ctx;
  if (t->reply) return base_fail(BASE_E_MALFORMED);
  t->arena->cap_bytes = t->arena->used_bytes + pb_memory_cap(bytes.n);
  return pb_unpack(t->method->response, bytes, t->arena, &t->reply);
}

static base_err take_message(void *ctx, base_span bytes) {
  typed *t = ctx;
  ProtobufCMessage *message = NULL;
  t->arena->cap_bytes = pb_memory_cap(bytes.n);
  base_err e = pb_unpack(t->method->response, bytes, t->arena, &message);
  if (base_is_ok(e)) t->on_message(t->ctx, message);
  pb_arena_dispose(t->arena);
  return e;
}

static void run_typed(cli_link *l, cli_call *call, const ProtobufCMessage *request, wire_status *status) {
  base_buf bytes;
  base_buf_init(&bytes, CLI_REQUEST_MAX);
  base_err e = pb_pack(request, &bytes);
  if (base_is_ok(e))
    cli_call_run(l, call, base_buf_span(&bytes), status);
  else
    wire_status_from_err(status, e);
  base_buf_dispose(&bytes);
}

static const ProtobufCMessage *ask(cli_link *l, cli_call call, const pb_method *method, const ProtobufCMessage *request,
                                   pb_arena *arena, wire_status *status) {
  typed t = {.method = method, .arena = arena};
  call.path = method->path;
  call.on_message = take_reply;
  call.ctx = &t;
  run_typed(l, &call, request, status);
  if (status->code == 0 && !t.reply)
    wire_status_set(status, BASE_GRPC_INTERNAL, cli_words("%s ended without an answer"), method->path);
  return status->code == 0 ? t.reply : NULL;
}

const ProtobufCMessage *cli_ask(cli_link *l, int port, const pb_method *method, int64_t timeout_ms,
                                const ProtobufCMessage *request, pb_arena *arena, wire_status *status) {
  return ask(l, (cli_call){.port = port, .timeout_ms = timeout_ms}, method, request, arena, status);
}

const ProtobufCMessage *cli_ask_anonymous(cli_link *l, int port, const pb_method *method, int64_t timeout_ms,
                                          const ProtobufCMessage *request, pb_arena *arena, wire_status *status) {
  cli_call call = {.port = port, .timeout_ms = timeout_ms, .anonymous = true};
  return ask(l, call, method, request, arena, status);
}

void cli_ask_stream(cli_link *l, int port, const pb_method *method, int64_t timeout_ms, const ProtobufCMessage *request,
                    void (*on_message_fn)(void *ctx, const ProtobufCMessage *message), void *ctx, wire_status *status) {
  pb_arena arena;
  pb_arena_init(&arena, 0);
  typed t = {.method = method, .arena = &arena, .on_message = on_message_fn, .ctx = ctx};
  cli_call call = {.path = method->path, .port = port, .timeout_ms = timeout_ms, .on_message = take_message, .ctx = &t};
  run_typed(l, &call, request, status);
  pb_arena_dispose(&arena);
}
