#include <stdio.h>
#include <stdlib.h>

#include "material/internal.h"
#include "material/markdown_memory.h"

enum {
  LEVELS = 6,
  TITLE_MAX = 200, /* bytes of one heading: every passage carries its path */
  PATH_SIZE = LEVELS * (TITLE_MAX + 3) + 1,
  NESTING_MAX =
      100, /* containers that one line may open: cmark's time grows with their depth on every line that follows */
  DESCENT_MAX = 32 /* containers too large for a passage that are looked into */
};

static const char path_separator[] = " > ";

/* Lines that cmark got, by its numbers: line i is [starts[i - 1], starts[i]). */
typedef struct {
  base_span text; /* the source */
  size_t *starts;
  size_t count;
  material__passages passages;
  char titles[LEVELS][TITLE_MAX + 1];
  char path[PATH_SIZE];
  int pending_level; /* of the last heading as long as nothing stands under it; 0: none */
  size_t pending_begin, pending_end;
} reader;

typedef struct {
  size_t begin, end;
} range;

/* The first byte behind YAML's or TOML's front matter. */
static size_t front_matter(base_span text) {
  static const struct {
    const char *open, *close, *close_too;
  } fences[] = {{"---", "---", "..."}, {"+++", "+++", "+++"}};
  material__lines lines = {.rest = text};
  base_span line;
  if (base_span_starts(text, "\xEF\xBB\xBF")) lines.rest = base_span_of(text.p + 3, text.n - 3);
  if (!material__line(&lines, &line)) return 0;
  for (size_t i = 0; i < sizeof fences / sizeof *fences; i++) {
    if (!base_span_is(line, fences[i].open)) continue;
    base_span next;
    /* A blank line behind it: a thematic break. */
    for (bool first = true; material__line(&lines, &next) && !(first && material__is_blank(next)); first = false) {
      if (base_span_is(next, fences[i].close) || base_span_is(next, fences[i].close_too)) return text.n - lines.rest.n;
    }
  }
  return 0;
}

/* How many containers a line may open at most, counted by its leading markers. */
static size_t nesting(base_span line) {
  size_t count = 0, i = 0;
  while (i < line.n && count <= NESTING_MAX) {
    uint8_t c = line.p[i];
    size_t digits = i;
    while (digits < line.n && line.p[digits] >= '0' && line.p[digits] <= '9')
      digits++;
    if (c == ' ' || c == '\t') {
      i++;
    } else if (c == '>' || c == '-' || c == '+' || c == '*') {
      i++;
      count += i == line.n || line.p[i] != c || c == '>'; /* "-----" opens nothing */
    } else if (digits > i && digits < line.n && (line.p[digits] == '.' || line.p[digits] == ')')) {
      i = digits + 1;
      count++;
    } else {
      break;
    }
  }
  return count;
}

/* cmark gets the text line by line, and of blank lines that follow each other one: each of them visits all open containers, and they change nothing for passages. */
static base_err feed(reader *r, cmark_parser *parser, char why[MATERIAL_WHY_SIZE]) {
  size_t begin = front_matter(r->text);
  material__lines lines = {.rest = r->text};
  base_span line;
  bool was_blank = false;
  while (material__line(&lines, &line)) {
    size_t start = (size_t)(line.p - r->text.p);
    bool blank = material__is_blank(line);
    if (start < begin || (blank && was_blank)) continue;
    was_blank = blank;
    if (nesting(line) > NESTING_MAX) return material__malformed(why, lines.number, "nested too deeply");
    r->starts[r->count++] = start;
    cmark_parser_feed(parser, (const char *)line.p, (size_t)(r->text.n - lines.rest.n - start));
  }
  r->starts[r->count] = r->text.n;
  return BASE_OK;
}

