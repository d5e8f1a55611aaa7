/* method.h - the methods of a service as data: what protoc-gen-ponte emits for each, for client and server alike.
 *
 * protobuf-c's own ProtobufCMethodDescriptor does not tell streams from single messages, hence this table. Static and immutable; any thread. */
#ifndef PONTE_PB_METHOD_H
#define PONTE_PB_METHOD_H

#include "pb/policy.h"
#include "pb/rules.h"

enum pb_kind { PB_UNARY, PB_CLIENT_STREAM, PB_SERVER_STREAM, PB_BIDI };

typedef struct {
  const char *path; /* "/package.Service/Method" */
  enum pb_kind kind;
  const ProtobufCMessageDescriptor *request, *response;
  const pb_rules *rules;   /* of the request; NULL: none */
  const pb_policy *policy; /* NULL: none */
} pb_method;

typedef struct {
  const char *name; /* "package.Service" */
  const pb_method *methods;
  int count;
} pb_service;

/* A function pointer of a type that only generated code knows; it is cast back before it is called. */
typedef void (*pb_fn)(void);

#endif
