#include "gateway/ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

enum { KEY_BYTES = 24 };

/* base64 of 16 bytes: 22 characters and "==" (RFC 6455 section 4.1, item 7). */
static bool is_key(base_span key) {
  if (key.n != KEY_BYTES || key.p[22] != '=' || key.p[23] != '=') {
    return false;
  }
  for (size_t i = 0; i < 22; i++) {
    uint8_t c = key.p[i];
    bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!ok) {
      return false;
    }
  }
  return true;
}

static bool offers(base_span list, const char *wanted) {
  while (list.n > 0) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n;
    if (base_span_is(base_span_trim(base_span_of(list.p, n)), wanted)) {
      return true;
    }
    n += comma != NULL;
    list = base_span_of(list.p + n, list.n - n);
  }
  return false;
}

/* RFC 6455 section 4.2.2, item 5.4. */
static void accept_of(base_span key, char out[GW_WS_ACCEPT_SIZE]) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t text[KEY_BYTES + sizeof guid - 1];
  uint8_t digest[SHA_DIGEST_LENGTH];
  memcpy(text, key.p, KEY_BYTES);
  memcpy(text + KEY_BYTES, guid, sizeof guid - 1);
  SHA1(text, sizeof text, digest);
  EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

static int say(gw_ws_answer *answer, int status, const char *text) {
  *answer = (gw_ws_answer){.status = status, .text = text};
  return status;
}

static int judge(const gw_ws_request *r, const char *subprotocol, gw_ws_answer *answer) {
  if (!base_span_is(r->method, "GET")) {
    return say(answer, 405, "a WebSocket opens with GET\n");
  }
  if (!base_span_is(r->version, "13")) {
    return say(answer, 426, "this gateway speaks WebSocket version 13 (RFC 6455)\n");
  }
  if (!is_key(r->key)) {
    return say(answer, 400, "Sec-WebSocket-Key must be 16 bytes in base64\n");
  }
  if (!offers(r->protocols, subprotocol)) {
    return say(answer, 400, "offer the subprotocol ponte.v1 in Sec-WebSocket-Protocol\n");
  }
  return say(answer, 101, "");
}

void gw_ws_handshake(const gw_ws_request *r, const char *subprotocol, gw_ws_answer *answer) {
  if (judge(r, subprotocol, answer) == 101) {
    accept_of(r->key, answer->accept);
  }
}
