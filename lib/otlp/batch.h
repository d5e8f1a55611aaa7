/* batch.h - spans as one ExportTraceServiceRequest. Inside lib/otlp only. Pure. */
#ifndef PONTE_OTLP_BATCH_H
#define PONTE_OTLP_BATCH_H

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"
#include "otlp/otlp.h"

typedef struct otlp_batch otlp_batch;

/* Borrows service_name, instance and the spans that are added. NULL when out of memory; room for at most `count` spans. */
otlp_batch *otlp_batch_new(const char *service_name, const char *instance, size_t count);
void otlp_batch_add(otlp_batch *b, const otlp_span *span);
/* Valid as long as the batch. */
const Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *otlp_batch_request(const otlp_batch *b);
void otlp_batch_free(otlp_batch *b); /* NULL is allowed */

#endif
