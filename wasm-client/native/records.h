/* records.h - records in files: one each in a folder of their own, mode 0600, replaced in one step.
 *
 * Keys are those of wc/plat.h. Blocks for the disk. Any thread; who writes last wins.
 */
#ifndef PONTE_WC_RECORDS_H
#define PONTE_WC_RECORDS_H

#include "base/buf.h"

/* Appends the record; nothing if there is none. IO, TOO_LARGE, NO_MEMORY. */
base_err wc_records_read(const char *folder, const char *key, base_buf *out) BASE_MUST_USE;
/* On disk when it returns; the folder is made (0700), its parents are not. An empty value removes the record. IO: the record is as it was. */
base_err wc_records_write(const char *folder, const char *key, base_span value) BASE_MUST_USE;

#endif
