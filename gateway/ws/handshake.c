#include "gateway/ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "gateway/ws/single_session.h"
#include "wire/mux.h"

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

static const char *const names[GW_WS_PROTOCOLS] = {
    [GW_WS_MUX] = WIRE_MUX_SUBPROTOCOL, [GW_WS_SINGLE] = GW_SINGLE_SUBPROTOCOL};

const char *gw_ws_protocol_name(enum gw_ws_protocol p) { return names[p]; }

static bool choose(base_span list, enum gw_ws_protocol *chosen) {
  while (list.n > 0) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n;
    base_span name = base_span_trim(base_span_of(list.p, n));
    for (int i = 0; i < GW_WS_PROTOCOLS; i++) {
      if (base_span_is(name, names[i])) {
        *chosen = (enum gw_ws_protocol)i;
        return true;
      }
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

static int judge(const gw_ws_request *r, gw_ws_answer *answer) {
  enum gw_ws_protocol protocol = GW_WS_MUX;
  if (!base_span_is(r->method, "GET")) {
    return say(answer, 405, "a WebSocket opens with GET\n");
  }
  if (!base_span_is(r->version, "13")) {
    return say(answer, 426, "this gateway speaks WebSocket version 13 (RFC 6455)\n");
  }
  if (!is_key(r->key)) {
    return say(answer, 400, "Sec-WebSocket-Key must be 16 bytes in base64\n");
  }
  if (!choose(r->protocols, &protocol)) {
    return say(answer, 400, "offer ponte.v1 or grpc-websockets in Sec-WebSocket-Protocol\n");
  }
  say(answer, 101, "");
  answer->protocol = protocol;
  return 101;
}

void gw_ws_handshake(const gw_ws_request *r, gw_ws_answer *answer) {
  if (judge(r, answer) == 101) {
    accept_of(r->key, answer->accept);
  }
}
