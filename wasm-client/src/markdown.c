#include "wc/markdown.h"

#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  OPS_MAX = 1 << 20,
  BLOCKS_MAX = 4096,
  CITES_MAX = 1024, /* further ones are text */
  HREF_MAX = 2048,
  SPANS_MAX = 6,
  BLOCKS_DEEP = WC_MARKDOWN_DEPTH - SPANS_MAX - 1, /* and one for what stands in a span: a citation, a break */
};

/* While md4c reads, the i-th citation is one character of plane 15 (private use): a letter that means nothing in Markdown. Others of that plane are taken out before. */
enum { CITE_BYTES = 4, PLANE_15_LEAD = 0xf3, PLANE_15_SECOND = 0xb0 };

enum node {
#define X(name, tag) NODE_##name,
  WC_MARKDOWN_NODES(X)
#undef X
      NODE_NONE
};
static const char *const tags[] = {
#define X(name, tag) tag,
    WC_MARKDOWN_NODES(X)
#undef X
};

struct cite {
  int number;
  uint32_t at;
};

/* The operations of one text, without the brackets of its blocks. */
struct rendering {
  base_buf ops;
  uint32_t ends[BLOCKS_MAX];
  int blocks;
};

struct wc_markdown {
  struct rendering shown, next;
  base_buf source; /* the text with its citations replaced */
  struct cite cites[CITES_MAX];
  int cite_count;

  /* Of the pass that runs: */
  base_buf run; /* text not yet written */
  base_err err;
  int depth; /* blocks, also those too deep to be shown */
  struct span {
    MD_SPANTYPE type;
    bool shown;
  } spans[SPANS_MAX];
  int span_count, images;
};

wc_markdown *wc_markdown_new(void) {
  wc_markdown *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  base_buf_init(&m->shown.ops, OPS_MAX);
  base_buf_init(&m->next.ops, OPS_MAX);
  base_buf_init(&m->source, 4 * WC_MARKDOWN_MAX + 1);
  base_buf_init(&m->run, 4 * WC_MARKDOWN_MAX);
  return m;
}

void wc_markdown_free(wc_markdown *m) {
  if (!m) return;
  base_buf_dispose(&m->shown.ops);
  base_buf_dispose(&m->next.ops);
  base_buf_dispose(&m->source);
  base_buf_dispose(&m->run);
  free(m);
}

void wc_markdown_reset(wc_markdown *m) { m->shown.blocks = 0; }

/* -- citations */

/* "[n]" at the front: its bytes, or 0. */
static size_t cite_length(base_span s, int passages, int *number) {
  int n = 0;
  size_t i = 1;
  if (s.n < 3 || s.p[0] != '[' || s.p[1] == '0') return 0;
  for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && n <= passages; i++)
    n = 10 * n + (s.p[i] - '0');
  if (i == 1 || i == s.n || s.p[i] != ']' || n > passages) return 0;
  *number = n;
  return i + 1;
}

static base_err put_cite_character(base_buf *out, int i) {
  uint8_t bytes[CITE_BYTES] = {PLANE_15_LEAD, (uint8_t)(PLANE_15_SECOND | i >> 12), (uint8_t)(0x80 | (i >> 6 & 0x3f)),
                               (uint8_t)(0x80 | (i & 0x3f))};
  return base_buf_append(out, base_span_of(bytes, sizeof bytes));
}

static bool is_plane_15(base_span s) { return s.n >= 2 && s.p[0] == PLANE_15_LEAD && s.p[1] >= PLANE_15_SECOND; }

/* The citation that stands at the front of what md4c gives; NULL if none does. */
static const struct cite *cite_at(const wc_markdown *m, base_span s) {
  if (!is_plane_15(s) || s.n < CITE_BYTES) return NULL;
  int i = (s.p[1] & 0xf) << 12 | (s.p[2] & 0x3f) << 6 | (s.p[3] & 0x3f);
  return i < m->cite_count ? &m->cites[i] : NULL;
}

static base_err prepare(wc_markdown *m, base_span text, int passages) {
  base_buf_clear(&m->source);
  m->cite_count = 0;
  for (size_t i = 0; i < text.n;) {
    base_span rest = base_span_of(text.p + i, text.n - i);
    int number = 0;
    size_t n = m->cite_count < CITES_MAX ? cite_length(rest, passages, &number) : 0;
    if (n > 0) {
      m->cites[m->cite_count] = (struct cite){number, (uint32_t)i};
      BASE_TRY(put_cite_character(&m->source, m->cite_count++));
    } else if (is_plane_15(rest)) {
      BASE_TRY(base_buf_str(&m->source, "\xef\xbf\xbd")); /* its tail becomes U+FFFD as malformed UTF-8 */
      n = rest.n < CITE_BYTES ? rest.n : CITE_BYTES;
    } else {
      n = 1;
      BASE_TRY(base_buf_append(&m->source, base_span_of(rest.p, 1)));
    }
    i += n;
  }
  return base_buf_u8(&m->source, 0); /* md4c looks at the byte behind digits that end the text */
}

