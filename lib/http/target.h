/* target.h - what a request may ask for and of whom: its method, its target and its authority, whichever carrier brought them.
 *
 * Pure; any thread. Each predicate takes one value as the peer sent it, which may be empty ({NULL, 0} too), and says whether it is well-formed.
 * Which status a refusal gets, and whether an authority is one of ours, is for the caller.
 *
 * Sources: RFC 9110 section 9.1, RFC 9112 section 3.2, RFC 3986 section 3.2.
 */
#ifndef PONTE_HTTP_TARGET_H
#define PONTE_HTTP_TARGET_H

#include "base/span.h"

/* One of the methods some handler here may serve; case matters. */
bool http_is_method(base_span s);

/* Only bytes that a target of any form may have: visible ASCII without '#'. The empty span passes. */
bool http_is_target_text(base_span s);
/* Origin form, RFC 9112 section 3.2.1: target text that begins with '/'. */
bool http_is_origin_form(base_span s);

/* Not empty, and only bytes that a host and port may have, in any order: enough to pass it on, not to take it apart. */
bool http_is_authority_text(base_span s);
/* uri-host [":" port] without user information. Narrower than RFC 3986: a port that is announced has digits and is at most 65535, an address in
 * brackets has no zone. */
bool http_is_authority(base_span s);

#endif
