/* head.h - one header block of a gRPC response (or its trailers) on its way from nghttp2 to metadata and status. Reused from block to block: HTTP/2 never
 * interleaves two of them on a connection. Pure; the caller holds the struct.
 * Sources: grpc/grpc doc/PROTOCOL-HTTP2.md ("Responses"); doc/http-grpc-status-mapping.md.
 */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_HEAD_H
#define PONTE_GATEWAY_UPSTREAM_H2_HEAD_H

#include "wire/status.h"

enum { GW_H2C_TEXT = 96 };

typedef struct {
  wire_metadata metadata; /* what belongs to the application, and grpc-encoding */
  base_buf message;       /* grpc-message, decoded */
  uint32_t max_bytes, bytes;
  int http_status; /* 0: none, as in trailers */
  int status;      /* grpc-status; below 0: none */
  bool is_grpc, bad_status;
  base_err error;         /* the block cannot be used; `what` names the header */
  char what[GW_H2C_TEXT]; /* cut where it does not fit */
  char type[GW_H2C_TEXT]; /* content-type, for the text of an error */
} gw_h2c_head;

void gw_h2c_head_init(gw_h2c_head *h, uint32_t max_bytes);
void gw_h2c_head_dispose(gw_h2c_head *h);
void gw_h2c_head_clear(gw_h2c_head *h);
/* After an error the rest is ignored. */
void gw_h2c_head_add(gw_h2c_head *h, base_span name, base_span value);
/* Fills an initialised status: the service's own word, or what has to be said in its place. `trailers` are lent: gw_h2c_head_take_back before the
 * status is disposed of. */
void gw_h2c_head_status(gw_h2c_head *h, wire_status *out);
void gw_h2c_head_take_back(gw_h2c_head *h, wire_status *status);
/* A response whose headers cannot begin a gRPC call: fills *out and returns true. */
bool gw_h2c_head_refuse(const gw_h2c_head *h, wire_status *out);

#endif
