#include "cli/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/encoder.h"
#include "wc/live.h"

enum {
  TICK_MS = 20,
  UNSENT_MAX = 128 * 1024,
  AHEAD_MAX_MS = 60 * 1000, /* how far a file may run ahead of its text */
  RENEW_MS = 20000,      /* how often the session is looked at: sooner than its token may end unnoticed (session.c) */
  RENEW_AGAIN_MS = 1000, /* while its token is not accepted */
  MS_SAMPLES = CLI_RATE / 1000,
};

typedef struct {
  cli_link *link;
  const cli_job_options *options;
  cli_source *source;
  cli_encoder encoder;
  cli_output output;
  wc_live *live;
  cli_attach *attach; /* or NULL */
  net_timer *tick;
  int64_t started_ms, heard_ms; /* heard: when the service last answered */
  int64_t renewed_ms;           /* when the session was looked at */
  bool ended;                   /* no more frames are read */
  bool settling;                /* all is transcribed, and the finals are on their way to the assistant */
  bool heard, told;             /* the service has answered before; the reader knows of the lost connection */
  bool over;                    /* the loop is done */
  int exit_code;
} job;

static int64_t now_ms(const job *j) { return wc_now_ms(j->link->plat); }

static void finish(job *j, int code) {
  j->exit_code = code;
  j->over = true;
  net_loop_stop(j->link->loop);
}

/* The code of what is attached counts where there is no other. */
static void finish_attached(job *j) {
  finish(j, j->attach && j->exit_code == CLI_EXIT_OK ? cli_attach_code(j->attach) : j->exit_code);
}

/* The transcription is over; what is attached has to arrive. */
static void settle(job *j, int code) {
  j->exit_code = code;
  if (!j->attach || cli_attach_is_settled(j->attach)) {
    finish_attached(j);
    return;
  }
  j->settling = true;
  j->heard_ms = now_ms(j);
}

static int percent(const job *j) {
  if (j->source->total <= 0) return -1;
  int64_t p = wc_live_committed(j->live) * 100 / j->source->total;
  return p > 100 ? 100 : (int)p;
}

/* -- frames in */

static bool has_room(const job *j) {
  return wc_live_unsent(j->live) < UNSENT_MAX &&
         wc_live_pushed(j->live) - wc_live_committed(j->live) < (int64_t)AHEAD_MAX_MS * MS_SAMPLES;
}

static bool is_due(const job *j) {
  int64_t pushed_ms = wc_live_pushed(j->live) / MS_SAMPLES;
  if (j->options->microphone) return true;
  return j->options->realtime ? pushed_ms <= now_ms(j) - j->started_ms : has_room(j);
}

static void end_input(job *j) {
  j->ended = true;
  wc_live_end(j->live);
}

static void feed(job *j) {
  float frame[CLI_FRAME];
  while (!j->ended && is_due(j)) {
    if (j->options->duration_ms && wc_live_pushed(j->live) / MS_SAMPLES >= j->options->duration_ms) {
      end_input(j);
      return;
    }
    switch (j->source->vt->read(j->source, frame)) {
    case CLI_READ_LATER: return;
    case CLI_READ_END: end_input(j); return;
    case CLI_READ_ERROR:
      cli_output_say(&j->output, j->source->vt->text(j->source));
      j->exit_code = CLI_EXIT_LOCAL; /* what was heard so far is still worth its words */
      end_input(j);
      return;
    case CLI_READ_FRAME: break;
    }
    /* A refused packet means that the transcription failed; its state says why. */
    if (!base_is_ok(wc_live_push(j->live, CLI_FRAME, cli_encoder_encode(&j->encoder, frame)))) j->ended = true;
  }
}

/* At each tick while results are being attached. */
static void wait_for_attach(job *j) {
  bool late = now_ms(j) - j->heard_ms > j->options->give_up_ms;
  if (!late && !cli_attach_is_settled(j->attach)) {
    net_timer_set(j->tick, TICK_MS);
    return;
  }
  if (late) cli_output_say(&j->output, "the assistant cannot be reached: a part of the transcript was not attached");
  finish_attached(j);
}

static bool renewal_is_due(const job *j) {
  int64_t after_ms = j->attach && cli_attach_wants_token(j->attach) ? RENEW_AGAIN_MS : RENEW_MS;
  return j->attach && now_ms(j) - j->renewed_ms > after_ms;
}

static void on_tick(void *ctx) {
  job *j = ctx;
  if (renewal_is_due(j)) net_loop_stop(j->link->loop); /* for run() */
  if (j->settling) {
    wait_for_attach(j);
    return;
  }
  feed(j);
  if (now_ms(j) - j->heard_ms > j->options->give_up_ms && wc_live_state(j->live) != WC_LIVE_LIVE) {
    cli_output_say(&j->output, "no answer for too long, giving up");
    finish(j, CLI_EXIT_STATUS + BASE_GRPC_UNAVAILABLE);
    return;
  }
  net_timer_set(j->tick, TICK_MS);
}

static void on_wake(void *ctx) {
  job *j = ctx;
  if (j->live) feed(j);
}

static void on_interrupt(void *ctx) {
  job *j = ctx;
  if (j->ended) {
    finish(j, CLI_EXIT_INTERRUPTED);
    return;
  }
  cli_output_say(&j->output, "waiting for the last words; Ctrl-C again stops at once");
  end_input(j);
}

/* -- results out */