/* -- writing */

static base_err begin_op(wc_markdown *m) {
  size_t begin = m->next.blocks ? m->next.ends[m->next.blocks - 1] : 0;
  return base_buf_size(&m->next.ops) > begin ? base_buf_str(&m->next.ops, ",") : BASE_OK;
}

static base_err flush(wc_markdown *m) {
  if (base_buf_size(&m->run) == 0) return BASE_OK;
  BASE_TRY(begin_op(m));
  BASE_TRY(base_buf_json(&m->next.ops, base_buf_span(&m->run)));
  base_buf_clear(&m->run);
  return BASE_OK;
}

/* `argument` is JSON, or NULL. */
static base_err put_open(wc_markdown *m, enum node node, const char *argument) {
  BASE_TRY(flush(m));
  BASE_TRY(begin_op(m));
  BASE_TRY(base_buf_printf(&m->next.ops, "[\"%s\"%s", tags[node], argument ? "," : ""));
  if (argument) BASE_TRY(base_buf_str(&m->next.ops, argument));
  return base_buf_str(&m->next.ops, "]");
}

static base_err put_close(wc_markdown *m) {
  BASE_TRY(flush(m));
  BASE_TRY(begin_op(m));
  return base_buf_str(&m->next.ops, "0");
}

static base_err put_node(wc_markdown *m, enum node node, const char *argument) {
  BASE_TRY(put_open(m, node, argument));
  return put_close(m);
}

/* Elements that are not wanted (NODE_NONE), stand in an image's text or too deep leave their text only. */
static base_err open_span(wc_markdown *m, MD_SPANTYPE type, enum node node, const char *argument) {
  if (m->span_count == SPANS_MAX) return BASE_OK;
  bool shown = node != NODE_NONE && m->images == 0;
  m->spans[m->span_count++] = (struct span){type, shown};
  m->images += type == MD_SPAN_IMG;
  return shown ? put_open(m, node, argument) : BASE_OK;
}

static base_err close_spans(wc_markdown *m, int down_to) {
  while (m->span_count > down_to) {
    const struct span *last = &m->spans[--m->span_count];
    m->images -= last->type == MD_SPAN_IMG;
    if (last->shown) BASE_TRY(put_close(m));
  }
  return BASE_OK;
}

/* md4c 0.4.8 can forget to leave a span whose end stands in a link's address, so one that ends takes along those inside it. */
static base_err close_span(wc_markdown *m, MD_SPANTYPE type) {
  for (int i = m->span_count - 1; i >= 0; i--) {
    if (m->spans[i].type == type) return close_spans(m, i);
  }
  return BASE_OK;
}

