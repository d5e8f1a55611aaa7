/* formats.h - texts of a known form. Pure; any thread. */
#ifndef PONTE_PB_FORMATS_H
#define PONTE_PB_FORMATS_H

#include "base/span.h"

/* An address as people type it: dot-atom@host. RFC 5321 section 4.5.3.1 for the sizes, RFC 5322 section 3.2.3 for the characters, RFC 6531 for letters beyond ASCII, of
 * which those that cannot be seen are refused. Not: quoted local parts, address literals, comments. */
bool pb_is_email(base_span text);
/* RFC 9562 section 4: 8-4-4-4-12 hexadecimal digits of either case. */
bool pb_is_uuid(base_span text);

#endif
