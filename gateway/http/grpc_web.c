#include "gateway/http/grpc_web.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/http/grpc_web_body.h"
#include "gateway/http/grpc_web_headers.h"
#include "gateway/http/grpc_web_type.h"
#include "wire/web_text.h"

/* FIRST_WINDOW: until the browser has taken as much. One that takes nothing would fill the whole window with what a small request asks for. */
enum { DEFAULT_WINDOW = 256 << 10, FIRST_WINDOW = 64 << 10, MAX_DECODED = 64 << 20 };

/* One call. It lives until the exchange closes; the stream ends before that (its status) or is abandoned then. */
typedef struct {
  http_exchange *x;
  gw_stream *stream; /* NULL after its status */
  size_t owed;       /* response bytes whose credit was not given back */
  size_t reserve;    /* of the window: what is given once the browser has shown that it reads */
  size_t passed;     /* bytes of the response, while there is a reserve */
  gw_web_body body;
  const char *content_type; /* of the answer */
  bool responded;
  const char *verdict; /* what was wrong with the bytes of either side: the call was cancelled for it; or NULL */
  bool text;           /* the request's body is base64 */
  wire_web_text_decoder decoder;
  size_t decoded, encoded; /* bytes of it that the stream holds, and what stands for them in the carrier's window */
  size_t extra_count;
  http_header extra[]; /* their bytes follow */
} web_call;

/* ---- answers ---- */

static void begin_headers(gw_web_headers *h, const char *content_type, const http_header *extra, size_t n) {
  gw_web_headers_init(h);
  gw_web_headers_add(h, base_span_str("content-type"), base_span_str(content_type));
  for (size_t i = 0; i < n; i++) {
    gw_web_headers_add(h, extra[i].name, extra[i].value);
  }
}

static void send_headers(web_call *c, const wire_metadata *metadata) {
  gw_web_headers h;
  begin_headers(&h, c->content_type, c->extra, c->extra_count);
  gw_web_headers_metadata(&h, metadata);
  gw_web_headers_expose(&h);
  gw_web_headers_respond(&h, c->x, 200, false);
  gw_web_headers_dispose(&h);
  c->responded = true;
}

/* "Trailers-only": no frame at all, so clients must find the status in the headers. */
static void send_status_alone(http_exchange *x, const char *content_type, const http_header *extra, size_t n,
                              const wire_status *status) {
  gw_web_headers h;
  begin_headers(&h, content_type, extra, n);
  gw_web_headers_add(&h, base_span_str("content-length"), base_span_str("0"));
  gw_web_headers_status(&h, status);
  gw_web_headers_expose(&h);
  gw_web_headers_respond(&h, x, 200, true);
  gw_web_headers_dispose(&h);
}

/* ---- from the service ---- */

static void on_headers(void *down, const wire_metadata *headers) {
  web_call *c = down;
  if (!c->responded) {
    send_headers(c, headers);
  }
}

static void give_credit(web_call *c) {
  if (c->reserve > 0 && c->passed >= http_queued(c->x) + FIRST_WINDOW) {
    c->owed += c->reserve;
    c->reserve = 0;
  }
  if (c->owed > 0 && c->stream && http_queued(c->x) <= HTTP_WRITABLE_LOW) {
    size_t bytes = c->owed;
    c->owed = 0;
    gw_stream_credit(c->stream, bytes);
  }
}

static void condemn(web_call *c, const char *verdict) {
  c->verdict = verdict;
  gw_stream_cancel(c->stream);
}

static void on_data(void *down, base_span run) {
  web_call *c = down;
  if (!c->responded) {
    wire_metadata none;
    wire_metadata_init(&none);
    send_headers(c, &none);
    wire_metadata_dispose(&none);
  }
  if (!base_is_ok(gw_web_body_write(&c->body, c->x, run))) {
    condemn(c, "the service's gRPC framing is broken, or there is no memory to follow it");
    return;
  }
  c->owed += run.n;
  c->passed += c->reserve > 0 ? run.n : 0;
  give_credit(c);
}

