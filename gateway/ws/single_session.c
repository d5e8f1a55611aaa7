#include "gateway/ws/single_session.h"

#include <stdlib.h>

#include "gateway/http/grpc_web_headers.h"
#include "gateway/obs/obs.h"
#include "wire/frame.h"

enum {
  WINDOW = 65536,
  OWED_LEAST = WINDOW / 2, /* credit is not given back in crumbs */
  /* Of the socket's queue: below it the service is asked for more. It is more than the endpoint holds back until the end of the turn (64 KiB), so above it something waits
   * for the kernel, and writable() will come. */
  LOW = 2 * 65536,
  HEAD_MAX = 2 * WIRE_METADATA_MAX_BYTES, /* base64 and separators come on top of the metadata's own limit */
  TRAILERS_MAX = 65536,
  HEADERS_MAX = WIRE_METADATA_MAX_PAIRS + 16,
  DEFAULT_HEAD_MS = 5000,
  DEFAULT_PING_MS = 30000,
};

/* First byte of every message but the first. */
enum kind { KIND_DATA = 0, KIND_FINISH = 1 };

/* HEAD: the header frame is awaited. OPEN, HALF: the call runs; the client has sent its finish in HALF. OVER: the close frame is out. */
enum state { HEAD, OPEN, HALF, OVER };

struct gw_single {
  const gw_ws_sink *sink;
  void *ctx;
  gw_gate *gate;
  gw_stream *stream; /* in OPEN and HALF */
  const char *peer;
  enum state state;
  bool responded, broken, paused, draining;
  uint32_t ping_interval_ms;
  int64_t heard_ms, pinged_ms, head_due_ms, drain_due_ms;
  size_t unread;               /* bytes given to the stream and not consumed */
  size_t owed;                 /* bytes sent whose credit was not given back */
  wire_frame_decoder position; /* in the response: the trailer frame can only follow a whole message */
  base_buf head;
  size_t path_n;
  char path[];
};

/* -- to the client ------------------------------------------------------------------------------------------------------- */

static void finish(gw_single *s, int code, const char *reason) {
  if (s->state == OVER) {
    return;
  }
  s->state = OVER;
  if (s->stream) {
    gw_stream_abandon(s->stream);
    s->stream = NULL;
  }
  base_buf_dispose(&s->head);
  s->sink->close(s->ctx, code, reason);
}

static void out_of_memory(gw_single *s) {
  base_err e = base_fail(BASE_E_NO_MEMORY);
  finish(s, base_err_close(e), base_err_text(e));
}

static base_err put_lines(const gw_web_headers *h, base_buf *out) {
  base_span text = base_buf_span(&h->text);
  if (h->failed) {
    return base_fail(BASE_E_TOO_LARGE);
  }
  for (size_t i = 0; i < h->count; i++) {
    BASE_TRY(base_buf_append(out, base_span_of(text.p + h->items[i].name_at, h->items[i].name_n)));
    BASE_TRY(base_buf_str(out, ": "));
    BASE_TRY(base_buf_append(out, base_span_of(text.p + h->items[i].value_at, h->items[i].value_n)));
    BASE_TRY(base_buf_str(out, "\r\n"));
  }
  return BASE_OK;
}

/* A block of header lines as a frame, which is a message of its own: clients look no further in a message once they have found one. */
static void send_block(gw_single *s, base_span block) {
  base_buf frame;
  base_buf_init(&frame, block.n + WIRE_FRAME_HEAD);
  if (base_is_ok(wire_frame_append(&frame, WIRE_FRAME_TRAILERS, block))) {
    s->sink->send(s->ctx, base_buf_span(&frame));
  } else {
    out_of_memory(s);
  }
  base_buf_dispose(&frame);
}

/* The first block of an answer is its headers, whatever is in it: it must come, also before a status alone. */
static void send_headers(gw_single *s, const wire_metadata *metadata) {
  gw_web_headers h;
  base_buf block;
  s->responded = true;
  gw_web_headers_init(&h);
  base_buf_init(&block, TRAILERS_MAX);
  if (metadata) {
    gw_web_headers_metadata(&h, metadata);
  }
  base_err e = put_lines(&h, &block);
  gw_web_headers_dispose(&h);
  if (base_is_ok(e)) {
    send_block(s, base_buf_span(&block));
  } else {
    out_of_memory(s);
  }
  base_buf_dispose(&block);
}

