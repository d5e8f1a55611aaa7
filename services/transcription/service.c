#include "transcription/service.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ponte/transcription/v1/transcription.ponte.server.h"
#include "rpc/server.h"
#include "transcription/batch.h"
#include "transcription/counters.h"
#include "transcription/status.h"
#include "transcription/stream.h"

enum { MESSAGE_OVERHEAD = 4096, FINISH_MS = 2000 };

struct tr_service {
  tr_context *context;
  rpc_server *server;
};

/* -- the stream ---------------------------------------------------------------------------------------------------- */

static void sink_send(void *call, const Ponte__Transcription__V1__TranscriptionResult *result) {
  base_err e = ponte_transcription_v1_transcribe_audio_stream_reply(call, result);
  if (base_is_ok(e) || base_is(e, BASE_E_CANCELLED)) return; /* of the latter on_end tells */
  /* A result that is left out would be a gap in the transcript: better the client resumes. */
  rpc_error error =
      rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "a result could not be sent: resume from committed_end");
  rpc_call_finish(call, &error);
}
static size_t sink_queued(void *call) { return rpc_call_queued(call); }
static void sink_finish(void *call, const rpc_error *error) { rpc_call_finish(call, error); }
static void sink_pause(void *call, bool paused) { rpc_call_pause(call, paused); }
static const tr_stream_sink sink = {sink_send, sink_queued, sink_finish, sink_pause};

static void on_open(void *service, rpc_call *call) {
  tr_stream *s = NULL;
  if (tr_stream_begin(((tr_service *)service)->context, &sink, call, &s)) rpc_call_set_state(call, s);
}
static void on_message(void *service, rpc_call *call, const Ponte__Transcription__V1__AudioChunk *chunk) {
  (void)service;
  tr_stream_message(rpc_call_state(call), chunk);
}
static void on_half_close(void *service, rpc_call *call) {
  (void)service;
  tr_stream *s = rpc_call_state(call);
  if (s) tr_stream_half_close(s);
}
static void on_writable(void *service, rpc_call *call) {
  (void)service;
  tr_stream *s = rpc_call_state(call);
  if (s) tr_stream_writable(s);
}
static void on_end(void *service, rpc_call *call, bool cancelled) {
  (void)service;
  (void)cancelled;
  tr_stream *s = rpc_call_state(call); /* none when it was refused */
  if (s) tr_stream_end(s);
}

/* -- unary --------------------------------------------------------------------------------------------------------- */

static void *call_alloc(void *call, size_t n) { return rpc_call_alloc(call, n); }
static bool call_is_cancelled(void *call) { return rpc_call_is_cancelled(call); }

static void fail_memory(rpc_call *call) {
  rpc_error error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "the server is out of memory: try again later");
  rpc_call_fail(call, &error);
}

static void transcribe_audio(void *service, rpc_call *call, const Ponte__Transcription__V1__AudioData *request,
                             Ponte__Transcription__V1__TranscriptionResult *response) {
  tr_batch_caller caller = {{call_alloc, call}, call_is_cancelled, call};
  rpc_error error;
  if (!tr_batch_run(((tr_service *)service)->context, request, &caller, response, &error)) rpc_call_fail(call, &error);
}

static void list_models(void *service, rpc_call *call, const Ponte__Transcription__V1__ListModelsRequest *request,
                        Ponte__Transcription__V1__ListModelsResponse *response) {
  (void)request;
  tr_allocator memory = {call_alloc, call};
  if (!tr_status_models(((tr_service *)service)->context, &memory, response)) fail_memory(call);
}

static void get_service_status(void *service, rpc_call *call,
                               const Ponte__Transcription__V1__GetServiceStatusRequest *request,
                               Ponte__Transcription__V1__GetServiceStatusResponse *response) {
  (void)request;
  tr_allocator memory = {call_alloc, call};
  if (!tr_status_service(((tr_service *)service)->context, &memory, response)) fail_memory(call);
}

/* -- gauges, read when the admin port is scraped; it and the service belong to one thread ---------------------------- */

static tr_context *measured; /* of the running service, of which a process has one */

static int64_t queued_now(void) { return measured ? tr_pool_queued(measured->decoders) : 0; }
static int64_t permille_now(void) {
  return measured ? (int64_t)(1000 * tr_meter_factor(&measured->meter, base_now_ms())) : 0;
}

static base_metric queued =
    BASE_GAUGE_FN("ponte_transcription_queued", "Decodings that wait for a thread.", "", queued_now);
static base_metric permille =
    BASE_GAUGE_FN("ponte_transcription_real_time_permille",
                  "Decoding time per 1,000 of audio time, over the last minute.", "", permille_now);

/* -- life ---------------------------------------------------------------------------------------------------------- */

static base_err start_server(tr_service *s, const char *listen, char why[ASR_WHY_SIZE]) {
  static const ponte_transcription_v1_handlers handlers = {
      .transcribe_audio_stream = {on_open, on_message, on_half_close, on_writable, on_end},
      .transcribe_audio = transcribe_audio,
      .list_models = list_models,
      .get_service_status = get_service_status,
  };
  rpc_server_options options = {.listen = listen, .max_receive_bytes = s->context->max_batch_bytes + MESSAGE_OVERHEAD};
  BASE_TRY(rpc_server_new(&options, &s->server));
  BASE_TRY(ponte_transcription_v1_serve(s->server, &handlers, s));
  base_err e = rpc_server_start(s->server);
  if (!base_is_ok(e)) snprintf(why, ASR_WHY_SIZE, "transcription cannot listen on %s: %s", listen, base_err_text(e));
  return e;
}

base_err tr_service_start(const tr_options *options, const char *listen, tr_service **out, char why[ASR_WHY_SIZE]) {
  why[0] = '\0';
  tr_service *s = calloc(1, sizeof *s);
  if (!s) return base_fail(BASE_E_NO_MEMORY);
  tr_counters_register();
  base_metric_register(&queued);
  base_metric_register(&permille);
  base_err e = tr_context_new(options, &s->context, why);
  if (base_is_ok(e)) e = start_server(s, listen, why);
  if (!base_is_ok(e)) {
    if (s->server) rpc_server_free(s->server);
    tr_context_free(s->context);
    free(s);
    return e;
  }
  measured = s->context;
  *out = s;
  return BASE_OK;
}

int tr_service_port(const tr_service *s) { return rpc_server_port(s->server); }

void tr_service_drain(tr_service *s) {
  tr_context_drain(s->context);
  rpc_server_set_serving(s->server, "", false);
  rpc_server_set_serving(s->server, "ponte.transcription.v1.TranscriptionService", false);
}

bool tr_service_is_idle(tr_service *s) { return tr_context_active(s->context) == 0; }

void tr_service_stop(tr_service *s) {
  if (!s) return;
  measured = NULL;
  rpc_error error = rpc_error_of(RPC_REASON_SHUTTING_DOWN, NULL,
                                 "this server is shutting down: resume from committed_end, another will answer");
  tr_context_drain(s->context);
  tr_streams_stop(s->context, &error);
  rpc_server_stop(s->server, FINISH_MS);
  rpc_server_free(s->server);
  tr_context_free(s->context);
  free(s);
}
