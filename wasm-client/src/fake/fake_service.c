#include "wc/fake/fake_service.h"

#include <stdio.h>
#include <stdlib.h>

#include "ponte/transcription/v1/transcription.pb-c.h"

typedef Ponte__Transcription__V1__TranscriptionResult result;

void fake_packet(int64_t start, uint8_t out[8]) {
  for (int i = 0; i < 8; i++)
    out[i] = (uint8_t)(start >> (8 * (7 - i)));
}

static void violate(fake_service *s, const char *what) {
  printf("the client broke the contract: %s\n", what);
  s->violations++;
}

static void reply(fake_stream *st, result *r) {
  uint8_t bytes[512];
  r->committed_end = st->committed;
  static char session[] = "session";
  r->session_id = session;
  size_t n = ponte__transcription__v1__transcription_result__pack(r, bytes);
  fake_gateway_message(st->socket, st->call, base_span_of(bytes, n));
}

static void reply_segment(fake_stream *st, int64_t start, int64_t end, bool is_final) {
  result r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Segment segment = PONTE__TRANSCRIPTION__V1__SEGMENT__INIT;
  char text[32], id[32];
  snprintf(text, sizeof text, "w%d", (int)(start / FAKE_BLOCK));
  snprintf(id, sizeof id, "%d", (int)start);
  segment.text = text;
  segment.is_final = is_final;
  segment.start_sample = start;
  segment.end_sample = end;
  segment.start_ms = start * 1000 / FAKE_RATE;
  segment.end_ms = end * 1000 / FAKE_RATE;
  r.result_id = id;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT;
  r.segment = &segment;
  reply(st, &r);
}

static void reply_progress(fake_stream *st) {
  result r = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__INIT;
  Ponte__Transcription__V1__Progress progress = PONTE__TRANSCRIPTION__V1__PROGRESS__INIT;
  r.result_case = PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS;
  r.progress = &progress;
  reply(st, &r);
}

static void commit(fake_stream *st, int64_t end) {
  int64_t start = st->committed;
  st->committed = end;
  if (start / FAKE_BLOCK % 5 == 4)
    reply_progress(st);
  else
    reply_segment(st, start, end, true);
}

static void on_config(fake_service *s, fake_stream *st, const Ponte__Transcription__V1__StreamConfig *config) {
  if (st->configured) violate(s, "a second config");
  if (config->session_id[0] == 0) violate(s, "no session id");
  st->configured = true;
  st->resume = st->committed = config->resume_sample;
  st->heard = -1;
}

static void on_audio(fake_service *s, fake_stream *st, const Ponte__Transcription__V1__AudioFrame *frame) {
  uint8_t want[8];
  fake_packet(frame->start_sample, want);
  if (frame->data.len != 8 || memcmp(frame->data.data, want, 8) != 0) violate(s, "a packet at a wrong position");
  if (frame->sequence != st->sequence++) violate(s, "a gap in the sequence");
  if (st->heard < 0 && (frame->start_sample > st->resume || frame->start_sample < st->resume - FAKE_RATE * 80 / 1000))
    violate(s, "the first frame is not where the session goes on");
  if (st->heard >= 0 && frame->start_sample != st->heard) violate(s, "a gap in the audio");
  st->heard = frame->start_sample + FAKE_PACKET;
  while (st->heard >= st->committed + FAKE_BLOCK)
    commit(st, st->committed + FAKE_BLOCK);
  if (st->heard > st->committed + FAKE_BLOCK / 2) reply_segment(st, st->committed, st->heard, false);
}

static void on_chunk(fake_service *s, fake_stream *st) {
  base_span bytes = base_buf_span(&st->message);
  Ponte__Transcription__V1__AudioChunk *chunk = ponte__transcription__v1__audio_chunk__unpack(NULL, bytes.n, bytes.p);
  if (!chunk) abort();
  if (chunk->chunk_case == PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_CONFIG)
    on_config(s, st, chunk->config);
  else if (!st->configured)
    violate(s, "audio before the config");
  else
    on_audio(s, st, chunk->audio);
  ponte__transcription__v1__audio_chunk__free_unpacked(chunk, NULL);
}

