/* bench_transcription: what live transcription costs and how late its text comes. JSON on stdout; docs/transcription.md says what the numbers are.
 *
 * usage: PONTE_SERVICES=path bench_transcription        (takes about 80 s) */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "live/clips.h"
#include "live/live.h"
#include "live/server.h"

enum { STREAMS = 8, MAX_LATENCIES = STREAMS * LIVE_CLIPS };

typedef struct {
  const char *name;
  size_t streams;
  bool interim;
  double pace;
} scenario;

static live_clip clips[LIVE_CLIPS];
static int16_t *audio;
static int64_t audio_count;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void print_latency(const char *name, double *seconds, size_t n) {
  qsort(seconds, n, sizeof *seconds, ascending);
  if (n == 0) return;
  printf(",\n    \"%s_ms\": {\"p50\": %.0f, \"p95\": %.0f, \"max\": %.0f, \"count\": %zu}", name, 1e3 * seconds[n / 2],
         1e3 * seconds[(n * 95) / 100 < n ? (n * 95) / 100 : n - 1], 1e3 * seconds[n - 1], n);
}

/* Seconds from the moment a clip's speech begins to the first interim text that reaches into it, and from its end to the final that holds it. */
static void measure(const live_stream *s, int64_t begin, int64_t end, double *first, size_t *firsts, double *final,
                    size_t *finals) {
  bool heard = false;
  const live_result *last = NULL;
  for (size_t i = 0; i < s->result_count; i++) {
    const live_result *r = &s->results[i];
    if (!r->text || !r->text[0] || r->end < begin || r->start > end) continue;
    if (!r->is_final && !heard) first[(*firsts)++] = r->at - (double)begin / s->rate;
    heard = true;
    if (r->is_final) last = r;
  }
  if (last) final[(*finals)++] = last->at - (double)end / s->rate;
}

static bool run(test_loop *l, const live_server *server, const scenario *sc, bool is_first) {
  live_stream s[STREAMS] = {0};
  long before_rss = 0, peak_rss = 0;
  double before_cpu = 0, after_cpu = 0, first[MAX_LATENCIES], final[MAX_LATENCIES];
  size_t firsts = 0, finals = 0, interims = 0;
  for (size_t i = 0; i < sc->streams; i++) {
    s[i] = (live_stream){.pcm = audio,
                         .count = audio_count,
                         .rate = LIVE_CLIP_RATE,
                         .opus = true,
                         .interim = sc->interim,
                         .pace = sc->pace};
  }
  live_server_usage(server, &before_rss, &before_cpu);
  if (!live_run(l, s, sc->streams)) return false;
  live_server_usage(server, &peak_rss, &after_cpu);
  double seconds = (double)audio_count / LIVE_CLIP_RATE * (double)sc->streams;
  for (size_t i = 0; i < sc->streams; i++) {
    int64_t at = 0;
    for (int c = 0; c < LIVE_CLIPS; c++) {
      if (sc->pace > 0) measure(&s[i], at + clips[c].begin, at + clips[c].end, first, &firsts, final, &finals);
      at += clips[c].count + LIVE_CLIP_PAUSE;
    }
    for (size_t k = 0; k < s[i].result_count; k++)
      interims += s[i].results[k].text && !s[i].results[k].is_final;
    if (s[i].code != 0) return false;
    live_dispose(&s[i]);
  }
  printf("%s\n  {\"scenario\": \"%s\", \"streams\": %zu, \"audio_seconds\": %.1f,\n    "
         "\"cpu_seconds_per_audio_second\": %.4f, "
         "\"rss_mib\": %.1f, \"rss_growth_mib_per_stream\": %.2f, \"interims_per_audio_second\": %.2f",
         is_first ? "" : ",", sc->name, sc->streams, seconds, (after_cpu - before_cpu) / seconds,
         (double)peak_rss / 1048576, (double)(peak_rss - before_rss) / 1048576 / (double)sc->streams,
         (double)interims / seconds);
  print_latency("first_interim", first, firsts);
  print_latency("final", final, finals);
  printf("}");
  return true;
}

int main(void) {
  static const scenario scenarios[] = {{"finals only, as fast as possible", 1, false, 0},
                                       {"interim results, real time, one stream", 1, true, 1},
                                       {"interim results, real time, eight streams", STREAMS, true, 1}};
  static live_server server;
  static test_loop loop;
  if (live_clips_read(clips)) audio = live_clips_join(clips, &audio_count);
  if (!audio) {
    fputs("the clips of pocketsphinx-testdata are not there\n", stderr);
    return 1;
  }
  if (!live_server_start(&server, "sherpa", NULL) || !base_is_ok(test_loop_init(&loop, server.port, 0))) {
    fputs("the server does not start: is PONTE_SERVICES its path?\n", stderr);
    return 1;
  }
  bool ok = true;
  printf("{\"benchmark\": \"transcription\", \"engine\": \"sherpa\", \"codec\": \"Opus 24 kb/s\", \"results\": [");
  for (size_t i = 0; ok && i < sizeof scenarios / sizeof scenarios[0]; i++)
    ok = run(&loop, &server, &scenarios[i], i == 0);
  printf("\n]}\n");
  test_loop_dispose(&loop);
  live_server_stop(&server, SIGTERM);
  live_clips_free(clips);
  free(audio);
  return ok ? 0 : 1;
}
