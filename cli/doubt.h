/* doubt.h - a question that --queue has kept: its lessons are added, then it is asked and answered. One thread. */
#ifndef PONTE_CLI_DOUBT_H
#define PONTE_CLI_DOUBT_H

#include "cli/queue.h"

/* Whether the kept call is one. */
bool cli_doubt_is(const cli_queued *c);
/* Asks it, and shows question and answer (as `ponte ask` does), with `json` in lines of their own. The status is OK once the answer's end has come, be it cut or blocked, which is said.
 * False: the answer could not be shown, or the queue written (said), whatever the status. What a repeat needs is in the queue before it is needed: each lesson's id, so that it asks the same. */
bool cli_doubt_send(cli_queue *q, cli_link *l, const cli_queued *c, int64_t timeout_ms, int64_t stream_timeout_ms,
                    bool json, wire_status *status);

#endif
