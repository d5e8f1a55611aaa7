#include "http/h1_response.h"

static const char *const framing[] = {"connection", "keep-alive", "transfer-encoding",
                                      "upgrade",    "trailer",    "content-length"};

/* Those that applications here use; the phrase is optional (RFC 9112 section 4). */
static const struct {
  int status;
  const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *h1_reason(int status) {
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (reasons[i].status == status) {
      return reasons[i].reason;
    }
  }
  return "";
}

static bool is_framing(base_span name) {
  for (size_t i = 0; i < sizeof framing / sizeof *framing; i++) {
    if (base_span_ieq(name, base_span_str(framing[i]))) {
      return true;
    }
  }
  return false;
}

/* A token (RFC 9110 section 5.6.2). */
static bool is_name(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    uint8_t c = s.p[i], lower = c | 0x20;
    bool letter = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    if (!letter && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
      return false;
    }
  }
  return s.n > 0;
}

static bool is_value(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f) {
      return false;
    }
  }
  return true;
}

static base_err header(base_buf *out, base_span name, base_span value) {
  uint8_t *at = NULL;
  size_t n = name.n + value.n + 4;
  BASE_TRY(base_buf_reserve(out, n, &at));
  memcpy(at, name.p, name.n);
  at[name.n] = ':';
  at[name.n + 1] = ' ';
  if (value.n > 0) {
    memcpy(at + name.n + 2, value.p, value.n);
  }
  at[n - 2] = '\r';
  at[n - 1] = '\n';
  base_buf_commit(out, n);
  return BASE_OK;
}

/* The application's headers; *length gets its content-length, *has_date whether it gave one. */
static base_err own_headers(base_buf *out, const h1_response *r, uint64_t *length, bool *has_length, bool *has_date) {
  for (size_t i = 0; i < r->count; i++) {
    base_span name = r->headers[i].name, value = r->headers[i].value;
    if (!is_name(name) || !is_value(value)) {
      return base_fail(BASE_E_INVALID);
    }
    if (base_span_ieq(name, base_span_str("content-length"))) {
      if (*has_length || !base_span_u64(value, length)) {
        return base_fail(BASE_E_INVALID);
      }
      *has_length = true;
    }
    *has_date |= base_span_ieq(name, base_span_str("date"));
    if (!is_framing(name)) {
      BASE_TRY(header(out, name, value));
    }
  }
  return BASE_OK;
}

static enum h1_body_kind body_kind(const h1_response *r, bool has_length) {
  if (r->to_head || r->status == 204 || r->status == 304) {
    return H1_BODY_NONE;
  }
  if (has_length || r->end) {
    return H1_BODY_FIXED;
  }
  return r->http10 ? H1_BODY_TO_CLOSE : H1_BODY_CHUNKED;
}

static base_err write_head(base_buf *out, h1_response *r, enum h1_body_kind *kind, uint64_t *fixed) {
  bool has_length = false, has_date = false;
  if (r->status < 200 || r->status > 599) {
    return base_fail(BASE_E_INVALID);
  }
  BASE_TRY(base_buf_printf(out, "HTTP/1.1 %d %s\r\n", r->status, h1_reason(r->status)));
  BASE_TRY(own_headers(out, r, fixed, &has_length, &has_date));
  *kind = body_kind(r, has_length);
  if (*kind == H1_BODY_TO_CLOSE) {
    r->keep_alive = false;
  }
  if (!has_date) {
    BASE_TRY(header(out, base_span_str("date"), base_span_str(r->date)));
  }
  if (*kind == H1_BODY_CHUNKED) {
    BASE_TRY(base_buf_str(out, "transfer-encoding: chunked\r\n"));
  }
  if (*kind == H1_BODY_FIXED || (has_length && r->status != 204)) {
    BASE_TRY(base_buf_printf(out, "content-length: %llu\r\n", (unsigned long long)*fixed));
  }
  if (!r->keep_alive) {
    BASE_TRY(base_buf_str(out, "connection: close\r\n"));
  } else if (r->http10) {
    BASE_TRY(base_buf_str(out, "connection: keep-alive\r\n"));
  }
  return base_buf_str(out, "\r\n");
}

base_err h1_response_write(base_buf *out, h1_response *r, enum h1_body_kind *kind, uint64_t *fixed) {
  size_t before = base_buf_size(out);
  *fixed = 0;
  base_err e = write_head(out, r, kind, fixed);
  if (!base_is_ok(e)) {
    base_buf_truncate(out, before);
  }
  return e;
}

enum { SIZE_DIGITS = 16 };

/* Once for each run of a stream, so without printf. */
static size_t chunk_size(char out[SIZE_DIGITS], size_t n) {
  static const char digits[] = "0123456789abcdef";
  size_t count = 1;
  while (count < SIZE_DIGITS && n >> (4 * count) != 0) {
    count++;
  }
  for (size_t i = 0; i < count; i++) {
    out[i] = digits[(n >> (4 * (count - 1 - i))) & 15];
  }
  return count;
}

base_err h1_chunk_write(base_buf *out, base_span bytes) {
  char size[SIZE_DIGITS];
  size_t n = chunk_size(size, bytes.n);
  uint8_t *at = NULL;
  BASE_TRY(base_buf_reserve(out, n + bytes.n + 4, &at)); /* all or nothing */
  memcpy(at, size, n);
  at[n] = '\r';
  at[n + 1] = '\n';
  memcpy(at + n + 2, bytes.p, bytes.n);
  at[n + 2 + bytes.n] = '\r';
  at[n + 3 + bytes.n] = '\n';
  base_buf_commit(out, n + bytes.n + 4);
  return BASE_OK;
}

base_err h1_chunk_end(base_buf *out) { return base_buf_str(out, "0\r\n\r\n"); }
