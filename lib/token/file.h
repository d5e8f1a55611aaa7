/* file.h - files that are read again when they change. Blocks: for a thread that may. A stamp belongs to one thread. */
#ifndef PONTE_TOKEN_FILE_H
#define PONTE_TOKEN_FILE_H

#include <sys/types.h>
#include <time.h>

#include "base/buf.h"

/* A file as it was when it was looked at last; zeroed at first. */
typedef struct {
  struct timespec mtime;
  off_t size;
  ino_t inode;
} token_file_stamp;

/* A file that is not there has not changed: it may be in the middle of a replacement, and what was read stays. */
bool token_file_has_changed(const char *file, token_file_stamp *stamp);
/* The whole file, appended. NOT_FOUND, TOO_LARGE, NO_MEMORY. */
base_err token_file_read(const char *file, base_buf *out) BASE_MUST_USE;
/* Appends "FILE: what is wrong" to *why and returns `e`; without a detail, what `e` means. */
base_err token_file_complain(const char *file, base_err e, const base_buf *detail, base_buf *why) BASE_MUST_USE;

#endif
