/* address.h - addresses as people write them: "HOST:PORT", with brackets around IPv6 (RFC 3986 section 3.2.2). Pure; any thread. */
#ifndef PONTE_BASE_ADDRESS_H
#define PONTE_BASE_ADDRESS_H

#include <stdbool.h>

enum { BASE_ADDRESS_SIZE = 300 };

/* `host` may have its brackets already. What does not fit is cut. */
void base_address_of(const char *host, int port, char out[BASE_ADDRESS_SIZE]);
/* This machine's alone: "127.0.0.1", "::1", "[::1]", "localhost". */
bool base_is_loopback(const char *host);

#endif
