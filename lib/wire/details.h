/* details.h - what a program may read of a failed call: google.rpc.Status with its details, in the trailer grpc-status-details-bin. Only the few messages that
 * are used here, and without generated code: the gateway, which knows no message, writes them too, and the browser's client reads them.
 *
 * Pure. Sources: google/rpc/status.proto and error_details.proto; grpc-retry-pushback-ms, grpc/proposal A6.
 */
#ifndef PONTE_WIRE_DETAILS_H
#define PONTE_WIRE_DETAILS_H

#include "wire/status.h"

/* Borrowed for the call; every text is UTF-8. */
typedef struct {
  const char *domain, *reason; /* ErrorInfo; never NULL */
  const char *key, *value;     /* one entry of ErrorInfo.metadata; or NULL */
  const char *field;           /* BadRequest.field_violations[0].field, described by the status's message; or NULL */
  int64_t retry_after_ms;      /* RetryInfo, and the trailer grpc-retry-pushback-ms; 0 = none */
} wire_details;

/* Adds the trailers that say this of *s, whose code and message are set. TOO_LARGE or NO_MEMORY: the status is as it was, or lacks the details: it can be sent still. */
base_err wire_details_add(wire_status *s, const wire_details *d) BASE_MUST_USE;

/* What a status says, as far as it does: empty and 0 otherwise. Borrowed from the status; UTF-8. */
typedef struct {
  base_span domain, reason; /* ErrorInfo */
  base_span field;          /* BadRequest.field_violations[0].field */
  int64_t retry_after_ms;   /* RetryInfo: 0 to a year */
} wire_details_found;

/* OK also for a status without details. MALFORMED: they are no google.rpc.Status; *out is empty then. */
base_err wire_details_read(const wire_status *s, wire_details_found *out) BASE_MUST_USE;

#endif
