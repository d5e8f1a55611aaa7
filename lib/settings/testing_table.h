/* testing_table.h - test code only: a table with one row of each kind. */
#ifndef PONTE_SETTINGS_TESTING_TABLE_H
#define PONTE_SETTINGS_TESTING_TABLE_H

#include "base/test.h"
#include "settings/settings.h"

enum { PLACES = 3, NAMES = 2 };
enum shape { ROUND, SQUARE };

typedef struct {
  char *name, *note;
  char *names[NAMES];
  int name_count;
} place;

typedef struct {
  char *config, *admin;
  char **hosts;
  int host_count;
  uint32_t workers;
  uint64_t memory;
  int64_t grace_ms;
  double ratio;
  bool log, help;
  enum shape shape;
  place *places;
  int place_count;
  struct {
    uint32_t calls;
    int64_t idle_ms;
  } limits;
} options;

static inline bool has_colon(const char *text) { return strchr(text, ':') != NULL; }

static const char *const shapes[] = {"round", "square", NULL};
static const settings_row place_rows[] = {
    {.key = "name",
     .kind = SETTINGS_TEXT,
     .required = true,
     SETTINGS_AT(place, name),
     .argument = "NAME",
     .help = "its name"},
    {.key = "note",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(place, note),
     .argument = "TEXT",
     .fallback = "none",
     .help = "a note"},
    {.key = "names",
     .kind = SETTINGS_TEXTS,
     SETTINGS_ARRAY(place, names, name_count, NAMES),
     .argument = "NAME",
     .help = "others"},
};
static const settings_table place_table = SETTINGS_TABLE(place, place_rows);
static const settings_row limits_rows[] = {
    {.key = "calls",
     .flag = "max-calls",
     .kind = SETTINGS_NUMBER,
     .at = 0,
     .width = 4,
     .low = 1,
     .high = 10000,
     .fallback = "100",
     .argument = "N",
     .help = "calls at once"},
    {.key = "idle",
     .kind = SETTINGS_DURATION,
     .at = 8,
     .width = 8,
     .low = 1000,
     .fallback = "1h",
     .argument = "TIME",
     .help = "idle time"},
};
static const settings_table limits_table = {limits_rows, 2, 16};
static const settings_row rows[] = {
    {.flag = "config", .kind = SETTINGS_TEXT, SETTINGS_AT(options, config), .argument = "FILE", .help = "the file"},
    {.key = "admin",
     .flag = "admin",
     .kind = SETTINGS_TEXT,
     SETTINGS_AT(options, admin),
     .is_allowed = has_colon,
     .argument = "ADDR:PORT",
     .fallback = "a:1",
     .help = "for operators"},
    {.key = "hosts",
     .flag = "allow-host",
     .kind = SETTINGS_TEXTS,
     SETTINGS_VECTOR(options, hosts, host_count, 4),
     .argument = "NAME",
     .help = "names"},
    {.key = "workers",
     .kind = SETTINGS_NUMBER,
     SETTINGS_AT(options, workers),
     .high = 64,
     .fallback = "1",
     .argument = "N",
     .help = "threads"},
    {.key = "memory",
     .kind = SETTINGS_SIZE,
     SETTINGS_AT(options, memory),
     .low = 1024,
     .argument = "SIZE",
     .help = "budget"},
    {.key = "grace",
     .flag = "grace",
     .kind = SETTINGS_DURATION,
     SETTINGS_AT(options, grace_ms),
     .fallback = "10s",
     .argument = "TIME",
     .help = "grace"},
    {.key = "ratio",
     .kind = SETTINGS_RATIO,
     SETTINGS_AT(options, ratio),
     .fallback = "0.5",
     .argument = "R",
     .help = "share"},
    {.key = "log",
     .kind = SETTINGS_BOOL,
     SETTINGS_AT(options, log),
     .fallback = "true",
     .argument = "BOOL",
     .help = "lines"},
    {.key = "shape",
     .kind = SETTINGS_CHOICE,
     SETTINGS_AT(options, shape),
     .names = shapes,
     .fallback = "square",
     .argument = "SHAPE",
     .help = "form"},
    {.key = "places",
     .kind = SETTINGS_GROUPS,
     SETTINGS_VECTOR(options, places, place_count, PLACES),
     .table = &place_table,
     .help = "places"},
    {.key = "limits", .kind = SETTINGS_GROUP, SETTINGS_AT(options, limits), .table = &limits_table, .help = "limits"},
    {.flag = "help", .kind = SETTINGS_SWITCH, SETTINGS_AT(options, help), .stops = true, .help = "this text"},
};
static const settings_table table = SETTINGS_TABLE(options, rows);
static const settings_program program = {
    .table = &table, .prefix = "TEST_", .usage = "usage: test\n", .file_flag = "config"};

#endif
