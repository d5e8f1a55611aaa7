/* health.h - the few bytes of grpc.health.v1 that the h2 leg speaks itself: the gateway links no messages. Pure. Source: grpc/grpc doc/health-checking.md. */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_HEALTH_H
#define PONTE_GATEWAY_UPSTREAM_H2_HEALTH_H

#include "wire/frame.h"

#define GW__HEALTH_WATCH "/grpc.health.v1.Health/Watch"
enum { GW__HEALTH_SERVICE_MAX = 255, GW__HEALTH_MESSAGE_MAX = 256 };
/* HealthCheckResponse.ServingStatus; all but SERVING mean: send no calls. */
enum { GW__HEALTH_SERVING = 1 };

/* Appends a whole gRPC frame with HealthCheckRequest{service}. TOO_LARGE: a name above GW__HEALTH_SERVICE_MAX. */
base_err gw__health_request(const char *service, base_buf *out) BASE_MUST_USE;

/* The answers of one Watch. */
typedef struct {
  wire_frame_decoder frames;
  base_buf message;
} gw__health_reader;

void gw__health_reader_init(gw__health_reader *r);
void gw__health_reader_dispose(gw__health_reader *r);
/* Any split of the response's bytes. *status is set to the last complete answer's (0 to 3, or what a later version adds), and left alone without one. MALFORMED,
 * TOO_LARGE, UNIMPLEMENTED (a compressed message). */
base_err gw__health_read(gw__health_reader *r, base_span bytes, uint64_t *status) BASE_MUST_USE;

#endif
