#include "gateway/upstream/h2/head.h"

#include <limits.h>

enum { FIELD_OVERHEAD = 32 }; /* RFC 9113 section 6.5.2 */

void gw_h2c_head_init(gw_h2c_head *h, uint32_t max_bytes) {
  *h = (gw_h2c_head){.max_bytes = max_bytes, .status = -1};
  wire_metadata_init(&h->metadata);
  base_buf_init(&h->message, WIRE_STATUS_MESSAGE_MAX * 3);
}

void gw_h2c_head_dispose(gw_h2c_head *h) {
  wire_metadata_dispose(&h->metadata);
  base_buf_dispose(&h->message);
}

void gw_h2c_head_clear(gw_h2c_head *h) {
  wire_metadata_clear(&h->metadata);
  base_buf_clear(&h->message);
  h->bytes = 0;
  h->http_status = 0;
  h->status = -1;
  h->is_grpc = h->bad_status = false;
  h->error = BASE_OK;
  h->what[0] = h->type[0] = '\0';
}

static void note(char out[GW_H2C_TEXT], base_span s) {
  size_t n = s.n < GW_H2C_TEXT - 1 ? s.n : GW_H2C_TEXT - 1;
  if (n > 0) {
    memcpy(out, s.p, n);
  }
  out[n] = '\0';
}

static base_err on_http_status(gw_h2c_head *h, base_span value) {
  uint64_t status = 0;
  h->http_status = base_span_u64(value, &status) && status <= 999 ? (int)status : 999;
  return BASE_OK;
}

/* "application/grpc", "application/grpc+proto", "application/grpc;charset=x"; not "application/grpc-web". */
static base_err on_content_type(gw_h2c_head *h, base_span value) {
  static const char grpc[] = "application/grpc";
  size_t n = sizeof grpc - 1;
  note(h->type, value);
  h->is_grpc = value.n >= n && base_span_ieq(base_span_of(value.p, n), base_span_str(grpc)) &&
               (value.n == n || value.p[n] == '+' || value.p[n] == ';');
  return BASE_OK;
}

static base_err on_grpc_status(gw_h2c_head *h, base_span value) {
  uint64_t status = 0;
  if (h->status >= 0 || !base_span_u64(value, &status) || status > INT_MAX) {
    h->bad_status = true;
    note(h->what, value);
    return BASE_OK;
  }
  h->status = (int)status;
  return BASE_OK;
}

static base_err on_grpc_message(gw_h2c_head *h, base_span value) {
  base_buf_clear(&h->message);
  /* Longer ones are cut when the status is made: what an escape needs at most is kept here. */
  value.n = value.n < WIRE_STATUS_MESSAGE_MAX * 3 ? value.n : WIRE_STATUS_MESSAGE_MAX * 3;
  return wire_status_message_decode(value, &h->message);
}

/* HTTP's own: nothing that an application could rely on. */
static base_err drop(gw_h2c_head *h, base_span value) {
  (void)h, (void)value;
  return BASE_OK;
}

static const struct {
  const char *name;
  base_err (*take)(gw_h2c_head *h, base_span value);
} reserved[] = {
    {":status", on_http_status},
    {"content-type", on_content_type},
    {"grpc-status", on_grpc_status},
    {"grpc-message", on_grpc_message},
    {"content-length", drop},
    {"te", drop},
    {"trailer", drop},
};

static base_err take(gw_h2c_head *h, base_span name, base_span value) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (base_span_is(name, reserved[i].name)) {
      return reserved[i].take(h, value);
    }
  }
  return wire_metadata_add_header(&h->metadata, name, value);
}

void gw_h2c_head_add(gw_h2c_head *h, base_span name, base_span value) {
  if (!base_is_ok(h->error)) {
    return;
  }
  if (name.n + value.n + FIELD_OVERHEAD > h->max_bytes - h->bytes) {
    h->error = base_fail(BASE_E_TOO_LARGE);
    note(h->what, name);
    return;
  }
  h->bytes += (uint32_t)(name.n + value.n + FIELD_OVERHEAD);
  h->error = take(h, name, value);
  if (!base_is_ok(h->error)) {
    note(h->what, name);
  }
}

static bool is_unusable(const gw_h2c_head *h, wire_status *out) {
  if (base_is_ok(h->error)) {
    return false;
  }
  if (base_is(h->error, BASE_E_INVALID)) {
    wire_status_set(out, BASE_GRPC_INTERNAL, "the service sent a header that gRPC metadata cannot hold: %s", h->what);
  } else {
    wire_status_set(out, BASE_GRPC_RESOURCE_EXHAUSTED,
                    "the service's headers are larger than %u bytes or too many, at %s", h->max_bytes, h->what);
  }
  return true;
}

bool gw_h2c_head_refuse(const gw_h2c_head *h, wire_status *out) {
  if (is_unusable(h, out)) {
    return true;
  }
  if (h->http_status == 200 && h->is_grpc) {
    return false;
  }
  int code = h->http_status == 200 ? BASE_GRPC_UNKNOWN : wire_status_of_http(h->http_status);
  wire_status_set(out, code, "the service answered HTTP %d with content-type \"%s\", which is no gRPC", h->http_status,
                  h->type);
  return true;
}

void gw_h2c_head_status(gw_h2c_head *h, wire_status *out) {
  /* A status of gRPC is believed before the HTTP status: http-grpc-status-mapping.md. */
  bool is_word = h->status >= 0 && !h->bad_status && base_is_ok(h->error);
  if (!is_word && (h->http_status != 0 || !base_is_ok(h->error)) && gw_h2c_head_refuse(h, out)) {
    return;
  }
  if (h->bad_status) {
    wire_status_set(out, BASE_GRPC_UNKNOWN, "the service ended the call with a wrong or second grpc-status: %s",
                    h->what);
    return;
  }
  if (!is_word) {
    wire_status_set(out, BASE_GRPC_UNKNOWN, "the service ended the call without a grpc-status");
    return;
  }
  out->code = h->status;
  if (base_buf_size(&h->message) > 0) {
    wire_status_set_span(out, h->status, base_buf_span(&h->message));
  }
  out->trailers = h->metadata;
}

void gw_h2c_head_take_back(gw_h2c_head *h, wire_status *status) {
  if (status->trailers.bytes.data == h->metadata.bytes.data) {
    wire_metadata_init(&status->trailers);
  }
}
