/* answer.h - short whole answers of the gateway itself. Loop thread only. */
#ifndef PONTE_GATEWAY_ANSWER_H
#define PONTE_GATEWAY_ANSWER_H

#include "http/exchange.h"

enum { GW_ANSWER_EXTRA = 8 };

/* Takes the exchange over and answers with a line of text that is not to be stored. At most GW_ANSWER_EXTRA further headers (CORS, allow, location). */
void gw_answer(http_exchange *x, int status, const char *text, const http_header *extra, size_t extra_count);
/* A handler for answers that have no body, or one that is written at once: what still comes of the request is dropped. */
extern const http_handler gw_answered;

#endif
