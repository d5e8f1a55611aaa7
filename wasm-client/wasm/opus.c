/* opus.c - the speech encoder as a wasm module of its own, so that it can be replaced or left out: 20 ms frames of 16 kHz mono in, packets out.
 * JavaScript writes samples at ponte_opus_input() and reads the packet at ponte_opus_output(). */
#include <opus/opus.h>
#include <stdint.h>

enum { SAMPLE_RATE = 16000, FRAME = 320, BITRATE = 24000, COMPLEXITY = 5, PACKET_MAX = 1275 };

static OpusEncoder *encoder;
static float input[FRAME];
static unsigned char output[PACKET_MAX];

int ponte_opus_reset(void);
int ponte_opus_encode(void);
float *ponte_opus_input(void);
unsigned char *ponte_opus_output(void);

/* A new stream. 0, or -1 when out of memory. */
int ponte_opus_reset(void) {
  if (encoder) return opus_encoder_ctl(encoder, OPUS_RESET_STATE) == OPUS_OK ? 0 : -1;
  int err;
  encoder = opus_encoder_create(SAMPLE_RATE, 1, OPUS_APPLICATION_VOIP, &err);
  if (err != OPUS_OK) return -1;
  opus_encoder_ctl(encoder, OPUS_SET_BITRATE(BITRATE));
  opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(COMPLEXITY));
  opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  return 0;
}

/* Bytes of the packet, or a negative number. */
int ponte_opus_encode(void) { return opus_encode_float(encoder, input, FRAME, output, PACKET_MAX); }

float *ponte_opus_input(void) { return input; }
unsigned char *ponte_opus_output(void) { return output; }