/* Text is counted back as its bytes are, and wholly once they are all out of the way: padding between runs stands for nothing. */
static void on_consumed(void *down, size_t bytes) {
  web_call *c = down;
  if (!c->text) {
    http_consume(c->x, bytes);
    return;
  }
  c->decoded -= bytes;
  size_t back = bytes / 3 * 4;
  back = c->decoded == 0 || back > c->encoded ? c->encoded : back;
  c->encoded -= back;
  http_consume(c->x, back);
}

static void tell_status(web_call *c, const wire_status *status) {
  if (c->responded) {
    gw_web_body_end(&c->body, c->x, status);
    return;
  }
  c->responded = true;
  send_status_alone(c->x, c->content_type, c->extra, c->extra_count, status);
}

static void on_status(void *down, const wire_status *status) {
  web_call *c = down;
  wire_status own;
  c->stream = NULL;
  if (c->verdict == NULL) {
    tell_status(c, status);
    return;
  }
  wire_status_init(&own);
  wire_status_set(&own, BASE_GRPC_INTERNAL, "%s", c->verdict);
  tell_status(c, &own);
  wire_status_dispose(&own);
}

static const gw_down_vt down_vt = {
    .headers = on_headers, .data = on_data, .consumed = on_consumed, .status = on_status};

/* ---- from the browser ---- */

static void on_text(web_call *c, base_span text) {
  base_buf raw;
  base_buf_init(&raw, MAX_DECODED);
  base_err e = wire_web_text_decode(&c->decoder, text, &raw);
  if (base_is_ok(e)) {
    c->encoded += text.n;
    c->decoded += base_buf_size(&raw);
    gw_stream_write(c->stream, base_buf_span(&raw), false);
    on_consumed(c, 0);
  } else {
    condemn(c, base_is(e, BASE_E_MALFORMED) ? "the request's body is not the base64 of application/grpc-web-text"
                                            : base_err_text(e));
  }
  base_buf_dispose(&raw);
}

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  web_call *c = ctx;
  if (c->stream == NULL) {
    http_consume(x, bytes.n); /* the answer is out already */
  } else if (c->verdict == NULL && c->text) {
    on_text(c, bytes);
  } else if (c->verdict == NULL) {
    gw_stream_write(c->stream, bytes, false);
  }
}

static void on_end(void *ctx, http_exchange *x) {
  (void)x;
  web_call *c = ctx;
  if (c->stream == NULL || c->verdict) {
    return;
  }
  if (c->text && !wire_web_text_at_rest(&c->decoder)) {
    condemn(c, "the request's base64 ends inside a group of four");
    return;
  }
  gw_stream_write(c->stream, base_span_of(NULL, 0), true);
}

static void on_writable(void *ctx, http_exchange *x) {
  (void)x;
  give_credit(ctx);
}

static void on_closed(void *ctx, http_exchange *x, bool aborted) {
  (void)x, (void)aborted;
  web_call *c = ctx;
  if (c->stream) {
    gw_stream_abandon(c->stream);
  }
  gw_web_body_dispose(&c->body);
  free(c);
}

static const http_handler call_handler = {on_body, on_end, on_writable, on_closed};

/* ---- opening ---- */

static void discard_body(void *ctx, http_exchange *x, base_span bytes) {
  (void)ctx;
  http_consume(x, bytes.n);
}
static void discard_end(void *ctx, http_exchange *x) { (void)ctx, (void)x; }
static void discard_closed(void *ctx, http_exchange *x, bool aborted) { (void)ctx, (void)x, (void)aborted; }
static const http_handler discard = {discard_body, discard_end, NULL, discard_closed};

static void refuse(http_exchange *x, int status, const char *text, const http_header *extra, size_t extra_count) {
  gw_web_headers h;
  char length[24];
  http_exchange_handle(x, &discard, NULL);
  begin_headers(&h, "text/plain; charset=utf-8", extra, extra_count);
  snprintf(length, sizeof length, "%zu", strlen(text));
  gw_web_headers_add(&h, base_span_str("content-length"), base_span_str(length));
  gw_web_headers_add(&h, base_span_str("cache-control"), base_span_str("no-store"));
  if (status == 405) {
    gw_web_headers_add(&h, base_span_str("allow"), base_span_str("POST"));
  }
  gw_web_headers_respond(&h, x, status, false);
  gw_web_headers_dispose(&h);
  http_body(x, base_span_str(text), true);
}

