#include "cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text.h"

enum { TABLE_MAX = 64 << 20, GAP = 2 };

void cli_table_init(cli_table *t, const char *const *heads) {
  *t = (cli_table){.heads = heads};
  base_buf_init(&t->cells, TABLE_MAX);
  while (heads[t->columns])
    t->columns++;
}

void cli_table_dispose(cli_table *t) { base_buf_dispose(&t->cells); }

void cli_table_cell(cli_table *t, const char *text) {
  base_span s = base_span_str(text ? text : "");
  if (!base_is_ok(base_buf_append(&t->cells, s)) || !base_is_ok(base_buf_u8(&t->cells, 0))) t->failed = true;
}

void cli_table_number(cli_table *t, int64_t number) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, number);
  cli_table_cell(t, text);
}

static bool is_right(const char *head) { return head[0] == '>'; }
static base_span head_text(const char *head) { return base_span_str(head + is_right(head)); }

static base_span next_cell(base_span *rest) {
  base_span cell = base_span_str((const char *)rest->p);
  *rest = base_span_of(rest->p + cell.n + 1, rest->n - cell.n - 1);
  return cell;
}

/* Nothing is put behind the last column of a row, unless it is a number. */
static void put_cell(base_span text, int width, bool right, bool last) {
  int blanks = width - cli_width(text);
  for (int i = 0; right && i < blanks; i++)
    putchar(' ');
  cli_put_clean(stdout, text);
  for (int i = 0; !last && i < (right ? 0 : blanks) + GAP; i++)
    putchar(' ');
}

static void print_rows(const cli_table *t, const int *widths) {
  bool bold = isatty(STDOUT_FILENO);
  fputs(bold ? "\033[1m" : "", stdout);
  for (int i = 0; i < t->columns; i++)
    put_cell(head_text(t->heads[i]), widths[i], is_right(t->heads[i]), i == t->columns - 1);
  puts(bold ? "\033[0m" : "");
  base_span rest = base_buf_span(&t->cells);
  for (int i = 0; rest.n > 0; i = (i + 1) % t->columns) {
    put_cell(next_cell(&rest), widths[i], is_right(t->heads[i]), i == t->columns - 1);
    if (i == t->columns - 1) putchar('\n');
  }
}

bool cli_table_print(const cli_table *t) {
  int *widths = calloc((size_t)t->columns, sizeof *widths);
  if (t->failed || !widths) {
    free(widths);
    cli_say("out of memory");
    return false;
  }
  for (int i = 0; i < t->columns; i++)
    widths[i] = cli_width(head_text(t->heads[i]));
  base_span rest = base_buf_span(&t->cells);
  for (int i = 0; rest.n > 0; i = (i + 1) % t->columns) {
    int width = cli_width(next_cell(&rest));
    if (width > widths[i]) widths[i] = width;
  }
  print_rows(t, widths);
  free(widths);
  return true;
}

void cli_table_show(cli_table *t) {
  (void)cli_table_print(t);
  cli_table_dispose(t);
}