/* The few entities that people write; others stay as they are written. */
static base_err put_entity(base_buf *out, base_span s) {
  static const struct {
    const char *name, *text;
  } rows[] = {{"&amp;", "&"},  {"&lt;", "<"},   {"&gt;", ">"},    {"&quot;", "\""},
              {"&apos;", "'"}, {"&nbsp;", " "}, {"&hellip;", "…"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (base_span_is(s, rows[i].name)) return base_buf_str(out, rows[i].text);
  }
  if (s.n < 4 || s.p[1] != '#') return base_buf_append(out, s);
  bool hex = s.p[2] == 'x' || s.p[2] == 'X';
  uint32_t c = 0;
  for (size_t i = hex ? 3 : 2; i + 1 < s.n && c <= 0x10ffff; i++)
    c = hex ? 16 * c + (uint32_t)base_hex_value(s.p[i]) : 10 * c + (uint32_t)(s.p[i] - '0');
  if (c < 0x20 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
  if (c < 0x80) return base_buf_u8(out, (uint8_t)c);
  int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
  BASE_TRY(base_buf_u8(out, (uint8_t)(leads[tail] | c >> 6 * tail)));
  while (tail-- > 0)
    BASE_TRY(base_buf_u8(out, (uint8_t)(0x80 | (c >> 6 * tail & 0x3f))));
  return BASE_OK;
}

/* Text that is no place for citations: code, addresses, what an image shows instead. */
static base_err put_literal(const wc_markdown *m, base_buf *out, base_span s) {
  for (size_t i = 0; i < s.n;) {
    const struct cite *cite = cite_at(m, base_span_of(s.p + i, s.n - i));
    if (cite)
      BASE_TRY(base_buf_printf(out, "[%d]", cite->number));
    else
      BASE_TRY(base_buf_u8(out, s.p[i]));
    i += cite ? CITE_BYTES : 1;
  }
  return BASE_OK;
}

static base_err put_text(wc_markdown *m, base_span s) {
  for (size_t i = 0; i < s.n;) {
    const struct cite *cite = cite_at(m, base_span_of(s.p + i, s.n - i));
    if (cite) {
      char argument[32];
      snprintf(argument, sizeof argument, "%d,%u", cite->number, cite->at);
      BASE_TRY(put_node(m, NODE_CITE, argument));
    } else {
      BASE_TRY(base_buf_u8(&m->run, s.p[i]));
    }
    i += cite ? CITE_BYTES : 1;
  }
  return BASE_OK;
}

/* -- links */

static bool is_allowed(base_span address) {
  static const char *const schemes[] = {"http://", "https://", "mailto:"};
  for (size_t i = 0; i < address.n; i++) {
    if (address.p[i] <= ' ' || address.p[i] == 0x7f || address.p[i] == '\\') return false;
  }
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t n = strlen(schemes[i]);
    if (address.n > n && base_span_ieq(base_span_of(address.p, n), base_span_str(schemes[i]))) return true;
  }
  return false;
}

static base_err put_address(const wc_markdown *m, const MD_ATTRIBUTE *a, base_buf *out) {
  for (int i = 0; a->text && a->substr_offsets[i] < a->size; i++) {
    base_span part = base_span_of(a->text + a->substr_offsets[i], a->substr_offsets[i + 1] - a->substr_offsets[i]);
    if (a->substr_types[i] == MD_TEXT_ENTITY)
      BASE_TRY(put_entity(out, part));
    else
      BASE_TRY(put_literal(m, out, part));
  }
  return BASE_OK;
}

static base_err open_link(wc_markdown *m, const MD_SPAN_A_DETAIL *detail) {
  base_buf address, json;
  base_buf_init(&address, HREF_MAX);
  base_buf_init(&json, 6 * HREF_MAX);
  base_err err = put_address(m, &detail->href, &address);
  bool allowed = base_is_ok(err) && is_allowed(base_buf_span(&address));
  if (allowed) err = base_buf_json(&json, base_buf_span(&address));
  if (allowed && base_is_ok(err)) err = base_buf_u8(&json, 0);
  if (base_is(err, BASE_E_TOO_LARGE)) {
    allowed = false;
    err = BASE_OK;
  }
  if (base_is_ok(err))
    err = open_span(m, MD_SPAN_A, allowed ? NODE_A : NODE_NONE, allowed ? (const char *)base_buf_span(&json).p : NULL);
  base_buf_dispose(&address);
  base_buf_dispose(&json);
  return err;
}

/* -- what md4c calls; non-zero stops it */

static base_err open_cell(wc_markdown *m, enum node node, const MD_BLOCK_TD_DETAIL *detail) {
  static const char *const names[] = {[MD_ALIGN_DEFAULT] = "\"\"",
                                      [MD_ALIGN_LEFT] = "\"left\"",
                                      [MD_ALIGN_CENTER] = "\"center\"",
                                      [MD_ALIGN_RIGHT] = "\"right\""};
  return put_open(m, node, names[detail->align]);
}

static base_err open_block(wc_markdown *m, MD_BLOCKTYPE type, void *detail) {
  static const enum node nodes[] = {
      [MD_BLOCK_QUOTE] = NODE_QUOTE, [MD_BLOCK_UL] = NODE_UL,       [MD_BLOCK_LI] = NODE_LI,
      [MD_BLOCK_HR] = NODE_HR,       [MD_BLOCK_CODE] = NODE_PRE,    [MD_BLOCK_HTML] = NODE_P,
      [MD_BLOCK_P] = NODE_P,         [MD_BLOCK_TABLE] = NODE_TABLE, [MD_BLOCK_THEAD] = NODE_THEAD,
      [MD_BLOCK_TBODY] = NODE_TBODY, [MD_BLOCK_TR] = NODE_TR};
  char number[16];
  switch (type) {
  case MD_BLOCK_H:
    snprintf(number, sizeof number, "%u", ((MD_BLOCK_H_DETAIL *)detail)->level);
    return put_open(m, NODE_HEADING, number);
  case MD_BLOCK_OL:
    snprintf(number, sizeof number, "%u", ((MD_BLOCK_OL_DETAIL *)detail)->start);
    return put_open(m, NODE_OL, number);
  case MD_BLOCK_TH: return open_cell(m, NODE_TH, detail);
  case MD_BLOCK_TD: return open_cell(m, NODE_TD, detail);
  default: return put_open(m, nodes[type], NULL);
  }
}

static int on_enter_block(MD_BLOCKTYPE type, void *detail, void *ctx) {
  wc_markdown *m = ctx;
  if (type == MD_BLOCK_DOC) return 0;
  m->err = m->next.blocks < BLOCKS_MAX ? BASE_OK : base_fail(BASE_E_TOO_LARGE);
  if (m->depth++ < BLOCKS_DEEP && base_is_ok(m->err)) m->err = open_block(m, type, detail);
  return !base_is_ok(m->err);
}

static int on_leave_block(MD_BLOCKTYPE type, void *detail, void *ctx) {
  wc_markdown *m = ctx;
  (void)detail;
  if (type == MD_BLOCK_DOC) return 0;
  m->err = close_spans(m, 0);
  if (--m->depth < BLOCKS_DEEP && base_is_ok(m->err)) m->err = put_close(m);
  if (m->depth == 0) m->next.ends[m->next.blocks++] = (uint32_t)base_buf_size(&m->next.ops);
  return !base_is_ok(m->err);
}

static int on_enter_span(MD_SPANTYPE type, void *detail, void *ctx) {
  static const enum node nodes[] = {
      [MD_SPAN_EM] = NODE_EM,    [MD_SPAN_STRONG] = NODE_STRONG, [MD_SPAN_A] = NODE_NONE,
      [MD_SPAN_IMG] = NODE_NONE, [MD_SPAN_CODE] = NODE_CODE,     [MD_SPAN_DEL] = NODE_DEL};
  wc_markdown *m = ctx;
  m->err = type == MD_SPAN_A ? open_link(m, detail) : open_span(m, type, nodes[type], NULL);
  return !base_is_ok(m->err);
}

static int on_leave_span(MD_SPANTYPE type, void *detail, void *ctx) {
  wc_markdown *m = ctx;
  (void)detail;
  m->err = close_span(m, type);
  return !base_is_ok(m->err);
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *ctx) {
  wc_markdown *m = ctx;
  base_span s = base_span_of(text, size);
  switch (type) {
  case MD_TEXT_BR: m->err = m->images ? base_buf_str(&m->run, " ") : put_node(m, NODE_BR, NULL); break;
  case MD_TEXT_SOFTBR: m->err = base_buf_str(&m->run, "\n"); break;
  case MD_TEXT_ENTITY: m->err = put_entity(&m->run, s); break;
  case MD_TEXT_NULLCHAR: m->err = base_buf_str(&m->run, "\xef\xbf\xbd"); break;
  case MD_TEXT_NORMAL: m->err = m->images ? put_literal(m, &m->run, s) : put_text(m, s); break;
  default: m->err = put_literal(m, &m->run, s); break;
  }
  return !base_is_ok(m->err);
}

/* -- what changed */

static base_span block_at(const struct rendering *r, int i) {
  uint32_t begin = i > 0 ? r->ends[i - 1] : 0;
  return base_span_of(base_buf_span(&r->ops).p + begin, r->ends[i] - begin);
}

static base_err write_changes(const wc_markdown *m, base_buf *out) {
  int keep = 0;
  while (keep < m->shown.blocks && keep < m->next.blocks &&
         base_span_eq(block_at(&m->shown, keep), block_at(&m->next, keep)))
    keep++;
  BASE_TRY(base_buf_printf(out, "{\"keep\":%d,\"blocks\":[", keep));
  for (int i = keep; i < m->next.blocks; i++) {
    BASE_TRY(base_buf_str(out, i > keep ? ",[" : "["));
    BASE_TRY(base_buf_append(out, block_at(&m->next, i)));
    BASE_TRY(base_buf_str(out, "]"));
  }
  return base_buf_str(out, "]}");
}

base_err wc_markdown_render(wc_markdown *m, base_span text, int passages, base_buf *out) {
  static const MD_PARSER parser = {.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH |
                                            MD_FLAG_PERMISSIVEURLAUTOLINKS,
                                   .enter_block = on_enter_block,
                                   .leave_block = on_leave_block,
                                   .enter_span = on_enter_span,
                                   .leave_span = on_leave_span,
                                   .text = on_text};
  if (text.n > WC_MARKDOWN_MAX) return base_fail(BASE_E_TOO_LARGE);
  BASE_TRY(prepare(m, text, passages));
  m->next.blocks = m->depth = m->span_count = m->images = 0;
  m->err = BASE_OK;
  base_buf_clear(&m->next.ops);
  base_buf_clear(&m->run);
  base_span source = base_buf_span(&m->source);
  int failed = source.n > 1 ? md_parse((const char *)source.p, (MD_SIZE)(source.n - 1), &parser, m) : 0;
  if (!base_is_ok(m->err)) return m->err;
  if (failed) return base_fail(BASE_E_NO_MEMORY);
  size_t before = base_buf_size(out);
  base_err err = write_changes(m, out);
  if (!base_is_ok(err)) {
    base_buf_truncate(out, before);
    return err;
  }
  struct rendering last = m->shown;
  m->shown = m->next;
  m->next = last;
  return BASE_OK;
}
