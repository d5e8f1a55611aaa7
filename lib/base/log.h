/* log.h - structured logs: one JSON object a line on stderr, or a human form when stderr is a terminal.
 *
 *   BASE_LOG(BASE_LOG_WARN, "upstream lost", LOG_STR("target", target), LOG_INT("attempt", n));
 *
 * Fields are name/value pairs; never payloads, tokens or keys. A line is written with one write(2), so that lines of
 * several threads do not mix. Any thread. Never fails: a line that cannot be built or written is dropped, and a value
 * longer than 1 KiB is cut.
 */
#ifndef PONTE_BASE_LOG_H
#define PONTE_BASE_LOG_H

#include <stdint.h>

#include "base/buf.h"

enum base_log_level { BASE_LOG_DEBUG, BASE_LOG_INFO, BASE_LOG_WARN, BASE_LOG_ERROR };

struct base_log_field {
  const char *name;
  enum { BASE_LOG_F_INT, BASE_LOG_F_NUM, BASE_LOG_F_SPAN } kind;
  int64_t i;
  double d;
  base_span s;
};
/* NULL reads as (null): a log line is the wrong place to crash. */
static inline base_span base_log_text(const char *s) { return base_span_str(s ? s : "(null)"); }
#define LOG_INT(k, v) ((struct base_log_field){.name = (k), .kind = BASE_LOG_F_INT, .i = (int64_t)(v)})
#define LOG_NUM(k, v) ((struct base_log_field){.name = (k), .kind = BASE_LOG_F_NUM, .d = (v)})
#define LOG_STR(k, v) ((struct base_log_field){.name = (k), .kind = BASE_LOG_F_SPAN, .s = base_log_text(v)})
#define LOG_SPAN(k, v) ((struct base_log_field){.name = (k), .kind = BASE_LOG_F_SPAN, .s = (v)})

/* Call once, before other threads exist. `process` is put on every line and must live as long as the process.
 * The environment variable PONTE_LOG sets the level (debug, info, warn, error); info without it. */
void base_log_init(const char *process);
enum base_log_level base_log_level(void);
void base_log_write(enum base_log_level level, const char *message, const struct base_log_field *fields, int count);

/* A thread that writes many lines gathers those below WARN, and promises to flush them soon: a loop, before it sleeps. WARN and ERROR take what waits with them.
 * Each write holds whole lines. Off again before the thread ends; it flushes. */
void base_log_gather(bool on);
void base_log_flush(void);

struct base_log_line {
  int64_t wall_ms;
  enum base_log_level level;
  const char *process, *message;
  const struct base_log_field *fields;
  int count;
};
/* Appends one line with its line feed, or nothing on failure; what base_log_write() writes. Pure. */
base_err base_log_format(base_buf *out, const struct base_log_line *line, bool human) BASE_MUST_USE;

#define BASE_LOG(level, message, ...)                                                  \
  do {                                                                                 \
    if ((level) >= base_log_level()) {                                                 \
      const struct base_log_field base_log_fields__[] = {{0}, ##__VA_ARGS__};          \
      base_log_write(level, message, base_log_fields__ + 1,                            \
                     (int)(sizeof base_log_fields__ / sizeof *base_log_fields__) - 1); \
    }                                                                                  \
  } while (0)

#endif