static void send_status(gw_single *s, const wire_status *status) {
  base_buf block;
  base_buf_init(&block, TRAILERS_MAX);
  if (!s->responded) {
    send_headers(s, NULL);
  }
  if (base_is_ok(wire_trailers_encode(status, &block))) {
    send_block(s, base_buf_span(&block));
    finish(s, 1000, "");
  } else {
    out_of_memory(s);
  }
  base_buf_dispose(&block);
}

/* For what is wrong with the call, not with the bytes: clients can only show a status. */
static void refuse(gw_single *s, int code, const char *why) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, code, "%s", why);
  send_status(s, &status);
  wire_status_dispose(&status);
}

static void fail(void *session, base_err why) {
  gw_single *s = session;
  if (s->state != OVER) {
    gw_obs_rejected(GW_REJECT_MALFORMED);
    finish(s, base_err_close(why), base_err_text(why));
  }
}

/* -- from the service -------------------------------------------------------------------------------------------------------- */

static void give_credit(gw_single *s) {
  if (s->owed >= OWED_LEAST && s->stream && s->sink->queued(s->ctx) <= LOW) {
    size_t bytes = s->owed;
    s->owed = 0;
    gw_stream_credit(s->stream, bytes);
  }
}

static void down_headers(void *down, const wire_metadata *headers) {
  gw_single *s = down;
  if (!s->responded) {
    send_headers(s, headers);
  }
}

static void down_data(void *down, base_span run) {
  gw_single *s = down;
  if (!s->responded) {
    send_headers(s, NULL);
  }
  if (s->state == OVER) {
    return;
  }
  s->broken = s->broken || !base_is_ok(wire_frame_follow(&s->position, run, NULL)); /* after an error it is of no use */
  s->owed += run.n;
  s->sink->send(s->ctx, run);
  give_credit(s);
}

static void set_paused(gw_single *s, bool paused) {
  if (s->paused != paused) {
    s->paused = paused;
    s->sink->pause(s->ctx, paused);
  }
}

static void down_consumed(void *down, size_t bytes) {
  gw_single *s = down;
  s->unread -= bytes;
  if (s->unread < WINDOW) {
    set_paused(s, false);
  }
}

static void down_status(void *down, const wire_status *status) {
  gw_single *s = down;
  s->stream = NULL;
  if (s->state == OVER) {
    return;
  }
  if (s->broken || !wire_frame_at_rest(&s->position)) {
    finish(s, 1011,
           "the service's answer ended inside a message"); /* a trailer frame would be read as the message's bytes */
    return;
  }
  send_status(s, status);
}

static const gw_down_vt down_vt = {
    .headers = down_headers, .data = down_data, .consumed = down_consumed, .status = down_status};

/* -- from the client: the header frame ---------------------------------------------------------------------------------------- */

/* Takes the next line off the front, without its end. */
static base_span next_line(base_span *block) {
  const uint8_t *lf = memchr(block->p, '\n', block->n);
  size_t n = lf ? (size_t)(lf - block->p) : block->n;
  base_span line = base_span_of(block->p, n);
  n += lf != NULL;
  *block = base_span_of(block->p + n, block->n - n);
  line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
  return line;
}

/* "name: value" with the name put into lower case where it stands. */
static bool read_line(base_span line, uint8_t *bytes, http_header *out) {
  const uint8_t *colon = memchr(line.p, ':', line.n);
  if (colon == NULL || colon == line.p) {
    return false;
  }
  size_t n = (size_t)(colon - line.p);
  for (size_t i = 0; i < n; i++) {
    bytes[i] = line.p[i] >= 'A' && line.p[i] <= 'Z' ? (uint8_t)(line.p[i] + 'a' - 'A') : line.p[i];
  }
  *out = (http_header){base_span_of(bytes, n), base_span_trim(base_span_of(colon + 1, line.n - n - 1))};
  return true;
}

