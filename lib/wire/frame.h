/* frame.h - gRPC message framing and the gRPC-Web frames made of it.
 *
 * A frame is 1 flag byte, a 4-byte big-endian length, and that many bytes. gRPC uses flag bit 0 for "compressed";
 * gRPC-Web adds bit 7 for "this frame holds the trailers" (grpc/grpc doc/PROTOCOL-WEB.md). The decoder is a pure push
 * parser over any split of the input; it keeps no payload: it tells where each frame begins and hands the payload on
 * in the pieces it came in, so that runs of frames are forwarded without a copy.
 */
#ifndef PONTE_WIRE_FRAME_H
#define PONTE_WIRE_FRAME_H

#include "base/buf.h"

enum { WIRE_FRAME_HEAD = 5, WIRE_FRAME_COMPRESSED = 0x01, WIRE_FRAME_TRAILERS = 0x80 };

typedef struct {
  uint8_t head[WIRE_FRAME_HEAD];
  uint8_t head_have;  /* bytes of the head seen so far: 0..5 */
  uint32_t body_left; /* bytes of the present frame's payload still to come */
  uint32_t max_bytes; /* ceiling of one frame's payload */
} wire_frame_decoder;

enum wire_frame_event {
  WIRE_FRAME_MORE,  /* the input is used up; more is needed unless wire_frame_at_rest() */
  WIRE_FRAME_BEGIN, /* a head is complete: `flags` and `length` are set (then BODY events follow, or END at once) */
  WIRE_FRAME_BODY,  /* `body` is the next piece of the payload, borrowed from the input; never empty */
  WIRE_FRAME_END,   /* the frame is complete */
};

typedef struct {
  enum wire_frame_event event;
  uint8_t flags;
  uint32_t length;
  base_span body;
} wire_frame_step;

void wire_frame_init(wire_frame_decoder *d, uint32_t max_bytes);
/* Consumes from the front of *in and reports the next event; `flags` and `length` are set with BEGIN, BODY and END.
 * Call it until it says MORE, not until *in is empty: END (and, for an empty frame, BEGIN) follows without further
 * input. Errors: TOO_LARGE (length above max_bytes), MALFORMED (flag bits other than COMPRESSED and TRAILERS). After an
 * error the decoder must not be used again. */
base_err wire_frame_next(wire_frame_decoder *d, base_span *in, wire_frame_step *step) BASE_MUST_USE;
/* For those who pass gRPC bytes on as they are and need to know only where they stand: follows the frames through the whole run. *ends (or NULL): so many
 * bytes of the run belong to frames that are complete; 0 if none became complete. Errors as above, and MALFORMED on a trailer frame. */
base_err wire_frame_follow(wire_frame_decoder *d, base_span run, size_t *ends) BASE_MUST_USE;
/* Length of the frame whose payload is only partly there; 0 between frames and inside a head. */
uint32_t wire_frame_inside(const wire_frame_decoder *d);
/* Between frames: an end of input here is clean, anywhere else it is a truncation. */
bool wire_frame_at_rest(const wire_frame_decoder *d);
/* Writes the five bytes of a head. */
void wire_frame_head(uint8_t out[WIRE_FRAME_HEAD], uint8_t flags, uint32_t length);
/* Appends one whole frame, or nothing on failure. */
base_err wire_frame_append(base_buf *out, uint8_t flags, base_span payload) BASE_MUST_USE;

#endif
