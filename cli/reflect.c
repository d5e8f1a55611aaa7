/* reflect.c - grpc/grpc doc/server-reflection.md. */
#include "cli/reflect.h"
#include "cli/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.ponte.h"
#include "grpc/reflection/v1alpha/reflection.ponte.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "ponte/orders/v1/orders.ponte.h"
#include "ponte/reports/v1/reports.ponte.h"
#include "ponte/transcription/v1/transcription.ponte.h"
#include "ponte/users/v1/users.ponte.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;
#define ASKS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define TELLS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

enum { FILES_MAX = 1024, SET_FIELD = 1 << 3 | 2 };

/* -- compiled in ------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *package;
  int port;
  const base_span *set;
  const pb_service *service;
} own[] = {
    {"ponte.users.v1.", CLI_USERS_PORT, &ponte_users_v1_users_descriptor_set, &ponte_users_v1_user_service},
    {"ponte.orders.v1.", CLI_ORDERS_PORT, &ponte_orders_v1_orders_descriptor_set, &ponte_orders_v1_order_service},
    {"ponte.reports.v1.", CLI_REPORTS_PORT, &ponte_reports_v1_reports_descriptor_set, &ponte_reports_v1_report_service},
    {"ponte.transcription.v1.", CLI_TRANSCRIPTION_PORT, &ponte_transcription_v1_transcription_descriptor_set,
     &ponte_transcription_v1_service},
    {"ponte.chatbot.v1.", CLI_CHATBOT_PORT, &ponte_chatbot_v1_chatbot_descriptor_set, &ponte_chatbot_v1_service}};
enum { OWN = sizeof own / sizeof *own };

const int cli_reflect_ports[] = {CLI_USERS_PORT,         CLI_ORDERS_PORT,  CLI_REPORTS_PORT,
                                 CLI_TRANSCRIPTION_PORT, CLI_CHATBOT_PORT, 0};

static int own_of(const char *symbol) {
  for (int i = 0; i < OWN; i++) {
    if (base_span_starts(base_span_str(symbol), own[i].package)) return i;
  }
  return -1;
}

int cli_reflect_port(const char *symbol) {
  int i = own_of(symbol);
  return i < 0 ? 0 : own[i].port;
}

bool cli_reflect_own(base_buf *names) {
  bool good = true;
  for (int i = 0; good && i < OWN; i++) {
    base_span all = base_buf_span(names);
    const char *name = own[i].service->name;
    if (all.n == 0 || !memmem(all.p, all.n, name, strlen(name)))
      good = base_is_ok(base_buf_printf(names, "%s\n", name));
  }
  return good;
}

static pb_dynamic *compiled(const char *symbol) {
  pb_dynamic *types = NULL;
  int i = own_of(symbol);
  return i >= 0 && base_is_ok(pb_dynamic_new(*own[i].set, &types)) ? types : NULL;
}

/* -- asked ------------------------------------------------------------------------------------------------------------- */

typedef struct {
  char *name;
  bool here, asked;
} file_name;

typedef struct {
  cli_link *link;
  const char *symbol; /* the first question; NULL: which services there are */
  base_buf set;       /* a FileDescriptorSet of what has come */
  base_buf *services;
  file_name files[FILES_MAX];
  size_t count, asked, answered;
  int error; /* gRPC code of the server's refusal, and its words */
  char text[256];
} asking;

/* A file that is needed. */
static base_err want(asking *q, const char *name, file_name **out) {
  for (size_t i = 0; i < q->count; i++) {
    *out = &q->files[i];
    if (strcmp(q->files[i].name, name) == 0) return BASE_OK;
  }
  if (q->count == FILES_MAX) return base_fail(BASE_E_TOO_LARGE);
  char *copy = strdup(name);
  if (!copy) return base_fail(BASE_E_NO_MEMORY);
  q->files[q->count] = (file_name){.name = copy};
  *out = &q->files[q->count++];
  return BASE_OK;
}

static base_err append_file(asking *q, base_span bytes) {
  BASE_TRY(base_buf_u8(&q->set, SET_FIELD));
  BASE_TRY(base_buf_varint(&q->set, (uint32_t)bytes.n));
  return base_buf_append(&q->set, bytes);
}

static base_err take_file(asking *q, const ProtobufCBinaryData *data, pb_arena *arena) {
  base_span bytes = base_span_of(data->data, data->len);
  ProtobufCMessage *m = NULL;
  file_name *f = NULL;
  arena->cap_bytes = arena->used_bytes + 4 * pb_memory_cap(bytes.n);
  BASE_TRY(pb_unpack(&google__protobuf__file_descriptor_proto__descriptor, bytes, arena, &m));
  const Google__Protobuf__FileDescriptorProto *p = (const Google__Protobuf__FileDescriptorProto *)m;
  if (!p->name) return base_fail(BASE_E_MALFORMED);
  BASE_TRY(want(q, p->name, &f));
  if (f->here) return BASE_OK;
  f->here = f->asked = true;
  for (size_t i = 0; i < p->n_dependency; i++)
    BASE_TRY(want(q, p->dependency[i], &f));
  return append_file(q, bytes);
}

