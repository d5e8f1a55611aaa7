#include "gateway/http/grpc_web_headers.h"

#include <stdio.h>

enum { MAX_TEXT = 65536 };

#define LEN(a) (sizeof(a) / sizeof *(a))

/* Written by the browser or by the client library about themselves and the page; no service can rely on them, and some tell where the user comes from.
 * What HTTP and gRPC own (content-type, te, grpc-*, ...) and x-ponte-* is refused by the stream: gw_metadata_is_forwarded. */
static const char *const browser_names[] = {"cache-control", "dnt",       "expect",
                                            "origin",        "pragma",    "priority",
                                            "range",         "referer",   "upgrade-insecure-requests",
                                            "user-agent",    "x-grpc-web"};
static const char *const browser_prefixes[] = {"accept", "access-control-", "if-", "sec-"};

/* The gateway's or the carrier's to say, not the service's. */
static const char *const answer_names[] = {"connection", "content-encoding",  "content-length", "content-type",
                                           "date",       "keep-alive",        "server",         "te",
                                           "trailer",    "transfer-encoding", "upgrade"};
static const char *const answer_prefixes[] = {"access-control-", "grpc-"};
/* Of grpc-*, what the service says to the browser's client, and not to its own HTTP/2 peer. */
static const char *const said_names[] = {"grpc-accept-encoding", "grpc-encoding", "grpc-retry-pushback-ms"};

/* Always exposed: pages ask for them also where there are none. */
static const char status_names[] = "grpc-status, grpc-message, grpc-status-details-bin";

/* Fetch standard, "CORS-safelisted response-header name", and the CORS headers themselves. */
static const char *const exposed_names[] = {"cache-control", "content-language", "content-length", "content-type",
                                            "expires",       "last-modified",    "pragma",         "set-cookie"};
static const char *const exposed_prefixes[] = {"access-control-"};

static bool matches(base_span s, const char *const *names, size_t n, const char *const *prefixes, size_t prefix_n) {
  for (size_t i = 0; i < n; i++) {
    if (base_span_is(s, names[i])) {
      return true;
    }
  }
  for (size_t i = 0; i < prefix_n; i++) {
    if (base_span_starts(s, prefixes[i])) {
      return true;
    }
  }
  return false;
}
#define MATCHES(s, kind) matches(s, kind##_names, LEN(kind##_names), kind##_prefixes, LEN(kind##_prefixes))
static bool is_said(base_span s) { return matches(s, said_names, LEN(said_names), NULL, 0); }

/* ---- from the browser ---- */

static bool refuse(wire_status *why, base_err e, base_span name, const char *what) {
  wire_status_set(why, base_err_grpc(e), "%.*s: %s", BASE_SPAN_ARG(name), what);
  return false;
}

static bool add_text(wire_metadata *out, base_span name, base_span value, wire_status *why) {
  base_err e = wire_metadata_add(out, name, value);
  if (base_is(e, BASE_E_INVALID)) {
    return refuse(
        why, e, name,
        "not a name and printable ASCII value that gRPC metadata can carry; use a -bin header for other bytes");
  }
  return base_is_ok(e) || refuse(why, e, name, "more metadata than a call may carry");
}

/* A browser joins values of one name with commas; base64 has none, so they can be told apart again. */
static bool add_binary(wire_metadata *out, base_span name, base_span values, wire_status *why) {
  base_buf raw;
  base_buf_init(&raw, WIRE_METADATA_MAX_BYTES);
  bool ok = true;
  for (bool more = true; ok && more;) {
    const uint8_t *comma = values.n ? memchr(values.p, ',', values.n) : NULL;
    size_t n = comma ? (size_t)(comma - values.p) : values.n;
    more = comma != NULL;
    base_buf_clear(&raw);
    base_err e = wire_base64_decode(base_span_trim(base_span_of(values.p, n)), &raw);
    if (base_is(e, BASE_E_MALFORMED)) {
      ok = refuse(why, e, name, "the value is not base64");
    } else {
      e = base_is_ok(e) ? wire_metadata_add(out, name, base_buf_span(&raw)) : e;
      ok = base_is_ok(e) || refuse(why, e, name, "a wrong name, or more metadata than a call may carry");
    }
    if (more) {
      values = base_span_of(comma + 1, values.n - n - 1);
    }
  }
  base_buf_dispose(&raw);
  return ok;
}

static bool add_header(const http_header *h, wire_metadata *out, wire_status *why) {
  if (MATCHES(h->name, browser)) {
    return true;
  }
  if (base_span_is(h->name, "cookie")) {
    /* Cookies of other applications on this host are not this call's fault: those that gRPC cannot carry stay behind. */
    return !base_is(wire_metadata_add(out, h->name, h->value), BASE_E_TOO_LARGE) ||
           refuse(why, base_fail(BASE_E_TOO_LARGE), h->name, "more metadata than a call may carry");
  }
  return wire_metadata_is_binary(h->name) ? add_binary(out, h->name, h->value, why)
                                          : add_text(out, h->name, h->value, why);
}

bool gw_web_metadata_in(const http_request *request, wire_metadata *out, wire_status *why) {
  for (size_t i = 0; i < request->header_count; i++) {
    if (!add_header(&request->headers[i], out, why)) {
      return false;
    }
  }
  /* Browsers keep user-agent for themselves, so clients say x-user-agent; the gRPC library of the gateway writes its own user-agent. */
  base_span agent = http_request_header(request, "user-agent");
  if (agent.n > 0 && http_request_header(request, "x-user-agent").p == NULL) {
    return !base_is(wire_metadata_add(out, base_span_str("x-user-agent"), agent), BASE_E_TOO_LARGE) ||
           refuse(why, base_fail(BASE_E_TOO_LARGE), base_span_str("user-agent"), "more metadata than a call may carry");
  }
  return true;
}

