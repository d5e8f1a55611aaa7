/* service.h - grpc.testing.TestService, as grpc/grpc doc/interop-test-descriptions.md ("Server") describes it, and nothing of UnimplementedService.
 *
 * EmptyCall, UnaryCall, CacheableUnaryCall: on the pool's threads. Streams: on the queue's thread, and messages with an interval on a timer's, under one lock.
 * Beside what grpc asks for, metadata chooses what a browser's client must be able to show:
 *   x-test-error-field: NAME   the call ends INVALID_ARGUMENT with google.rpc details: ErrorInfo, BadRequest on field NAME, RetryInfo of 1500 ms
 *   x-test-metadata: yes       the keys and values of the request's metadata come back in UnaryCall's payload, a line each, values as base64
 * expect_compressed is not checked: the core hands messages over decompressed and tells nobody.
 */
#ifndef PONTE_TESTS_INTEROP_SERVER_SERVICE_H
#define PONTE_TESTS_INTEROP_SERVER_SERVICE_H

#include "grpc/testing/test.ponte.server.h"

enum { MAX_RESPONSE = 16 << 20 };

typedef Grpc__Testing__Payload payload;
typedef Grpc__Testing__EchoStatus echo_status;
typedef Grpc__Testing__BoolValue bool_value;
typedef Grpc__Testing__StreamingOutputCallRequest output_request;
typedef Grpc__Testing__StreamingInputCallRequest input_request;

void on_empty_call(void *service, rpc_call *call, const Grpc__Testing__Empty *request, Grpc__Testing__Empty *response);
void on_unary_call(void *service, rpc_call *call, const Grpc__Testing__SimpleRequest *request,
                   Grpc__Testing__SimpleResponse *response);

/* x-grpc-test-echo-initial and x-grpc-test-echo-trailing-bin of the request go back. */
void echo_metadata(rpc_call *call);
/* True: the metadata asked for an error with details, and *out is it. */
bool asked_error(const rpc_call *call, rpc_error *out);

void streams_open(void *service, rpc_call *call);
void streams_end(void *service, rpc_call *call, bool cancelled);
void streams_writable(void *service, rpc_call *call);
void streams_half_close(void *service, rpc_call *call);
void on_output_request(void *service, rpc_call *call,
                       const output_request *request); /* StreamingOutputCall, FullDuplexCall */
void on_half_duplex(void *service, rpc_call *call, const output_request *request);
void on_input_request(void *service, rpc_call *call, const input_request *request);
void on_input_half_close(void *service, rpc_call *call);
void on_output_open(void *service, rpc_call *call); /* StreamingOutputCall: ends after the answers to its one request */
/* Starts the timer's thread, which stays until the process ends. */
bool streams_start(void);

#endif
