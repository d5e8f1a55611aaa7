/* job.h - one source transcribed from its first frame to its last word: pacing, interruption, giving up, output. One thread. */
#ifndef PONTE_CLI_JOB_H
#define PONTE_CLI_JOB_H

#include "cli/link.h"
#include "cli/output.h"
#include "cli/source.h"

typedef struct {
  enum wc_format format;
  const char *language, *model, *microphone, *output_dir;
  FILE *results;     /* every result as it comes, one JSON object a line; or NULL */
  const char *title; /* of the assistant's material that the finals become; NULL: they do not */
  bool shared;       /* for everybody */
  bool realtime, pcm;
  int64_t give_up_ms;  /* without any answer */
  int64_t duration_ms; /* 0: all of it */
} cli_job_options;

/* Transcribes the source (which it frees) to `to`; gives the exit code. Owns the link's hooks and loop while it runs. */
int cli_job_run(cli_link *link, const cli_job_options *options, cli_source *source, FILE *to);

#endif
