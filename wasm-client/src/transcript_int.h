/* transcript_int.h - what transcript.c and transcript_write.c share. */
#ifndef PONTE_WC_TRANSCRIPT_INT_H
#define PONTE_WC_TRANSCRIPT_INT_H

#include "wc/transcript.h"

struct wc_transcript {
  wc_segment *finals;
  size_t count, cap;
  wc_segment interim;
  bool has_interim;
  int64_t origin_ms;
};

#endif
