/* retry.h - how long to wait before a refused or lost call is made again. Pure. */
#ifndef PONTE_WC_RETRY_H
#define PONTE_WC_RETRY_H

#include "wire/status.h"

/* grpc-retry-pushback-ms of the status (at most a minute): how long the server wants to be left alone; -1: for ever (gRFC A6). Without it a back-off of 0.2 s to 5 s. `random`: a
 * uniform number. */
int64_t wc_retry_delay_ms(const wire_status *status, unsigned attempt, uint32_t random);

#endif
