#include "gateway/ws/handshake.h"

#include "base/test.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void judges_requests(void) {
  static const struct {
    const char *method, *key, *version, *protocols;
    int status;
    const char *reason;
  } rows[] = {
      {"GET", KEY, "13", "ponte.v1", 101, "the plain case"},
      {"GET", KEY, "13", "other, ponte.v1 ,more", 101, "one of several, with blanks"},
      {"POST", KEY, "13", "ponte.v1", 405, "another method"},
      {"GET", KEY, "8", "ponte.v1", 426, "a draft's version"},
      {"GET", KEY, "", "ponte.v1", 426, "no version"},
      {"GET", KEY, "13, 8", "ponte.v1", 426, "a list of versions"},
      {"GET", "", "13", "ponte.v1", 400, "no key"},
      {"GET", "dGhlIHNhbXBsZSBub25jZQ=", "13", "ponte.v1", 400, "a short key"},
      {"GET", "dGhlIHNhbXBsZSBub25jZQ===", "13", "ponte.v1", 400, "a long key"},
      {"GET", "dGhlIHNhbXBsZSBub25jZQAA", "13", "ponte.v1", 400, "18 bytes"},
      {"GET", "dGhlIHNhbXBsZSBub25j*Q==", "13", "ponte.v1", 400, "no base64"},
      {"GET", KEY, "13", "", 400, "no subprotocol"},
      {"GET", KEY, "13", "ponte.v10", 400, "a longer name"},
      {"GET", KEY, "13", "Ponte.v1", 400, "names are case-sensitive"},
      {"GET", KEY, "13", "grpc-websockets,", 101, "the other one we speak, and a comma too many"},
      {"GET", KEY, "13", "grpc_websockets", 400, "another one only"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_ws_request r = {.method = base_span_str(rows[i].method),
                       .key = base_span_str(rows[i].key),
                       .version = base_span_str(rows[i].version),
                       .protocols = base_span_str(rows[i].protocols)};
    gw_ws_answer a;
    gw_ws_handshake(&r, &a);
    CHECK_MSG(a.status == rows[i].status, "%s: %d", rows[i].reason, a.status);
    CHECK_MSG(a.status == 101 || a.text[0], "%s: nothing is said", rows[i].reason);
    CHECK_MSG((a.accept[0] != 0) == (a.status == 101), "%s", rows[i].reason);
  }
}

static void accepts_as_the_rfc_does(void) {
  gw_ws_request r = {.method = base_span_str("GET"),
                     .key = base_span_str(KEY),
                     .version = base_span_str("13"),
                     .protocols = base_span_str("ponte.v1")};
  gw_ws_answer a;
  gw_ws_handshake(&r, &a);
  CHECK_STR(a.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455 section 1.3 */
}

static void chooses_what_the_client_prefers(void) {
  static const struct {
    const char *protocols;
    enum gw_ws_protocol chosen;
  } rows[] = {
      {"ponte.v1", GW_WS_MUX},
      {"grpc-websockets", GW_WS_SINGLE},
      {"ponte.v1, grpc-websockets", GW_WS_MUX},
      {"grpc-websockets, ponte.v1", GW_WS_SINGLE},
      {"soap,grpc-websockets ,ponte.v1", GW_WS_SINGLE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_ws_request r = {.method = base_span_str("GET"),
                       .key = base_span_str(KEY),
                       .version = base_span_str("13"),
                       .protocols = base_span_str(rows[i].protocols)};
    gw_ws_answer a;
    gw_ws_handshake(&r, &a);
    CHECK_MSG(a.status == 101 && a.protocol == rows[i].chosen, "%s", rows[i].protocols);
    CHECK(strstr(rows[i].protocols, gw_ws_protocol_name(a.protocol)) != NULL);
  }
}

TEST_MAIN(TEST(judges_requests), TEST(chooses_what_the_client_prefers), TEST(accepts_as_the_rfc_does))
