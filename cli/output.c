#include "cli/output.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/words.h"

enum { FILE_MAX = 256 << 20, COLUMNS = 80 };

static void clear_line(cli_output *o) {
  if (!o->on_line) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  o->on_line = false;
}

static size_t columns(void) {
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : COLUMNS;
}

/* The last part of the text that fits; a line that wraps could not be rewritten. */
static const char *tail(const char *text, size_t room) {
  size_t characters = 0;
  const char *p = text + strlen(text);
  while (p > text && characters < room) {
    p--;
    if (((unsigned char)*p & 0xc0) != 0x80) characters++;
  }
  return p;
}

void cli_output_interim(cli_output *o, int percent) {
  if (!o->live) return;
  const wc_segment *s = wc_transcript_interim(o->transcript);
  size_t room = columns() - 8;
  clear_line(o);
  if (percent >= 0) fprintf(stderr, "%3d%% ", percent);
  if (s) fprintf(stderr, "\033[2m%s\033[0m", tail(s->text, room));
  fflush(stderr);
  o->on_line = s || percent >= 0;
}

void cli_output_final(cli_output *o) {
  if (o->format != WC_FORMAT_TXT) return;
  clear_line(o);
  fprintf(o->to, "%s\n", wc_transcript_at(o->transcript, wc_transcript_count(o->transcript) - 1)->text);
  fflush(o->to);
}

void cli_output_say(cli_output *o, const char *text) {
  clear_line(o);
  cli_say("%s", cli_words(text));
}

static bool write_all(cli_output *o) {
  base_buf text;
  base_buf_init(&text, FILE_MAX);
  bool ok = base_is_ok(wc_transcript_write(o->transcript, o->format, &text));
  base_span s = base_buf_span(&text);
  ok = ok && (s.n == 0 || fwrite(s.p, 1, s.n, o->to) == s.n);
  base_buf_dispose(&text);
  return ok;
}

bool cli_output_finish(cli_output *o) {
  clear_line(o);
  bool ok = o->format == WC_FORMAT_TXT || write_all(o);
  ok = ok && fflush(o->to) == 0 && !ferror(o->to);
  if (!ok) cli_say("the result could not be written");
  return ok;
}
