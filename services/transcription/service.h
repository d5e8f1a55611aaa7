/* service.h - ponte.transcription.v1.TranscriptionService on a gRPC server of its own. One thread owns it. */
#ifndef PONTE_TRANSCRIPTION_SERVICE_H
#define PONTE_TRANSCRIPTION_SERVICE_H

#include "transcription/context.h"

typedef struct tr_service tr_service;

/* Loads the default model and listens on `listen` ("127.0.0.1:50054", port 0 picks one). `why` tells an operator what is wrong. Errors of
 * tr_context_new and rpc_server_start. */
base_err tr_service_start(const tr_options *options, const char *listen, tr_service **out,
                          char why[ASR_WHY_SIZE]) BASE_MUST_USE;
int tr_service_port(const tr_service *s);
/* No new streams; those that run may end. Health says NOT_SERVING. */
void tr_service_drain(tr_service *s);
bool tr_service_is_idle(tr_service *s);
/* Ends what still runs, so that clients resume elsewhere, and frees everything. NULL is allowed. */
void tr_service_stop(tr_service *s);

#endif
