#include "gateway/http/static_path.h"

#include <string.h>

/* Takes one byte off the front, decoding an escape; -1 for a bad one, and for bytes that no file name of ours holds. */
static int next_byte(base_span *s) {
  int c = s->p[0];
  size_t used = 1;
  if (c == '%') {
    int high = s->n >= 3 ? base_hex_value(s->p[1]) : -1, low = s->n >= 3 ? base_hex_value(s->p[2]) : -1;
    if (high < 0 || low < 0) {
      return -1;
    }
    c = high * 16 + low;
    used = 3;
    if (c == '/') {
      return -1;
    }
  }
  *s = base_span_of(s->p + used, s->n - used);
  return c < 0x20 || c == 0x7f || c == '\\' ? -1 : c;
}

base_err gw_static_path(base_span target, char out[GW_STATIC_PATH_MAX]) {
  size_t n = 0;
  bool at_start = true; /* of a part of the path */
  const uint8_t *query = target.n ? memchr(target.p, '?', target.n) : NULL;
  if (query) {
    target.n = (size_t)(query - target.p);
  }
  if (target.n == 0 || target.p[0] != '/') {
    return base_fail(BASE_E_NOT_FOUND);
  }
  target = base_span_of(target.p + 1, target.n - 1);
  while (target.n > 0) {
    int c = next_byte(&target);
    /* A part that begins with a dot is "..", "." or hidden; an empty part would name another file than it seems to. */
    if (c < 0 || (at_start && (c == '.' || c == '/')) || n + 1 == GW_STATIC_PATH_MAX) {
      return base_fail(BASE_E_NOT_FOUND);
    }
    at_start = c == '/';
    out[n++] = (char)c;
  }
  out[n] = 0;
  return BASE_OK;
}

static const struct {
  const char *extension, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"ico", "image/x-icon"},
    {"webp", "image/webp"},
    {"jpg", "image/jpeg"},
    {"woff2", "font/woff2"},
    {"txt", "text/plain; charset=utf-8"},
    {"wav", "audio/wav"},
    {"ogg", "audio/ogg"},
    {"mp3", "audio/mpeg"},
    {"pdf", "application/pdf"},
};

const char *gw_static_type(const char *path) {
  const char *dot = strrchr(path, '.');
  const char *slash = strrchr(path, '/');
  for (size_t i = 0; dot && dot > slash && i < sizeof types / sizeof *types; i++) {
    if (strcmp(dot + 1, types[i].extension) == 0) {
      return types[i].type;
    }
  }
  return "application/octet-stream";
}

bool gw_static_is_hashed(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  const char *dot = strrchr(name, '.');
  size_t digits = 0;
  if (dot == NULL) {
    return false;
  }
  const char *at = dot;
  while (at > name && base_hex_value((uint8_t)at[-1]) >= 0) {
    at--;
    digits++;
  }
  return digits >= 8 && at > name && (at[-1] == '.' || at[-1] == '-');
}

/* The next element of a comma-separated list, trimmed. */
static base_span next_element(base_span *list) {
  const uint8_t *comma = memchr(list->p, ',', list->n);
  size_t n = comma ? (size_t)(comma - list->p) : list->n;
  base_span element = base_span_trim(base_span_of(list->p, n));
  n += comma != NULL;
  *list = base_span_of(list->p + n, list->n - n);
  return element;
}

/* "br;q=0.5": the name, and whether q is above 0. */
static base_span coding_of(base_span element, bool *wanted) {
  const uint8_t *semicolon = element.n ? memchr(element.p, ';', element.n) : NULL;
  *wanted = true;
  if (semicolon == NULL) {
    return element;
  }
  base_span name = base_span_trim(base_span_of(element.p, (size_t)(semicolon - element.p)));
  base_span q = base_span_trim(base_span_of(semicolon + 1, element.n - (size_t)(semicolon + 1 - element.p)));
  *wanted = false;
  for (size_t i = 2; base_span_starts(q, "q=") && i < q.n; i++) {
    *wanted |= q.p[i] >= '1' && q.p[i] <= '9';
  }
  return name;
}

bool gw_accepts_encoding(base_span accept, const char *coding) {
  bool named = false, answer = false, wanted = false;
  while (accept.n > 0) {
    base_span name = coding_of(next_element(&accept), &wanted);
    if (base_span_ieq(name, base_span_str(coding))) {
      named = true;
      answer = wanted;
    } else if (base_span_is(name, "*") && !named) {
      answer = wanted;
    }
  }
  return answer;
}

bool gw_etag_matches(base_span if_none_match, const char *etag) {
  while (if_none_match.n > 0) {
    base_span tag = next_element(&if_none_match);
    if (base_span_starts(tag, "W/")) {
      tag = base_span_of(tag.p + 2, tag.n - 2);
    }
    if (base_span_is(tag, etag) || base_span_is(tag, "*")) {
      return true;
    }
  }
  return false;
}
