/* Whose address a call comes from, when a gateway stands in front. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/address.h"
#include "svc/internal.h"

/* Networks that the internet does not route: this machine, and private ones (RFC 1918, RFC 4193). */
static const struct {
  uint8_t bytes[16];
  int bits;
} near[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
    {{0xfc}, 7},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}, 104},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 16}, 108},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168}, 112},
};

/* IPv4 as it is mapped into IPv6. */
static bool parse(const char *text, uint8_t out[16]) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  memcpy(out, mapped, sizeof mapped);
  return inet_pton(AF_INET, text, out + sizeof mapped) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool is_within(const uint8_t address[16], const uint8_t network[16], int bits) {
  for (int i = 0; i < bits; i++) {
    if ((address[i / 8] ^ network[i / 8]) >> (7 - i % 8) & 1) {
      return false;
    }
  }
  return true;
}

static bool is_near(const char *peer) {
  uint8_t address[16];
  bool found = false;
  for (size_t i = 0; parse(peer, address) && !found && i < sizeof near / sizeof *near; i++) {
    found = is_within(address, near[i].bytes, near[i].bits);
  }
  return found;
}

void svc__client_address(const char *peer, base_span told, char out[RPC_ADDRESS_SIZE]) {
  uint8_t address[16];
  snprintf(out, RPC_ADDRESS_SIZE, "%s", peer);
  if (told.n == 0 || told.n >= RPC_ADDRESS_SIZE || !is_near(peer)) {
    return;
  }
  char text[RPC_ADDRESS_SIZE];
  snprintf(text, sizeof text, "%.*s", BASE_SPAN_ARG(told));
  if (parse(text, address)) {
    memcpy(out, text, sizeof text);
  }
}

void svc__network_of(const char *address, char out[SVC_NETWORK_SIZE]) {
  enum { NETWORK_BYTES = 8 };
  char text[INET6_ADDRSTRLEN];
  struct in6_addr v6;
  snprintf(out, SVC_NETWORK_SIZE, "%s", base_is_loopback(address) ? "" : address);
  if (inet_pton(AF_INET6, out, &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) return;
  memset(v6.s6_addr + NETWORK_BYTES, 0, sizeof v6.s6_addr - NETWORK_BYTES);
  if (inet_ntop(AF_INET6, &v6, text, sizeof text)) snprintf(out, SVC_NETWORK_SIZE, "%s/64", text);
}
