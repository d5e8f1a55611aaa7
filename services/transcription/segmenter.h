/* segmenter.h - cuts speech into segments. Pure: one judged window of audio in, at most one decision out.
 *
 * Positions are samples at 16 kHz from the beginning of the stream. A decision with a commit ends everything before it: the
 * segmentation starts afresh there, no pre-roll reaches back over it, and the caller resets the detector and gives the windows from the
 * commit on again. So what is decided after a commit depends on the audio after it alone, and a stream that another server takes over at
 * the commit is cut as if nothing had happened (docs/transcription.md). Commits lie on rules.grid.
 */
#ifndef PONTE_TRANSCRIPTION_SEGMENTER_H
#define PONTE_TRANSCRIPTION_SEGMENTER_H

#include <stdbool.h>
#include <stdint.h>

enum { TR_WINDOW = 512, TR_RATE = 16000 };

/* All in samples and multiples of TR_WINDOW. Invariants: postroll + grid <= pause; keep >= preroll + 2 windows. */
typedef struct {
  int64_t preroll;    /* kept before the first window of speech: the detector wakes late */
  int64_t postroll;   /* kept after the last one */
  int64_t pause;      /* silence that ends a segment */
  int64_t long_after; /* from this length on ... */
  int64_t long_pause; /* ... this much is enough */
  int64_t cap;        /* longest segment; then it is cut at its quietest window of late */
  int64_t late;       /* how far back "of late" reaches */
  int64_t progress;   /* silence that is committed at a time ... */
  int64_t keep;       /* ... but for this much, so that the next segment finds its pre-roll */
  int64_t grid;       /* commits are multiples of it */
} tr_rules;

/* The settings of the trial (300, 300, 600, 10,000, 200, 15,000 ms) in whole windows. */
tr_rules tr_rules_default(void);
/* The same, with commits on positions that are whole samples at `sample_rate` too, where such a grid is at most 5 windows: a client
 * counts in its own rate, and a rounded resume point would shift every window after it. */
tr_rules tr_rules_for_rate(uint32_t sample_rate);

enum tr_event_kind {
  TR_NOTHING,
  TR_SPEECH,    /* a segment began at start */
  TR_TENTATIVE, /* silence: if speech does not resume, the segment is start..end */
  TR_RESUMED,   /* it did */
  TR_FINAL,     /* the segment is start..end; commit >= end */
  TR_PROGRESS   /* silence up to commit */
};

typedef struct {
  enum tr_event_kind kind;
  int64_t start, end;
  int64_t commit; /* TR_FINAL and TR_PROGRESS; else -1 */
  bool cut;       /* TR_FINAL: at the cap, while speech went on */
} tr_event;

typedef struct {
  tr_rules rules;
  int64_t base;       /* the last commit */
  int64_t now;        /* end of the last window taken; base <= now */
  int64_t start;      /* of the running segment, base <= start; -1 in silence */
  int64_t speech_end; /* end of the segment's last window of speech */
  int64_t settled;    /* end of the tentative segment; -1 without */
  int64_t quiet_at;   /* end of its quietest window of late; -1 without */
  float quiet_energy;
} tr_segmenter;

void tr_segmenter_init(tr_segmenter *s, const tr_rules *rules);
/* The window at s->now. After an event with a commit, s->now is that commit. */
tr_event tr_segmenter_window(tr_segmenter *s, bool speech, float energy);
/* The stream ends at `total`, in the last window or at its end: what is still open becomes final. Everything is committed. */
tr_event tr_segmenter_finish(tr_segmenter *s, int64_t total);

#endif
