#include "otlp/batch.h"

#include <stdlib.h>
#include <string.h>

typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;
typedef Opentelemetry__Proto__Common__V1__AnyValue any_value;

enum { SPAN_ATTRIBUTES = 6, RESOURCE_ATTRIBUTES = 2 };

/* An attribute list in place. */
struct attribute {
  key_value pair;
  any_value value;
};

struct row {
  Opentelemetry__Proto__Trace__V1__Span span;
  Opentelemetry__Proto__Trace__V1__Status status;
  struct attribute attributes[SPAN_ATTRIBUTES];
  key_value *list[SPAN_ATTRIBUTES];
  char service[OTLP_METHOD_MAX];
};

struct otlp_batch {
  Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request;
  Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans, *resource_spans_list[1];
  Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans, *scope_spans_list[1];
  Opentelemetry__Proto__Common__V1__InstrumentationScope scope;
  Opentelemetry__Proto__Resource__V1__Resource resource;
  struct attribute resource_attributes[RESOURCE_ATTRIBUTES];
  key_value *resource_list[RESOURCE_ATTRIBUTES];
  Opentelemetry__Proto__Trace__V1__Span **spans;
  size_t count;
  struct row rows[];
};

/* protobuf-c's structs lack a const: packing only reads. */
static char *text(const char *s) { return (char *)s; }

static void put(struct attribute *a, key_value **slot, const char *key) {
  opentelemetry__proto__common__v1__key_value__init(&a->pair);
  opentelemetry__proto__common__v1__any_value__init(&a->value);
  a->pair.key = text(key);
  a->pair.value = &a->value;
  *slot = &a->pair;
}

static void put_text(struct attribute *a, key_value **slot, const char *key, const char *value) {
  put(a, slot, key);
  a->value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
  a->value.string_value = text(value);
}

static void put_int(struct attribute *a, key_value **slot, const char *key, int64_t value) {
  put(a, slot, key);
  a->value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
  a->value.int_value = value;
}

otlp_batch *otlp_batch_new(const char *service_name, const char *instance, size_t count) {
  otlp_batch *b = calloc(1, sizeof *b + count * sizeof b->rows[0]);
  if (b == NULL || (b->spans = calloc(count, sizeof *b->spans)) == NULL) {
    free(b);
    return NULL;
  }
  opentelemetry__proto__collector__trace__v1__export_trace_service_request__init(&b->request);
  opentelemetry__proto__trace__v1__resource_spans__init(&b->resource_spans);
  opentelemetry__proto__trace__v1__scope_spans__init(&b->scope_spans);
  opentelemetry__proto__common__v1__instrumentation_scope__init(&b->scope);
  opentelemetry__proto__resource__v1__resource__init(&b->resource);
  put_text(&b->resource_attributes[0], &b->resource_list[0], "service.name", service_name);
  put_text(&b->resource_attributes[1], &b->resource_list[1], "service.instance.id", instance);
  b->resource.n_attributes = RESOURCE_ATTRIBUTES;
  b->resource.attributes = b->resource_list;
  b->scope.name = text("ponte");
  b->scope_spans.scope = &b->scope;
  b->scope_spans.spans = b->spans;
  b->scope_spans_list[0] = &b->scope_spans;
  b->resource_spans.resource = &b->resource;
  b->resource_spans.n_scope_spans = 1;
  b->resource_spans.scope_spans = b->scope_spans_list;
  b->resource_spans_list[0] = &b->resource_spans;
  b->request.n_resource_spans = 1;
  b->request.resource_spans = b->resource_spans_list;
  return b;
}

/* "package.Service/Method" in two attributes. */
static void put_method(struct row *r, const otlp_span *s) {
  const char *slash = strchr(s->method, '/');
  size_t n = slash ? (size_t)(slash - s->method) : strlen(s->method);
  memcpy(r->service, s->method, n);
  put_text(&r->attributes[1], &r->list[1], "rpc.service", r->service);
  put_text(&r->attributes[2], &r->list[2], "rpc.method", slash ? slash + 1 : "");
}

/* Codes that a server's span reports as errors; the others are the caller's own doing (semantic conventions for gRPC). */
static bool is_server_error(int code) {
  return code == BASE_GRPC_UNKNOWN || code == BASE_GRPC_DEADLINE_EXCEEDED ||
         (code >= BASE_GRPC_UNIMPLEMENTED && code <= BASE_GRPC_DATA_LOSS);
}

void otlp_batch_add(otlp_batch *b, const otlp_span *s) {
  static const uint8_t none[8];
  struct row *r = &b->rows[b->count];
  opentelemetry__proto__trace__v1__span__init(&r->span);
  opentelemetry__proto__trace__v1__status__init(&r->status);
  r->span.trace_id = (ProtobufCBinaryData){sizeof s->trace.trace_id, (uint8_t *)s->trace.trace_id};
  r->span.span_id = (ProtobufCBinaryData){sizeof s->trace.span_id, (uint8_t *)s->trace.span_id};
  if (memcmp(s->parent, none, sizeof none) != 0) {
    r->span.parent_span_id = (ProtobufCBinaryData){sizeof s->parent, (uint8_t *)s->parent};
  }
  r->span.name = text(s->method);
  r->span.kind = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER;
  r->span.start_time_unix_nano = (uint64_t)s->start_us * 1000;
  r->span.end_time_unix_nano = (uint64_t)s->end_us * 1000;
  put_text(&r->attributes[0], &r->list[0], "rpc.system", "grpc");
  put_method(r, s);
  put_int(&r->attributes[3], &r->list[3], "rpc.grpc.status_code", s->code);
  put_text(&r->attributes[4], &r->list[4], "ponte.protocol", s->protocol);
  put_text(&r->attributes[5], &r->list[5], "client.address", s->peer);
  r->span.n_attributes = SPAN_ATTRIBUTES;
  r->span.attributes = r->list;
  if (is_server_error(s->code)) {
    r->status.code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
    r->span.status = &r->status;
  }
  b->spans[b->count++] = &r->span;
  b->scope_spans.n_spans = b->count;
}

const Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *otlp_batch_request(const otlp_batch *b) {
  return &b->request;
}

void otlp_batch_free(otlp_batch *b) {
  if (b) {
    free(b->spans);
    free(b);
  }
}
