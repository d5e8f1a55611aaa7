/* --help and the reference of the file, out of the table. */
#include <stdio.h>

#include "settings/internal.h"

enum { HELP_COLUMN = 34 };

/* What `argument` and `help` do not say: " (1KiB to 64MiB; default 4MiB)". */
static base_err put_rest(const settings_row *row, base_buf *out) {
  base_buf text;
  base_buf_init(&text, 1024);
  base_err e = BASE_OK;
  switch (row->kind) {
  case SETTINGS_NUMBER:
  case SETTINGS_SIZE:
  case SETTINGS_DURATION: e = settings__put_range(row, &text); break;
  case SETTINGS_CHOICE: e = settings__put_allowed(row, &text); break;
  default: break;
  }
  if (base_is_ok(e) && row->required) {
    e = base_buf_printf(&text, "%srequired", base_buf_size(&text) ? "; " : "");
  }
  if (base_is_ok(e) && row->fallback) {
    e = base_buf_printf(&text, "%sdefault %s", base_buf_size(&text) ? "; " : "", row->fallback);
  }
  if (base_is_ok(e) && base_buf_size(&text) > 0) {
    e = base_buf_printf(out, " (%.*s)", BASE_SPAN_ARG(base_buf_span(&text)));
  }
  base_buf_dispose(&text);
  return e;
}

static base_err put_flags(const settings_table *table, base_buf *out) {
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    if (row->kind == SETTINGS_GROUP) {
      BASE_TRY(put_flags(row->table, out));
    }
    if (row->flag == NULL) {
      continue;
    }
    BASE_TRY(base_buf_printf(out, "  --%s%s%s\n      %s", row->flag, row->argument ? " " : "",
                             row->argument ? row->argument : "", row->help));
    if (row->kind == SETTINGS_TEXTS) {
      BASE_TRY(base_buf_str(out, "; repeatable"));
    }
    BASE_TRY(put_rest(row, out));
    BASE_TRY(base_buf_str(out, "\n"));
  }
  return BASE_OK;
}

static base_err put_keys(const settings_table *table, int depth, bool in_list, base_buf *out) {
  bool first = in_list;
  for (size_t i = 0; i < table->count; i++) {
    const settings_row *row = &table->rows[i];
    char left[160];
    if (row->key == NULL) {
      continue;
    }
    bool has_keys = row->kind == SETTINGS_GROUP || row->kind == SETTINGS_GROUPS;
    bool is_list = row->kind == SETTINGS_TEXTS;
    snprintf(left, sizeof left, "%*s%s%s:%s%s%s%s", first ? depth * 2 - 2 : depth * 2, "", first ? "- " : "", row->key,
             has_keys || row->argument == NULL ? "" : " ", is_list ? "[" : "",
             has_keys || row->argument == NULL ? "" : row->argument, is_list ? ", ...]" : "");
    BASE_TRY(base_buf_printf(out, "%-*s  # %s", HELP_COLUMN, left, row->help));
    BASE_TRY(put_rest(row, out));
    BASE_TRY(base_buf_str(out, "\n"));
    if (has_keys) {
      bool groups = row->kind == SETTINGS_GROUPS;
      BASE_TRY(put_keys(row->table, depth + (groups ? 2 : 1), groups, out));
    }
    first = false;
  }
  return BASE_OK;
}

base_err settings_reference(const settings_program *p, base_buf *out) { return put_keys(p->table, 0, false, out); }

base_err settings_help(const settings_program *p, base_buf *out) {
  BASE_TRY(base_buf_printf(out, "%s\nOptions:\n", p->usage));
  BASE_TRY(put_flags(p->table, out));
  BASE_TRY(base_buf_printf(out,
                           "\nEach option with a value can be set in the environment too, %s and its name in capitals "
                           "(lists with spaces). The command line wins over the\nenvironment, that over the file. "
                           "PONTE_LOG=debug|info|warn|error sets the log level.\n",
                           p->prefix));
  if (p->file_flag) {
    BASE_TRY(base_buf_printf(
        out,
        "\nKeys of the file (--%s, YAML). Those outside of lists can be set in the environment: limits.calls is "
        "%sLIMITS_CALLS; where a\nkey has an option, the option's name counts.\n\n",
        p->file_flag, p->prefix));
    BASE_TRY(settings_reference(p, out));
  }
  return BASE_OK;
}