/* A block's lines. cmark's last line is not always right: what follows bounds it. */
static range lines_of(const reader *r, cmark_node *node, size_t limit_line) {
  size_t first = (size_t)cmark_node_get_start_line(node), last = (size_t)cmark_node_get_end_line(node);
  cmark_node *next = cmark_node_next(node);
  size_t limit = next ? (size_t)cmark_node_get_start_line(next) : limit_line;
  if (last >= limit || cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK) last = limit - 1;
  if (last < first) last = first;
  if (first < 1 || last > r->count) return (range){0};
  return (range){r->starts[first - 1], r->starts[last]};
}

static void append_title(char title[TITLE_MAX + 1], const char *text) {
  size_t have = strlen(title);
  const char *p = text;
  for (; *p && have < TITLE_MAX; p++) {
    bool space = *p == ' ' || (*p >= '\t' && *p <= '\r');
    if (!space) {
      title[have++] = *p;
    } else if (have > 0 && title[have - 1] != ' ') {
      title[have++] = ' ';
    }
  }
  if (((uint8_t)*p & 0xC0) == 0x80) { /* cut within a character */
    do
      have--;
    while (((uint8_t)title[have] & 0xC0) == 0x80);
  }
  title[have] = '\0';
}

/* A heading's text without its markup. */
static void read_title(cmark_node *heading, char title[TITLE_MAX + 1]) {
  title[0] = '\0';
  cmark_iter *iter = cmark_iter_new(heading);
  for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
    cmark_node *node = cmark_iter_get_node(iter);
    cmark_node_type type = cmark_node_get_type(node);
    if (event != CMARK_EVENT_ENTER) continue;
    if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) append_title(title, cmark_node_get_literal(node));
    if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK) append_title(title, " ");
  }
  cmark_iter_free(iter);
  size_t n = strlen(title);
  if (n > 0 && title[n - 1] == ' ') title[n - 1] = '\0';
}

static void write_path(reader *r) {
  size_t n = 0;
  r->path[0] = '\0';
  for (size_t i = 0; i < LEVELS; i++) {
    if (!r->titles[i][0]) continue;
    int wrote = snprintf(r->path + n, PATH_SIZE - n, "%s%s", n ? path_separator : "", r->titles[i]);
    n += (size_t)wrote;
  }
}

/* A heading with nothing under it is a passage itself: an outline is material, too. */
static base_err settle_pending(reader *r, int level) {
  if (r->pending_level == 0 || r->pending_level < level) return BASE_OK;
  r->titles[r->pending_level - 1][0] = '\0';
  write_path(r);
  r->pending_level = 0;
  return material__add_block(&r->passages, r->pending_begin, r->pending_end, r->path, MATERIAL__PROSE);
}

static base_err read_heading(reader *r, cmark_node *node, range at) {
  int level = cmark_node_get_heading_level(node);
  BASE_TRY(settle_pending(r, level));
  for (size_t i = (size_t)level - 1; i < LEVELS; i++)
    r->titles[i][0] = '\0';
  read_title(node, r->titles[level - 1]);
  write_path(r);
  while (at.begin < at.end && (r->text.p[at.begin] == '#' || r->text.p[at.begin] == ' '))
    at.begin++;
  r->pending_level = level;
  r->pending_begin = at.begin;
  r->pending_end = at.end;
  return BASE_OK;
}

/* Comments, scripts, styles, and tags without words between them. */
static bool is_silent_html(const char *html) {
  static const char *const silent[] = {"<script", "<style", "<?", "<!"};
  base_span s = base_span_str(html);
  while (s.n && (s.p[0] == ' ' || s.p[0] == '\n'))
    s = base_span_of(s.p + 1, s.n - 1);
  const char *close = base_span_starts(s, "<!--") ? strstr((const char *)s.p, "-->") : NULL;
  if (close) return strspn(close + 3, " \t\r\n") == strlen(close + 3);
  for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
    size_t n = strlen(silent[i]);
    if (s.n >= n && base_span_ieq(base_span_of(s.p, n), base_span_str(silent[i]))) return true;
  }
  bool tag = false;
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i];
    if (c == '<' || c == '>') {
      tag = c == '<';
    } else if (!tag && c != ' ' && (c < '\t' || c > '\r')) {
      return false;
    }
  }
  return true;
}

