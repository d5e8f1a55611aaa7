#include "cli/encoder.h"

#include <math.h>
#include <opus/opus.h>

#include "cli/cli.h"

enum { BITRATE = 24000 };

bool cli_encoder_init(cli_encoder *e, bool opus) {
  int err = OPUS_OK;
  *e = (cli_encoder){0};
  if (!opus) return true;
  e->opus = opus_encoder_create(CLI_RATE, 1, OPUS_APPLICATION_VOIP, &err);
  if (err != OPUS_OK) {
    cli_say("Opus: %s", opus_strerror(err));
    return false;
  }
  opus_encoder_ctl(e->opus, OPUS_SET_BITRATE(BITRATE));
  opus_encoder_ctl(e->opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  return true;
}

void cli_encoder_dispose(cli_encoder *e) {
  if (e->opus) opus_encoder_destroy(e->opus);
  *e = (cli_encoder){0};
}

static base_span pcm(cli_encoder *e, const float frame[CLI_FRAME]) {
  for (int i = 0; i < CLI_FRAME; i++) {
    float v = frame[i] * 32767.0f;
    int16_t s = (int16_t)lrintf(v > 32767.0f ? 32767.0f : v < -32768.0f ? -32768.0f : v);
    e->packet[2 * i] = (uint8_t)(s & 0xff);
    e->packet[2 * i + 1] = (uint8_t)((uint16_t)s >> 8);
  }
  return base_span_of(e->packet, 2 * CLI_FRAME);
}

base_span cli_encoder_encode(cli_encoder *e, const float frame[CLI_FRAME]) {
  if (!e->opus) return pcm(e, frame);
  int n = opus_encode_float(e->opus, frame, CLI_FRAME, e->packet, (opus_int32)sizeof e->packet);
  return base_span_of(e->packet, n > 0 ? (size_t)n : 0);
}
