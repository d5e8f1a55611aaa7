/* stream.h - one attempt at an answer: the bytes of a provider's event stream in, whole characters of text out, and at the end the truth about it.
 *
 * The finish reason must come with the last text or after it. The first words tell whether the answer is that the material does not tell (prompt.h). Pure; one thread.
 */
#ifndef PONTE_LLM_STREAM_H
#define PONTE_LLM_STREAM_H

#include "llm/provider.h"
#include "llm/sse.h"

enum {
  LLM_STREAM_PUSH_MAX = 4 * LLM_SSE_EVENT_MAX
}; /* bytes of text that one event can give, and no push of 16 KiB more */

typedef struct {
  const llm_provider *provider;
  const char *language; /* borrowed */
  llm_sse sse;
  base_buf raw;  /* text of events, at its end perhaps a torn character */
  base_buf lead; /* what may yet become the mark of prompt.h */
  enum { LLM_LEAD_OPEN, LLM_LEAD_MARK, LLM_LEAD_TEXT } state;
  bool not_in_material, has_text, finished;
  enum llm_finish finish;
  int64_t prompt_tokens, answer_tokens;
  llm_trouble trouble; /* after an error that is not NO_MEMORY */
} llm_stream;

void llm_stream_init(llm_stream *s, const llm_provider *provider, const char *language);
void llm_stream_dispose(llm_stream *s);
/* Appends text to *out. The error of `trouble`, or NO_MEMORY; the stream is then of no use any more. */
base_err llm_stream_push(llm_stream *s, base_span bytes, base_buf *out) BASE_MUST_USE;
/* The body is over. OK: `finish` and the tokens are the answer's. */
base_err llm_stream_end(llm_stream *s, base_buf *out) BASE_MUST_USE;

#endif
