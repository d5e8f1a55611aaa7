#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <stdlib.h>

#include "rpc/client_call.h"
#include "wire/frame.h"

struct rpc_pipe {
  rpc_client_call call; /* first */
  rpc_pipe_events events;
  void *ctx;
  base_buf partial; /* the beginning of a message: its head and what has come of its body */
  int64_t credit;   /* bytes the caller takes; below 0 after a message larger than what was left */
  grpc_compression_algorithm encoding, accepted; /* of the caller's messages; of the service's */
  uint64_t written, credited; /* bytes given to rpc_pipe_write, and reported by on_written, since the start */
};

/* -- from the service ------------------------------------------------------------------------------------------------ */

static void on_headers(rpc_client_call *c, const wire_metadata *headers) {
  rpc_pipe *p = (rpc_pipe *)c;
  const char *name = NULL;
  if (p->accepted == GRPC_COMPRESS_NONE || !grpc_compression_algorithm_name(p->accepted, &name)) {
    p->events.on_headers(p->ctx, headers);
    return;
  }
  wire_metadata all;
  wire_metadata_init(&all);
  base_err e = wire_metadata_merge(&all, headers);
  e = base_is_ok(e) ? wire_metadata_add_str(&all, "grpc-encoding", name) : e;
  if (base_is_ok(e)) {
    p->events.on_headers(p->ctx, &all);
  } else {
    rpc_client_call_fail(c, e);
  }
  wire_metadata_dispose(&all);
}

/* Which of the two the core knows; NONE for others. */
static grpc_compression_algorithm algorithm_of(base_span name) {
  return base_span_is(name, "gzip")      ? GRPC_COMPRESS_GZIP
         : base_span_is(name, "deflate") ? GRPC_COMPRESS_DEFLATE
                                         : GRPC_COMPRESS_NONE;
}

/* The first the core knows in a list like "identity,deflate, gzip". */
static grpc_compression_algorithm first_accepted(base_span list) {
  grpc_compression_algorithm found = GRPC_COMPRESS_NONE;
  while (list.n > 0 && found == GRPC_COMPRESS_NONE) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n;
    found = algorithm_of(base_span_trim(base_span_of(list.p, n)));
    n += comma ? 1 : 0;
    list = base_span_of(list.p + n, list.n - n);
  }
  return found;
}

static base_err agree(rpc_pipe *p, const rpc_channel *channel, const wire_metadata *metadata) {
  base_span value;
  if (!channel->pass_compressed || metadata == NULL) {
    return BASE_OK;
  }
  if (wire_metadata_get(metadata, "grpc-encoding", &value) && !base_span_is(value, "identity")) {
    p->encoding = algorithm_of(value);
    if (p->encoding == GRPC_COMPRESS_NONE) {
      return base_fail(BASE_E_UNIMPLEMENTED);
    }
  }
  if (wire_metadata_get(metadata, "grpc-accept-encoding", &value)) {
    p->accepted = first_accepted(value);
  }
  return BASE_OK;
}

/* Head and body in one run, because the caller frames its own output by it. */
static base_err frame(const rpc_pipe *p, base_buf *out, grpc_byte_buffer *message) {
  grpc_byte_buffer_reader reader;
  grpc_slice *slice = NULL;
  uint8_t head[WIRE_FRAME_HEAD];
  base_err e = BASE_OK;
  grpc_compression_algorithm compression = message->data.raw.compression;
  if (compression != GRPC_COMPRESS_NONE && compression != p->accepted) {
    return base_fail(BASE_E_UNIMPLEMENTED); /* the caller was told of another algorithm, or of none */
  }
  wire_frame_head(head, compression == GRPC_COMPRESS_NONE ? 0 : WIRE_FRAME_COMPRESSED,
                  (uint32_t)grpc_byte_buffer_length(message));
  base_buf_clear(out);
  BASE_TRY(base_buf_append(out, base_span_of(head, sizeof head)));
  if (!grpc_byte_buffer_reader_init(&reader, message)) {
    return base_fail(BASE_E_MALFORMED);
  }
  while (base_is_ok(e) && grpc_byte_buffer_reader_peek(&reader, &slice)) {
    e = base_buf_append(out, rpc_core_span(slice));
  }
  grpc_byte_buffer_reader_destroy(&reader);
  return e;
}

static void on_message(rpc_client_call *c, grpc_byte_buffer *message) {
  rpc_pipe *p = (rpc_pipe *)c;
  base_buf *scratch = &c->channel->client->scratch;
  base_err e = frame(p, scratch, message);
  grpc_byte_buffer_destroy(message);
  if (base_is(e, BASE_E_UNIMPLEMENTED)) {
    rpc_client_call_fail_saying(c, GRPC_STATUS_INTERNAL,
                                "the service compressed a message in a way that the caller does not accept");
    return;
  }
  if (!base_is_ok(e)) {
    rpc_client_call_fail(c, e);
    return;
  }
  p->credit -= (int64_t)base_buf_size(scratch);
  c->want_message = p->credit > 0;
  p->events.on_data(p->ctx, base_buf_span(scratch));
}

void rpc_pipe_credit(rpc_pipe *p, size_t bytes) {
  p->credit += (int64_t)bytes;
  p->call.want_message = p->credit > 0;
  rpc_client_call_receive(&p->call);
}

/* -- to the service -------------------------------------------------------------------------------------------------- */

/* Bytes count as written once the core has sent them, and those of an incomplete message at once unless a complete one waits behind the
 * outstanding one: a message larger than the browser's window would never become complete otherwise. */
