/* fake.h - the scripted engine: what it answers stands in the question, so that tests know an answer without a model.
 *
 * A question that holds "fake:STEP,STEP..." (up to a blank or its end) is answered step by step:
 *
 *   text=N     N pieces, "peça 1 ", "peça 2 " ...
 *   big=N      one piece of N bytes
 *   quote=N    [N: "..."] with the first words of passage N, which stand there
 *   lie        [1: "..."] with words that stand nowhere
 *   said       the question before, of the conversation
 *   pause=MS   nothing for that long
 *   wait       nothing until it is cancelled or the deadline passes
 *   endless    a piece every 10 ms until then
 *   end=NAME   the end with that finish reason (STOP, NOT_IN_MATERIAL ...)
 *   error=NAME that error (UNAVAILABLE ...; retry after 1500 ms if it is UNAVAILABLE or EXHAUSTED)
 *
 * and ends with STOP where the script does. A step that it does not know is INVALID. Any other question is answered with its first passage quoted, or, without passages, with
 * NOT_IN_MATERIAL. No thread of its own: steps are taken in llm_next().
 */
#ifndef PONTE_LLM_FAKE_H
#define PONTE_LLM_FAKE_H

#include "llm/llm.h"

/* Of this process: answers started and not ended, failed, or cancelled yet; answers that were cancelled before their end. */
int llm_fake_running(void);
int llm_fake_cancelled(void);

#endif
