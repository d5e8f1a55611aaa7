#include "gateway/http2/request.h"

#include <stdlib.h>

#include "http/target.h"

enum {
  FIELD_OVERHEAD = 32, /* RFC 9113 section 6.5.2 */
  PATIENCE = 4,        /* a head so many times too long is no mistake */
};

#define SPAN(s) \
  { (const uint8_t *)(s), sizeof(s) - 1 }

/* Of what nghttp2 lets through (it refuses connection, upgrade, transfer-encoding and the like itself), these belong to the carrier. */
static const base_span carrier_fields[] = {SPAN("te"), SPAN("host"), SPAN("expect"), SPAN("http2-settings")};

static bool listed(const base_span *list, size_t n, base_span s) {
  for (size_t i = 0; i < n; i++) {
    if (base_span_eq(s, list[i])) {
      return true;
    }
  }
  return false;
}
#define LISTED(list, s) listed(list, sizeof(list) / sizeof *(list), s)

void gw_h2_head_init(gw_h2_head *h, uint32_t max_bytes) {
  *h = (gw_h2_head){.max_bytes = max_bytes};
  base_buf_init(&h->cookie, max_bytes);
}

void gw_h2_head_clear(gw_h2_head *h) {
  for (size_t i = 0; i < h->held_count; i++) {
    nghttp2_rcbuf_decref(h->held[i]);
  }
  h->method = h->path = h->authority = h->host = base_span_of(NULL, 0);
  h->count = h->held_count = h->cookie_at = 0;
  h->bytes = 0;
  h->seen = 0;
  h->refusal = 0;
  base_buf_clear(&h->cookie);
}

void gw_h2_head_dispose(gw_h2_head *h) {
  gw_h2_head_clear(h);
  free(h->held);
  free(h->fields);
  base_buf_dispose(&h->cookie);
  gw_h2_head_init(h, h->max_bytes);
}

static base_span span_of(nghttp2_rcbuf *b) {
  nghttp2_vec v = nghttp2_rcbuf_get_buf(b);
  return base_span_of(v.base, v.len);
}

/* Doubles an array; false without memory. */
static bool grow(void **array, size_t *cap, size_t item) {
  size_t next = *cap ? *cap * 2 : 16;
  void *grown = realloc(*array, next * item);
  if (grown == NULL) {
    return false;
  }
  *array = grown;
  *cap = next;
  return true;
}

static bool hold(gw_h2_head *h, nghttp2_rcbuf *b) {
  if (h->held_count == h->held_cap && !grow((void **)&h->held, &h->held_cap, sizeof *h->held)) {
    return false;
  }
  nghttp2_rcbuf_incref(b);
  h->held[h->held_count++] = b;
  return true;
}

static bool add_field(gw_h2_head *h, base_span name, base_span value) {
  if (h->count == h->cap && !grow((void **)&h->fields, &h->cap, sizeof *h->fields)) {
    return false;
  }
  h->fields[h->count++] = (http_header){name, value};
  return true;
}

static bool add_cookie(gw_h2_head *h, base_span name, base_span value) {
  if (h->cookie_at == 0) {
    if (!add_field(h, name, value)) {
      return false;
    }
    h->cookie_at = h->count;
    return base_is_ok(base_buf_append(&h->cookie, value));
  }
  return base_is_ok(base_buf_str(&h->cookie, "; ")) && base_is_ok(base_buf_append(&h->cookie, value));
}

static bool add(gw_h2_head *h, base_span name, base_span value) {
  static const struct {
    base_span name;
    size_t at;
  } pseudo[] = {
      {SPAN(":method"), offsetof(gw_h2_head, method)},
      {SPAN(":path"), offsetof(gw_h2_head, path)},
      {SPAN(":authority"), offsetof(gw_h2_head, authority)},
      {SPAN("host"), offsetof(gw_h2_head, host)},
  };
  for (size_t i = 0; i < sizeof pseudo / sizeof *pseudo; i++) {
    if (base_span_eq(name, pseudo[i].name)) {
      *(base_span *)((char *)h + pseudo[i].at) = value;
      return true;
    }
  }
  if (name.n > 0 && name.p[0] == ':') {
    return true; /* :scheme: nghttp2 has checked that it is there once */
  }
  if (base_span_is(name, "cookie")) {
    return add_cookie(h, name, value);
  }
  return LISTED(carrier_fields, name) || add_field(h, name, value);
}

bool gw_h2_head_add(gw_h2_head *h, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
  base_span n = span_of(name), v = span_of(value);
  size_t bytes = n.n + v.n + FIELD_OVERHEAD;
  h->seen += bytes;
  if (h->refusal != 0) {
    return h->seen <= (uint64_t)h->max_bytes * PATIENCE;
  }
  if (h->count == GW_H2_MAX_FIELDS || bytes > h->max_bytes - h->bytes) {
    h->refusal = 431;
    return true;
  }
  h->bytes += (uint32_t)bytes;
  if (!hold(h, name) || !hold(h, value) || !add(h, n, v)) {
    h->refusal = 503;
  }
  return true;
}

int gw_h2_head_check(gw_h2_head *h) {
  if (h->refusal != 0) {
    return h->refusal;
  }
  if (!http_is_method(h->method)) {
    return 501;
  }
  if (h->authority.p == NULL) {
    h->authority = h->host;
  }
  /* Two names for one request are a way around an allow-list: RFC 9113 section 8.3.1. */
  bool two_names = h->host.p != NULL && !base_span_ieq(h->host, h->authority);
  /* nghttp2 lets "*" pass for OPTIONS, and any visible byte. Whether the name is ours is for the application's allow-list. */
  if (two_names || !http_is_authority(h->authority) || !http_is_origin_form(h->path)) {
    return 400;
  }
  if (h->cookie_at != 0) {
    h->fields[h->cookie_at - 1].value = base_buf_span(&h->cookie);
  }
  return 0;
}
