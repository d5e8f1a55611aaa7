#include "transcription/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Ten thousand years of 48 kHz; sums stay far from the end of int64. */
#define MAX_SAMPLE ((int64_t)1 << 54)

static bool refuse(rpc_error *out, rpc_error e) {
  *out = e;
  return false;
}

bool tr_config_model(const tr_models *models, bool is_stream, const char *name, const char *language, size_t *out,
                     rpc_error *error) {
  if (!tr_models_find(models, name, out)) {
    return refuse(
        error,
        rpc_error_of(RPC_REASON_MODEL_NOT_FOUND, is_stream ? "config.model" : "model",
                     "there is no model \"%.64s\": ListModels names those there are, and an empty model means \"%s\"",
                     name, tr_models_default(models)));
  }
  if (!tr_models_speaks(models, *out, language)) {
    return refuse(error, rpc_error_of(RPC_REASON_UNSUPPORTED_LANGUAGE, is_stream ? "config.language" : "language",
                                      "the model \"%s\" does not know the language \"%.35s\": choose another model of "
                                      "ListModels, or leave the language empty",
                                      tr_models_at(models, *out)->name, language));
  }
  return true;
}

static bool check_format(const Ponte__Transcription__V1__StreamConfig *in, tr_format *out, rpc_error *error) {
  if (in->codec == PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS) {
    out->codec = TR_CODEC_OPUS;
  } else if (in->codec == PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16) {
    out->codec = TR_CODEC_PCM16;
  } else {
    return refuse(error,
                  rpc_error_of(RPC_REASON_INVALID_FIELD, "config.codec",
                               "a stream takes AUDIO_CODEC_OPUS or AUDIO_CODEC_PCM16; files go to TranscribeAudio"));
  }
  out->rate = in->sample_rate_hz;
  out->channels = in->channels ? in->channels : 1;
  if (!tr_format_has_rate(out)) {
    const char *rates =
        out->codec == TR_CODEC_OPUS ? "8000, 12000, 16000, 24000 or 48000 for Opus" : "8000 to 48000 for PCM16";
    return refuse(error, rpc_error_of(RPC_REASON_INVALID_FIELD, "config.sample_rate_hz",
                                      "the sample rate is %" PRIu32 ", but must be %s", in->sample_rate_hz, rates));
  }
  if (out->channels > 2) {
    return refuse(error, rpc_error_of(RPC_REASON_INVALID_FIELD, "config.channels",
                                      "there are %" PRIu32 " channels, but 1 or 2 can be", in->channels));
  }
  return true;
}

static bool is_session_id(const char *s) {
  size_t n = 0;
  for (; s[n]; n++) {
    if (n == TR_SESSION_ID_MAX || !(isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')) return false;
  }
  return true;
}

bool tr_config_check(const tr_models *models, const Ponte__Transcription__V1__StreamConfig *in, tr_config *out,
                     rpc_error *error) {
  *out = (tr_config){.interim = in->interim_results, .resume_sample = in->resume_sample};
  if (!check_format(in, &out->format, error)) return false;
  if (!tr_config_model(models, true, in->model, in->language, &out->model, error)) return false;
  if (!is_session_id(in->session_id)) {
    return refuse(error, rpc_error_of(RPC_REASON_INVALID_FIELD, "config.session_id",
                                      "a session id has at most 64 letters, digits, - and _: a UUID, say, or nothing"));
  }
  if (in->resume_sample < 0 || in->resume_sample > MAX_SAMPLE) {
    return refuse(error, rpc_error_of(RPC_REASON_INVALID_FIELD, "config.resume_sample",
                                      "resume_sample must be the committed_end of the last result received, or 0"));
  }
  if (in->session_id[0]) {
    snprintf(out->session_id, sizeof out->session_id, "%s", in->session_id);
  } else {
    char id[BASE_UUID_SIZE];
    base_uuid7(id);
    snprintf(out->session_id, sizeof out->session_id, "%s", id);
  }
  return true;
}

static bool first_frame(const tr_config *config, tr_position *p, int64_t start, rpc_error *error) {
  int64_t lead = config->resume_sample - start, longest = (int64_t)config->format.rate / 1000 * TR_MAX_LEAD_MS;
  if (start < 0 || lead < 0 || lead > longest) {
    return refuse(error, rpc_error_of(RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample",
                                      "the first frame begins at %" PRId64 ", but must begin at resume_sample, %" PRId64
                                      ", or up to 80 ms before it",
                                      start, config->resume_sample));
  }
  if (config->format.codec == TR_CODEC_OPUS && lead * ASR_SAMPLE_RATE % config->format.rate != 0) {
    return refuse(error, rpc_error_of(RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample",
                                      "the first frame begins %" PRId64
                                      " samples before resume_sample, which is no whole number of samples at 16 kHz",
                                      lead));
  }
  p->lead = (uint32_t)lead;
  return true;
}

bool tr_config_frame(const tr_config *config, tr_position *p, const Ponte__Transcription__V1__AudioFrame *frame,
                     rpc_error *error) {
  if (frame->sequence != p->sequence) {
    return refuse(error, rpc_error_of(RPC_REASON_OUT_OF_SEQUENCE, "audio.sequence",
                                      "the frame's sequence is %" PRIu64 ", but %" PRIu64 " comes next",
                                      frame->sequence, p->sequence));
  }
  if (frame->data.len > TR_MAX_FRAME_BYTES) {
    return refuse(error,
                  rpc_error_of(RPC_REASON_INVALID_FIELD, "audio.data", "a frame holds at most 64 KiB: send several"));
  }
  uint32_t samples = 0;
  if (!base_is_ok(tr_audio_duration(&config->format, base_span_of(frame->data.data, frame->data.len), &samples))) {
    return refuse(error,
                  rpc_error_of(RPC_REASON_MALFORMED_AUDIO, "audio.data", "frame %" PRIu64 " is not %s", frame->sequence,
                               config->format.codec == TR_CODEC_OPUS ? "an Opus packet"
                                                                     : "whole 16-bit samples of all channels"));
  }
  if (p->sequence == 0) {
    if (!first_frame(config, p, frame->start_sample, error)) return false;
  } else if (frame->start_sample != p->sample) {
    return refuse(error, rpc_error_of(RPC_REASON_OUT_OF_SEQUENCE, "audio.start_sample",
                                      "the frame begins at %" PRId64 ", but the one before ended at %" PRId64,
                                      frame->start_sample, p->sample));
  }
  p->sequence++;
  p->sample = frame->start_sample + samples;
  return true;
}