static bool read_head(base_buf *head, http_header *headers, http_request *request) {
  base_span block = base_buf_span(head);
  while (block.n > 0) {
    base_span line = next_line(&block);
    if (line.n == 0) {
      continue;
    }
    uint8_t *at = head->data + (line.p - head->data);
    if (request->header_count == HEADERS_MAX || !read_line(line, at, &headers[request->header_count++])) {
      return false;
    }
  }
  request->headers = headers;
  return true;
}

static void open_call(gw_single *s, const http_request *request) {
  int64_t timeout_ms = 0;
  wire_metadata metadata;
  wire_status why;
  base_err e = base_fail(BASE_E_PRECONDITION);
  wire_metadata_init(&metadata);
  wire_status_init(&why);
  if (gw_web_timeout_in(request, &timeout_ms, &why) && gw_web_metadata_in(request, &metadata, &why)) {
    gw_stream_request open = {.path = base_span_of(s->path, s->path_n),
                              .timeout_ms = timeout_ms,
                              .metadata = &metadata,
                              .credit = WINDOW,
                              .kind = GW_KIND_GRPC_WEBSOCKETS,
                              .peer = s->peer};
    e = gw_gate_open(s->gate, &open, &down_vt, s, &s->stream, &why);
  }
  wire_metadata_dispose(&metadata);
  if (base_is_ok(e)) {
    s->state = OPEN;
  } else if (base_is(e, BASE_E_INVALID)) {
    refuse(s, base_err_grpc(base_fail(BASE_E_UNIMPLEMENTED)),
           "no method: the path of a call is /package.Service/Method");
  } else {
    send_status(s, &why);
  }
  wire_status_dispose(&why);
}

static void open_from_head(gw_single *s) {
  http_header headers[HEADERS_MAX];
  http_request request = {.method = base_span_str("POST"), .path = base_span_of(s->path, s->path_n)};
  if (!read_head(&s->head, headers, &request)) {
    refuse(s, base_err_grpc(base_fail(BASE_E_INVALID)),
           "the first message must hold lines of the form \"name: value\"");
  } else if (base_span_starts(http_request_header(&request, "content-type"), "application/grpc-web-text")) {
    refuse(s, base_err_grpc(base_fail(BASE_E_UNIMPLEMENTED)), "grpc-websockets carries binary gRPC-Web only");
  } else {
    open_call(s, &request);
  }
  base_buf_dispose(&s->head);
}

static void take_head(gw_single *s, base_span piece, bool end) {
  base_err e = base_buf_append(&s->head, piece);
  if (!base_is_ok(e)) {
    refuse(s, base_err_grpc(e), "the header frame is too large");
  } else if (end) {
    open_from_head(s);
  }
}

/* -- from the client: the call ---------------------------------------------------------------------------------------------------- */

static void take_data(gw_single *s, base_span bytes) {
  if (bytes.n == 0) {
    return;
  }
  s->unread += bytes.n;
  gw_stream_write(s->stream, bytes, false);
  if (s->unread >= WINDOW) {
    set_paused(s, true);
  }
}

static void take_message(gw_single *s, base_span piece, bool begin, bool end) {
  if (!begin) {
    take_data(s, piece);
  } else if (piece.n > 0 && piece.p[0] == KIND_DATA) {
    take_data(s, base_span_of(piece.p + 1, piece.n - 1));
  } else if (piece.n == 1 && piece.p[0] == KIND_FINISH && end) {
    s->state = HALF;
    gw_stream_write(s->stream, base_span_of(NULL, 0), true);
  } else {
    fail(s, base_fail(BASE_E_MALFORMED));
  }
}

static void receive(void *session, base_span piece, bool begin, bool end, int64_t now_ms) {
  gw_single *s = session;
  s->heard_ms = now_ms;
  if (s->state == HEAD) {
    take_head(s, piece, end);
  } else if (s->state == OPEN) {
    take_message(s, piece, begin, end);
  }
  /* After the finish nothing counts, as with grpcwebproxy. */
}

