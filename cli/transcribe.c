/* transcribe.c - `ponte transcribe`: its options, and its files one after another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/job.h"
#include "cli/session.h"

enum { GIVE_UP_MS = 60000, PATH_BYTES = 4096 };

typedef struct {
  cli_link_options link;
  cli_job_options job;
  const char *extension; /* of the format */
  bool attach;
  const char *title; /* of what is attached; NULL: the source's name */
} arguments;

static bool is(const cli_args *a, const char *option, const char *value) {
  const char *given = cli_arg(a, option);
  return given && strcmp(given, value) == 0;
}

static bool open_results(arguments *t, const char *path) {
  if (path) t->job.results = fopen(path, "w");
  if (path && !t->job.results) cli_say("%s: %s", path, strerror(errno));
  return !path || t->job.results != NULL;
}

static bool parse(const cli_args *a, arguments *t) {
  const char *format = cli_arg(a, "format"), *microphone = cli_arg(a, "mic");
  *t = (arguments){.link = cli_link_options_of(a),
                   .extension = format ? format : "txt",
                   .job = {.format = WC_FORMAT_TXT,
                           .language = cli_arg(a, "language"),
                           .model = cli_arg(a, "model"),
                           .microphone = microphone && !*microphone ? "default" : microphone,
                           .output_dir = cli_arg(a, "output-dir"),
                           .realtime = is(a, "pace", "realtime"),
                           .pcm = is(a, "codec", "pcm")}};
  if (format) t->job.format = (enum wc_format)wc_format_by_name(format);
  if (!cli_arg_seconds(a, "give-up", GIVE_UP_MS, &t->job.give_up_ms) ||
      !cli_arg_seconds(a, "duration", 0, &t->job.duration_ms))
    return false;
  if (t->job.microphone ? a->count > 0 : a->count == 0) {
    cli_say(a->count ? "--mic takes no files" : "name a file, or --mic; `ponte transcribe --help` tells more");
    return false;
  }
  t->attach = cli_arg(a, "attach") != NULL;
  t->job.shared = cli_arg(a, "shared") != NULL;
  t->title = t->attach && cli_arg(a, "attach")[0] ? cli_arg(a, "attach") : NULL;
  if (t->job.shared && !t->attach) {
    cli_say("--shared needs --attach");
    return false;
  }
  if (a->count > 1 && t->job.format != WC_FORMAT_TXT && !t->job.output_dir) {
    cli_say("several files in this format need --output-dir");
    return false;
  }
  return open_results(t, cli_arg(a, "results"));
}

/* DIR/name.srt for some/where/name.wav. */
static FILE *open_output(const arguments *a, const char *source) {
  if (!a->job.output_dir) return stdout;
  const char *slash = strrchr(source, '/'), *name = slash ? slash + 1 : source;
  const char *dot = strrchr(name, '.');
  size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
  char path[PATH_BYTES];
  int n = snprintf(path, sizeof path, "%s/%.*s.%s", a->job.output_dir, (int)stem, name, a->extension);
  FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
  if (!f) cli_say("%s: %s", path, strerror(errno));
  return f;
}

static int transcribe_source(const arguments *a, cli_link *link, cli_source *source, FILE *to, const char *name) {
  cli_job_options job = a->job;
  const char *slash = strrchr(name, '/');
  if (a->attach) job.title = a->title ? a->title : slash ? slash + 1 : name;
  return cli_job_run(link, &job, source, to);
}

static int transcribe_one(const arguments *a, const char *name) {
  cli_link link;
  wire_status status;
  if (!cli_link_open(&link, &a->link, CLI_TRANSCRIPTION_PORT)) return CLI_EXIT_USAGE;
  wire_status_init(&status);
  int code = cli_session_use(&link, &status) ? CLI_EXIT_LOCAL : cli_exit_of(&status);
  wire_status_dispose(&status);
  cli_source *source = NULL;
  if (link.identified)
    source = a->job.microphone ? cli_source_microphone(a->job.microphone, cli_link_wake, &link) : cli_source_file(name);
  FILE *to = source ? open_output(a, name) : NULL;
  if (to)
    code = transcribe_source(a, &link, source, to, name);
  else if (source)
    source->vt->free(source);
  if (to && to != stdout && fclose(to) != 0) {
    cli_say("the result could not be written: %s", strerror(errno));
    code = CLI_EXIT_LOCAL;
  }
  cli_link_close(&link);
  return code;
}

static int run(const cli_args *a) {
  arguments t;
  if (!parse(a, &t)) return CLI_EXIT_USAGE;
  int code = CLI_EXIT_OK;
  if (t.job.microphone) code = transcribe_one(&t, "microphone");
  for (int i = 0; i < a->count && code != CLI_EXIT_INTERRUPTED && code != CLI_EXIT_USAGE; i++) {
    if (a->count > 1) cli_say("%s", a->words[i]);
    int one = transcribe_one(&t, a->words[i]);
    if (code == CLI_EXIT_OK || one == CLI_EXIT_INTERRUPTED) code = one;
  }
  if (t.job.results) fclose(t.job.results);
  return code;
}

static const cli_option options[] = {
    {"mic", "[DEVICE]", "the microphone instead of files", NULL, 0},
    {"format", "FORMAT", "(default txt)", "txt srt vtt json", 0},
    {"output-dir", "DIR", "one file for each input, NAME.FORMAT, instead of stdout", NULL, 0},
    {"language", "TAG", "BCP 47, as `ponte models` lists them (default: the model's own)", NULL, 0},
    {"model", "NAME", "(default: the service's)", NULL, 0},
    {"pace", "PACE", "files only (default fast)", "fast realtime", 0},
    {"codec", "CODEC", "what is sent (default opus, 24 kb/s)", "opus pcm", 0},
    {"duration", "SECONDS", "stop after so much audio", NULL, 0},
    {"give-up", "SECONDS", "how long to try without an answer (default 60)", NULL, 0},
    {"attach", "[TITLE]", "let the assistant answer from it while it runs (default: the source's name)", NULL, 0},
    {"shared", NULL, "with --attach: for everybody (teachers and administrators)", NULL, 0},
    {"results", "FILE", "every result as it comes, one JSON object a line", NULL, 0},
    {0}};

const cli_command cli_transcribe = {
    .name = "transcribe",
    .summary = "speech to text, from files or the microphone",
    .arguments = "[FILE]...",
    .max = CLI_ANY,
    .groups = CLI_LINK,
    .options = options,
    .help = "Finals go to stdout as they come; a terminal shows the interim text and the progress as well. Files are "
            "WAV, FLAC,\n"
            "Ogg (Vorbis, Opus), MP3; \"-\" is standard input. Ctrl-C stops listening and waits for the last words.\n",
    .run = run};
