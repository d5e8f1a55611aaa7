#include "http/h1_head.h"

#include "http/target.h"

/* Fields that end here: RFC 9110 section 7.6.1; Host and Expect, because http_request says them otherwise. */
static const char *const own_fields[] = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
                                         "host",       "expect",     "transfer-encoding"};

void h1_head_init(h1_head *h, size_t max_bytes) {
  base_buf_init(&h->text, max_bytes);
  h1_head_clear(h);
}

void h1_head_dispose(h1_head *h) { base_buf_dispose(&h->text); }

void h1_head_clear(h1_head *h) {
  base_buf_clear(&h->text);
  h->target_n = h->count = 0;
  h->status = 0;
  h->fields[0] = (h1_field){0};
}

static void refuse(h1_head *h, int status) {
  if (h->status == 0) {
    h->status = status;
  }
}

/* Appends; `status` is for when it does not fit. */
static bool put(h1_head *h, base_span piece, int status) {
  if (h->status != 0) {
    return false;
  }
  base_err e = base_buf_append(&h->text, piece);
  if (!base_is_ok(e)) {
    refuse(h, base_is(e, BASE_E_TOO_LARGE) ? status : 503);
  }
  return base_is_ok(e);
}

void h1_head_target(h1_head *h, base_span piece) {
  if (h->target_n + piece.n > H1_MAX_TARGET_BYTES) {
    refuse(h, 414);
  }
  if (put(h, piece, 414)) {
    h->target_n += piece.n;
  }
}

void h1_head_name(h1_head *h, base_span piece) {
  if (h->count == H1_MAX_FIELDS) {
    refuse(h, 431);
  }
  size_t at = base_buf_size(&h->text);
  if (!put(h, piece, 431)) {
    return;
  }
  for (uint8_t *p = h->text.data + h->text.start + at; piece.n > 0; piece.n--, p++) {
    *p = *p >= 'A' && *p <= 'Z' ? (uint8_t)(*p + 32) : *p;
  }
  h1_field *f = &h->fields[h->count];
  f->name = f->name_n == 0 ? (uint32_t)at : f->name;
  f->name_n = (uint32_t)(base_buf_size(&h->text) - f->name);
}

void h1_head_value(h1_head *h, base_span piece) {
  size_t at = base_buf_size(&h->text);
  if (!put(h, piece, 431)) {
    return;
  }
  h1_field *f = &h->fields[h->count];
  f->value = f->value_n == 0 ? (uint32_t)at : f->value;
  f->value_n = (uint32_t)(base_buf_size(&h->text) - f->value);
}

void h1_head_field_end(h1_head *h) {
  if (h->status == 0 && ++h->count < H1_MAX_FIELDS) {
    h->fields[h->count] = (h1_field){0};
  }
}

static base_span part(const h1_head *h, uint32_t at, uint32_t n) {
  base_span s = base_buf_span(&h->text);
  return s.p ? base_span_of(s.p + at, n) : s;
}
static base_span name_of(const h1_head *h, size_t i) { return part(h, h->fields[i].name, h->fields[i].name_n); }
static base_span value_of(const h1_head *h, size_t i) {
  return base_span_trim(part(h, h->fields[i].value, h->fields[i].value_n));
}

/* The value of the only field of that name; `count` says how many there are. */
static base_span find(const h1_head *h, const char *name, size_t *count) {
  base_span found = {0};
  *count = 0;
  for (size_t i = 0; i < h->count; i++) {
    if (base_span_is(name_of(h, i), name)) {
      found = value_of(h, i);
      ++*count;
    }
  }
  return found;
}

base_span h1_head_origin(const h1_head *h) {
  size_t count = 0;
  base_span found = find(h, "origin", &count);
  return count == 1 ? found : base_span_of(NULL, 0);
}

/* Takes the next element off a comma-separated list (RFC 9110 section 5.6.1); false at its end. */
static bool next_element(base_span *list, base_span *element) {
  if (list->n == 0) {
    return false;
  }
  const uint8_t *comma = memchr(list->p, ',', list->n);
  size_t n = comma ? (size_t)(comma - list->p) : list->n;
  *element = base_span_trim(base_span_of(list->p, n));
  n += comma != NULL;
  *list = base_span_of(list->p + n, list->n - n);
  return true;
}

static bool connection_names(const h1_head *h, base_span token) {
  for (size_t i = 0; i < h->count; i++) {
    base_span list = value_of(h, i), element;
    while (base_span_is(name_of(h, i), "connection") && next_element(&list, &element)) {
      if (base_span_ieq(element, token)) {
        return true;
      }
    }
  }
  return false;
}