static void report_written(rpc_pipe *p) {
  size_t held = p->call.queued_bytes;
  if (rpc_client_call_has_waiting(&p->call)) {
    held += base_buf_size(&p->partial);
  }
  uint64_t taken = p->written - held;
  if (taken > p->credited) {
    size_t bytes = (size_t)(taken - p->credited);
    p->credited = taken;
    p->events.on_written(p->ctx, bytes);
  }
}

static void on_sent(rpc_client_call *c, size_t bytes) {
  (void)bytes;
  report_written((rpc_pipe *)c);
}

static void on_deferred(rpc_client_call *c) {
  if (!c->status_known) {
    report_written((rpc_pipe *)c);
  }
}

static base_err check_head(const rpc_pipe *p, const uint8_t *head, size_t *length) {
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): callers have a whole head */
  *length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
  bool known = head[0] == 0 || (head[0] == WIRE_FRAME_COMPRESSED && p->encoding != GRPC_COMPRESS_NONE);
  if (!known) {
    return base_fail(BASE_E_MALFORMED);
  }
  return *length > p->call.channel->max_message_bytes ? base_fail(BASE_E_TOO_LARGE) : BASE_OK;
}

static base_err send_body(rpc_pipe *p, uint8_t flags, base_span body) {
  grpc_compression_algorithm compression = flags ? p->encoding : GRPC_COMPRESS_NONE;
  return rpc_client_call_send(&p->call, rpc_core_message(body, compression), body.n + WIRE_FRAME_HEAD);
}

/* Moves bytes from the front of *in to the incomplete message until it holds `want` of them; true when it does. */
static base_err fill(rpc_pipe *p, base_span *in, size_t want, bool *full) {
  size_t have = base_buf_size(&p->partial);
  size_t n = want - have < in->n ? want - have : in->n;
  BASE_TRY(base_buf_append(&p->partial, base_span_of(in->p, n)));
  in->p += n;
  in->n -= n;
  *full = have + n == want;
  return BASE_OK;
}

static base_err take_message(rpc_pipe *p, base_span *in) {
  size_t length = 0;
  bool full = false;
  if (base_buf_size(&p->partial) == 0 && in->n >= WIRE_FRAME_HEAD) {
    BASE_TRY(check_head(p, in->p, &length));
    if (in->n - WIRE_FRAME_HEAD >= length) { /* the common case: whole, without a copy in between */
      uint8_t flags = in->p[0];
      base_span body = base_span_of(in->p + WIRE_FRAME_HEAD, length);
      in->p += WIRE_FRAME_HEAD + length;
      in->n -= WIRE_FRAME_HEAD + length;
      return send_body(p, flags, body);
    }
  }
  if (base_buf_size(&p->partial) < WIRE_FRAME_HEAD) {
    BASE_TRY(fill(p, in, WIRE_FRAME_HEAD, &full));
    if (!full) {
      return BASE_OK;
    }
  }
  BASE_TRY(check_head(p, base_buf_span(&p->partial).p, &length));
  BASE_TRY(fill(p, in, WIRE_FRAME_HEAD + length, &full));
  if (!full) {
    return BASE_OK;
  }
  const uint8_t *whole = base_buf_span(&p->partial).p;
  base_err e = send_body(p, whole[0], base_span_of(whole + WIRE_FRAME_HEAD, length));
  base_buf_clear(&p->partial);
  base_buf_shrink(&p->partial);
  return e;
}

static base_err take_all(rpc_pipe *p, base_span bytes, bool end) {
  while (bytes.n > 0) {
    BASE_TRY(take_message(p, &bytes));
  }
  if (!end) {
    return BASE_OK;
  }
  if (base_buf_size(&p->partial) > 0) {
    return base_fail(BASE_E_MALFORMED);
  }
  rpc_client_call_half_close(&p->call);
  return BASE_OK;
}

base_err rpc_pipe_write(rpc_pipe *p, base_span bytes, bool end) {
  if (p->call.half_close) {
    return base_fail(BASE_E_PRECONDITION);
  }
  if (p->call.status_known) { /* the end is on its way to the caller; nobody reads these bytes any more */
    return BASE_OK;
  }
  p->written += bytes.n;
  rpc_client_call_cork(&p->call);
  base_err e = take_all(p, bytes, end);
  rpc_client_call_uncork(&p->call);
  if (base_is_ok(e) && p->written - p->call.queued_bytes > p->credited) {
    rpc_client_call_defer(&p->call);
  }
  return e;
}

/* -- life ------------------------------------------------------------------------------------------------------------ */

static void on_end(rpc_client_call *c, const wire_status *status) {
  rpc_pipe *p = (rpc_pipe *)c;
  p->events.on_status(p->ctx, status);
  rpc_client_call_dispose(c);
  base_buf_dispose(&p->partial);
  free(p);
}

base_err rpc_pipe_start(ponte_channel *ch, base_span path, int64_t timeout_ms, const wire_metadata *metadata,
                        const rpc_pipe_events *events, void *ctx, rpc_pipe **out) {
  static const rpc_client_face face = {on_headers, on_message, on_sent, on_deferred, on_end};
  rpc_channel *channel = (rpc_channel *)ch;
  rpc_pipe *p = calloc(1, sizeof *p);
  if (p == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  p->events = *events;
  p->ctx = ctx;
  base_buf_init(&p->partial, WIRE_FRAME_HEAD + channel->max_message_bytes);
  base_err e = agree(p, channel, metadata);
  const rpc_client_request request = {
      .path = path, .timeout_ms = timeout_ms, .metadata = metadata, .encoding = p->encoding, .accepted = p->accepted};
  e = base_is_ok(e) ? rpc_client_call_start(&p->call, channel, &face, &request) : e;
  if (!base_is_ok(e)) {
    free(p);
    return e;
  }
  *out = p;
  return BASE_OK;
}

void rpc_pipe_cancel(rpc_pipe *p) { rpc_client_call_cancel(&p->call); }