static base_err take_answer(asking *q, const reflection_response *r, pb_arena *arena) {
  switch (r->message_response_case) {
  case TELLS(FILE_DESCRIPTOR_RESPONSE):
    for (size_t i = 0; i < r->file_descriptor_response->n_file_descriptor_proto; i++)
      BASE_TRY(take_file(q, &r->file_descriptor_response->file_descriptor_proto[i], arena));
    return BASE_OK;
  case TELLS(LIST_SERVICES_RESPONSE):
    for (size_t i = 0; q->services && i < r->list_services_response->n_service; i++)
      BASE_TRY(base_buf_printf(q->services, "%s\n", r->list_services_response->service[i]->name));
    return BASE_OK;
  case TELLS(ERROR_RESPONSE):
    q->error = r->error_response->error_code;
    snprintf(q->text, sizeof q->text, "%s", r->error_response->error_message);
    return BASE_OK;
  default: return base_fail(BASE_E_MALFORMED);
  }
}

static base_err on_message(void *ctx, base_span bytes) {
  asking *q = ctx;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  q->answered++;
  pb_arena_init(&arena, pb_memory_cap(bytes.n));
  base_err e = pb_unpack(&grpc__reflection__v1__server_reflection_response__descriptor, bytes, &arena, &m);
  if (base_is_ok(e)) e = take_answer(q, (const reflection_response *)m, &arena);
  pb_arena_dispose(&arena);
  net_loop_wake(q->link->loop); /* there may be more to ask, or nothing any more */
  return e;
}

static enum cli_next ask(asking *q, reflection_request *r, base_buf *out) {
  q->asked++;
  return base_is_ok(pb_pack(&r->base, out)) ? CLI_NEXT_MESSAGE : CLI_NEXT_FAILED;
}

static enum cli_next next(void *ctx, base_buf *out) {
  asking *q = ctx;
  reflection_request r = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
  if (q->asked == 0) {
    r.message_request_case = q->symbol ? ASKS(FILE_CONTAINING_SYMBOL) : ASKS(LIST_SERVICES);
    if (q->symbol)
      r.file_containing_symbol = (char *)q->symbol;
    else
      r.list_services = (char *)"*";
    return ask(q, &r, out);
  }
  if (q->answered < q->asked) return CLI_NEXT_LATER;
  for (size_t i = 0; i < q->count && !q->error; i++) {
    if (q->files[i].asked) continue;
    q->files[i].asked = true;
    r.message_request_case = ASKS(FILE_BY_FILENAME);
    r.file_by_filename = q->files[i].name;
    return ask(q, &r, out);
  }
  return CLI_NEXT_END;
}

static void clear(asking *q) {
  for (size_t i = 0; i < q->count; i++)
    free(q->files[i].name);
  base_buf_dispose(&q->set);
}

/* v1, then v1alpha: the two differ in their package alone. False: the status says why. */
static bool run(asking *q, int port, int64_t timeout_ms, wire_status *status) {
  const char *const paths[] = {grpc_reflection_v1_server_reflection_service.methods[0].path,
                               grpc_reflection_v1alpha_server_reflection_service.methods[0].path};
  for (int i = 0; i < 2; i++) {
    cli_call call = {
        .path = paths[i], .port = port, .timeout_ms = timeout_ms, .next = next, .on_message = on_message, .ctx = q};
    cli_call_run(q->link, &call, base_span_of(NULL, 0), status);
    if (status->code != BASE_GRPC_UNIMPLEMENTED || q->answered) break;
    q->asked = 0;
  }
  if (status->code == 0 && q->error)
    wire_status_set(status, q->error == BASE_GRPC_UNIMPLEMENTED ? BASE_GRPC_UNIMPLEMENTED : BASE_GRPC_NOT_FOUND,
                    "%s: %s", q->symbol ? q->symbol : "reflection", q->text);
  return status->code == 0;
}

pb_dynamic *cli_reflect(cli_link *l, int port, int64_t timeout_ms, const char *symbol, wire_status *status) {
  asking *q = calloc(1, sizeof *q);
  pb_dynamic *types = NULL;
  if (!q) {
    wire_status_from_err(status, base_fail(BASE_E_NO_MEMORY));
    return NULL;
  }
  q->link = l;
  q->symbol = symbol;
  base_buf_init(&q->set, PB_DYNAMIC_MAX_BYTES);
  if (run(q, port, timeout_ms, status)) {
    base_err e = pb_dynamic_new(base_buf_span(&q->set), &types);
    if (!base_is_ok(e))
      wire_status_set(status, BASE_GRPC_INTERNAL, cli_words("the server's types make no sense: %s"), base_err_text(e));
  }
  clear(q);
  free(q);
  if (!types && !l->interrupted) types = compiled(symbol);
  return types;
}

bool cli_reflect_list(cli_link *l, int port, int64_t timeout_ms, base_buf *names, wire_status *status) {
  asking *q = calloc(1, sizeof *q);
  if (!q) {
    wire_status_from_err(status, base_fail(BASE_E_NO_MEMORY));
    return false;
  }
  q->link = l;
  q->services = names;
  base_buf_init(&q->set, PB_DYNAMIC_MAX_BYTES);
  bool good = run(q, port, timeout_ms, status);
  clear(q);
  free(q);
  return good;
}