static void write_result(FILE *to, const wc_result *r) {
  static const char *const kinds[] = {
      [PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SPEECH_STARTED] = "speech_started",
      [PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_UTTERANCE_END] = "utterance_end",
      [PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_PROGRESS] = "progress"};
  fprintf(to, "{\"committed_end\":%" PRId64, r->committed_end);
  if (r->result_case == PONTE__TRANSCRIPTION__V1__TRANSCRIPTION_RESULT__RESULT_SEGMENT) {
    base_buf text;
    base_buf_init(&text, 1 << 20);
    if (base_is_ok(base_buf_json(&text, base_span_str(r->segment->text))))
      fprintf(to, ",\"kind\":\"%s\",\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"text\":%.*s",
              r->segment->is_final ? "final" : "interim", r->segment->start_sample, r->segment->end_sample,
              BASE_SPAN_ARG(base_buf_span(&text)));
    base_buf_dispose(&text);
  } else {
    const char *kind = (size_t)r->result_case < sizeof kinds / sizeof *kinds ? kinds[r->result_case] : NULL;
    fprintf(to, ",\"kind\":\"%s\"", kind ? kind : "other");
  }
  fputs("}\n", to);
  fflush(to);
}

static void on_result(void *ctx, const wc_result *r) {
  job *j = ctx;
  j->heard_ms = now_ms(j);
  if (j->options->results) write_result(j->options->results, r);
  size_t before = wc_transcript_count(j->output.transcript);
  enum wc_change change;
  if (!base_is_ok(wc_transcript_apply(j->output.transcript, r, &change))) {
    cli_output_say(&j->output, "out of memory");
    finish(j, CLI_EXIT_LOCAL);
    return;
  }
  size_t count = wc_transcript_count(j->output.transcript);
  if (count > before) cli_output_final(&j->output);
  if (count > before && j->attach && !cli_attach_add(j->attach, r)) j->exit_code = CLI_EXIT_LOCAL;
  cli_output_interim(&j->output, percent(j));
}

static void on_state(void *ctx, enum wc_live_state state, const wire_status *status) {
  job *j = ctx;
  switch (state) {
  case WC_LIVE_LIVE:
    j->heard_ms = now_ms(j);
    j->heard = true;
    if (j->told) cli_output_say(&j->output, "connected");
    j->told = false;
    break;
  case WC_LIVE_RECONNECTING:
    if (!j->told) {
      cli_output_say(&j->output, j->heard ? "the connection is lost; trying again, and no audio is lost"
                                          : "no answer yet; trying again");
      j->heard_ms = now_ms(j);
    }
    j->told = true;
    break;
  case WC_LIVE_DONE: settle(j, j->exit_code); break;
  case WC_LIVE_FAILED:
    cli_output_interim(&j->output, -1);
    settle(j, cli_exit_of(status));
    break;
  case WC_LIVE_CONNECTING: break;
  }
}

static const wc_live_events live_events = {.on_state = on_state, .on_result = on_result};

/* -- from the first frame to the last word */

static bool attach(job *j) {
  const char *title = j->options->title, *session_id = wc_live_session_id(j->live);
  j->attach = cli_attach_new(j->link, session_id, title, j->options->shared);
  if (j->attach) cli_say("attached as %s: `ponte ask --session %s`", title, session_id);
  return j->attach != NULL;
}

static bool prepare(job *j, FILE *to) {
  const cli_job_options *o = j->options;
  wc_live_options live = {.codec = o->pcm ? PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_PCM16
                                          : PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS,
                          .sample_rate_hz = CLI_RATE,
                          .language = o->language,
                          .model = o->model,
                          .interim_results = true};
  j->output =
      (cli_output){.to = to, .format = o->format, .live = isatty(STDERR_FILENO), .transcript = wc_transcript_new()};
  if (!cli_encoder_init(&j->encoder, !o->pcm)) return false;
  j->tick = net_timer_new(j->link->loop, on_tick, j);
  base_err err = j->output.transcript && j->tick ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  if (base_is_ok(err)) err = wc_live_new(j->link->plat, j->link->channel, &live, &live_events, j, &j->live);
  if (!base_is_ok(err)) cli_say("cannot start: %s", base_err_text(err));
  return base_is_ok(err) && (!o->title || attach(j));
}

static void take_hooks(job *j) {
  j->link->ctx = j;
  j->link->on_wake = on_wake;
  j->link->on_interrupt = on_interrupt;
}

/* A refresh runs the loop too, so nothing is missed meanwhile; Ctrl-C ends it first. */
static void renew(job *j) {
  int interrupted = j->link->interrupted;
  j->link->interrupted = 0;
  j->renewed_ms = now_ms(j);
  cli_attach_renew(j->attach);
  take_hooks(j);
  if (j->link->interrupted) on_interrupt(j);
  j->link->interrupted |= interrupted;
}

static void run(job *j) {
  j->started_ms = j->heard_ms = j->renewed_ms = now_ms(j);
  net_timer_set(j->tick, 0);
  while (!j->over) {
    net_loop_run(j->link->loop);
    if (!j->over && renewal_is_due(j)) renew(j);
  }
}

int cli_job_run(cli_link *link, const cli_job_options *options, cli_source *source, FILE *to) {
  job j = {.link = link, .options = options, .source = source, .exit_code = CLI_EXIT_OK};
  take_hooks(&j);
  if (prepare(&j, to)) {
    run(&j);
    if (!cli_output_finish(&j.output) && j.exit_code == CLI_EXIT_OK) j.exit_code = CLI_EXIT_LOCAL;
  } else {
    j.exit_code = CLI_EXIT_LOCAL;
  }
  link->on_wake = NULL;
  link->on_interrupt = NULL;
  cli_attach_free(j.attach);
  wc_live_free(j.live);
  net_timer_free(j.tick);
  source->vt->free(source);
  cli_encoder_dispose(&j.encoder);
  wc_transcript_free(j.output.transcript);
  return j.exit_code;
}