static bool is_one_of(base_span s, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (base_span_is(s, list[i])) {
      return true;
    }
  }
  return false;
}

/* http://authority/path: RFC 9112 section 3.2.2 wants it accepted, and its authority to win over Host. */
static int absolute_form(base_span target, http_request *r) {
  const char *scheme = base_span_starts(target, "http://")    ? "http://"
                       : base_span_starts(target, "https://") ? "https://"
                                                              : NULL;
  size_t n = scheme ? strlen(scheme) : 0;
  if (n == 0 || target.n <= n) {
    return 400;
  }
  base_span rest = base_span_of(target.p + n, target.n - n);
  size_t host_n = 0;
  while (host_n < rest.n && rest.p[host_n] != '/' && rest.p[host_n] != '?') {
    host_n++;
  }
  r->authority = base_span_of(rest.p, host_n);
  r->path = base_span_of(rest.p + host_n, rest.n - host_n);
  if (r->path.n == 0) {
    r->path = base_span_str("/");
  }
  return http_is_authority(r->authority) && r->path.p[0] == '/' ? 0 : 400;
}

static int check_target(base_span target, http_request *r) {
  if (!http_is_target_text(target)) {
    return 400;
  }
  if (http_is_origin_form(target)) {
    r->path = target;
    return 0;
  }
  if (base_span_is(target, "*")) {
    r->path = target;
    return base_span_is(r->method, "OPTIONS") ? 0 : 400;
  }
  return absolute_form(target, r);
}

static int check_host(const h1_head *h, bool http10, http_request *r) {
  size_t count = 0;
  base_span host = find(h, "host", &count);
  if (count > 1 || (count == 0 && !http10)) {
    return 400; /* RFC 9112 section 3.2 */
  }
  if (count == 1 && !http_is_authority(host)) {
    return 400;
  }
  r->authority = host;
  return 0;
}

static int check_framing(const h1_head *h, bool http10, const http_request *r, h1_facts *facts) {
  size_t count = 0;
  base_span coding = find(h, "transfer-encoding", &count);
  if (count > 0 && http10) {
    return 400; /* RFC 9112 section 6.1: faulty framing */
  }
  if (count > 1 || (count == 1 && !base_span_ieq(coding, base_span_str("chunked")))) {
    return 501; /* chunked is all we take off */
  }
  /* A body here means nothing (RFC 9110 section 9.3.1) and has been used to smuggle requests. */
  if (facts->has_body && (base_span_is(r->method, "GET") || base_span_is(r->method, "HEAD"))) {
    return 400;
  }
  base_span expect = find(h, "expect", &count);
  if (count > 0 && !http10) {
    if (count > 1 || !base_span_ieq(expect, base_span_str("100-continue"))) {
      return 417;
    }
    facts->expects_continue = facts->has_body;
  }
  return 0;
}

static void show_headers(h1_head *h, http_request *r) {
  size_t shown = 0;
  for (size_t i = 0; i < h->count; i++) {
    base_span name = name_of(h, i);
    if (is_one_of(name, own_fields, sizeof own_fields / sizeof *own_fields) || connection_names(h, name)) {
      continue;
    }
    h->headers[shown++] = (http_header){name, value_of(h, i)};
  }
  r->headers = h->headers;
  r->header_count = shown;
}

int h1_head_finish(h1_head *h, const char *method, int major, int minor, http_request *request, h1_facts *facts) {
  if (h->status != 0) {
    return h->status;
  }
  if (major != 1 || minor > 1) {
    return 505;
  }
  facts->http10 = minor == 0;
  *request = (http_request){.method = base_span_str(method)};
  if (!http_is_method(request->method)) {
    return 501;
  }
  int status = check_host(h, facts->http10, request);
  if (status == 0) {
    status = check_target(part(h, 0, (uint32_t)h->target_n), request);
  }
  if (status == 0) {
    status = check_framing(h, facts->http10, request, facts);
  }
  if (status != 0) {
    return status;
  }
  size_t count = 0;
  base_span upgrade = find(h, "upgrade", &count);
  facts->wants_upgrade = count == 1 && upgrade.n > 0 && !facts->http10 && !facts->has_body &&
                         base_span_is(request->method, "GET") && connection_names(h, base_span_str("upgrade"));
  request->upgrade = facts->wants_upgrade ? upgrade : (base_span){0};
  show_headers(h, request);
  return 0;
}
