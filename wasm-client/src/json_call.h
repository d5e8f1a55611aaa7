/* json_call.h - calls by a method's name, with messages as JSON (pb/json.h): what a page calls that has no C of its own for it.
 *
 * Methods with one request, unary or with a stream of answers, of the services that this client knows. Thread rule and callbacks are those of pb/channel.h.
 */
#ifndef PONTE_WC_JSON_CALL_H
#define PONTE_WC_JSON_CALL_H

#include "base/buf.h"
#include "pb/channel.h"
#include "pb/method.h"

typedef struct {
  /* One object, in names of the proto3 JSON mapping, 64-bit integers as numbers. Borrowed. */
  void (*on_message)(void *ctx, base_span json);
  /* Exactly once, last. */
  void (*on_status)(void *ctx, const wire_status *status);
} wc_json_call_events;

/* "/package.Service/Method". NULL: none with one request. */
const pb_method *wc_json_method(const char *path);
/* `request` empty: no fields are set. MALFORMED: it is no such request, and *why (cleared first) says where; NO_MEMORY, TOO_LARGE. After an error no callback comes. An answer that cannot be
 * written as JSON ends the call with INTERNAL. */
base_err wc_json_call_start(ponte_channel *channel, const pb_method *method, base_span request, int64_t timeout_ms,
                            const wc_json_call_events *events, void *ctx, base_buf *why,
                            ponte_call **out) BASE_MUST_USE;

#endif
