/* page_token.h - the text of a page token: a version, what the list was filtered by, and the key of the last row, so that a token of other filters is told from one that fits.
 *
 * It is opaque but no secret and not signed: whoever forges one sees what the filters show him anyway, from another place on. Pure; any thread.
 */
#ifndef PONTE_SVC_PAGE_TOKEN_H
#define PONTE_SVC_PAGE_TOKEN_H

#include "base/buf.h"

enum { SVC_PAGE_FILTER_SIZE = 16, SVC_PAGE_KEY_MAX = 512, SVC_PAGE_TOKEN_MAX = 1024 };

/* Appends. TOO_LARGE: a key of more than SVC_PAGE_KEY_MAX bytes. */
base_err svc_page_token_encode(const uint8_t filter[SVC_PAGE_FILTER_SIZE], base_span key, base_buf *out) BASE_MUST_USE;
/* MALFORMED: no token of ours. The key is appended; it is UTF-8 without NUL. */
base_err svc_page_token_decode(base_span token, uint8_t filter[SVC_PAGE_FILTER_SIZE], base_buf *key) BASE_MUST_USE;

#endif
