/* sse.h - the decoder of server-sent events: bytes in, as they come, and the data of whole events out.
 *
 * Lines end with CR, LF or both; comments, names and ids of events are passed over; several data lines make one text. What is held of one event is bounded. Pure; one thread.
 * Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
 */
#ifndef PONTE_LLM_SSE_H
#define PONTE_LLM_SSE_H

#include "base/buf.h"

enum { LLM_SSE_EVENT_MAX = 1 << 20 }; /* bytes of a line, and of an event's data */

typedef struct {
  base_buf line; /* the line under way */
  base_buf data; /* of the event under way */
  bool after_cr; /* a LF belongs to it */
  bool begun;    /* past the first line, which may begin with a byte order mark */
  bool has_data, given;
} llm_sse;

void llm_sse_init(llm_sse *s);
void llm_sse_dispose(llm_sse *s);
/* Takes bytes from the front of *in up to the end of an event. OK: *data is what it holds, valid until the next call; ask again with the rest. NEED_MORE: *in is used up.
 * TOO_LARGE and NO_MEMORY: the decoder is of no use any more. */
base_err llm_sse_next(llm_sse *s, base_span *in, base_span *data) BASE_MUST_USE;
/* The stream is over. OK: *data is the event that no blank line ended, for its content must show whether it is whole. NEED_MORE: there is none. */
base_err llm_sse_end(llm_sse *s, base_span *data) BASE_MUST_USE;

#endif