/* -- time -------------------------------------------------------------------------------------------------------------------------- */

static void heard(void *session, int64_t now_ms) { ((gw_single *)session)->heard_ms = now_ms; }

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t ping_due_ms(const gw_single *s) {
  int64_t due = s->heard_ms + gw_ws_ping_after_ms(s->ping_interval_ms, true);
  return s->pinged_ms < due ? due : INT64_MAX;
}

/* What a peer says while we do not read is not heard: lib/net looks whether it is still there. */
static int64_t death_due_ms(const gw_single *s) {
  return s->paused ? INT64_MAX : s->heard_ms + gw_ws_dead_after_ms(s->ping_interval_ms, true);
}

static bool is_busy(const void *session) { return ((const gw_single *)session)->state != OVER; }

static int64_t next_due_ms(const void *session) {
  const gw_single *s = session;
  if (s->state == OVER) {
    return INT64_MAX;
  }
  int64_t due = earlier(ping_due_ms(s), death_due_ms(s));
  due = s->state == HEAD ? earlier(due, s->head_due_ms) : due;
  return s->draining ? earlier(due, s->drain_due_ms) : due;
}

static void on_time(void *session, int64_t now_ms) {
  gw_single *s = session;
  base_err going = base_fail(BASE_E_DRAINING);
  if (s->state == OVER) {
    return;
  }
  if (s->state == HEAD && now_ms >= s->head_due_ms) {
    fail(s, base_fail(BASE_E_HELLO));
  } else if (s->draining && now_ms >= s->drain_due_ms) {
    s->broken || !wire_frame_at_rest(&s->position) ? finish(s, base_err_close(going), base_err_text(going))
                                                   : refuse(s, base_err_grpc(going), base_err_text(going));
  } else if (now_ms >= death_due_ms(s)) {
    finish(s, base_err_close(base_fail(BASE_E_UNAVAILABLE)), "nothing was heard for too long");
  } else if (now_ms >= ping_due_ms(s)) {
    s->pinged_ms = now_ms;
    s->sink->ping(s->ctx);
  }
}

static void drain(void *session, int64_t now_ms, uint32_t grace_ms) {
  gw_single *s = session;
  int64_t due = now_ms + grace_ms;
  s->drain_due_ms = s->draining ? earlier(s->drain_due_ms, due) : due;
  s->draining = true;
}

/* -- life --------------------------------------------------------------------------------------------------------------------------- */

static void flush(void *session, int64_t now_ms) { (void)session, (void)now_ms; }
static void writable(void *session) { give_credit(session); }

static void session_free(void *session) {
  gw_single *s = session;
  if (s) {
    if (s->stream) {
      gw_stream_abandon(s->stream);
    }
    base_buf_dispose(&s->head);
    free(s);
  }
}

base_err gw_single_new(const gw_single_options *options, gw_gate *gate, const gw_ws_sink *sink, void *ctx,
                       int64_t now_ms, gw_single **out) {
  gw_single *s = calloc(1, sizeof *s + options->path.n);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  s->sink = sink;
  s->ctx = ctx;
  s->gate = gate;
  s->peer = options->peer;
  s->ping_interval_ms = options->ping_interval_ms ? options->ping_interval_ms : DEFAULT_PING_MS;
  s->heard_ms = s->pinged_ms = now_ms;
  s->head_due_ms = now_ms + (options->head_timeout_ms ? options->head_timeout_ms : DEFAULT_HEAD_MS);
  wire_frame_init(&s->position, UINT32_MAX);
  base_buf_init(&s->head, HEAD_MAX);
  s->path_n = options->path.n;
  memcpy(s->path, options->path.p, options->path.n);
  *out = s;
  return BASE_OK;
}

const gw_ws_session_vt gw_single_vt = {
    .receive = receive,
    .heard = heard,
    .fail = fail,
    .flush = flush,
    .writable = writable,
    .is_busy = is_busy,
    .next_due_ms = next_due_ms,
    .on_time = on_time,
    .drain = drain,
    .free = session_free,
};
