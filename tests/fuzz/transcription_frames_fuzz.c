/* A live stream's audio frames, Opus and PCM, of any declared format. What must hold: as much audio comes out as the durations promise.
 *
 * Input: codec u8 | rate index u8 | channels u8 | lead u8 (in 2.5 ms), then frames of length u8 | bytes. */
#include <assert.h>

#include "transcription/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint32_t rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 44100, 48000};
  base_cursor c = base_cursor_of(base_span_of(data, size));
  tr_format format = {base_cursor_u8(&c) % 2 ? TR_CODEC_PCM16 : TR_CODEC_OPUS, 0, 0};
  format.rate = rates[base_cursor_u8(&c) % (sizeof rates / sizeof *rates)];
  format.channels = base_cursor_u8(&c) % 4;
  uint32_t lead = base_cursor_u8(&c) * (format.rate / 400);
  tr_audio *audio = NULL;
  if (!base_is_ok(tr_audio_new(&format, lead, &audio))) return 0;
  uint64_t promised = 0, given = 0;
  const float *out = NULL;
  size_t count = 0;
  bool failed = false;
  while (!failed && base_cursor_left(&c) > 0) {
    size_t n = base_cursor_u8(&c);
    if (n > base_cursor_left(&c)) n = base_cursor_left(&c);
    base_span frame = base_cursor_bytes(&c, n);
    uint32_t duration = 0;
    failed = !base_is_ok(tr_audio_duration(&format, frame, &duration)) ||
             !base_is_ok(tr_audio_frame(audio, frame, &out, &count));
    if (failed) break;
    promised += duration;
    given += count;
  }
  if (base_is_ok(tr_audio_finish(audio, &out, &count))) given += count;
  if (!failed) assert(given == (promised > lead ? (promised - lead) * 16000 / format.rate : 0));
  tr_audio_free(audio);
  return 0;
}
