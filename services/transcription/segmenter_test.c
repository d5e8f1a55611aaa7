#include "transcription/segmenter.h"

#include <stdlib.h>

#include "base/test.h"

enum { MAX_WINDOWS = 6000, MAX_EVENTS = 2048 };

typedef struct {
  tr_event events[MAX_EVENTS];
  size_t count;
} outcome;

/* Runs the segmenter as track.c does, over windows from..to of the pattern; the detector is "loud twice in a row since the commit". */
static void run(const tr_rules *rules, const char *loud, size_t from, size_t to, outcome *out) {
  tr_segmenter s;
  tr_segmenter_init(&s, rules);
  out->count = 0;
  size_t at = from, reset = from;
  while (at < to) {
    bool speech = loud[at] != '.' && at > reset && loud[at - 1] != '.';
    tr_event e = tr_segmenter_window(&s, speech, loud[at] == '#' ? 1.0f : loud[at] == '+' ? 0.5f : 0.1f);
    at++;
    if (e.commit >= 0) at = reset = from + (size_t)(e.commit / TR_WINDOW);
    if (e.kind != TR_NOTHING && out->count < MAX_EVENTS) out->events[out->count++] = e;
  }
  tr_event e = tr_segmenter_finish(&s, (int64_t)(to - from) * TR_WINDOW);
  if (e.kind != TR_NOTHING && out->count < MAX_EVENTS) out->events[out->count++] = e;
}

/* "5#30.2#" -> ##### .............................. ## */
static size_t expand(const char *script, char *loud) {
  size_t n = 0;
  while (*script) {
    long count = strtol(script, (char **)&script, 10);
    while (count-- > 0)
      loud[n++] = *script;
    script++;
  }
  return n;
}

static void print_events(const outcome *o, char *out, size_t size) {
  static const char *const names[] = {"?", "speech", "tentative", "resumed", "final", "progress"};
  size_t n = 0;
  out[0] = '\0';
  for (size_t i = 0; i < o->count && n < size; i++) {
    const tr_event *e = &o->events[i];
    if (e->kind == TR_PROGRESS) {
      n += (size_t)snprintf(out + n, size - n, "%s%s %d", i ? ", " : "", names[e->kind], (int)(e->commit / TR_WINDOW));
    } else if (e->kind == TR_SPEECH || e->kind == TR_RESUMED) {
      n += (size_t)snprintf(out + n, size - n, "%s%s %d", i ? ", " : "", names[e->kind], (int)(e->start / TR_WINDOW));
    } else {
      n += (size_t)snprintf(out + n, size - n, "%s%s %d-%d", i ? ", " : "", names[e->kind], (int)(e->start / TR_WINDOW),
                            (int)(e->end / TR_WINDOW));
    }
  }
}

static void scripts(void) {
  /* Positions in windows of 32 ms. */
  static const struct {
    const char *script, *want, *reason;
  } rows[] = {
      {"", "", "nothing at all"},
      {"1.", "progress 1", "one window of silence"},
      {"44.", "progress 31, progress 44", "a second of silence and what is kept"},
      {"100.", "progress 31, progress 62, progress 100", "silence goes on"},
      {"20.1#20.", "progress 41", "one loud window is no speech"},
      {"20.10#", "speech 10, final 10-30", "half-close in mid-word keeps it all"},
      {"20.10#4.", "speech 10, final 10-34", "half-close before the post-roll is full"},
      {"20.10#12.", "speech 10, tentative 10-40, final 10-40", "half-close in the pause"},
      {"20.10#19.", "speech 10, tentative 10-40, final 10-40, progress 49", "a pause of 608 ms ends the segment"},
      {"20.10#17.10#19.", "speech 10, tentative 10-40, resumed 10, tentative 10-67, final 10-67, progress 76",
       "a shorter one does not (the detector adds a window to each pause)"},
      {"3.10#19.", "speech 0, tentative 0-23, final 0-23, progress 32", "pre-roll stops at the beginning"},
      {"20.10#20.2#19.",
       "speech 10, tentative 10-40, final 10-40, speech 40, tentative 40-62, final 40-62, progress 71",
       "pre-roll stops at the commit before it"},
      {"10.320#5.10#19.", "speech 0, final 0-349, progress 364", "after 10 s a pause below 224 ms is none"},
      {"10.320#7.20#19.", "speech 0, final 0-334, speech 334, tentative 334-367, final 334-367, progress 376",
       "one of 224 ms is, and it is shared"},
      {"10.430#1+100#19.", "speech 0, final 0-441, speech 441, tentative 441-551, final 441-551, progress 560",
       "15 s without a pause are cut at the quietest window"},
  };
  static char loud[MAX_WINDOWS];
  static outcome o;
  tr_rules rules = tr_rules_default();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n = expand(rows[i].script, loud);
    char got[1024];
    run(&rules, loud, 0, n, &o);
    print_events(&o, got, sizeof got);
    CHECK_MSG(strcmp(got, rows[i].want) == 0, "%s: %s\n   got %s\n  want %s", rows[i].reason, rows[i].script, got,
              rows[i].want);
  }
}

