/* reason.h - why a service refused: the reason of google.rpc.ErrorInfo in a status's details (lib/rpc/error.h has the table of reasons). Pure. */
#ifndef PONTE_WC_REASON_H
#define PONTE_WC_REASON_H

#include "wire/status.h"

/* Borrowed from the status; empty if there is none or the details are malformed. */
base_span wc_reason(const wire_status *status);

#endif
