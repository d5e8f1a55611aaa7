#include "base/log.h"
#include "http/h1_internal.h"

enum {
  WINDOW_BYTES = 65536,   /* of a request body that the application has not consumed; one more read may come on top */
  GATHER_BYTES = 65536,   /* more than this is written at once instead of at the end of the turn */
  OUT_CEILING = 17 << 20, /* above the pipe's own, so that the pipe decides */
  DRAIN_BYTES = 65536,    /* rest of a request body that is read and dropped to keep the connection */
};

static http_h1 *of(const http_exchange *x) { return (http_h1 *)(uintptr_t)x; }

bool h1_exchange_is_full(const http_h1 *h) { return h->handled && h->unconsumed >= WINDOW_BYTES; }

static void broken(http_h1 *h) {
  h->closing = true;
  net_conn_close(h->conn, 0);
}

void h1_exchange_flush(http_h1 *h) {
  base_buf *spare = &h->server->spare_out;
  if (base_buf_size(&h->out) == 0) {
    return;
  }
  base_err e = net_conn_write(h->conn, base_buf_span(&h->out));
  base_buf_clear(&h->out);
  if (spare->data == NULL && h->out.cap <= GATHER_BYTES * 2) {
    *spare = h->out; /* the next connection that writes finds its memory there */
    base_buf_init(&h->out, OUT_CEILING);
  } else {
    base_buf_dispose(&h->out);
  }
  if (!base_is_ok(e)) {
    broken(h);
  }
}

/* Before anything is appended to `out`. */
static base_buf *gather(http_h1 *h) {
  base_buf *spare = &h->server->spare_out;
  if (h->out.data == NULL) {
    h->out = spare->data ? *spare : h->out;
    h->out.ceiling = OUT_CEILING;
    *spare = (base_buf){0};
  }
  net_conn_flush_later(h->conn);
  return &h->out;
}

static void gathered(http_h1 *h, base_err e) {
  if (!base_is_ok(e)) {
    broken(h);
    return;
  }
  if (base_buf_size(&h->out) > GATHER_BYTES) {
    h1_exchange_flush(h);
  }
  h->was_above |= http_queued(&h->x) > HTTP_WRITABLE_LOW;
}

/* More of the request is to come than we would read and drop. */
static bool is_too_long_to_drain(const http_h1 *h) {
  return h->request_open && h->request_left > DRAIN_BYTES && h->request_left != UINT64_MAX;
}

static void end_response(http_h1 *h) {
  h->response_open = false;
  h->keep_alive &= !is_too_long_to_drain(h);
}

static base_err write_head(http_h1 *h, h1_response *r) {
  uint64_t fixed = 0;
  enum h1_body_kind kind = H1_BODY_NONE;
  r->to_head = h->to_head;
  r->http10 = h->http10;
  r->date = h1_server_date(h->server);
  r->keep_alive = h->keep_alive && !h->server->draining && !(r->end && is_too_long_to_drain(h));
  BASE_TRY(h1_response_write(gather(h), r, &kind, &fixed));
  h->kind = kind;
  h->response_left = fixed;
  h->keep_alive = r->keep_alive;
  return BASE_OK;
}

static void respond(http_exchange *x, int status, const http_header *headers, size_t count, bool end) {
  http_h1 *h = of(x);
  h1_response r = {.status = status, .headers = headers, .count = count, .end = end};
  if (h->responded || !h->response_open || h->closing) {
    return;
  }
  h->responded = true;
  if (h->continue_wanted) {
    h->continue_wanted = h->keep_alive =
        false; /* whether the body comes now is the client's choice, so its end cannot be known */
  }
  base_err e = write_head(h, &r);
  if (base_is(e, BASE_E_INVALID)) {
    BASE_LOG(BASE_LOG_ERROR, "unusable response head", LOG_INT("status", status));
    r = (h1_response){.status = 500, .end = true};
    e = write_head(h, &r);
  }
  gathered(h, e);
  if (r.end) {
    end_response(h);
  }
}

static base_err write_body(http_h1 *h, base_span bytes, bool end) {
  switch (h->kind) {
  case H1_BODY_NONE: return BASE_OK;
  case H1_BODY_FIXED:
    if (bytes.n > h->response_left || (end && bytes.n < h->response_left)) {
      /* The promised length cannot be kept: the peer must see a broken answer, never a well-formed wrong one. */
      BASE_LOG(BASE_LOG_ERROR, "response body does not match its content-length");
      return base_fail(BASE_E_INTERNAL);
    }
    h->response_left -= bytes.n;
    return base_buf_append(gather(h), bytes);
  case H1_BODY_CHUNKED:
    if (bytes.n > 0) {
      BASE_TRY(h1_chunk_write(gather(h), bytes));
    }
    return end ? h1_chunk_end(gather(h)) : BASE_OK;
  case H1_BODY_TO_CLOSE: return base_buf_append(gather(h), bytes);
  }
  return BASE_OK;
}

static void body(http_exchange *x, base_span bytes, bool end) {
  http_h1 *h = of(x);
  if (!h->responded || !h->response_open || h->closing) {
    return;
  }
  gathered(h, write_body(h, bytes, end));
  if (end) {
    net_conn_flush_later(h->conn); /* also when there was nothing to write: the end is told from there */
    end_response(h);
  }
}

static void consume(http_exchange *x, size_t bytes) {
  http_h1 *h = of(x);
  h->unconsumed -= bytes < h->unconsumed ? bytes : h->unconsumed;
  h1_update_pause(h);
}

static size_t queued(const http_exchange *x) {
  const http_h1 *h = of(x);
  return base_buf_size(&h->out) + net_conn_queued(h->conn);
}

static void reset(http_exchange *x) { broken(of(x)); }

const http_exchange_vt h1_exchange_vt = {respond, body, consume, queued, reset};

void h1_exchange_answer(http_h1 *h, int status) {
  h->response_open = true;
  h->responded = false;
  base_span origin = h->parser.head ? h1_head_origin(h->parser.head)
                     : h->origin    ? base_span_str(h->origin)
                                    : base_span_of(NULL, 0);
  http_refuse(&h->x, &h->server->app, origin, status, h1_reason(status));
}

void h1_exchange_close(http_h1 *h, bool aborted) {
  if (h->handled) {
    h->handled = false;
    h->unconsumed = 0;
    h->x.handler->on_closed(h->x.ctx, &h->x, aborted);
  }
}

void h1_exchange_tell_writable(http_h1 *h) {
  if (h->was_above && http_queued(&h->x) <= HTTP_WRITABLE_LOW) {
    h->was_above = false;
    if (h->handled && h->response_open && h->x.handler->on_writable) {
      h->x.handler->on_writable(h->x.ctx, &h->x);
    }
  }
}

/* Drops a body nobody wants; false when it is too long for that. */
bool h1_exchange_drain(http_h1 *h, size_t n) {
  h->drained += n;
  return h->drained <= DRAIN_BYTES;
}
