#include "token/file.h"

#include <stdio.h>
#include <sys/stat.h>

enum { READ_PIECE = 16384 };

bool token_file_has_changed(const char *file, token_file_stamp *stamp) {
  struct stat st;
  if (stat(file, &st) != 0) {
    return false;
  }
  token_file_stamp now = {.mtime = st.st_mtim, .size = st.st_size, .inode = st.st_ino};
  bool same = now.mtime.tv_sec == stamp->mtime.tv_sec && now.mtime.tv_nsec == stamp->mtime.tv_nsec &&
              now.size == stamp->size && now.inode == stamp->inode;
  *stamp = now;
  return !same;
}

base_err token_file_read(const char *file, base_buf *out) {
  FILE *f = fopen(file, "rbe");
  base_err e = f ? BASE_OK : base_fail(BASE_E_NOT_FOUND);
  while (f && base_is_ok(e)) {
    char piece[READ_PIECE];
    size_t n = fread(piece, 1, sizeof piece, f);
    e = base_buf_append(out, base_span_of(piece, n));
    if (n == 0) {
      e = ferror(f) ? base_fail(BASE_E_NOT_FOUND) : e;
      break;
    }
  }
  if (f) {
    fclose(f);
  }
  return e;
}

base_err token_file_complain(const char *file, base_err e, const base_buf *detail, base_buf *why) {
  base_span text = base_buf_span(detail);
  base_err told = base_buf_printf(why, "%s: %.*s", file, text.n ? (int)text.n : (int)strlen(base_err_text(e)),
                                  text.n ? (const char *)text.p : base_err_text(e));
  (void)told; /* without memory the error itself must do */
  return e;
}
