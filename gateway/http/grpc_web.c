#include "gateway/http/grpc_web.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/http/grpc_web_headers.h"
#include "wire/frame.h"

enum { DEFAULT_WINDOW = 256 << 10, MAX_TRAILERS = 65536 };

static const char binary[] = "application/grpc-web";
static const char binary_proto[] = "application/grpc-web+proto";

/* One call. It lives until the exchange closes; the stream ends before that (its status) or is abandoned then. */
typedef struct {
  http_exchange *x;
  gw_stream *stream;           /* NULL after its status */
  size_t owed;                 /* response bytes whose credit was not given back */
  wire_frame_decoder position; /* in the response: the trailer frame can only follow a whole message */
  const char *content_type;
  bool responded, broken;
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

static void send_trailers(web_call *c, const wire_status *status) {
  base_buf block, frame;
  base_buf_init(&block, MAX_TRAILERS);
  base_buf_init(&frame, MAX_TRAILERS + WIRE_FRAME_HEAD);
  if (base_is_ok(wire_trailers_encode(status, &block)) &&
      base_is_ok(wire_frame_append(&frame, WIRE_FRAME_TRAILERS, base_buf_span(&block)))) {
    http_body(c->x, base_buf_span(&frame), true);
  } else {
    http_reset(c->x);
  }
  base_buf_dispose(&block);
  base_buf_dispose(&frame);
}

/* ---- from the service ---- */

static void on_headers(void *down, const wire_metadata *headers) {
  web_call *c = down;
  if (!c->responded) {
    send_headers(c, headers);
  }
}

static void give_credit(web_call *c) {
  if (c->owed > 0 && c->stream && http_queued(c->x) <= HTTP_WRITABLE_LOW) {
    size_t bytes = c->owed;
    c->owed = 0;
    gw_stream_credit(c->stream, bytes);
  }
}

/* Runs may end inside a message. */
static void follow(web_call *c, base_span run) {
  wire_frame_step step = {.event = WIRE_FRAME_BEGIN};
  while (!c->broken && step.event != WIRE_FRAME_MORE) {
    c->broken = !base_is_ok(wire_frame_next(&c->position, &run, &step)) || (step.flags & WIRE_FRAME_TRAILERS);
  }
}

static void on_data(void *down, base_span run) {
  web_call *c = down;
  if (!c->responded) {
    wire_metadata none;
    wire_metadata_init(&none);
    send_headers(c, &none);
    wire_metadata_dispose(&none);
  }
  follow(c, run);
  c->owed += run.n;
  http_body(c->x, run, false);
  give_credit(c);
}

static void on_consumed(void *down, size_t bytes) { http_consume(((web_call *)down)->x, bytes); }

static void on_status(void *down, const wire_status *status) {
  web_call *c = down;
  c->stream = NULL;
  if (!c->responded) {
    c->responded = true;
    send_status_alone(c->x, c->content_type, c->extra, c->extra_count, status);
    return;
  }
  if (c->broken || !wire_frame_at_rest(&c->position)) {
    http_reset(c->x); /* inside a message a trailer frame would be read as its bytes */
    return;
  }
  send_trailers(c, status);
}

static const gw_down_vt down_vt = {
    .headers = on_headers, .data = on_data, .consumed = on_consumed, .status = on_status};

/* ---- from the browser ---- */

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  web_call *c = ctx;
  if (c->stream) {
    gw_stream_write(c->stream, bytes, false);
  } else {
    http_consume(x, bytes.n); /* the answer is out already */
  }
}

static void on_end(void *ctx, http_exchange *x) {
  (void)x;
  web_call *c = ctx;
  if (c->stream) {
    gw_stream_write(c->stream, base_span_of(NULL, 0), true);
  }
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

/* The media type without parameters: "application/grpc-web; charset=x" is that too. */
static base_span media_type(const http_request *r) {
  base_span value = http_request_header(r, "content-type");
  const uint8_t *semicolon = value.n ? memchr(value.p, ';', value.n) : NULL;
  return base_span_trim(semicolon ? base_span_of(value.p, (size_t)(semicolon - value.p)) : value);
}

bool gw_grpc_web_is(const http_request *request) {
  base_span type = media_type(request);
  size_t n = sizeof binary - 1;
  return type.n >= n && base_span_ieq(base_span_of(type.p, n), base_span_str(binary));
}

static const char *answer_type(const http_request *r) {
  base_span type = media_type(r);
  if (base_span_ieq(type, base_span_str(binary_proto))) {
    return binary_proto;
  }
  return base_span_ieq(type, base_span_str(binary)) ? binary : NULL;
}

static web_call *call_new(http_exchange *x, const char *content_type, const http_header *extra, size_t n) {
  size_t text = 0;
  for (size_t i = 0; i < n; i++) {
    text += extra[i].name.n + extra[i].value.n;
  }
  web_call *c = malloc(sizeof *c + n * sizeof *extra + text);
  if (c == NULL) {
    return NULL;
  }
  *c = (web_call){.x = x, .content_type = content_type, .extra_count = n};
  wire_frame_init(&c->position, UINT32_MAX);
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
  wire_metadata metadata;
  wire_metadata_init(&metadata);
  base_err e = base_fail(BASE_E_PRECONDITION);
  if (gw_web_timeout_in(r, &timeout_ms, why) && gw_web_metadata_in(r, &metadata, why)) {
    gw_stream_request request = {.path = r->path,
                                 .timeout_ms = timeout_ms,
                                 .metadata = &metadata,
                                 .credit = o->window_bytes ? o->window_bytes : DEFAULT_WINDOW,
                                 .kind = GW_KIND_GRPC_WEB,
                                 .peer = r->peer};
    e = gw_gate_open(o->gate, &request, &down_vt, c, &c->stream, why);
  }
  wire_metadata_dispose(&metadata);
  return e;
}

void gw_grpc_web_handle(const gw_grpc_web_options *options, http_exchange *x, const http_request *request,
                        const http_header *extra, size_t extra_count) {
  const char *type = answer_type(request);
  if (!base_span_is(request->method, "POST")) {
    refuse(x, 405, "gRPC-Web calls are POST requests\n", extra, extra_count);
    return;
  }
  if (type == NULL) {
    refuse(x, 415,
           "only application/grpc-web and application/grpc-web+proto are spoken here; not the text form, not other "
           "encodings\n",
           extra, extra_count);
    return;
  }
  web_call *c = call_new(x, type, extra, extra_count);
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
    send_status_alone(x, type, extra, extra_count, &why);
    free(c);
  }
  wire_status_dispose(&why);
}
