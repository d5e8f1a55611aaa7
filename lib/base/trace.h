/* trace.h - where a call stands in a distributed trace: W3C trace context, its text form, new spans, and the decision what is sampled. Pure but for its random
 * numbers, which each thread makes by itself (ids must be unlikely to meet, not hard to guess). Any thread.
 *
 * Sources: W3C Trace Context (traceparent, https://www.w3.org/TR/trace-context/); OpenTelemetry SDK, ParentBased and TraceIdRatioBased samplers.
 */
#ifndef PONTE_BASE_TRACE_H
#define PONTE_BASE_TRACE_H

#include "base/span.h"

typedef struct {
  uint8_t trace_id[16], span_id[8];
  uint8_t flags; /* BASE_TRACE_SAMPLED */
} base_trace;

enum { BASE_TRACE_SAMPLED = 1, BASE_TRACEPARENT_SIZE = 56, BASE_TRACE_ID_SIZE = 33 };

/* False: malformed, which by the specification means that the caller starts a trace of its own. */
bool base_trace_parse(base_span traceparent, base_trace *out);
/* "00-<trace id>-<span id>-<flags>" with its NUL. */
void base_trace_text(const base_trace *t, char out[BASE_TRACEPARENT_SIZE]);
/* The trace id in hexadecimal, for logs. */
void base_trace_id_text(const base_trace *t, char out[BASE_TRACE_ID_SIZE]);
/* A span below `parent`, sampled as that is; with NULL the root of a new trace, sampled with probability `ratio` (0 to 1), decided by the trace id. */
void base_trace_start(const base_trace *parent, double ratio, base_trace *out);

#endif