/* GFM's tables are paragraphs to cmark: the second line is |---|:--:|. */
static bool is_table(base_span block) {
  material__lines lines = {.rest = block};
  base_span line;
  if (!material__line(&lines, &line) || !material__line(&lines, &line)) return false;
  bool bar = false, dash = false;
  for (size_t i = 0; i < line.n; i++) {
    bar |= line.p[i] == '|';
    dash |= line.p[i] == '-';
    if (!strchr("|-: \t", line.p[i])) return false;
  }
  return bar && dash;
}

static base_err read_blocks(reader *r, cmark_node *parent, size_t limit_line, unsigned depth);

static base_err read_block(reader *r, cmark_node *node, size_t limit_line, unsigned depth) {
  range at = lines_of(r, node, limit_line);
  cmark_node_type type = cmark_node_get_type(node);
  cmark_node *next = cmark_node_next(node);
  enum material__cut cut = MATERIAL__LINES;
  switch (type) {
  case CMARK_NODE_THEMATIC_BREAK: return BASE_OK;
  case CMARK_NODE_HEADING:
    if (depth == 0) return read_heading(r, node, at);
    break;
  case CMARK_NODE_HTML_BLOCK:
    if (is_silent_html(cmark_node_get_literal(node))) return BASE_OK;
    break;
  case CMARK_NODE_LIST:
  case CMARK_NODE_ITEM:
  case CMARK_NODE_BLOCK_QUOTE:
    if (at.end - at.begin > MATERIAL_PASSAGE_MAX && depth < DESCENT_MAX) {
      return read_blocks(r, node, next ? (size_t)cmark_node_get_start_line(next) : limit_line, depth + 1);
    }
    break;
  case CMARK_NODE_PARAGRAPH:
    if (!is_table(base_span_of(r->text.p + at.begin, at.end - at.begin))) cut = MATERIAL__PROSE;
    break;
  default: break;
  }
  r->pending_level = 0;
  return material__add_block(&r->passages, at.begin, at.end, r->path, cut);
}

static base_err read_blocks(reader *r, cmark_node *parent, size_t limit_line, unsigned depth) {
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node))
    BASE_TRY(read_block(r, node, limit_line, depth));
  return BASE_OK;
}

typedef struct {
  reader reader;
  char *why;
} task;

static base_err read_document(cmark_mem *mem, void *ctx) {
  task *t = ctx;
  reader *r = &t->reader;
  cmark_parser *parser = cmark_parser_new_with_mem(CMARK_OPT_DEFAULT, mem);
  BASE_TRY(feed(r, parser, t->why));
  cmark_node *document = cmark_parser_finish(parser);
  BASE_TRY(read_blocks(r, document, r->count + 1, 0));
  return settle_pending(r, 1);
}

static size_t count_lines(base_span text) {
  size_t count = 0;
  base_span line;
  for (material__lines lines = {.rest = text}; material__line(&lines, &line);)
    count++;
  return count;
}

base_err material__markdown(base_span content, material *m, char why[MATERIAL_WHY_SIZE]) {
  BASE_TRY(base_buf_append(&m->text, content));
  task *t = calloc(1, sizeof *t);
  if (!t) return base_fail(BASE_E_NO_MEMORY);
  reader *r = &t->reader;
  t->why = why;
  r->text = base_buf_span(&m->text);
  r->passages = (material__passages){.m = m, .text = r->text};
  r->starts = calloc(count_lines(r->text) + 1, sizeof *r->starts);
  base_err e = r->starts ? markdown_memory_run(read_document, t) : base_fail(BASE_E_NO_MEMORY);
  free(r->starts);
  free(t);
  return e;
}
