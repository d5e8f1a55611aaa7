/* address.h - an address as people write it: "HOST:PORT", with brackets around IPv6 (RFC 3986 section 3.2.2). Pure; any thread. */
#ifndef PONTE_BASE_ADDRESS_H
#define PONTE_BASE_ADDRESS_H

enum { BASE_ADDRESS_SIZE = 300 };

/* `host` may have its brackets already. What does not fit is cut. */
void base_address_of(const char *host, int port, char out[BASE_ADDRESS_SIZE]);

#endif
