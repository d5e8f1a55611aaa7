#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 32768, VALUE_MAX_BYTES = 1024, GATHER_BYTES = 16384 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
enum { LEVELS = sizeof level_names / sizeof *level_names };

/* Written by base_log_init() only, before other threads exist. */
static struct {
  const char *process;
  enum base_log_level level;
  bool human;
} settings = {"", BASE_LOG_INFO, false};

enum base_log_level base_log_level(void) { return settings.level; }

void base_log_init(const char *process) {
  const char *wanted = getenv("PONTE_LOG");
  bool known = wanted == NULL || *wanted == 0;
  settings.process = process;
  settings.human = isatty(STDERR_FILENO);
  settings.level = BASE_LOG_INFO;
  for (int i = 0; !known && i < LEVELS; i++) {
    if (strcmp(wanted, level_names[i]) == 0) {
      settings.level = (enum base_log_level)i;
      known = true;
    }
  }
  if (!known) {
    BASE_LOG(BASE_LOG_WARN, "PONTE_LOG is none of debug, info, warn, error; using info", LOG_STR("value", wanted));
  }
}

/* At most VALUE_MAX_BYTES of a value; a character cut in two becomes U+FFFD when it is quoted. */
static base_span cut(base_span s) { return base_span_of(s.p, s.n < VALUE_MAX_BYTES ? s.n : VALUE_MAX_BYTES); }

static base_err put_time(base_buf *out, int64_t wall_ms) {
  char text[BASE_TIME_SIZE];
  base_time_text(wall_ms, text);
  return base_buf_str(out, text);
}

static base_err put_number(base_buf *out, double d) {
  return isfinite(d) ? base_buf_printf(out, "%.6g", d) : base_buf_str(out, "null"); /* JSON has no NaN */
}

static base_err put_value(base_buf *out, const struct base_log_field *f) {
  switch (f->kind) {
  case BASE_LOG_F_INT: return base_buf_printf(out, "%" PRId64, f->i);
  case BASE_LOG_F_NUM: return put_number(out, f->d);
  case BASE_LOG_F_SPAN: break;
  }
  return base_buf_json(out, cut(f->s));
}

static base_err put_pair(base_buf *out, const char *name, base_span text) {
  BASE_TRY(base_buf_json(out, base_span_str(name)));
  BASE_TRY(base_buf_u8(out, ':'));
  return base_buf_json(out, text);
}

static base_err json_line(base_buf *out, const struct base_log_line *l) {
  BASE_TRY(base_buf_str(out, "{\"time\":\""));
  BASE_TRY(put_time(out, l->wall_ms));
  BASE_TRY(base_buf_str(out, "\","));
  BASE_TRY(put_pair(out, "level", base_span_str(level_names[l->level])));
  BASE_TRY(base_buf_u8(out, ','));
  BASE_TRY(put_pair(out, "process", base_span_str(l->process)));
  BASE_TRY(base_buf_u8(out, ','));
  BASE_TRY(put_pair(out, "message", cut(base_span_str(l->message))));
  for (int i = 0; i < l->count; i++) {
    BASE_TRY(base_buf_u8(out, ','));
    BASE_TRY(base_buf_json(out, base_span_str(l->fields[i].name)));
    BASE_TRY(base_buf_u8(out, ':'));
    BASE_TRY(put_value(out, &l->fields[i]));
  }
  return base_buf_str(out, "}\n");
}

/* Bare only if it cannot be mistaken: control bytes from a peer must not reach the terminal, nor blanks look like
 * fields. */
static bool plain(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '=') {
      return false;
    }
  }
  return s.n > 0;
}

static base_err human_line(base_buf *out, const struct base_log_line *l) {
  BASE_TRY(put_time(out, l->wall_ms));
  BASE_TRY(base_buf_printf(out, " %-5s %s: ", level_names[l->level], l->process));
  BASE_TRY(base_buf_utf8(out, cut(base_span_str(l->message))));
  for (int i = 0; i < l->count; i++) {
    const struct base_log_field *f = &l->fields[i];
    BASE_TRY(base_buf_printf(out, " %s=", f->name));
    bool bare = f->kind == BASE_LOG_F_SPAN && plain(cut(f->s));
    BASE_TRY(bare ? base_buf_append(out, cut(f->s)) : put_value(out, f));
  }
  return base_buf_str(out, "\n");
}

base_err base_log_format(base_buf *out, const struct base_log_line *line, bool human) {
  size_t before = base_buf_size(out);
  base_err e = human ? human_line(out, line) : json_line(out, line);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}

/* Lines that wait for base_log_flush, in a thread that gathers them. */
static _Thread_local struct {
  bool on;
  base_buf lines;
} gathered;

static void put(base_span bytes) {
  int saved = errno; /* logging an error must not change it */
  ssize_t written;
  do {
    written = bytes.n > 0 ? write(STDERR_FILENO, bytes.p, bytes.n) : 0;
  } while (written < 0 && errno == EINTR);
  errno = saved;
}

void base_log_flush(void) {
  if (gathered.on) {
    put(base_buf_span(&gathered.lines));
    base_buf_clear(&gathered.lines);
  }
}

void base_log_gather(bool on) {
  base_log_flush();
  base_buf_dispose(&gathered.lines);
  base_buf_init(&gathered.lines, GATHER_BYTES + LINE_MAX_BYTES);
  gathered.on = on;
}

static void gather(const struct base_log_line *line) {
  base_err e = base_log_format(&gathered.lines, line, settings.human);
  (void)e; /* a line that finds no memory is dropped, as everywhere */
  if (line->level >= BASE_LOG_WARN || base_buf_size(&gathered.lines) >= GATHER_BYTES) {
    base_log_flush();
  }
}

void base_log_write(enum base_log_level level, const char *message, const struct base_log_field *fields, int count) {
  struct base_log_line line = {base_wall_ms(), level, settings.process, message, fields, count};
  base_buf out;
  if (gathered.on) {
    gather(&line);
    return;
  }
  base_buf_init(&out, LINE_MAX_BYTES);
  if (base_is_ok(base_log_format(&out, &line, settings.human))) {
    put(base_buf_span(&out));
  }
  base_buf_dispose(&out);
}
