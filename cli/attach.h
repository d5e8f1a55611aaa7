/* attach.h - a transcription as the assistant's material while it runs: its final results go to AppendTranscript (wc/attach.h), over the link and in the loop of the transcription itself.
 *
 * The session of `ponte login` is not followed from inside callbacks: whoever runs the loop calls cli_attach_renew() now and then. One thread.
 */
#ifndef PONTE_CLI_ATTACH_H
#define PONTE_CLI_ATTACH_H

#include "cli/link.h"
#include "wc/attach.h"

typedef struct cli_attach cli_attach;

/* `title` is copied; the link outlives this. NULL: said why. */
cli_attach *cli_attach_new(cli_link *link, const char *session_id, const char *title, bool shared);
/* Ends a running call. NULL is allowed. */
void cli_attach_free(cli_attach *a);
/* Takes the finals. False: said why. */
bool cli_attach_add(cli_attach *a, const Ponte__Transcription__V1__TranscriptionResult *result);
/* There is nothing more to wait for: all so far were added, or were refused for good (said). */
bool cli_attach_is_settled(const cli_attach *a);
/* CLI_EXIT_OK if all results so far were added; what is not sent yet counts as UNAVAILABLE. */
int cli_attach_code(const cli_attach *a);

/* The service did not accept the token. */
bool cli_attach_wants_token(const cli_attach *a);
/* Gives the link the session's token as it is now, refreshed if it is time. Runs the loop, and takes the link's hooks for that. */
void cli_attach_renew(cli_attach *a);

#endif
