/* grpc_web_body.h - the body of a gRPC-Web answer: runs of gRPC frames as the service's side hands them over, then one trailer frame; binary or text.
 *
 * A trailer frame can follow a whole message only: inside one it would be read as the message's bytes. So the beginning of a message that is not longer than
 * GW_WEB_HOLD is kept back until its end is there, and if that never comes, the answer ends properly, without the piece. A longer message goes out as it comes, so
 * memory stays constant; if the service dies inside of one, there is no honest end left but to break the exchange off, which every client takes for an error.
 *
 * In text, each piece that goes out is one run of base64, and padding stands behind whole messages only.
 *
 * Loop thread only; no pointer may be NULL. The struct is the caller's (init/dispose).
 */
#ifndef PONTE_GATEWAY_GRPC_WEB_BODY_H
#define PONTE_GATEWAY_GRPC_WEB_BODY_H

#include "http/exchange.h"
#include "wire/frame.h"
#include "wire/status.h"

enum { GW_WEB_HOLD = 16384 };

typedef struct {
  bool text;
  bool passing; /* the message under way has begun to go out */
  wire_frame_decoder position;
  base_buf held; /* what is kept back */
} gw_web_body;

void gw_web_body_init(gw_web_body *b, bool text);
void gw_web_body_dispose(gw_web_body *b);
/* One run, of any split. MALFORMED: flags that no message has; NO_MEMORY. After an error nothing more may be written; gw_web_body_end is still due. */
base_err gw_web_body_write(gw_web_body *b, http_exchange *x, base_span run) BASE_MUST_USE;
/* The trailer frame, and the end of the exchange. A status of 0 inside a message becomes INTERNAL. */
void gw_web_body_end(gw_web_body *b, http_exchange *x, const wire_status *status);

#endif
