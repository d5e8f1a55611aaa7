/* ws_cases.h - RFC 6455 and RFC 7692 as a table of cases, in place of the Autobahn suite: what a client sends and what must come back. The table is run in memory, cut at
 * every byte (endpoint_test.c), and over sockets against the gateway's program (tests/integration/ws_cases_test.c). Test code only.
 *
 * The subprotocol is ponte.v1: a message with a PING of it shows by its PONG that it arrived as it was sent. Each case begins with a HELLO; one that leaves the socket
 * open ends with a further PING and a close of 1000, so that it is seen to be alive.
 */
#ifndef PONTE_GATEWAY_WS_CASES_H
#define PONTE_GATEWAY_WS_CASES_H

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "wire/mux.h"
#include "wire/ws.h"

enum ws_case_how {
  HOW_PLAIN = 0,
  HOW_UNMASKED = 1,
  HOW_LENGTH_16 = 2,   /* a length that does not need its two bytes */
  HOW_LENGTH_64 = 4,   /* or its eight */
  HOW_LENGTH_SIGN = 8, /* the highest bit of the eight is set */
  HOW_ZERO_MASK = 16,
  HOW_DEFLATE = 32, /* the payload is compressed */
  HOW_FINAL = 64,   /* with a last block that says so (RFC 7692 section 7.2.3.4) */
  HOW_BIG = 128,    /* the payload stands for a message of 65,536 bytes: a hint to be ignored, then a PING */
  HOW_TOO_BIG = 256 /* one byte more */
};

typedef struct {
  uint8_t first; /* FIN, RSV, opcode; 0xff ends the list */
  uint16_t how;
  uint16_t n;
  const char *payload;
} ws_case_frame;

enum { WS_CASE_FRAMES = 8 };

typedef struct {
  const char *name;
  int close;         /* code that must come; 1000: the socket stays open until we close it */
  int echoes;        /* PONGs of ponte.v1 before that */
  const char *pongs; /* payloads of the WebSocket's pongs, one after another */
  bool deflate;      /* permessage-deflate was agreed on */
  ws_case_frame frames[WS_CASE_FRAMES];
} ws_case;

#define F(first, text) \
  { first, HOW_PLAIN, sizeof(text) - 1, text }
#define FH(first, how, text) \
  { first, how, sizeof(text) - 1, text }
#define WS_END \
  { 0xff, 0, 0, "" }
#define MUX_PING           \
  "\x20\0\0\0\0\0\0\0\x08" \
  "12345678"
#define MUX_PING_A "\x20\0\0\0\0\0"
#define MUX_PING_B \
  "\0\0\x08"       \
  "12345678"
#define LONG_125                                                                                         \
  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" \
  "0123456789012345678901234"
enum {
  TXT = 0x81,
  BIN = 0x82,
  CLS = 0x88,
  PIN = 0x89,
  PON = 0x8a,
  CONT = 0x80,
  MORE_TXT = 1,
  MORE_BIN = 2,
  MORE = 0,
  R1 = 0x40
};

