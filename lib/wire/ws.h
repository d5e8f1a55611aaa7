/* ws.h - WebSocket frames (RFC 6455 section 5), a server's side of them: a pure push parser and the head of a frame to send.
 *
 * The parser checks all that RFC 6455 lets a server check frame by frame: the mask, reserved bits and opcodes, lengths in their shortest form, control frames that are
 * short and whole, the order of fragments, close codes and the UTF-8 of their reasons. Payloads are handed on unmasked in the pieces they came in, so that a message
 * of any size passes through without being held; whether text is UTF-8 is for whoever holds the message. Any thread; the caller holds the struct.
 */
#ifndef PONTE_WIRE_WS_H
#define PONTE_WIRE_WS_H

#include "base/buf.h"

enum { WIRE_WS_HEAD_MAX = 14, WIRE_WS_SENT_HEAD_MAX = 10, WIRE_WS_CONTROL_MAX = 125 };

enum wire_ws_opcode {
  WIRE_WS_CONTINUATION = 0x0,
  WIRE_WS_TEXT = 0x1,
  WIRE_WS_BINARY = 0x2,
  WIRE_WS_CLOSE = 0x8,
  WIRE_WS_PING = 0x9,
  WIRE_WS_PONG = 0xa
};
enum { WIRE_WS_FIN = 0x80, WIRE_WS_RSV1 = 0x40 };

typedef struct {
  bool
      allow_compressed; /* RSV1 on the first frame of a message: permessage-deflate was agreed on (RFC 7692 section 6) */
  bool in_frame;        /* the head is complete, and `left` bytes of payload follow */
  bool begun;           /* of the open message a piece has been handed on */
  bool compressed;      /* the open message is */
  uint8_t message;      /* its opcode; 0 = none is open */
  uint8_t head_have;
  uint8_t head[WIRE_WS_HEAD_MAX];
  uint8_t mask[4], mask_at;
  uint8_t control_have;
  uint8_t control[WIRE_WS_CONTROL_MAX];
  uint64_t left;
} wire_ws_decoder;

enum wire_ws_event {
  WIRE_WS_MORE, /* the input is used up */
  WIRE_WS_DATA, /* `payload` is the next piece of a message; empty pieces come with `begin` or `end` only */
  WIRE_WS_CONTROL,
};

typedef struct {
  enum wire_ws_event event;
  uint8_t opcode;      /* DATA: TEXT or BINARY; CONTROL: CLOSE, PING or PONG */
  bool begin, end;     /* DATA: of the message */
  bool compressed;     /* DATA: the message's payload is deflated */
  uint16_t close_code; /* CLOSE: 1005 when the frame holds none */
  base_span payload;   /* of CLOSE: the reason; valid until the next call */
} wire_ws_step;

void wire_ws_init(wire_ws_decoder *d, bool allow_compressed);
/* Consumes from the front of *in. Payload is unmasked into `room`, which holds at least in->n bytes and does not overlap them. Call until MORE. Errors are fatal:
 * MALFORMED (close with 1002), INVALID (a close reason that is no UTF-8: 1007). After an error the decoder must not be used again. */
base_err wire_ws_next(wire_ws_decoder *d, base_span *in, uint8_t *room, wire_ws_step *step) BASE_MUST_USE;
/* Between messages, with no part of a frame seen. */
bool wire_ws_at_rest(const wire_ws_decoder *d);

/* Writes the head of an unmasked frame of n payload bytes; returns its size. `first` is the opcode with its flags. */
size_t wire_ws_head(uint8_t out[WIRE_WS_SENT_HEAD_MAX], uint8_t first, uint64_t n);
/* Codes that may stand in a close frame (RFC 6455 section 7.4). */
bool wire_ws_is_close_code(uint16_t code);

#endif
