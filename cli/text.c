#include "cli/text.h"

#include <utf8proc.h>

/* The next character as it is shown; its bytes are borrowed. Gives its columns. */
static int next(base_span *text, base_span *shown) {
  utf8proc_int32_t c = -1;
  utf8proc_ssize_t n = utf8proc_iterate(text->p, (utf8proc_ssize_t)text->n, &c);
  size_t used = n > 0 ? (size_t)n : 1;
  *shown = base_span_of(text->p, used);
  *text = base_span_of(text->p + used, text->n - used);
  utf8proc_category_t category = n > 0 ? utf8proc_category(c) : UTF8PROC_CATEGORY_CC;
  if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CS ||
      category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP) {
    *shown = base_span_str("?");
    return 1;
  }
  return utf8proc_charwidth(c);
}

void cli_put_clean(FILE *to, base_span text) {
  while (text.n > 0) {
    base_span shown;
    (void)next(&text, &shown);
    fwrite(shown.p, 1, shown.n, to);
  }
}

int cli_width(base_span text) {
  int width = 0;
  while (text.n > 0) {
    base_span shown;
    width += next(&text, &shown);
  }
  return width;
}
