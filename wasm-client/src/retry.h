/* retry.h - whether and when a refused or lost call is made again. Pure. */
#ifndef PONTE_WC_RETRY_H
#define PONTE_WC_RETRY_H

#include "wire/status.h"

/* Statuses that say nothing about the call itself: it did not arrive, or nobody got to an answer. UNAUTHENTICATED is none of them: that needs somebody to sign in. */
bool wc_retry_may_help(int code);

/* How fast the back-off begins and where it ends. */
enum wc_retry_pace {
  WC_RETRY_QUICK, /* 0.2 s to 5 s: a reader waits */
  WC_RETRY_CALM,  /* 1 s to 30 s: nobody does */
};

/* grpc-retry-pushback-ms of the status (at most a minute): how long the server wants to be left alone; -1: for ever (gRFC A6). Without it a back-off. `random`: a uniform number. */
int64_t wc_retry_delay_ms(const wire_status *status, enum wc_retry_pace pace, unsigned attempt, uint32_t random);

#endif