static void on_bytes(fake_service *s, fake_stream *st, base_span bytes) {
  for (;;) {
    wire_frame_step step;
    if (!base_is_ok(wire_frame_next(&st->frames, &bytes, &step))) abort();
    if (step.event == WIRE_FRAME_MORE) return;
    if (step.event == WIRE_FRAME_BODY && !base_is_ok(base_buf_append(&st->message, step.body))) abort();
    if (step.event != WIRE_FRAME_END) continue;
    on_chunk(s, st);
    base_buf_clear(&st->message);
  }
}

static void on_half_close(fake_stream *st) {
  if (st->heard > st->committed) commit(st, st->heard);
  st->over = true;
  fake_gateway_status(st->socket, st->call, 0, "");
}

static void refuse(fake_service *s, wc_socket *socket, uint32_t call) {
  wire_status status;
  base_buf out;
  wire_status_init(&status);
  base_buf_init(&out, WIRE_MUX_MESSAGE_MAX);
  wire_status_set(&status, s->refuse_code, "refused");
  if (s->pushback && !base_is_ok(wire_metadata_add_str(&status.trailers, "grpc-retry-pushback-ms", s->pushback)))
    abort();
  if (!base_is_ok(wire_mux_put_status(&out, call, &status))) abort();
  fake_send(socket, base_buf_span(&out));
  base_buf_dispose(&out);
  wire_status_dispose(&status);
}

static void on_open(fake_service *s, wc_socket *socket, uint32_t call) {
  if (s->refuse_code) {
    refuse(s, socket, call);
    return;
  }
  if (s->stream_count == FAKE_STREAMS) abort();
  fake_stream *st = &s->streams[s->stream_count++];
  *st = (fake_stream){.socket = socket, .call = call};
  wire_frame_init(&st->frames, 1 << 20);
  base_buf_init(&st->message, 1 << 20);
  fake_gateway_headers(socket, call);
}

static fake_stream *find(fake_service *s, wc_socket *socket, uint32_t call) {
  for (int i = s->stream_count - 1; i >= 0; i--) {
    if (s->streams[i].socket == socket && s->streams[i].call == call) return &s->streams[i];
  }
  return NULL;
}

static void on_frame(void *ctx, wc_socket *socket, const wire_mux_frame *f) {
  fake_service *s = ctx;
  if (s->cut_one_in && fake_random(&s->gw.plat) % (uint32_t)s->cut_one_in == 0) {
    fake_close(socket, WC_CLOSE_LOST);
    return;
  }
  if (f->type == WIRE_MUX_OPEN) on_open(s, socket, f->call);
  fake_stream *st = find(s, socket, f->call);
  if (!st || st->over) return;
  if (f->type == WIRE_MUX_CANCEL) st->over = true;
  if (f->type != WIRE_MUX_DATA) return;
  on_bytes(s, st, f->payload);
  fake_gateway_credit(socket, f->call, f->payload.n ? (uint32_t)f->payload.n : 1);
  if (s->end_early) {
    s->end_early = false;
    st->over = true;
    fake_gateway_status(socket, f->call, 0, "");
  } else if (f->flags & WIRE_MUX_END) {
    on_half_close(st);
  }
}

void fake_service_init(fake_service *s, uint64_t seed) {
  memset(s, 0, sizeof *s);
  fake_gateway_init(&s->gw, seed);
  s->gw.on_frame = on_frame;
  s->gw.ctx = s;
}

void fake_service_dispose(fake_service *s) {
  for (int i = 0; i < s->stream_count; i++)
    base_buf_dispose(&s->streams[i].message);
  fake_gateway_dispose(&s->gw);
}
