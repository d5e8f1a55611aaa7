/* encoder.h - frames of audio as packets of a stream: Opus at 24 kb/s, or PCM. One thread. */
#ifndef PONTE_CLI_ENCODER_H
#define PONTE_CLI_ENCODER_H

#include "base/span.h"
#include "cli/source.h"

struct OpusEncoder;

typedef struct {
  struct OpusEncoder *opus; /* NULL: PCM */
  uint8_t packet[1500];
} cli_encoder;

/* False: said why. */
bool cli_encoder_init(cli_encoder *e, bool opus);
void cli_encoder_dispose(cli_encoder *e);
/* The packet is valid until the next call; empty on failure. */
base_span cli_encoder_encode(cli_encoder *e, const float frame[CLI_FRAME]);

#endif