/* clang-format off */
static const ws_case ws_cases[] = {
    /* section 5.1: masking; 5.2: reserved bits and opcodes, lengths */
    {"a binary message", 1000, 1, "", false, {F(BIN, MUX_PING), WS_END}},
    {"a mask of zeroes", 1000, 1, "", false, {FH(BIN, HOW_ZERO_MASK, MUX_PING), WS_END}},
    {"an unmasked message", 1002, 0, "", false, {FH(BIN, HOW_UNMASKED, MUX_PING), WS_END}},
    {"an unmasked ping", 1002, 0, "", false, {FH(PIN, HOW_UNMASKED, "x"), WS_END}},
    {"an unmasked close", 1002, 0, "", false, {FH(CLS, HOW_UNMASKED, "\x03\xe8"), WS_END}},
    {"RSV1 without an extension", 1002, 0, "", false, {F(BIN | R1, MUX_PING), WS_END}},
    {"RSV2", 1002, 0, "", false, {F(BIN | 0x20, MUX_PING), WS_END}},
    {"RSV3", 1002, 0, "", false, {F(BIN | 0x10, MUX_PING), WS_END}},
    {"all three", 1002, 0, "", false, {F(BIN | 0x70, MUX_PING), WS_END}},
    {"RSV1 on a ping", 1002, 0, "", false, {F(PIN | R1, "x"), WS_END}},
    {"RSV2 on a close", 1002, 0, "", false, {F(CLS | 0x20, "\x03\xe8"), WS_END}},
    {"RSV3 on a continuation", 1002, 0, "", false, {F(MORE_BIN, MUX_PING_A), F(CONT | 0x10, MUX_PING_B), WS_END}},
    {"a good message, then RSV2", 1002, 1, "", false, {F(BIN, MUX_PING), F(BIN | 0x20, MUX_PING), WS_END}},
    {"opcode 3", 1002, 0, "", false, {F(0x83, "x"), WS_END}},
    {"opcode 4", 1002, 0, "", false, {F(0x84, "x"), WS_END}},
    {"opcode 5", 1002, 0, "", false, {F(0x85, ""), WS_END}},
    {"opcode 6", 1002, 0, "", false, {F(0x86, "x"), WS_END}},
    {"opcode 7", 1002, 1, "", false, {F(BIN, MUX_PING), F(0x87, "x"), F(BIN, MUX_PING), WS_END}},
    {"opcode 11", 1002, 0, "", false, {F(0x8b, "x"), WS_END}},
    {"opcode 12", 1002, 0, "", false, {F(0x8c, ""), WS_END}},
    {"opcode 13", 1002, 0, "", false, {F(0x8d, "x"), WS_END}},
    {"opcode 14", 1002, 0, "", false, {F(0x8e, "x"), WS_END}},
    {"opcode 15", 1002, 1, "", false, {F(BIN, MUX_PING), F(0x8f, ""), WS_END}},
    {"17 bytes with a length of two bytes", 1002, 0, "", false, {FH(BIN, HOW_LENGTH_16, MUX_PING), WS_END}},
    {"17 bytes with a length of eight bytes", 1002, 0, "", false, {FH(BIN, HOW_LENGTH_64, MUX_PING), WS_END}},
    {"a length of 2^63 and more", 1002, 0, "", false, {FH(BIN, HOW_LENGTH_SIGN, MUX_PING), WS_END}},
    {"a ping with a length of two bytes", 1002, 0, "", false, {FH(PIN, HOW_LENGTH_16, "x"), WS_END}},
    {"a message of 65,536 bytes", 1000, 1, "", false, {FH(BIN, HOW_BIG, ""), WS_END}},
    {"a message of 65,537 bytes", 1009, 0, "", false, {FH(BIN, HOW_TOO_BIG, ""), WS_END}},
    {"a message of 65,536 bytes and an empty fragment", 1000, 1, "", false, {FH(MORE_BIN, HOW_BIG, ""), F(CONT, ""), WS_END}},
    {"a message of 65,536 bytes and a byte", 1009, 0, "", false, {FH(MORE_BIN, HOW_BIG, ""), F(CONT, "x"), WS_END}},

    /* 5.4: fragmentation */
    {"two fragments", 1000, 1, "", false, {F(MORE_BIN, MUX_PING_A), F(CONT, MUX_PING_B), WS_END}},
    {"an empty first fragment", 1000, 1, "", false, {F(MORE_BIN, ""), F(CONT, MUX_PING), WS_END}},
    {"empty fragments all around", 1000, 1, "", false, {F(MORE_BIN, ""), F(MORE, MUX_PING_A), F(MORE, ""), F(MORE, MUX_PING_B), F(CONT, ""), WS_END}},
    {"a ping between fragments", 1000, 1, "hi", false, {F(MORE_BIN, MUX_PING_A), F(PIN, "hi"), F(CONT, MUX_PING_B), WS_END}},
    {"pings between all fragments", 1000, 1, "abc", false, {F(MORE_BIN, ""), F(PIN, "a"), F(MORE, MUX_PING_A), F(PIN, "b"), F(PIN, "c"), F(CONT, MUX_PING_B), WS_END}},
    {"a pong between fragments", 1000, 1, "", false, {F(MORE_BIN, MUX_PING_A), F(PON, "hi"), F(CONT, MUX_PING_B), WS_END}},
    {"a close between fragments", 1001, 0, "", false, {F(MORE_BIN, MUX_PING_A), F(CLS, "\x03\xe9"), WS_END}},
    {"a continuation of nothing", 1002, 0, "", false, {F(CONT, MUX_PING), WS_END}},
    {"a continuation of nothing, not the last", 1002, 0, "", false, {F(MORE, MUX_PING), WS_END}},
    {"a continuation after a whole message", 1002, 1, "", false, {F(BIN, MUX_PING), F(CONT, MUX_PING), WS_END}},
    {"a message inside a message", 1002, 0, "", false, {F(MORE_BIN, MUX_PING_A), F(BIN, MUX_PING), WS_END}},
    {"a text inside a message", 1002, 0, "", false, {F(MORE_BIN, MUX_PING_A), F(TXT, "x"), WS_END}},
    {"a fragment inside a message", 1002, 0, "", false, {F(MORE_BIN, MUX_PING_A), F(MORE_BIN, MUX_PING_B), WS_END}},

    /* 5.5: control frames */
    {"an empty ping", 1000, 0, "", false, {F(PIN, ""), WS_END}},
    {"a ping", 1000, 0, "hello", false, {F(PIN, "hello"), WS_END}},
    {"a ping of bytes that are no text", 1000, 0, "\xff\xfe\x01", false, {F(PIN, "\xff\xfe\x01"), WS_END}},
    {"a ping of 125 bytes", 1000, 0, LONG_125, false, {F(PIN, LONG_125), WS_END}},
    {"a ping of 126 bytes", 1002, 0, "", false, {F(PIN, LONG_125 "x"), WS_END}},
    {"a pong of 126 bytes", 1002, 0, "", false, {F(PON, LONG_125 "x"), WS_END}},
    {"a close of 126 bytes", 1002, 0, "", false, {F(CLS, "\x03\xe8" LONG_125), WS_END}},
    {"a fragmented ping", 1002, 0, "", false, {F(0x09, "x"), F(CONT, "y"), WS_END}},
    {"a fragmented pong", 1002, 0, "", false, {F(0x0a, "x"), WS_END}},
    {"a fragmented close", 1002, 0, "", false, {F(0x08, "\x03\xe8"), WS_END}},
    {"a pong that nobody asked for", 1000, 0, "", false, {F(PON, "hi"), WS_END}},
    {"an empty pong", 1000, 0, "", false, {F(PON, ""), WS_END}},
    {"several pings are answered in order", 1000, 0, "123456", false, {F(PIN, "1"), F(PIN, "2"), F(PIN, "3"), F(PIN, "4"), F(PIN, "5"), F(PIN, "6"), WS_END}},
    {"a ping, a message, a ping", 1000, 1, "ab", false, {F(PIN, "a"), F(BIN, MUX_PING), F(PIN, "b"), WS_END}},

    /* 5.6, 8.1: text. Both subprotocols are binary; that it is no UTF-8 is said first. */
    {"a text", 1002, 0, "", false, {F(TXT, "hello"), WS_END}},
    {"an empty text", 1002, 0, "", false, {F(TXT, ""), WS_END}},
    {"a text in fragments, cut inside a character", 1002, 0, "", false, {F(MORE_TXT, "\xce"), F(CONT, "\xba"), WS_END}},
    {"a text with an overlong slash", 1007, 0, "", false, {F(TXT, "\xc0\xaf"), WS_END}},
    {"a text with a surrogate", 1007, 0, "", false, {F(TXT, "\xed\xa0\x80"), WS_END}},
    {"a text beyond U+10FFFF", 1007, 0, "", false, {F(TXT, "\xf4\x90\x80\x80"), WS_END}},
    {"a text that ends inside a character", 1007, 0, "", false, {F(TXT, "\xce"), WS_END}},
    {"a text with a stray continuation byte", 1007, 0, "", false, {F(TXT, "a\x80z"), WS_END}},
    {"a text with 0xff", 1007, 0, "", false, {F(TXT, "\xff"), WS_END}},
    {"bad UTF-8 across fragments", 1007, 0, "", false, {F(MORE_TXT, "\xce"), F(MORE, "x"), F(CONT, "\xba"), WS_END}},
    {"a text of 65,537 bytes", 1009, 0, "", false, {FH(TXT, HOW_TOO_BIG, ""), WS_END}},

    /* 5.5.1, 7: closing */
    {"a close without a code", 1005, 0, "", false, {F(CLS, ""), WS_END}},
    {"a close of one byte", 1002, 0, "", false, {F(CLS, "\x03"), WS_END}},
    {"1000", 1000, 0, "", false, {F(CLS, "\x03\xe8"), WS_END}},
    {"1000 with a reason", 1000, 0, "", false, {F(CLS, "\x03\xe8" "bye \xe2\x82\xac"), WS_END}},
    {"a reason of 123 bytes", 1001, 0, "", false, {F(CLS, "\x03\xe9" "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"), WS_END}},
    {"a reason that is no UTF-8", 1007, 0, "", false, {F(CLS, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"), WS_END}},
    {"a reason cut inside a character", 1007, 0, "", false, {F(CLS, "\x03\xe8\xe2\x82"), WS_END}},
    {"1001", 1001, 0, "", false, {F(CLS, "\x03\xe9"), WS_END}},
    {"1002", 1002, 0, "", false, {F(CLS, "\x03\xea"), WS_END}},
    {"1003", 1003, 0, "", false, {F(CLS, "\x03\xeb"), WS_END}},
    {"1007", 1007, 0, "", false, {F(CLS, "\x03\xef"), WS_END}},
    {"1008", 1008, 0, "", false, {F(CLS, "\x03\xf0"), WS_END}},
    {"1009", 1009, 0, "", false, {F(CLS, "\x03\xf1"), WS_END}},
    {"1010", 1010, 0, "", false, {F(CLS, "\x03\xf2"), WS_END}},
    {"1011", 1011, 0, "", false, {F(CLS, "\x03\xf3"), WS_END}},
    {"3000", 3000, 0, "", false, {F(CLS, "\x0b\xb8"), WS_END}},
    {"3999", 3999, 0, "", false, {F(CLS, "\x0f\x9f"), WS_END}},
    {"4000", 4000, 0, "", false, {F(CLS, "\x0f\xa0"), WS_END}},
    {"4999", 4999, 0, "", false, {F(CLS, "\x13\x87"), WS_END}},
    {"0 may not be sent", 1002, 0, "", false, {F(CLS, "\0\0"), WS_END}},
    {"999 may not be sent", 1002, 0, "", false, {F(CLS, "\x03\xe7"), WS_END}},
    {"1004 may not be sent", 1002, 0, "", false, {F(CLS, "\x03\xec"), WS_END}},
    {"1005 may not be sent", 1002, 0, "", false, {F(CLS, "\x03\xed"), WS_END}},
    {"1006 may not be sent", 1002, 0, "", false, {F(CLS, "\x03\xee"), WS_END}},
    {"1015 may not be sent", 1002, 0, "", false, {F(CLS, "\x03\xf7"), WS_END}},
    {"1016 is not assigned", 1002, 0, "", false, {F(CLS, "\x03\xf8"), WS_END}},
    {"1100 is not assigned", 1002, 0, "", false, {F(CLS, "\x04\x4c"), WS_END}},
    {"2000 is not assigned", 1002, 0, "", false, {F(CLS, "\x07\xd0"), WS_END}},
    {"2999 is not assigned", 1002, 0, "", false, {F(CLS, "\x0b\xb7"), WS_END}},
    {"5000 is out of range", 1002, 0, "", false, {F(CLS, "\x13\x88"), WS_END}},
    {"65535 is out of range", 1002, 0, "", false, {F(CLS, "\xff\xff"), WS_END}},
    {"nothing is read after a close", 3000, 0, "", false, {F(CLS, "\x0b\xb8"), F(BIN, MUX_PING), F(PIN, "x"), F(CLS, "\x03\xe8"), WS_END}},
    {"a second close changes nothing", 1000, 0, "", false, {F(CLS, "\x03\xe8"), F(CLS, "\x0b\xb8"), WS_END}},
    {"a message, a ping, a close in one segment", 1001, 1, "p", false, {F(BIN, MUX_PING), F(PIN, "p"), F(CLS, "\x03\xe9"), WS_END}},

    /* ponte.v1 on top: what is no frame of it */
    {"an empty binary message", 1002, 0, "", false, {F(BIN, ""), WS_END}},
    {"an empty message in two fragments", 1002, 0, "", false, {F(MORE_BIN, ""), F(CONT, ""), WS_END}},

    /* RFC 7692 */
    {"a message as it is, although compression is agreed on", 1000, 1, "", true, {F(BIN, MUX_PING), WS_END}},
    {"a compressed message", 1000, 1, "", true, {FH(BIN | R1, HOW_DEFLATE, MUX_PING), WS_END}},
    {"two compressed messages, each on its own", 1000, 2, "", true, {FH(BIN | R1, HOW_DEFLATE, MUX_PING), FH(BIN | R1, HOW_DEFLATE, MUX_PING), WS_END}},
    {"compressed and plain ones in turns", 1000, 3, "", true, {FH(BIN | R1, HOW_DEFLATE, MUX_PING), F(BIN, MUX_PING), FH(BIN | R1, HOW_DEFLATE, MUX_PING), WS_END}},
    {"a last block", 1000, 2, "", true, {FH(BIN | R1, HOW_DEFLATE | HOW_FINAL, MUX_PING), FH(BIN | R1, HOW_DEFLATE, MUX_PING), WS_END}},
    {"a stored block (section 7.2.3.3)", 1000, 1, "", true, {F(BIN | R1, "\x00\x11\x00\xee\xff" MUX_PING "\x00"), WS_END}},
    {"compressed in two fragments", 1000, 1, "", true, {F(MORE_BIN | R1, "\x00\x11\x00\xee\xff" MUX_PING_A), F(CONT, MUX_PING_B "\x00"), WS_END}},
    {"a ping between compressed fragments", 1000, 1, "hi", true, {F(MORE_BIN | R1, "\x00\x11\x00"), F(PIN, "hi"), F(MORE, "\xee\xff" MUX_PING_A), F(CONT, MUX_PING_B "\x00"), WS_END}},
    {"an empty first compressed fragment", 1000, 1, "", true, {F(MORE_BIN | R1, ""), F(CONT, "\x00\x11\x00\xee\xff" MUX_PING "\x00"), WS_END}},
    {"an empty last compressed fragment", 1000, 1, "", true, {F(MORE_BIN | R1, "\x00\x11\x00\xee\xff" MUX_PING "\x00"), F(CONT, ""), WS_END}},
    {"a compressed message of 65,536 bytes", 1000, 1, "", true, {FH(BIN | R1, HOW_DEFLATE | HOW_BIG, ""), WS_END}},
    {"a compressed message of 65,537 bytes", 1009, 0, "", true, {FH(BIN | R1, HOW_DEFLATE | HOW_TOO_BIG, ""), WS_END}},
    {"an empty compressed message is still none of ponte.v1", 1002, 0, "", true, {F(BIN | R1, "\x00"), WS_END}},
    {"RSV1 on a continuation", 1002, 0, "", true, {F(MORE_BIN | R1, "\x00\x11\x00\xee\xff" MUX_PING_A), F(CONT | R1, MUX_PING_B "\x00"), WS_END}},
    {"RSV1 on the continuation of a plain message", 1002, 0, "", true, {F(MORE_BIN, MUX_PING_A), F(CONT | R1, MUX_PING_B), WS_END}},
    {"RSV1 on a ping, agreed on or not", 1002, 0, "", true, {F(PIN | R1, "x"), WS_END}},
    {"RSV1 on a close, agreed on or not", 1002, 0, "", true, {F(CLS | R1, "\x03\xe8"), WS_END}},
    {"RSV2, agreed on or not", 1002, 0, "", true, {F(BIN | 0x20, MUX_PING), WS_END}},
    {"a block of a type there is not", 1002, 0, "", true, {F(BIN | R1, "\x07\x00"), WS_END}},
    {"a stored block whose lengths disagree", 1002, 0, "", true, {F(BIN | R1, "\x00\x11\x00\x11\x00" MUX_PING "\x00"), WS_END}},
    {"a distance before the beginning", 1002, 0, "", true, {F(BIN | R1, "\x03\x02\x00"), WS_END}},
    {"a compressed message cut off", 1002, 0, "", true, {F(BIN | R1, "\x00\x11\x00\xee\xff" MUX_PING_A), WS_END}},
    {"a compressed text", 1002, 0, "", true, {FH(TXT | R1, HOW_DEFLATE, "hello"), WS_END}},
    {"a compressed text that is no UTF-8", 1007, 0, "", true, {FH(TXT | R1, HOW_DEFLATE, "\xff\xff"), WS_END}},
};
/* clang-format on */
enum { WS_CASES = sizeof ws_cases / sizeof *ws_cases };

/* ---- building ---- */

static inline void ws_case_check(bool ok) {
  if (!ok) {
    abort(); /* a test without memory */
  }
}

static inline void ws_case_put(base_buf *out, const void *p, size_t n) {
  ws_case_check(base_is_ok(base_buf_append(out, base_span_of(p, n))));
}

/* Raw deflate as section 7.2.1 has it. */
static inline void ws_case_deflate(base_span plain, bool final, base_buf *out) {
  static uint8_t room[1 << 17];
  z_stream z = {0};
  ws_case_check(deflateInit2(&z, 9, Z_DEFLATED, -12, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  z.next_in = (z_const Bytef *)plain.p;
  z.avail_in = (uInt)plain.n;
  z.next_out = room;
  z.avail_out = sizeof room;
  deflate(&z, final ? Z_FINISH : Z_SYNC_FLUSH);
  size_t n = sizeof room - z.avail_out;
  deflateEnd(&z);
  if (final) {
    room[n++] = 0; /* the empty block that the receiver's four bytes complete */
  } else {
    n -= 4;
  }
  ws_case_put(out, room, n);
}

/* One masked frame. */
static inline void ws_case_frame_put(base_buf *out, uint8_t first, uint16_t how, base_span payload) {
  const uint8_t mask[4] = {how & HOW_ZERO_MASK ? 0 : 0x11, 0x22, 0x33, how & HOW_ZERO_MASK ? 0 : 0xf4};
  uint8_t masked = how & HOW_UNMASKED ? 0 : 0x80;
  uint8_t head[2] = {first, 0};
  int bytes = payload.n > 0xffff || how & (HOW_LENGTH_64 | HOW_LENGTH_SIGN) ? 8
              : payload.n > 125 || how & HOW_LENGTH_16                      ? 2
                                                                            : 0;
  head[1] = masked | (bytes == 8 ? 127 : bytes == 2 ? 126 : (uint8_t)payload.n);
  ws_case_put(out, head, sizeof head);
  for (int i = bytes - 1; i >= 0; i--) {
    uint8_t b = (uint8_t)((uint64_t)payload.n >> (8 * i));
    b |= i == 7 && how & HOW_LENGTH_SIGN ? 0x80 : 0;
    ws_case_put(out, &b, 1);
  }
  if (masked) {
    ws_case_put(out, mask, sizeof mask);
  }
  for (size_t i = 0; i < payload.n; i++) {
    uint8_t b = masked ? payload.p[i] ^ mask[i % 4] : payload.p[i];
    ws_case_put(out, &b, 1);
  }
}

static inline void ws_case_payload(const ws_case_frame *f, base_buf *plain) {
  if ((f->how & (HOW_BIG | HOW_TOO_BIG)) == 0) {
    ws_case_put(plain, f->payload, f->n);
    return;
  }
  uint32_t hint = WIRE_MUX_MESSAGE_MAX - 2 * WIRE_MUX_HEAD - 8 + (f->how & HOW_TOO_BIG ? 1 : 0);
  const uint8_t head[WIRE_MUX_HEAD] = {0x80, 0, 0, 0, 0, 0, (uint8_t)(hint >> 16), (uint8_t)(hint >> 8), (uint8_t)hint};
  ws_case_put(plain, head, sizeof head);
  /* Not all alike, so that compression stays below its largest ratio. */
  for (uint32_t i = 0, x = 1; i < hint; i++) {
    x = x * 1103515245 + 12345;
    uint8_t b = f->first == TXT ? 'a' : (uint8_t)((x >> 16) & 0x3f);
    ws_case_put(plain, &b, 1);
  }
  ws_case_put(plain, MUX_PING, sizeof MUX_PING - 1);
}

/* All that the client sends; *end_of_hello is where the case itself begins. */
static inline void ws_case_build(const ws_case *c, base_buf *out, size_t *end_of_hello) {
  base_buf hello;
  base_buf_init(&hello, 1024);
  ws_case_check(base_is_ok(wire_mux_put_hello(&hello, &(wire_mux_hello){.version = WIRE_MUX_VERSION})));
  ws_case_frame_put(out, BIN, 0, base_buf_span(&hello));
  base_buf_dispose(&hello);
  *end_of_hello = base_buf_size(out);
  for (const ws_case_frame *f = c->frames; f->first != 0xff; f++) {
    base_buf plain, packed;
    base_buf_init(&plain, 1 << 18);
    base_buf_init(&packed, 1 << 18);
    ws_case_payload(f, &plain);
    if (f->how & HOW_DEFLATE) {
      ws_case_deflate(base_buf_span(&plain), f->how & HOW_FINAL, &packed);
    }
    ws_case_frame_put(out, f->first, f->how, base_buf_span(f->how & HOW_DEFLATE ? &packed : &plain));
    base_buf_dispose(&plain);
    base_buf_dispose(&packed);
  }
  if (c->close == 1000) {
    ws_case_frame_put(out, BIN, 0, base_span_of(MUX_PING, sizeof MUX_PING - 1));
    ws_case_frame_put(out, CLS, 0, base_span_of("\x03\xe8", 2));
  }
}

/* ---- judging ---- */

typedef struct {
  int close, echoes;
  size_t pong_n;
  char pongs[1024];
} ws_case_reply;

/* Frames of the server's, which are whole, unmasked and unfragmented. False: they are not. */
static inline bool ws_case_read(base_span in, ws_case_reply *r) {
  base_cursor c = base_cursor_of(in);
  *r = (ws_case_reply){0};
  while (base_cursor_left(&c) > 0) {
    uint8_t first = base_cursor_u8(&c);
    uint64_t n = base_cursor_u8(&c);
    n = n == 126 ? base_cursor_u16(&c) : n == 127 ? base_cursor_u64(&c) : n;
    base_span p = base_cursor_bytes(&c, (size_t)n);
    if (c.failed || n > 1 << 20 || r->close != 0) {
      return false;
    }
    if (first == CLS) {
      r->close = p.n >= 2 ? p.p[0] << 8 | p.p[1] : 1005;
    } else if (first == PON && r->pong_n + p.n <= sizeof r->pongs) {
      memcpy(r->pongs + r->pong_n, p.p ? p.p : (const uint8_t *)"", p.n);
      r->pong_n += p.n;
    } else if (first != BIN) {
      return false;
    }
    while (first == BIN && p.n > 0) {
      wire_mux_frame f;
      if (!base_is_ok(wire_mux_next(&p, &f))) {
        return false;
      }
      r->echoes += f.type == WIRE_MUX_PONG;
    }
  }
  return true;
}

/* NULL when the reply is as it must be; otherwise what is wrong, static. */
static inline const char *ws_case_judge(const ws_case *c, base_span in) {
  ws_case_reply r;
  bool closes_itself = c->frames[0].first == CLS; /* what follows a close is not read, our last PING neither */
  int echoes = c->echoes + (c->close == 1000 && !closes_itself);
  if (!ws_case_read(in, &r)) {
    return "the reply is not well-formed";
  }
  if (r.close != c->close) {
    static char text[64];
    snprintf(text, sizeof text, "closed with %d, not %d", r.close, c->close);
    return text;
  }
  if (r.echoes != echoes) {
    return "messages did not arrive, or too many";
  }
  return base_span_is(base_span_of(r.pongs, r.pong_n), c->pongs) ? NULL : "other pongs";
}

#undef F
#undef FH
#endif
