/* timestamp.h - google.protobuf.Timestamp and the Unix microseconds of the store. Pure; any thread. Source: google/protobuf/timestamp.proto. */
#ifndef PONTE_SVC_TIMESTAMP_H
#define PONTE_SVC_TIMESTAMP_H

#include <stdbool.h>

#include "google/protobuf/timestamp.pb-c.h"

/* Rounded up to a whole microsecond, so that "at or after" and "before" mean the same for times that are whole. False: not within the years 1 to 9999, or nanos beyond a
 * second. */
bool svc_time_us(const Google__Protobuf__Timestamp *t, int64_t *us);
/* Fills in *t, from its init on. */
void svc_timestamp(int64_t us, Google__Protobuf__Timestamp *t);

#endif
