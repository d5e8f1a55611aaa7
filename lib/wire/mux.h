/* mux.h - frames of ponte.v1, the WebSocket multiplex: docs/protocol.md, and design: many calls on one socket.
 *
 * A WebSocket binary message holds one or more whole frames and at most WIRE_MUX_MESSAGE_MAX bytes. Frame:
 * type u8 | flags u8 | call u32 | length u24 | payload, big-endian. This codec checks the form only (known types, known
 * flags, call id zero or not, payload layout); order, credit and call states belong to the ends of the connection.
 * Pure; any thread.
 */
#ifndef PONTE_WIRE_MUX_H
#define PONTE_WIRE_MUX_H

#include "wire/status.h"

enum {
  WIRE_MUX_VERSION = 1,
  WIRE_MUX_HEAD = 9,
  WIRE_MUX_MESSAGE_MAX = 65536,
  WIRE_MUX_TOKEN_MAX = 8192,
  WIRE_MUX_PATH_MAX = 1024
};
#define WIRE_MUX_SUBPROTOCOL "ponte.v1"

/*      name     value  from             */
#define WIRE_MUX_TYPES(X)             \
  X(HELLO, 0x01)   /* both, first */  \
  X(AUTH, 0x02)    /* client */       \
  X(OPEN, 0x10)    /* client */       \
  X(HEADERS, 0x11) /* server */       \
  X(DATA, 0x12)    /* both */         \
  X(STATUS, 0x13)  /* server, last */ \
  X(CANCEL, 0x14)  /* client */       \
  X(CREDIT, 0x15)  /* both */         \
  X(PING, 0x20)    /* both */         \
  X(PONG, 0x21)    /* both */         \
  X(DRAIN, 0x22)   /* server */

enum wire_mux_type {
#define X(name, value) WIRE_MUX_##name = (value),
  WIRE_MUX_TYPES(X)
#undef X
};
enum { WIRE_MUX_END = 0x01 }; /* the one flag: on DATA, half-close */

typedef struct {
  uint8_t type; /* enum wire_mux_type, or an unknown one >= 0x80, which the receiver ignores */
  uint8_t flags;
  uint32_t call;
  base_span payload; /* borrowed from the message */
} wire_mux_frame;

/* Takes the next frame off the front of *message (one whole WebSocket message). Errors, all fatal for the connection:
 * MALFORMED (truncated frame, unknown type below 0x80, unknown flag, call id zero where a call is needed or the other
 * way round, a payload shorter or longer than its type can have), TOO_LARGE (message above WIRE_MUX_MESSAGE_MAX). An
 * empty message is MALFORMED too: after the first frame call this only while message->n > 0. Frames of unknown types >=
 * 0x80 come out as they are, for the caller to skip. */
base_err wire_mux_next(base_span *message, wire_mux_frame *out) BASE_MUST_USE;

typedef struct {
  uint16_t version;
  uint32_t call_credit;      /* bytes of DATA the receiver of this HELLO may send on each call before CREDIT */
  uint32_t max_calls;        /* concurrent calls; from the client: 0 */
  uint32_t max_message;      /* ceiling of one gRPC message the sender of this HELLO accepts, bytes */
  uint32_t ping_interval_ms; /* the receiver should send something at least this often; 0 = no demand */
  base_span token;           /* client only: bearer token without "Bearer ", 0x21-0x7e, empty = none */
} wire_mux_hello;

typedef struct {
  base_span path;      /* "/package.Service/Method": begins with '/', 0x21-0x7e, at most WIRE_MUX_PATH_MAX */
  uint32_t timeout_ms; /* 0 = none */
  wire_metadata metadata;
} wire_mux_open;

typedef struct {
  uint32_t last_call; /* calls with a higher id were not processed and are safe to retry */
  uint32_t grace_ms;
} wire_mux_drain;

/* Each _put appends one whole frame to *out, whose room must do for it; on error *out is unchanged. Errors: INVALID (a
 * field that the receiver would refuse), TOO_LARGE (a frame above WIRE_MUX_MESSAGE_MAX, or no room), NO_MEMORY. `call`
 * must not be 0. put_status never fails for the status itself: a code that is no byte is sent as 2 UNKNOWN. */
base_err wire_mux_put_hello(base_buf *out, const wire_mux_hello *h) BASE_MUST_USE;
base_err wire_mux_put_auth(base_buf *out, base_span token) BASE_MUST_USE;
base_err wire_mux_put_open(base_buf *out, uint32_t call, const wire_mux_open *o) BASE_MUST_USE;
base_err wire_mux_put_headers(base_buf *out, uint32_t call, const wire_metadata *m) BASE_MUST_USE;
base_err wire_mux_put_data(base_buf *out, uint32_t call, base_span bytes, bool end) BASE_MUST_USE;
base_err wire_mux_put_status(base_buf *out, uint32_t call, const wire_status *s) BASE_MUST_USE;
base_err wire_mux_put_cancel(base_buf *out, uint32_t call) BASE_MUST_USE;
base_err wire_mux_put_credit(base_buf *out, uint32_t call, uint32_t bytes) BASE_MUST_USE;
base_err wire_mux_put_ping(base_buf *out, bool pong, uint64_t value) BASE_MUST_USE;
base_err wire_mux_put_drain(base_buf *out, const wire_mux_drain *d) BASE_MUST_USE;

/* Payload decoders; MALFORMED (fatal) unless the payload has exactly the documented layout (HELLO and DRAIN may be
 * longer: later versions append fields) and its fields are allowed. Metadata beyond its limits or with bad keys or
 * values is TOO_LARGE or INVALID as in metadata.h: the frame itself is sound, so the call alone may be failed. Spans
 * are borrowed from the payload. The metadata/status structs must be initialised by the caller and stay the caller's,
 * also on failure; pairs are added to those there, code and message replaced. get_hello does not judge the version. */
base_err wire_mux_get_hello(base_span payload, wire_mux_hello *out) BASE_MUST_USE;
base_err wire_mux_get_auth(base_span payload, base_span *token) BASE_MUST_USE;
base_err wire_mux_get_open(base_span payload, wire_mux_open *out) BASE_MUST_USE;
base_err wire_mux_get_headers(base_span payload, wire_metadata *out) BASE_MUST_USE;
base_err wire_mux_get_status(base_span payload, wire_status *out) BASE_MUST_USE;
base_err wire_mux_get_credit(base_span payload, uint32_t *bytes) BASE_MUST_USE;
base_err wire_mux_get_ping(base_span payload, uint64_t *value) BASE_MUST_USE;
base_err wire_mux_get_drain(base_span payload, wire_mux_drain *out) BASE_MUST_USE;

#endif