/* Also what is none of the forms spoken here: it was meant for this place, and is told so. */
bool gw_grpc_web_is(const http_request *request) {
  static const char prefix[] = "application/grpc-web";
  base_span type = http_request_header(request, "content-type");
  size_t n = sizeof prefix - 1;
  return type.n >= n && base_span_ieq(base_span_of(type.p, n), base_span_of(prefix, n));
}

static web_call *call_new(http_exchange *x, const http_request *r, const http_header *extra, size_t n) {
  size_t text = 0;
  gw_web_type type = gw_web_answer_type(r);
  for (size_t i = 0; i < n; i++) {
    text += extra[i].name.n + extra[i].value.n;
  }
  web_call *c = malloc(sizeof *c + n * sizeof *extra + text);
  if (c == NULL) {
    return NULL;
  }
  *c = (web_call){.x = x, .content_type = type.name, .text = gw_web_request_type(r).text, .extra_count = n};
  gw_web_body_init(&c->body, type.text);
  uint8_t *to = (uint8_t *)&c->extra[n];
  for (size_t i = 0; i < n; i++) {
    const base_span *from[] = {&extra[i].name, &extra[i].value};
    base_span *copies[] = {&c->extra[i].name, &c->extra[i].value};
    for (int k = 0; k < 2; k++) {
      *copies[k] = base_span_of(to, from[k]->n);
      if (from[k]->n > 0) {
        memcpy(to, from[k]->p, from[k]->n);
      }
      to += from[k]->n;
    }
  }
  return c;
}

/* OK: the call runs or *why was not needed; INVALID: no path of a method; other errors: *why holds the status. */
static base_err open_stream(const gw_grpc_web_options *o, web_call *c, const http_request *r, wire_status *why) {
  int64_t timeout_ms = 0;
  size_t window = o->window_bytes ? o->window_bytes : DEFAULT_WINDOW;
  size_t first = window < FIRST_WINDOW ? window : FIRST_WINDOW;
  wire_metadata metadata;
  wire_metadata_init(&metadata);
  c->reserve = window - first;
  base_err e = base_fail(BASE_E_PRECONDITION);
  if (gw_web_timeout_in(r, &timeout_ms, why) && gw_web_metadata_in(r, &metadata, why)) {
    gw_stream_request request = {.path = r->path,
                                 .timeout_ms = timeout_ms,
                                 .metadata = &metadata,
                                 .credit = first,
                                 .kind = GW_KIND_GRPC_WEB,
                                 .peer = r->peer};
    e = gw_gate_open(o->gate, &request, &down_vt, c, &c->stream, why);
  }
  wire_metadata_dispose(&metadata);
  return e;
}

void gw_grpc_web_handle(const gw_grpc_web_options *options, http_exchange *x, const http_request *request,
                        const http_header *extra, size_t extra_count) {
  if (!base_span_is(request->method, "POST")) {
    refuse(x, 405, "gRPC-Web calls are POST requests\n", extra, extra_count);
    return;
  }
  if (gw_web_request_type(request).name == NULL) {
    refuse(
        x, 415,
        "application/grpc-web and application/grpc-web-text are spoken here, with +proto or nothing behind; services "
        "would take other messages for that\n",
        extra, extra_count);
    return;
  }
  web_call *c = call_new(x, request, extra, extra_count);
  if (c == NULL) {
    refuse(x, 503, "out of memory\n", NULL, 0);
    return;
  }
  wire_status why;
  wire_status_init(&why);
  base_err e = open_stream(options, c, request, &why);
  if (base_is_ok(e)) {
    http_exchange_handle(x, &call_handler, c);
  } else if (base_is(e, BASE_E_INVALID)) {
    refuse(x, 404, "no method: the path of a call is /package.Service/Method\n", extra, extra_count);
    free(c);
  } else {
    http_exchange_handle(x, &discard, NULL);
    send_status_alone(x, c->content_type, extra, extra_count, &why);
    free(c);
  }
  wire_status_dispose(&why);
}