/* xorshift: the same patterns on every machine. */
static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static size_t random_pattern(uint32_t *state, char *loud) {
  size_t n = 0, want = 200 + next_random(state) % 2500;
  while (n < want) {
    bool speech = next_random(state) % 2;
    /* Mostly words and pauses; sometimes speech beyond the cap, sometimes long silence. */
    size_t length = 1 + next_random(state) % (next_random(state) % 10 == 0 ? 700 : 40);
    for (size_t i = 0; i < length && n < want; i++)
      loud[n++] = speech ? (next_random(state) % 5 ? '#' : '+') : '.';
  }
  return n;
}

static void check_coverage(const outcome *o, const char *loud, size_t n, uint32_t seed) {
  static int covered[MAX_WINDOWS];
  static bool commit_before[MAX_WINDOWS + 1];
  memset(covered, 0, sizeof covered);
  memset(commit_before, 0, sizeof commit_before);
  int64_t committed = 0;
  for (size_t i = 0; i < o->count; i++) {
    const tr_event *e = &o->events[i];
    if (e->commit < 0) continue;
    CHECK_MSG(e->commit > committed, "seed %u: commit %d after %d", seed, (int)e->commit, (int)committed);
    if (e->kind == TR_FINAL) {
      CHECK_MSG(committed <= e->start && e->start < e->end && e->end <= e->commit, "seed %u: final %d-%d", seed,
                (int)e->start, (int)e->end);
      for (int64_t w = e->start / TR_WINDOW; w < e->end / TR_WINDOW; w++)
        covered[w]++;
    }
    committed = e->commit;
    commit_before[committed / TR_WINDOW] = true;
  }
  CHECK_MSG(committed == (int64_t)n * TR_WINDOW, "seed %u: the end is not committed", seed);
  for (size_t w = 0; w < n; w++) {
    bool pair = loud[w] != '.' && ((w > 0 && loud[w - 1] != '.' && !commit_before[w]) ||
                                   (w + 1 < n && loud[w + 1] != '.' && !commit_before[w + 1]));
    CHECK_MSG(covered[w] <= 1, "seed %u: window %zu is covered twice", seed, w);
    CHECK_MSG(covered[w] == 1 || !pair, "seed %u: speech in window %zu is not covered", seed, w);
  }
}

/* The promise of resumption: from any commit on, a fresh segmenter decides what the undisturbed one decided. */
static void check_resumed(const tr_rules *rules, const outcome *whole, const char *loud, size_t n, uint32_t seed) {
  static outcome rest;
  for (size_t i = 0; i < whole->count; i++) {
    int64_t commit = whole->events[i].commit;
    if (commit < 0 || commit % TR_WINDOW != 0) continue;
    run(rules, loud, (size_t)(commit / TR_WINDOW), n, &rest);
    CHECK_MSG(rest.count == whole->count - i - 1, "seed %u: resumed at %d: %zu events", seed, (int)commit, rest.count);
    for (size_t k = 0; k < rest.count && i + 1 + k < whole->count; k++) {
      const tr_event *a = &whole->events[i + 1 + k], *b = &rest.events[k];
      bool same = a->kind == b->kind && (a->start < 0 || a->start == b->start + commit) &&
                  (a->end < 0 || a->end == b->end + commit) && (a->commit < 0 || a->commit == b->commit + commit);
      CHECK_MSG(same, "seed %u: resumed at %d: event %zu differs", seed, (int)commit, k);
    }
  }
}

static void properties(void) {
  static const uint32_t rates[] = {16000, 48000, 44100, 8000};
  static char loud[MAX_WINDOWS];
  static outcome whole;
  for (uint32_t seed = 1; seed <= 120 && test_failures < 20; seed++) {
    uint32_t state = seed * 2654435761u;
    tr_rules rules = tr_rules_for_rate(rates[seed % 4]);
    size_t n = random_pattern(&state, loud);
    run(&rules, loud, 0, n, &whole);
    check_coverage(&whole, loud, n, seed);
    check_resumed(&rules, &whole, loud, n, seed);
  }
}

static void grids(void) {
  static const struct {
    uint32_t rate;
    int windows;
    const char *reason;
  } rows[] = {
      {8000, 1, "256 samples"},    {11025, 5, "1,764 samples"},
      {12000, 1, "384 samples"},   {16000, 1, "512 samples"},
      {22050, 5, "3,528 samples"}, {24000, 1, "768 samples"},
      {32000, 1, "1,024 samples"}, {44100, 5, "7,056 samples"},
      {48000, 1, "1,536 samples"}, {8001, 1, "no small grid: positions are rounded"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    tr_rules r = tr_rules_for_rate(rows[i].rate);
    CHECK_MSG(r.grid == (int64_t)rows[i].windows * TR_WINDOW, "%u Hz: %d: %s", rows[i].rate, (int)r.grid,
              rows[i].reason);
    CHECK(r.postroll + r.grid <= r.pause);
    CHECK(r.keep >= r.preroll + TR_WINDOW + TR_WINDOW);
  }
}

TEST_MAIN(TEST(scripts), TEST(properties), TEST(grids))
