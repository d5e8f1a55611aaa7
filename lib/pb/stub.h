/* stub.h - what generated client calls run on: typed messages over a ponte_channel.
 *
 * Not for direct use: protoc-gen-ponte emits typed functions for each method that call these (docs/stubs.md). Thread rule and callbacks are
 * those of channel.h. A reply that cannot be unpacked cancels the call, and its status is INTERNAL; an OK without the one reply of a unary or
 * client-streaming call is INTERNAL too.
 */
#ifndef PONTE_PB_STUB_H
#define PONTE_PB_STUB_H

#include "pb/channel.h"
#include "pb/method.h"

typedef struct {
  const pb_method *method;
  void (*on_headers)(void *ctx, ponte_call *call, const wire_metadata *headers);
  void (*on_writable)(void *ctx, ponte_call *call);
  /* Kinds with a stream of replies: */
  void (*on_status)(void *ctx, ponte_call *call, const wire_status *status);
  pb_fn on_message;
  void (*deliver_message)(pb_fn fn, void *ctx, ponte_call *call, const ProtobufCMessage *message);
  /* Kinds with one reply: */
  pb_fn on_reply;
  void (*deliver_reply)(pb_fn fn, void *ctx, ponte_call *call, const ProtobufCMessage *reply,
                        const wire_status *status);
} pb_stub_events;

/* Copies *events. With a request (kinds without a stream of requests) sends it and half-closes. After an error no callback comes. */
base_err pb_stub_start(ponte_channel *ch, const ponte_call_options *options, const pb_stub_events *events,
                       const ProtobufCMessage *request, void *ctx, ponte_call **out) BASE_MUST_USE;
base_err pb_stub_send(ponte_call *call, const ProtobufCMessage *message) BASE_MUST_USE;

#endif
