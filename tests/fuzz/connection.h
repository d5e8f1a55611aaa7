/* connection.h - one whole connection, from its first byte to its end, through front, routes, gate and stream heart to a fake service: what the three *_connection targets share.
 *
 * Input: byte 0: bits 0-2 the size of the pieces that bytes come in; then steps of op u8 | n u16 | n bytes:
 *   0-3 bytes from the peer as they stand   4-5 the target's own frame around them   6-9 the service: data, take, headers, status
 *   10 the kernel takes nothing / all   11 time passes   12 the gateway drains
 * What must hold whatever comes: the connection is closed once and leaves no call, no timer and no memory behind.
 */
#ifndef PONTE_TESTS_CONNECTION_H
#define PONTE_TESTS_CONNECTION_H

#include "base/buf.h"

typedef struct {
  base_span first; /* what the peer has sent before the input begins; or nothing */
  /* Makes a frame of the bytes; they are not empty. */
  base_err (*frame)(base_span bytes, base_buf *out);
} connection_kind;

void connection_run(const connection_kind *kind, base_span input);

#endif
