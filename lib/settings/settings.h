/* settings.h - what a process is told: one table of settings, read from a YAML file, the environment and the command line, into a plain struct.
 *
 * The command line wins over the environment, the environment over the file, the file over the table's defaults. The same table gives --help and the reference
 * of the file. Whatever is not in the table is refused, with the nearest known name; so are duplicates, and YAML's anchors, aliases and tags. Errors read
 * "gateway.yaml:12: clusters[0].leg: "h3" is not allowed; it takes auto, h2 or core".
 *
 *   static const settings_row rows[] = {{.key = "admin", .flag = "admin", .kind = SETTINGS_TEXT, SETTINGS_AT(options, admin), .argument = "ADDR:PORT", .help = ...}};
 *
 * An environment variable is the program's prefix and the flag, or the keys without one, in capitals: PONTE_GATEWAY_ADMIN, PONTE_GATEWAY_LIMITS_CALLS. Lists in it
 * are separated by spaces, an empty one counts as none, and what is inside a list of groups has no variable. Secrets belong in files or the environment, never in a flag: others see the command line.
 *
 * Strings of the struct belong to the `settings` object. Not thread-safe; read-only afterwards.
 */
#ifndef PONTE_SETTINGS_H
#define PONTE_SETTINGS_H

#include "base/buf.h"

enum settings_kind {
  SETTINGS_TEXT,     /* char *, not empty */
  SETTINGS_TEXTS,    /* list of char * */
  SETTINGS_NUMBER,   /* 1, 4 or 8 bytes, as the field is wide */
  SETTINGS_SIZE,     /* bytes: "65536", "64KiB", "4MiB", "1GiB"; 4 or 8 bytes wide */
  SETTINGS_DURATION, /* milliseconds: "500ms", "10s", "5m", "1h", "30d", "0"; 4 or 8 bytes wide */
  SETTINGS_RATIO,    /* double, 0 to 1 */
  SETTINGS_BOOL,     /* bool: true or false */
  SETTINGS_CHOICE,   /* an enum (4 bytes) whose values are the indexes of `names` */
  SETTINGS_SWITCH,   /* bool; a flag without a value, and nothing else */
  SETTINGS_GROUP,    /* a struct inside the struct */
  SETTINGS_GROUPS    /* list of structs */
};

typedef struct settings_row settings_row;

typedef struct {
  const settings_row *rows;
  size_t count, size; /* of the rows (at most 64); of the struct */
} settings_table;

struct settings_row {
  const char *key;  /* in the file; NULL: none */
  const char *flag; /* without its dashes; NULL: none */
  enum settings_kind kind;
  bool required; /* in a group of a list */
  bool stops;    /* SWITCH: nothing else is looked at (--help) */
  size_t at, width;
  uint64_t low, high;                   /* NUMBER, SIZE, DURATION; high 0 = as much as fits */
  const char *fallback;                 /* the default as text; NULL: the field stays zeroed */
  const char *argument, *help;          /* "ADDR:PORT": also says what is allowed */
  const char *const *names;             /* CHOICE; ends with NULL */
  bool (*is_allowed)(const char *text); /* TEXT, TEXTS; NULL: all */
  const settings_table *table;          /* GROUP, GROUPS */
  size_t count_at, capacity;            /* lists: an int; room */
  bool by_pointer; /* lists: the field is a pointer, to be filled with room for `capacity`; otherwise an array */
};

#define SETTINGS_AT(type, member) .at = offsetof(type, member), .width = sizeof(((type *)0)->member)
#define SETTINGS_ARRAY(type, member, number, room) \
  .at = offsetof(type, member), .count_at = offsetof(type, number), .capacity = (room)
#define SETTINGS_VECTOR(type, member, number, room) SETTINGS_ARRAY(type, member, number, room), .by_pointer = true
#define SETTINGS_TABLE(type, table_rows) \
  { .rows = (table_rows), .count = sizeof(table_rows) / sizeof *(table_rows), .size = sizeof(type) }

typedef struct {
  const settings_table *table;
  const char *prefix;    /* of the environment variables: "PONTE_GATEWAY_" */
  const char *usage;     /* head of --help */
  const char *file_flag; /* the row (TEXT) that names the file, "config"; NULL: there is no file */
} settings_program;

enum { SETTINGS_FILE_MAX = 1 << 20, SETTINGS_TEXT_MAX = 65536 };

typedef struct settings settings;

/* *out is the table's struct and is filled from its defaults on. `get` is getenv outside of tests. INVALID or NOT_FOUND with the reason in `why`, or NO_MEMORY. *owner
 * is to be freed after BASE_OK, and is NULL otherwise. */
base_err settings_read(const settings_program *p, int argc, char *const *argv, char *(*get)(const char *name),
                       void *out, settings **owner, base_buf *why) BASE_MUST_USE;
/* Defaults and the text of a file alone; `name` stands for the file in errors. */
base_err settings_read_text(const settings_program *p, const char *name, base_span text, void *out, settings **owner,
                            base_buf *why) BASE_MUST_USE;
void settings_free(settings *s); /* NULL is allowed */

/* For checks across settings: appends "gateway.yaml:12: clusters[0].name: " and the text, and returns INVALID. `field` is the address of the field, or of a list's element. */
base_err settings_complain(const settings *s, const void *field, base_buf *why, const char *fmt, ...) BASE_MUST_USE
    __attribute__((format(printf, 4, 5)));
/* The field was given by file, environment or command line. */
bool settings_is_given(const settings *s, const void *field);
/* Zeroed memory, and a copy of a text, that live as long as `s`; NULL when there is none. */
void *settings_alloc(settings *s, size_t n);
char *settings_keep(settings *s, const char *text);

/* --help: the flags, and the keys of the file. */
base_err settings_help(const settings_program *p, base_buf *out) BASE_MUST_USE;
/* The keys of the file alone, in the form of the file. */
base_err settings_reference(const settings_program *p, base_buf *out) BASE_MUST_USE;

#endif
