#include <assert.h>
#include <grpc/grpc_security.h>
#include <stdlib.h>

#include "rpc/client_call.h"

/* What a caller may have waiting in one call before send() says no: far above the watermark that well-behaved callers stop at. */
enum { QUEUE_CEILING = 64 << 20 };

typedef struct {
  rpc_client_call call; /* first */
  ponte_call_events events;
  void *ctx;
  bool paused, cancelled;
  bool above_low;                 /* a send left more than PONTE_CALL_WRITABLE_LOW queued */
  grpc_byte_buffer *held;         /* arrived while paused */
  grpc_byte_buffer *only_message; /* sent with the opening; alive until the end, as the core reads it */
} typed_call;

static void on_headers(rpc_client_call *c, const wire_metadata *headers) {
  typed_call *t = (typed_call *)c;
  if (t->events.on_headers) {
    t->events.on_headers(t->ctx, &c->base, headers);
  }
}

static void deliver(typed_call *t, grpc_byte_buffer *message) {
  base_span bytes;
  base_err e = rpc_core_bytes(message, &t->call.channel->client->scratch, &bytes);
  if (base_is_ok(e)) {
    t->events.on_message(t->ctx, &t->call.base, bytes);
  } else {
    rpc_client_call_fail(&t->call, e);
  }
  grpc_byte_buffer_destroy(message);
}

static void on_message(rpc_client_call *c, grpc_byte_buffer *message) {
  typed_call *t = (typed_call *)c;
  if (t->paused && !t->cancelled) {
    t->held = message;
    c->hold_end = true;
    return;
  }
  deliver(t, message);
}

static void on_sent(rpc_client_call *c, size_t bytes) {
  typed_call *t = (typed_call *)c;
  (void)bytes;
  if (t->above_low && c->queued_bytes <= PONTE_CALL_WRITABLE_LOW) {
    t->above_low = false;
    if (t->events.on_writable) {
      t->events.on_writable(t->ctx, &c->base);
    }
  }
}

/* The reader resumed, or gave up: what was held goes to it, or nowhere. */
static void on_deferred(rpc_client_call *c) {
  typed_call *t = (typed_call *)c;
  grpc_byte_buffer *held = t->held;
  if (t->paused && !t->cancelled && c->hold_end) {
    return;
  }
  t->held = NULL;
  c->hold_end = false;
  if (held && !t->cancelled && !t->paused) {
    deliver(t, held);
  } else if (held) {
    grpc_byte_buffer_destroy(held);
  }
}

static void on_end(rpc_client_call *c, const wire_status *status) {
  typed_call *t = (typed_call *)c;
  t->events.on_status(t->ctx, &c->base, status);
  if (t->held) {
    grpc_byte_buffer_destroy(t->held);
  }
  if (t->only_message) {
    grpc_byte_buffer_destroy(t->only_message);
  }
  rpc_client_call_dispose(c);
  free(t);
}

static const rpc_client_face face = {on_headers, on_message, on_sent, on_deferred, on_end};

