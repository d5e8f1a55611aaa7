/* transcribe.c - `ponte transcribe`: its options, and its files one after another. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/job.h"

enum { TRANSCRIPTION_PORT = 50054, GIVE_UP_MS = 60000, PATH_BYTES = 4096 };

typedef struct {
  cli_link_options link;
  cli_job_options job;
  const char *extension; /* of the format */
} arguments;

static bool parse_choice(const char *option, const char *value, const char *no, const char *yes, bool *out) {
  *out = strcmp(value, yes) == 0;
  if (*out || strcmp(value, no) == 0) return true;
  cli_say("--%s must be %s or %s", option, no, yes);
  return false;
}

static bool parse_seconds(const char *option, const char *value, int64_t *ms) {
  char *end;
  errno = 0;
  double seconds = strtod(value, &end);
  *ms = (int64_t)(seconds * 1000);
  if (*end == 0 && end != value && errno == 0 && seconds > 0 && seconds < 1e9) return true;
  cli_say("--%s must be a positive number of seconds", option);
  return false;
}

static bool parse_format(arguments *a, const char *value) {
  int format = wc_format_by_name(value);
  if (format < 0) {
    cli_say("--format must be txt, srt, vtt or json");
    return false;
  }
  a->job.format = (enum wc_format)format;
  a->extension = value;
  return true;
}

static bool open_results(arguments *a, const char *path) {
  a->job.results = fopen(path, "w");
  if (!a->job.results) cli_say("%s: %s", path, strerror(errno));
  return a->job.results != NULL;
}

static bool parse_option(arguments *a, int option, const char *value) {
  switch (option) {
  case 'f': return parse_format(a, value);
  case 'l': a->job.language = value; return true;
  case 'm': a->job.model = value; return true;
  case 'M': a->job.microphone = value ? value : "default"; return true;
  case 'o': a->job.output_dir = value; return true;
  case 'p': return parse_choice("pace", value, "fast", "realtime", &a->job.realtime);
  case 'c': return parse_choice("codec", value, "opus", "pcm", &a->job.pcm);
  case 'r': return open_results(a, value);
  case 'g': return parse_seconds("give-up", value, &a->job.give_up_ms);
  case 'D': return parse_seconds("duration", value, &a->job.duration_ms);
  default: return cli_link_option(&a->link, option, value);
  }
}

static bool parse(arguments *a, int argc, char **argv) {
  static const struct option options[] = {CLI_LINK_OPTIONS,
                                          {"format", required_argument, NULL, 'f'},
                                          {"language", required_argument, NULL, 'l'},
                                          {"model", required_argument, NULL, 'm'},
                                          {"mic", optional_argument, NULL, 'M'},
                                          {"output-dir", required_argument, NULL, 'o'},
                                          {"pace", required_argument, NULL, 'p'},
                                          {"codec", required_argument, NULL, 'c'},
                                          {"results", required_argument, NULL, 'r'},
                                          {"give-up", required_argument, NULL, 'g'},
                                          {"duration", required_argument, NULL, 'D'},
                                          {0}};
  *a = (arguments){.extension = "txt", .job = {.format = WC_FORMAT_TXT, .give_up_ms = GIVE_UP_MS}};
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (!parse_option(a, o, optarg)) return false;
  }
  int files = argc - optind;
  if (a->job.microphone ? files > 0 : files == 0) {
    cli_say(files ? "--mic takes no files" : "name a file, or --mic; `ponte transcribe --help` tells more");
    return false;
  }
  if (files > 1 && a->job.format != WC_FORMAT_TXT && !a->job.output_dir) {
    cli_say("several files in this format need --output-dir");
    return false;
  }
  return true;
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

static void nudge(void *ctx) { net_loop_wake(ctx); }

static int transcribe_one(const arguments *a, const char *name) {
  cli_link link;
  if (!cli_link_open(&link, &a->link, TRANSCRIPTION_PORT)) return CLI_EXIT_USAGE;
  int code = CLI_EXIT_LOCAL;
  cli_source *source =
      a->job.microphone ? cli_source_microphone(a->job.microphone, nudge, link.loop) : cli_source_file(name);
  FILE *to = source ? open_output(a, name) : NULL;
  if (to)
    code = cli_job_run(&link, &a->job, source, to);
  else if (source)
    source->vt->free(source);
  if (to && to != stdout && fclose(to) != 0) {
    cli_say("the result could not be written: %s", strerror(errno));
    code = CLI_EXIT_LOCAL;
  }
  cli_link_close(&link);
  return code;
}

static int run(int argc, char **argv) {
  arguments a;
  if (!parse(&a, argc, argv)) return CLI_EXIT_USAGE;
  int code = CLI_EXIT_OK;
  if (a.job.microphone) code = transcribe_one(&a, "microphone");
  for (int i = optind; i < argc && code != CLI_EXIT_INTERRUPTED && code != CLI_EXIT_USAGE; i++) {
    if (argc - optind > 1) cli_say("%s", argv[i]);
    int one = transcribe_one(&a, argv[i]);
    if (code == CLI_EXIT_OK || one == CLI_EXIT_INTERRUPTED) code = one;
  }
  if (a.job.results) fclose(a.job.results);
  return code;
}

const cli_command cli_transcribe = {
    "transcribe", "speech to text, from files or the microphone",
    "usage: ponte transcribe [OPTION]... FILE...\n"
    "       ponte transcribe [OPTION]... --mic[=DEVICE]\n"
    "Finals go to stdout as they come; a terminal shows the interim text and the progress as well. Files are WAV, "
    "FLAC,\n"
    "Ogg (Vorbis, Opus), MP3; \"-\" is standard input. Ctrl-C stops listening and waits for the last words.\n\n"
    "  --format txt|srt|vtt|json       (default txt)\n"
    "  --output-dir DIR                one file for each input, NAME.FORMAT, instead of stdout\n"
    "  --language TAG                  BCP 47, as `ponte models` lists them (default: the model's own)\n"
    "  --model NAME                    (default: the service's)\n"
    "  --pace fast|realtime            files only (default fast)\n"
    "  --codec opus|pcm                what is sent (default opus, 24 kb/s)\n"
    "  --duration SECONDS              stop after so much audio\n"
    "  --give-up SECONDS               how long to try without an answer (default 60)\n"
    "  --results FILE                  every result as it comes, one JSON object a line\n" CLI_LINK_HELP,
    run};
