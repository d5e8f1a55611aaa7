/* row_key.h - where a page ends in a list: the text that svc_next_page() is given and that svc_page.after brings back. Pure; any thread.
 *
 * A page token can be forged, so what comes back is anything: it is read strictly, in the one form that it was written in.
 */
#ifndef PONTE_SVC_ROW_KEY_H
#define PONTE_SVC_ROW_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* The last row of a page, in lists that are ordered by a time and then an id. */
typedef struct {
  int64_t us;
  char id[BASE_UUID_SIZE];
} svc_row_key;

enum { SVC_ROW_KEY_SIZE = 64 };
void svc_row_key_write(int64_t us, const char *id, char out[SVC_ROW_KEY_SIZE]);
/* False: it is none of ours; *out is empty then. */
bool svc_row_key_read(const char *text, svc_row_key *out);

/* The parts, for keys of other lists: each reads up to `end`, which may be the text's last NUL, and moves *text behind it. */
bool svc_key_number(const char **text, char end, int64_t *out);
/* False, too, when it does not fit. */
bool svc_key_text(const char **text, char end, char *out, size_t size);

#endif