bool gw_web_timeout_in(const http_request *request, int64_t *timeout_ms, wire_status *why) {
  base_span name = base_span_str("grpc-timeout");
  base_span value = http_request_header(request, "grpc-timeout");
  *timeout_ms = 0;
  if (value.p == NULL) {
    return true;
  }
  if (!base_is_ok(wire_timeout_decode(value, timeout_ms))) {
    return refuse(why, base_fail(BASE_E_INVALID), name, "not 1 to 8 digits and one of H M S m u n");
  }
  return *timeout_ms > 0 || refuse(why, base_fail(BASE_E_DEADLINE), name, "the deadline passed before the call began");
}

/* ---- to the browser ---- */

void gw_web_headers_init(gw_web_headers *h) {
  h->count = 0;
  h->failed = false;
  base_buf_init(&h->text, MAX_TEXT);
}

void gw_web_headers_dispose(gw_web_headers *h) { base_buf_dispose(&h->text); }

/* Closes the item whose name of name_n bytes and value were appended since `at`. */
static void close_item(gw_web_headers *h, size_t at, size_t name_n) {
  if (h->failed || h->count == GW_WEB_MAX_HEADERS) {
    h->failed = true;
    return;
  }
  size_t end = base_buf_size(&h->text);
  h->items[h->count].name_at = (uint32_t)at;
  h->items[h->count].name_n = (uint32_t)name_n;
  h->items[h->count].value_at = (uint32_t)(at + name_n);
  h->items[h->count].value_n = (uint32_t)(end - at - name_n);
  h->count++;
}

static void append(gw_web_headers *h, base_span bytes) { h->failed |= !base_is_ok(base_buf_append(&h->text, bytes)); }

void gw_web_headers_add(gw_web_headers *h, base_span name, base_span value) {
  size_t at = base_buf_size(&h->text);
  append(h, name);
  append(h, value);
  close_item(h, at, name.n);
}

static void add_pair(gw_web_headers *h, wire_pair pair) {
  if (!wire_metadata_is_binary(pair.key)) {
    gw_web_headers_add(h, pair.key, pair.value);
    return;
  }
  size_t at = base_buf_size(&h->text);
  append(h, pair.key);
  h->failed |= !base_is_ok(wire_base64_encode(pair.value, &h->text));
  close_item(h, at, pair.key.n);
}

void gw_web_headers_metadata(gw_web_headers *h, const wire_metadata *m) {
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    if (!MATCHES(pair.key, answer) || is_said(pair.key)) {
      add_pair(h, pair);
    }
  }
}

void gw_web_headers_status(gw_web_headers *h, const wire_status *s) {
  static const char message[] = "grpc-message", details[] = "grpc-status-details-bin";
  char code[12];
  snprintf(code, sizeof code, "%d", s->code);
  gw_web_headers_add(h, base_span_str("grpc-status"), base_span_str(code));
  if (base_buf_size(&s->message) > 0) {
    size_t at = base_buf_size(&h->text);
    append(h, base_span_str(message));
    h->failed |= !base_is_ok(wire_status_message_encode(base_buf_span(&s->message), &h->text));
    close_item(h, at, sizeof message - 1);
  }
  gw_web_headers_metadata(h, &s->trailers);
  base_span value;
  if (wire_metadata_get(&s->trailers, details, &value)) {
    add_pair(h, (wire_pair){base_span_str(details), value});
  }
}

static base_span at(const gw_web_headers *h, uint32_t offset, uint32_t n) {
  return base_span_of(base_buf_span(&h->text).p + offset, n);
}
static base_span name_at(const gw_web_headers *h, size_t i) { return at(h, h->items[i].name_at, h->items[i].name_n); }

void gw_web_headers_expose(gw_web_headers *h) {
  static const char expose[] = "access-control-expose-headers";
  bool cors = false;
  for (size_t i = 0; i < h->count; i++) {
    cors |= base_span_is(name_at(h, i), "access-control-allow-origin");
  }
  if (!cors) {
    return;
  }
  base_buf list;
  base_buf_init(&list, MAX_TEXT);
  bool ok = base_is_ok(base_buf_str(&list, status_names));
  for (size_t i = 0; i < h->count; i++) {
    base_span name = name_at(h, i);
    bool listed = base_span_starts(name, "grpc-") && !is_said(name);
    if (!MATCHES(name, exposed) && !listed) {
      ok = ok && base_is_ok(base_buf_str(&list, ", ")) && base_is_ok(base_buf_append(&list, name));
    }
  }
  gw_web_headers_add(h, base_span_str(expose), base_buf_span(&list));
  h->failed |= !ok;
  base_buf_dispose(&list);
}

void gw_web_headers_respond(const gw_web_headers *h, http_exchange *x, int status, bool end) {
  http_header list[GW_WEB_MAX_HEADERS];
  if (h->failed) {
    http_reset(x);
    return;
  }
  for (size_t i = 0; i < h->count; i++) {
    list[i] = (http_header){name_at(h, i), at(h, h->items[i].value_at, h->items[i].value_n)};
  }
  http_respond(x, status, list, h->count, end);
}
