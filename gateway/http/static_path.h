/* static_path.h - the pure half of the static files: which file a request means, and which of its forms the browser takes. Any thread. */
#ifndef PONTE_GATEWAY_STATIC_PATH_H
#define PONTE_GATEWAY_STATIC_PATH_H

#include "base/err.h"
#include "base/span.h"

enum { GW_STATIC_PATH_MAX = 1024 };

/* The path of a file below the folder, from a request's path: query cut off, percent-decoded once, without the first slash; "" is the folder itself. A path that
 * ends in a slash keeps it. NOT_FOUND for whatever does not name a file plainly: "..", ".", hidden names, empty parts, backslashes, control and encoded
 * slash bytes, bad escapes, too long. */
base_err gw_static_path(base_span target, char out[GW_STATIC_PATH_MAX]) BASE_MUST_USE;
/* By the name's extension; "application/octet-stream" for unknown ones. */
const char *gw_static_type(const char *path);
/* The name holds a hash of the content ("app.3f9a2b1c.js", "app-3f9a2b1c.wasm": 8 or more hex digits before the extension): it never changes. */
bool gw_static_is_hashed(const char *path);
/* Whether Accept-Encoding takes the coding ("br", "gzip"): named, or "*", with a q above 0 (RFC 9110 section 12.5.3). */
bool gw_accepts_encoding(base_span accept, const char *coding);
/* Whether If-None-Match holds the tag, weakly compared (RFC 9110 section 13.1.2). */
bool gw_etag_matches(base_span if_none_match, const char *etag);

#endif
