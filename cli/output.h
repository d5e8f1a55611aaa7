/* output.h - what `ponte transcribe` shows while it works: finals on stdout, the interim line and the progress on a terminal's stderr.
 * Nothing but results ever goes to stdout. One thread. */
#ifndef PONTE_CLI_OUTPUT_H
#define PONTE_CLI_OUTPUT_H

#include <stdio.h>

#include "wc/transcript.h"

typedef struct {
  FILE *to;
  enum wc_format format;
  bool live;    /* stderr is a terminal */
  bool on_line; /* an interim line is on the screen */
  wc_transcript *transcript;
} cli_output;

/* percent below 0: unknown. */
void cli_output_interim(cli_output *o, int percent);
/* TXT: prints the final at once. */
void cli_output_final(cli_output *o);
/* A word to the reader that does not disturb the interim line. */
void cli_output_say(cli_output *o, const char *text);
/* The whole file for formats that are not written as they come. False: stdout failed. */
bool cli_output_finish(cli_output *o);

#endif
