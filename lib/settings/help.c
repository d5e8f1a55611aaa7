/* --help and the reference of the file, out of the table. */
#include <stdio.h>

#include "settings/internal.h"

enum { HELP_COLUMN = 34 };

static base_err put_allowed_and_default(const settings_row *row, base_buf *out) {
  bool says_itself = row->kind == SETTINGS_TEXT || row->kind == SETTINGS_TEXTS || row->kind == SETTINGS_GROUP ||
                     row->kind == SETTINGS_GROUPS;
  if (says_itself && row->fallback == NULL) {
    return BASE_OK;
  }
  BASE_TRY(base_buf_str(out, " ("));
  if (!says_itself) {
    BASE_TRY(settings__put_allowed(row, out));
  }
  if (row->fallback) {
    BASE_TRY(base_buf_printf(out, "%sdefault %s", says_itself ? "" : "; ", row->fallback));
  }
  return base_buf_str(out, ")");
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
    if (row->kind != SETTINGS_SWITCH) {
      BASE_TRY(put_allowed_and_default(row, out));
    }
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
    BASE_TRY(base_buf_printf(out, "%-*s  # %s%s", HELP_COLUMN, left, row->help, row->required ? " (required)" : ""));
    BASE_TRY(put_allowed_and_default(row, out));
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
