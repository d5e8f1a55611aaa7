/* status.h - answers of ListModels and GetServiceStatus. Any thread; parts live in the allocator's memory. False when there is none. */
#ifndef PONTE_TRANSCRIPTION_STATUS_H
#define PONTE_TRANSCRIPTION_STATUS_H

#include "ponte/transcription/v1/transcription.pb-c.h"
#include "transcription/context.h"
#include "transcription/result.h"

bool tr_status_models(tr_context *c, const tr_allocator *a, Ponte__Transcription__V1__ListModelsResponse *out);
bool tr_status_service(tr_context *c, const tr_allocator *a, Ponte__Transcription__V1__GetServiceStatusResponse *out);

#endif
