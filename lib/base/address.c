#include "base/address.h"

#include <stdio.h>
#include <string.h>

void base_address_of(const char *host, int port, char out[BASE_ADDRESS_SIZE]) {
  bool is_bare = strchr(host, ':') && host[0] != '[';
  snprintf(out, BASE_ADDRESS_SIZE, is_bare ? "[%s]:%d" : "%s:%d", host, port);
}

bool base_is_loopback(const char *host) {
  return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0 ||
         strcmp(host, "localhost") == 0;
}
