#include <alsa/asoundlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/source.h"

/* What the microphone may run ahead of the loop; only devices that are no microphones (files in tests) ever fill it. */
enum { QUEUE_FRAMES = 100, LATENCY_US = 100000 };

typedef struct {
  cli_source base;
  const char *device;
  snd_pcm_t *pcm;
  pthread_t thread;
  bool has_thread;
  pthread_mutex_t lock; /* of all below */
  pthread_cond_t room;
  int16_t queue[QUEUE_FRAMES][CLI_FRAME];
  size_t head, count;
  bool stop, ended;
  int error;
  void (*wake)(void *ctx);
  void *ctx;
} mic_source;

static bool put(mic_source *m, const int16_t *frame) {
  pthread_mutex_lock(&m->lock);
  while (m->count == QUEUE_FRAMES && !m->stop)
    pthread_cond_wait(&m->room, &m->lock);
  bool go_on = !m->stop;
  if (go_on) memcpy(m->queue[(m->head + m->count++) % QUEUE_FRAMES], frame, sizeof m->queue[0]);
  pthread_mutex_unlock(&m->lock);
  if (go_on) m->wake(m->ctx);
  return go_on;
}

/* A frame, in as many reads as the device likes; 0, or ALSA's error. An overrun lost audio already: go on with what comes. */
static int read_whole(mic_source *m, int16_t *frame) {
  for (snd_pcm_uframes_t have = 0; have < CLI_FRAME;) {
    snd_pcm_sframes_t n = snd_pcm_readi(m->pcm, frame + have, CLI_FRAME - have);
    if (n < 0) n = snd_pcm_recover(m->pcm, (int)n, 1);
    if (n < 0) return (int)n;
    have += (snd_pcm_uframes_t)n;
  }
  return 0;
}

static void *run(void *arg) {
  mic_source *m = arg;
  int16_t frame[CLI_FRAME];
  int error = 0;
  do {
    error = read_whole(m, frame);
  } while (error == 0 && put(m, frame));
  pthread_mutex_lock(&m->lock);
  m->ended = true;
  m->error = error;
  bool stop = m->stop;
  pthread_mutex_unlock(&m->lock);
  if (!stop) m->wake(m->ctx);
  return NULL;
}

static enum cli_read read_frame(cli_source *s, float frame[CLI_FRAME]) {
  mic_source *m = (mic_source *)s;
  pthread_mutex_lock(&m->lock);
  enum cli_read result = CLI_READ_FRAME;
  if (m->count == 0) {
    result = !m->ended ? CLI_READ_LATER : m->error ? CLI_READ_ERROR : CLI_READ_END;
  } else {
    for (int i = 0; i < CLI_FRAME; i++)
      frame[i] = (float)m->queue[m->head][i] / 32768.0f;
    m->head = (m->head + 1) % QUEUE_FRAMES;
    m->count--;
    pthread_cond_signal(&m->room);
  }
  pthread_mutex_unlock(&m->lock);
  return result;
}

static const char *text(const cli_source *s) {
  const mic_source *m = (const mic_source *)s;
  return m->error ? snd_strerror(m->error) : m->device;
}

static void source_free(cli_source *s) {
  mic_source *m = (mic_source *)s;
  pthread_mutex_lock(&m->lock);
  m->stop = true;
  pthread_cond_signal(&m->room);
  pthread_mutex_unlock(&m->lock);
  if (m->has_thread) pthread_join(m->thread, NULL);
  if (m->pcm) snd_pcm_close(m->pcm);
  pthread_cond_destroy(&m->room);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

/* ALSA's own words about its configuration are for its developers. */
static void silent(const char *file, int line, const char *function, int err, const char *fmt, ...) {
  (void)file, (void)line, (void)function, (void)err, (void)fmt;
}

cli_source *cli_source_microphone(const char *device, void (*wake)(void *ctx), void *ctx) {
  static const cli_source_vt vt = {read_frame, text, source_free};
  mic_source *m = calloc(1, sizeof *m);
  if (!m) {
    cli_say("out of memory");
    return NULL;
  }
  m->base.vt = &vt;
  m->device = device;
  m->wake = wake;
  m->ctx = ctx;
  pthread_mutex_init(&m->lock, NULL);
  pthread_cond_init(&m->room, NULL);
  snd_lib_error_set_handler(silent);
  int err = snd_pcm_open(&m->pcm, device, SND_PCM_STREAM_CAPTURE, 0);
  if (err == 0)
    err = snd_pcm_set_params(m->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 1, CLI_RATE, 1, LATENCY_US);
  if (err == 0) err = -pthread_create(&m->thread, NULL, run, m);
  m->has_thread = err == 0;
  if (err == 0) return &m->base;
  cli_say("microphone %s: %s", device, snd_strerror(err));
  source_free(&m->base);
  return NULL;
}
