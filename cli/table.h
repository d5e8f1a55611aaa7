/* table.h - rows for people: columns as wide as their widest cell, numbers to the right, a bold head line on a terminal. One thread. */
#ifndef PONTE_CLI_TABLE_H
#define PONTE_CLI_TABLE_H

#include "base/buf.h"

typedef struct {
  const char *const *heads; /* up to NULL; a leading '>' puts the column's cells to the right */
  int columns;
  base_buf cells; /* texts with their NULs, row by row */
  bool failed;    /* out of memory: the table is not printed */
} cli_table;

/* The heads are borrowed. */
void cli_table_init(cli_table *t, const char *const *heads);
void cli_table_dispose(cli_table *t);
/* The next cell; each row is filled from the left. NULL is empty. */
void cli_table_cell(cli_table *t, const char *text);
void cli_table_number(cli_table *t, int64_t number);
/* To stdout. False: said why. */
bool cli_table_print(const cli_table *t);
/* Prints and disposes. */
void cli_table_show(cli_table *t);

#endif
