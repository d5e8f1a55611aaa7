/* deflate.h - permessage-deflate (RFC 7692) of a server, over zlib: what is agreed on in the handshake, and the streams that it takes. Loop thread only.
 *
 * Off by default. Bounds when it is on: the windows (2^window_bits), what one message may inflate to (max_ratio), and the memory of all sockets of a pool together: a
 * socket for which there is none goes without compression. Without context takeover, which is the default, a window lives only while a message is on its way.
 */
#ifndef PONTE_GATEWAY_DEFLATE_H
#define PONTE_GATEWAY_DEFLATE_H

#include "base/buf.h"

/* Plain data; 0 = the default in brackets. */
typedef struct {
  bool on;
  uint8_t window_bits;   /* [12] 9 to 15: the largest window, either way */
  bool context_takeover; /* keep the windows from message to message: better compression, memory for every socket */
  uint32_t max_ratio;    /* [64] a message may inflate to so many times its size, and 64 KiB */
  uint64_t memory_bytes; /* [32 MiB] of a pool */
  uint32_t min_bytes;    /* [256] shorter messages are sent as they are */
} gw_deflate_options;

/* INVALID: a number out of its range. */
base_err gw_deflate_options_check(const gw_deflate_options *o) BASE_MUST_USE;

typedef struct {
  uint8_t server_bits, client_bits; /* windows of what we and what the client sends */
  bool server_takeover, client_takeover;
} gw_deflate_params;

enum { GW_DEFLATE_ANSWER = 160 };

/* Reads Sec-WebSocket-Extensions and takes the first offer of permessage-deflate that can be met (RFC 7692 section 7.1); *answer is then the header's value. False:
 * none; an offer with an unknown, repeated or misvalued parameter is declined, never corrected. */
bool gw_deflate_negotiate(const gw_deflate_options *o, base_span offers, gw_deflate_params *params,
                          char answer[GW_DEFLATE_ANSWER]);

/* What the sockets of a loop share. */
typedef struct gw_deflate_pool gw_deflate_pool;
base_err gw_deflate_pool_new(const gw_deflate_options *o, gw_deflate_pool **out) BASE_MUST_USE; /* NO_MEMORY, INVALID */
void gw_deflate_pool_free(gw_deflate_pool *p); /* after its sockets; NULL is allowed */
const gw_deflate_options *gw_deflate_pool_options(const gw_deflate_pool *p);
/* Bytes that zlib holds now, and the most that the sockets there are may make it hold. */
size_t gw_deflate_pool_used(const gw_deflate_pool *p);
size_t gw_deflate_pool_reserved(const gw_deflate_pool *p);

typedef struct gw_deflate gw_deflate; /* of one socket */
/* Reserves its memory; EXHAUSTED: there is none left. */
base_err gw_deflate_new(gw_deflate_pool *pool, const gw_deflate_params *params, gw_deflate **out) BASE_MUST_USE;
void gw_deflate_free(gw_deflate *d); /* NULL is allowed */
/* Appends the message compressed, without its last four bytes (section 7.2.1). False, and *out as it was: send it as it is, which is always allowed. */
bool gw_deflate_compress(gw_deflate *d, base_span message, base_buf *out);
/* Inflates a piece of a message and hands the result on in pieces of at most 16 KiB; `end` with the last one of the message (and an empty piece if need be). Errors:
 * MALFORMED, TOO_LARGE (the ratio), NO_MEMORY. `sink` returns false to stop, which is no error. */
typedef bool gw_deflate_sink(void *ctx, base_span piece, bool end);
base_err gw_deflate_inflate(gw_deflate *d, base_span piece, bool end, gw_deflate_sink *sink, void *ctx) BASE_MUST_USE;

#endif
