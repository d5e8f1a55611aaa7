#include "base/address.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void base_address_of(const char *host, int port, char out[BASE_ADDRESS_SIZE]) {
  bool is_bare = strchr(host, ':') && host[0] != '[';
  snprintf(out, BASE_ADDRESS_SIZE, is_bare ? "[%s]:%d" : "%s:%d", host, port);
}