static base_err start_call(ponte_channel *ch, const char *path, const ponte_call_options *options,
                           grpc_byte_buffer *only_message, const ponte_call_events *events, void *ctx,
                           ponte_call **out) {
  typed_call *t = calloc(1, sizeof *t);
  if (t == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  t->events = *events;
  t->ctx = ctx;
  t->only_message = only_message;
  const rpc_client_request request = {
      .path = base_span_str(path),
      .timeout_ms = options ? options->timeout_ms : 0,
      .metadata = options ? options->metadata : NULL,
      .only_message = only_message,
  };
  base_err e = rpc_client_call_start(&t->call, (rpc_channel *)ch, &face, &request);
  if (!base_is_ok(e)) {
    free(t);
    return e;
  }
  t->call.want_message = true;
  rpc_client_call_receive(&t->call);
  *out = &t->call.base;
  return BASE_OK;
}

static base_err start(ponte_channel *ch, const char *path, const ponte_call_options *options,
                      const ponte_call_events *events, void *ctx, ponte_call **out) {
  return start_call(ch, path, options, NULL, events, ctx, out);
}

static base_err start_one(ponte_channel *ch, const char *path, const ponte_call_options *options, base_span bytes,
                          const ponte_call_events *events, void *ctx, ponte_call **out) {
  if (bytes.n > ((rpc_channel *)ch)->max_message_bytes) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  grpc_byte_buffer *message = rpc_core_message(bytes, GRPC_COMPRESS_NONE);
  base_err e = message ? start_call(ch, path, options, message, events, ctx, out) : base_fail(BASE_E_NO_MEMORY);
  if (!base_is_ok(e) && message) {
    grpc_byte_buffer_destroy(message);
  }
  return e;
}

static base_err send_message(ponte_call *call, base_span message) {
  typed_call *t = (typed_call *)call;
  if (t->call.half_close) {
    return base_fail(BASE_E_PRECONDITION);
  }
  if (message.n > t->call.channel->max_message_bytes) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  if (message.n > QUEUE_CEILING - t->call.queued_bytes) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  BASE_TRY(rpc_client_call_send(&t->call, rpc_core_message(message, GRPC_COMPRESS_NONE), message.n));
  t->above_low |= t->call.queued_bytes > PONTE_CALL_WRITABLE_LOW;
  return BASE_OK;
}

static void half_close(ponte_call *call) { rpc_client_call_half_close((rpc_client_call *)call); }

static void cancel(ponte_call *call) {
  typed_call *t = (typed_call *)call;
  if (!t->cancelled) {
    t->cancelled = true;
    rpc_client_call_cancel(&t->call);
    rpc_client_call_defer(&t->call);
  }
}

static size_t queued(const ponte_call *call) { return ((const rpc_client_call *)call)->queued_bytes; }

static void pause_reading(ponte_call *call, bool paused) {
  typed_call *t = (typed_call *)call;
  t->paused = paused;
  t->call.want_message = !paused;
  if (paused) {
    return;
  }
  if (t->held) {
    rpc_client_call_defer(&t->call);
  } else {
    rpc_client_call_receive(&t->call);
  }
}

static const ponte_channel_vt vt = {start, send_message, half_close, cancel, queued, pause_reading, start_one};

static grpc_channel_credentials *credentials(const rpc_channel_tls *tls) {
  if (tls == NULL) {
    return grpc_insecure_credentials_create();
  }
  grpc_ssl_pem_key_cert_pair own = {tls->key, tls->cert};
  return grpc_ssl_credentials_create(tls->ca, tls->cert ? &own : NULL, NULL, NULL);
}

enum { ARGS_MAX = 16 };

static size_t channel_args_of(const rpc_channel_options *options, int limit, grpc_arg args[ARGS_MAX]) {
  size_t n = 0;
  args[n++] = rpc_core_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, limit);
  args[n++] = rpc_core_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, limit);
  args[n++] = rpc_core_arg(GRPC_ARG_MAX_METADATA_SIZE, RPC_METADATA_MAX);
  args[n++] = rpc_core_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args[n++] = rpc_core_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, RPC_LOOKAHEAD_BYTES);
  /* The core waits up to two minutes between attempts; a service that restarts is back in a second. */
  args[n++] = rpc_core_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  args[n++] = rpc_core_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  args[n++] = rpc_core_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  /* Equal channels of a process share a connection otherwise: the gateway's workers would meet on its lock. */
  args[n++] = rpc_core_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args[n++] = rpc_core_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, !options->pass_compressed);
  args[n++] = rpc_core_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, !options->pass_compressed);
  if (options->keepalive_ms > 0) {
    int64_t ms = options->keepalive_ms < INT32_MAX ? options->keepalive_ms : INT32_MAX;
    args[n++] = rpc_core_arg(GRPC_ARG_KEEPALIVE_TIME_MS, (int)ms);
  }
  if (options->service_config) {
    args[n++] = rpc_core_text_arg(GRPC_ARG_SERVICE_CONFIG, options->service_config);
  }
  if (options->tls && options->tls->server_name) {
    args[n++] = rpc_core_text_arg(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, options->tls->server_name);
  }
  return n;
}

base_err rpc_channel_new(rpc_client *c, const char *target, const rpc_channel_options *options, ponte_channel **out) {
  const rpc_channel_options own = options ? *options : (rpc_channel_options){0};
  rpc_channel *ch = calloc(1, sizeof *ch);
  if (ch == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  size_t max = own.max_message_bytes ? own.max_message_bytes : RPC_MESSAGE_MAX_DEFAULT;
  grpc_arg args[ARGS_MAX];
  const grpc_channel_args channel_args = {channel_args_of(&own, max > INT32_MAX ? INT32_MAX : (int)max, args), args};
  grpc_channel_credentials *creds = credentials(own.tls);
  if (creds == NULL) {
    free(ch);
    return base_fail(BASE_E_INVALID);
  }
  *ch = (rpc_channel){
      .base = {&vt}, .client = c, .max_message_bytes = max, .pass_compressed = own.pass_compressed, .refs = 1};
  ch->core = grpc_channel_create(target, creds, &channel_args);
  grpc_channel_credentials_release(creds);
  if (ch->core == NULL) {
    free(ch);
    return base_fail(BASE_E_INVALID);
  }
  *out = &ch->base;
  return BASE_OK;
}

rpc_channel *rpc_channel_ref(rpc_channel *ch) {
  ch->refs++;
  return ch;
}

void rpc_channel_unref(rpc_channel *ch) {
  assert(ch->refs > 0);
  if (--ch->refs == 0) {
    grpc_channel_destroy(ch->core);
    free(ch);
  }
}

void rpc_channel_free(ponte_channel *ch) {
  if (ch) {
    rpc_channel_unref((rpc_channel *)ch);
  }
}

bool rpc_channel_is_ready(ponte_channel *ch, bool try_to_connect) {
  rpc_channel *c = (rpc_channel *)ch;
  return grpc_channel_check_connectivity_state(c->core, try_to_connect) == GRPC_CHANNEL_READY;
}
