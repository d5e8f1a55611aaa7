#include "rpc/core.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/log.h>
#include <stdlib.h>

#include "base/log.h"

/* Its "errors" are mostly connections that could not be made, of which
 * callers hear by their status: they are warnings here. */
static void log_line(gpr_log_func_args *line) {
  BASE_LOG(line->severity == GPR_LOG_SEVERITY_ERROR ? BASE_LOG_WARN : BASE_LOG_DEBUG, "grpc core",
           LOG_STR("text", line->message), LOG_STR("file", line->file), LOG_INT("line", line->line));
}

void rpc_core_init(void) {
  gpr_set_log_function(log_line);
  grpc_init();
}

/* Written by the core itself, from the call's own properties; from a peer they would forge those. */
static const char *const own_keys[] = {
    "te",         "content-type",      "content-length", "user-agent",       "host",
    "connection", "transfer-encoding", "keep-alive",     "proxy-connection", "upgrade"};
/* The keys below grpc-* that are ordinary metadata. */
static const char *const grpc_keys[] = {"grpc-trace-bin", "grpc-tags-bin", "grpc-status-details-bin",
                                        "grpc-retry-pushback-ms"};

static bool is_one_of(base_span key, const char *const *keys, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (base_span_is(key, keys[i])) {
      return true;
    }
  }
  return false;
}

static bool may_be_sent(base_span key) {
  if (base_span_starts(key, "grpc-")) {
    return is_one_of(key, grpc_keys, sizeof grpc_keys / sizeof *grpc_keys);
  }
  return !is_one_of(key, own_keys, sizeof own_keys / sizeof *own_keys);
}

base_err rpc_core_metadata_of(const wire_metadata *m, rpc_core_metadata *out) {
  *out = (rpc_core_metadata){0};
  if (m == NULL || m->count == 0) {
    return BASE_OK;
  }
  out->items = calloc(m->count, sizeof *out->items);
  if (out->items == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (uint32_t i = 0; i < m->count; i++) {
    wire_pair pair = wire_metadata_at(m, i);
    if (may_be_sent(pair.key)) {
      grpc_metadata *item = &out->items[out->count++];
      item->key = grpc_slice_from_copied_buffer((const char *)pair.key.p, pair.key.n);
      item->value = grpc_slice_from_copied_buffer((const char *)pair.value.p, pair.value.n);
    }
  }
  return BASE_OK;
}

base_err rpc_core_metadata_add(rpc_core_metadata *m, base_span key, base_span value) {
  grpc_metadata *grown = realloc(m->items, (m->count + 1) * sizeof *grown);
  if (grown == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  m->items = grown;
  grown[m->count++] = (grpc_metadata){.key = grpc_slice_from_copied_buffer((const char *)key.p, key.n),
                                      .value = grpc_slice_from_copied_buffer((const char *)value.p, value.n)};
  return BASE_OK;
}

void rpc_core_metadata_dispose(rpc_core_metadata *m) {
  for (size_t i = 0; i < m->count; i++) {
    grpc_slice_unref(m->items[i].key);
    grpc_slice_unref(m->items[i].value);
  }
  free(m->items);
  *m = (rpc_core_metadata){0};
}

bool rpc_core_metadata_read(const grpc_metadata_array *from, wire_metadata *to) {
  bool whole = true;
  for (size_t i = 0; i < from->count; i++) {
    base_span key = rpc_core_span(&from->metadata[i].key), value = rpc_core_span(&from->metadata[i].value);
    whole &= base_is_ok(wire_metadata_add(to, key, value));
  }
  return whole;
}

grpc_byte_buffer *rpc_core_message(base_span bytes, grpc_compression_algorithm compression) {
  grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes.p, bytes.n);
  grpc_byte_buffer *message = grpc_raw_compressed_byte_buffer_create(&slice, 1, compression);
  grpc_slice_unref(slice);
  return message;
}

base_err rpc_core_bytes(grpc_byte_buffer *message, base_buf *scratch, base_span *out) {
  grpc_byte_buffer_reader reader;
  grpc_slice *slice = NULL, *first = NULL;
  base_err e = BASE_OK;
  *out = (base_span){NULL, 0};
  base_buf_clear(scratch);
  if (!grpc_byte_buffer_reader_init(&reader, message)) {
    return base_fail(BASE_E_MALFORMED);
  }
  while (base_is_ok(e) && grpc_byte_buffer_reader_peek(&reader, &slice)) {
    if (first == NULL) {
      first = slice;
      *out = rpc_core_span(first);
      continue;
    }
    if (base_buf_size(scratch) == 0) {
      e = base_buf_append(scratch, *out);
    }
    if (base_is_ok(e)) {
      e = base_buf_append(scratch, rpc_core_span(slice));
    }
    *out = base_buf_span(scratch);
  }
  grpc_byte_buffer_reader_destroy(&reader);
  return e;
}
