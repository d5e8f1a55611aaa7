#include "svc/row_key.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool svc_key_number(const char **text, char end, int64_t *out) {
  if ((**text < '0' || **text > '9') && **text != '-') return false; /* strtoll takes blanks and plus signs */
  char *stop;
  errno = 0;
  long long n = strtoll(*text, &stop, 10);
  if (errno != 0 || *stop != end) return false;
  *out = n;
  *text = stop + 1;
  return true;
}

bool svc_key_text(const char **text, char end, char *out, size_t size) {
  const char *stop = strchr(*text, end);
  if (!stop || (size_t)(stop - *text) >= size) return false;
  memcpy(out, *text, (size_t)(stop - *text));
  out[stop - *text] = '\0';
  *text = stop + 1;
  return true;
}

void svc_row_key_write(int64_t us, const char *id, char out[SVC_ROW_KEY_SIZE]) {
  snprintf(out, SVC_ROW_KEY_SIZE, "%" PRId64 " %s", us, id);
}

bool svc_row_key_read(const char *text, svc_row_key *out) {
  *out = (svc_row_key){0};
  return svc_key_number(&text, ' ', &out->us) && svc_key_text(&text, '\0', out->id, sizeof out->id) && out->id[0];
}
