/* url.h - which URLs a secret may be sent to, and what is read from them believed. Pure; any thread. */
#ifndef PONTE_BASE_URL_H
#define PONTE_BASE_URL_H

#include <stdbool.h>

/* https, or http to a loopback address (for what stands in front of the peer, and for tests): neither keys nor what decides about them may cross a wire that anyone can read or write.
 * A URL that holds a user name is refused. */
bool base_url_ok(const char *url);

#endif
