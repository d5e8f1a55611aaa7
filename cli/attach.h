/* attach.h - a transcription as the assistant's material while it runs: final results go to AppendTranscript, in their order, from a thread of its own.
 *
 * The thread has a link of its own and waits for its answers there, so that sessions are refreshed as everywhere else (session.h) while the microphone is heard. What cannot be
 * sent is tried again; sent twice, a result is added once. All functions are called by one thread.
 */
#ifndef PONTE_CLI_ATTACH_H
#define PONTE_CLI_ATTACH_H

#include "cli/link.h"
#include "wc/transcript.h"

typedef struct cli_attach cli_attach;

typedef struct {
  cli_link_options link; /* borrowed until cli_attach_free(), with all that follows */
  const char *title;
  bool shared;
} cli_attach_options;

/* Nothing is sent before the first result. NULL: said why. */
cli_attach *cli_attach_new(const cli_attach_options *options);
/* Of the transcription: what the assistant finds it under. */
const char *cli_attach_session_id(const cli_attach *a);
/* Copies. False: said why. */
bool cli_attach_add(cli_attach *a, const wc_segment *segment);
/* No more results. Then cli_attach_settled() tells when there is nothing more to wait for: all were added, or were refused for good (said). */
void cli_attach_end(cli_attach *a);
bool cli_attach_settled(cli_attach *a);
/* CLI_EXIT_OK if all results so far were added; what is not sent yet counts as UNAVAILABLE. */
int cli_attach_code(cli_attach *a);
/* Waits for a call that is under way. NULL is allowed. */
void cli_attach_free(cli_attach *a);

#endif
