/* fake_unary.h - unary methods behind a fake_gateway: the test gets each whole request and answers it when it likes. Test code only. */
#ifndef PONTE_WC_FAKE_UNARY_H
#define PONTE_WC_FAKE_UNARY_H

#include <protobuf-c/protobuf-c.h>

#include "wc/fake/fake_gateway.h"

enum { FAKE_CALLS = 64, FAKE_PATH = 96 };

typedef struct fake_unary fake_unary;

typedef struct {
  fake_unary *unary;
  wc_socket *socket;
  uint32_t call;
  char path[FAKE_PATH];
  base_buf bytes;
} fake_call;

struct fake_unary {
  fake_gateway gw;
  fake_call calls[FAKE_CALLS]; /* those whose request is not there yet */
  void (*on_request)(void *ctx, const fake_call *c, base_span request);
  void *ctx;
};

void fake_unary_init(fake_unary *u, uint64_t seed);
void fake_unary_dispose(fake_unary *u);
/* The end of the call: the reply, or a status with a reason of google.rpc.ErrorInfo. */
void fake_unary_reply(const fake_call *c, const ProtobufCMessage *reply);
void fake_unary_fail(const fake_call *c, int code, const char *reason, int64_t retry_after_ms);

#endif
