#include "transcription/segmenter.h"

#include <stddef.h>

enum { MAX_GRID_WINDOWS = 5 };
#define WINDOWS(n) ((int64_t)(n)*TR_WINDOW)

tr_rules tr_rules_default(void) {
  return (tr_rules){
      .preroll = WINDOWS(10),
      .postroll = WINDOWS(10),
      .pause = WINDOWS(19),
      .long_after = WINDOWS(313),
      .long_pause = WINDOWS(7),
      .cap = WINDOWS(469),
      .late = WINDOWS(63),
      .progress = WINDOWS(31),
      .keep = WINDOWS(13),
      .grid = TR_WINDOW,
  };
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b) {
    int64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

tr_rules tr_rules_for_rate(uint32_t sample_rate) {
  tr_rules rules = tr_rules_default();
  /* Multiples of `whole` samples at 16 kHz are whole samples at the other rate. */
  int64_t whole = TR_RATE / gcd(TR_RATE, sample_rate);
  int64_t windows = whole / gcd(TR_WINDOW, whole);
  if (windows <= MAX_GRID_WINDOWS) rules.grid = windows * TR_WINDOW;
  return rules;
}

static void begin_at(tr_segmenter *s, int64_t commit) {
  s->base = s->now = commit;
  s->start = s->settled = s->quiet_at = -1;
  s->speech_end = commit;
  s->quiet_energy = 0;
}

void tr_segmenter_init(tr_segmenter *s, const tr_rules *rules) {
  s->rules = *rules;
  begin_at(s, 0);
}

static int64_t grid_up(const tr_segmenter *s, int64_t at) {
  return (at + s->rules.grid - 1) / s->rules.grid * s->rules.grid;
}

static tr_event commit_segment(tr_segmenter *s, int64_t end, int64_t commit, bool cut) {
  tr_event e = {.kind = TR_FINAL, .start = s->start, .end = end, .commit = commit, .cut = cut};
  begin_at(s, commit);
  return e;
}

static tr_event window_of_silence(tr_segmenter *s) {
  int64_t commit = (s->now - s->rules.keep) / s->rules.grid * s->rules.grid;
  if (s->now - s->base < s->rules.progress + s->rules.keep || commit <= s->base)
    return (tr_event){.kind = TR_NOTHING, .start = -1, .end = -1, .commit = -1};
  begin_at(s, commit);
  return (tr_event){.kind = TR_PROGRESS, .start = -1, .end = -1, .commit = commit};
}

static tr_event begin_segment(tr_segmenter *s) {
  /* The detector speaks up at the second window of speech. */
  int64_t start = s->now - WINDOWS(2) - s->rules.preroll;
  s->start = start > s->base ? start : s->base;
  s->speech_end = s->now;
  return (tr_event){.kind = TR_SPEECH, .start = s->start, .end = -1, .commit = -1};
}

/* Only windows that end on the grid can be cut at. */
static void remember_quiet(tr_segmenter *s, float energy) {
  bool late = s->now - s->start > s->rules.cap - s->rules.late;
  if (late && s->now % s->rules.grid == 0 && (s->quiet_at < 0 || energy < s->quiet_energy)) {
    s->quiet_at = s->now;
    s->quiet_energy = energy;
  }
}

static tr_event pause_in_segment(tr_segmenter *s) {
  int64_t silence = s->now - s->speech_end;
  bool is_long = s->now - s->start >= s->rules.long_after;
  /* A short pause is shared: half of it is the next segment's pre-roll. */
  int64_t end = s->settled >= 0 ? s->settled
                                : grid_up(s, s->speech_end + (is_long ? s->rules.long_pause / 2 : s->rules.postroll));
  if (s->now >= end && silence >= (is_long ? s->rules.long_pause : s->rules.pause))
    return commit_segment(s, end, end, false);
  if (!is_long && s->settled < 0 && s->now >= end) {
    s->settled = end;
    return (tr_event){.kind = TR_TENTATIVE, .start = s->start, .end = end, .commit = -1};
  }
  return (tr_event){.kind = TR_NOTHING, .start = -1, .end = -1, .commit = -1};
}

tr_event tr_segmenter_window(tr_segmenter *s, bool speech, float energy) {
  s->now += TR_WINDOW;
  if (s->start < 0) return speech ? begin_segment(s) : window_of_silence(s);
  remember_quiet(s, energy);
  tr_event e = {.kind = TR_NOTHING, .start = -1, .end = -1, .commit = -1};
  if (speech) {
    s->speech_end = s->now;
    if (s->settled >= 0) e = (tr_event){.kind = TR_RESUMED, .start = s->start, .end = -1, .commit = -1};
    s->settled = -1;
  } else {
    e = pause_in_segment(s);
  }
  if (e.kind != TR_FINAL && s->now - s->start >= s->rules.cap && s->quiet_at >= 0) {
    return commit_segment(s, s->quiet_at, s->quiet_at, true);
  }
  return e;
}

tr_event tr_segmenter_finish(tr_segmenter *s, int64_t total) {
  if (s->start >= 0) {
    int64_t end = s->settled >= 0 ? s->settled : grid_up(s, s->speech_end + s->rules.postroll);
    return commit_segment(s, end < total ? end : total, total, false);
  }
  bool more = total > s->base;
  begin_at(s, total);
  return (tr_event){.kind = more ? TR_PROGRESS : TR_NOTHING, .start = -1, .end = -1, .commit = more ? total : -1};
}
