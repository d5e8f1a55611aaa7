/* grpc.reflection.v1 and v1alpha: grpc/grpc doc/server-reflection.md. The two differ in their package alone, so that v1's messages serve both. */
#include <stdlib.h>

#include "grpc/health/v1/health.ponte.h"
#include "grpc/reflection/v1/reflection.ponte.h"
#include "grpc/reflection/v1alpha/reflection.ponte.h"
#include "rpc/descriptors.h"
#include "rpc/server_internal.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;
#define ASKS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define TELLS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

struct rpc_reflection {
  rpc_descriptors descriptors;
  Grpc__Reflection__V1__ServiceResponse *services, **list;
  size_t count;
  pb_method alpha_method;
  pb_service alpha;
};

/* An answer under construction; spans and structs it points to live as long as this. */
struct reply {
  reflection_response message;
  Grpc__Reflection__V1__FileDescriptorResponse files;
  Grpc__Reflection__V1__ListServiceResponse services;
  Grpc__Reflection__V1__ExtensionNumberResponse numbers;
  Grpc__Reflection__V1__ErrorResponse error;
  ProtobufCBinaryData *bytes;
};

static void say_error(struct reply *r, int code, const char *text) {
  r->error.error_code = code;
  r->error.error_message = (char *)text;
  r->message.message_response_case = TELLS(ERROR_RESPONSE);
  r->message.error_response = &r->error;
}

static void say_files(struct rpc_reflection *r, struct reply *reply, int file) {
  const rpc_descriptors *d = &r->descriptors;
  if (file < 0) {
    say_error(reply, 5, "this server does not know it");
    return;
  }
  base_span *spans = calloc(d->count, sizeof *spans);
  reply->bytes = calloc(d->count, sizeof *reply->bytes);
  if (spans == NULL || reply->bytes == NULL) {
    say_error(reply, 8, "out of memory");
    free(spans);
    return;
  }
  size_t n = rpc_descriptors_closure(d, file, spans);
  for (size_t i = 0; i < n; i++) {
    reply->bytes[i] = (ProtobufCBinaryData){spans[i].n, (uint8_t *)spans[i].p};
  }
  free(spans);
  reply->files.n_file_descriptor_proto = n;
  reply->files.file_descriptor_proto = reply->bytes;
  reply->message.message_response_case = TELLS(FILE_DESCRIPTOR_RESPONSE);
  reply->message.file_descriptor_response = &reply->files;
}

static void say_services(struct rpc_reflection *r, struct reply *reply) {
  reply->services.n_service = r->count;
  reply->services.service = r->list;
  reply->message.message_response_case = TELLS(LIST_SERVICES_RESPONSE);
  reply->message.list_services_response = &reply->services;
}

/* Extensions do not exist in proto3 services: a known type has none. */
static void say_extension_numbers(struct rpc_reflection *r, struct reply *reply, char *type) {
  if (rpc_descriptors_by_symbol(&r->descriptors, type) < 0) {
    say_error(reply, 5, "this server does not know the type");
    return;
  }
  reply->numbers.base_type_name = type;
  reply->message.message_response_case = TELLS(ALL_EXTENSION_NUMBERS_RESPONSE);
  reply->message.all_extension_numbers_response = &reply->numbers;
}

static void fill_in(struct rpc_reflection *r, struct reply *reply, const reflection_request *q) {
  switch (q->message_request_case) {
  case ASKS(FILE_BY_FILENAME):
    say_files(r, reply, rpc_descriptors_by_name(&r->descriptors, q->file_by_filename));
    break;
  case ASKS(FILE_CONTAINING_SYMBOL):
    say_files(r, reply, rpc_descriptors_by_symbol(&r->descriptors, q->file_containing_symbol));
    break;
  case ASKS(LIST_SERVICES): say_services(r, reply); break;
  case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE): say_extension_numbers(r, reply, q->all_extension_numbers_of_type); break;
  case ASKS(FILE_CONTAINING_EXTENSION): say_error(reply, 5, "this server has no extensions"); break;
  default: say_error(reply, 3, "the request asks for nothing");
  }
}

static void on_open(void *service, rpc_call *call) {
  (void)service;
  (void)call;
}

static void on_request(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *request) {
  struct reply reply = {.bytes = NULL};
  (void)fn;
  grpc__reflection__v1__server_reflection_response__init(&reply.message);
  grpc__reflection__v1__file_descriptor_response__init(&reply.files);
  grpc__reflection__v1__list_service_response__init(&reply.services);
  grpc__reflection__v1__extension_number_response__init(&reply.numbers);
  grpc__reflection__v1__error_response__init(&reply.error);
  reply.message.original_request = (reflection_request *)request;
  reply.message.valid_host = reply.message.original_request->host;
  fill_in(service, &reply, (const reflection_request *)request);
  base_err e = rpc_call_send(call, &reply.message.base);
  free(reply.bytes);
  if (base_is(e, BASE_E_EXHAUSTED) || base_is(e, BASE_E_NO_MEMORY)) {
    rpc_error error = rpc_error_of(RPC_REASON_OUT_OF_MEMORY, NULL, "read the answers before asking more");
    rpc_call_finish(call, &error);
  }
}

static void on_half_close(void *service, rpc_call *call) {
  (void)service;
  rpc_call_finish(call, NULL);
}

static void handled(void) {}

static const rpc_handler rows[] = {
    {.on_open = on_open, .on_message = handled, .deliver_message = on_request, .on_half_close = on_half_close},
};

static base_err list_service(struct rpc_reflection *r, const char *service) {
  Grpc__Reflection__V1__ServiceResponse *services = realloc(r->services, (r->count + 1) * sizeof *services);
  r->services = services ? services : r->services;
  Grpc__Reflection__V1__ServiceResponse **list = realloc(r->list, (r->count + 1) * sizeof(void *));
  r->list = list ? list : r->list;
  if (services == NULL || list == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  grpc__reflection__v1__service_response__init(&services[r->count]);
  services[r->count].name = (char *)service;
  r->count++;
  for (size_t i = 0; i < r->count; i++) {
    list[i] = &services[i];
  }
  return BASE_OK;
}

base_err rpc_reflection_add(rpc_reflection *r, const char *service, base_span descriptor_set) {
  BASE_TRY(list_service(r, service));
  return rpc_descriptors_add(&r->descriptors, descriptor_set);
}

base_err rpc_reflection_new(rpc_server *s, rpc_reflection **out) {
  const pb_service *v1 = &grpc_reflection_v1_server_reflection_service;
  const pb_service *alpha = &grpc_reflection_v1alpha_server_reflection_service;
  rpc_reflection *r = calloc(1, sizeof *r);
  if (r == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  *out = r; /* the server frees it from here on */
  r->alpha_method = v1->methods[0];
  r->alpha_method.path = alpha->methods[0].path;
  r->alpha = (pb_service){alpha->name, &r->alpha_method, 1};
  BASE_TRY(rpc_server_add_internal(s, v1, rows, r));
  BASE_TRY(rpc_server_add_internal(s, &r->alpha, rows, r));
  BASE_TRY(rpc_reflection_add(r, v1->name, grpc_reflection_v1_reflection_descriptor_set));
  BASE_TRY(rpc_reflection_add(r, alpha->name, grpc_reflection_v1alpha_reflection_descriptor_set));
  return rpc_reflection_add(r, grpc_health_v1_service.name, grpc_health_v1_health_descriptor_set);
}

void rpc_reflection_free(rpc_reflection *r) {
  if (r == NULL) {
    return;
  }
  rpc_descriptors_dispose(&r->descriptors);
  free(r->services);
  free(r->list);
  free(r);
}
