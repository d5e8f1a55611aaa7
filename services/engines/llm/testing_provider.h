/* testing_provider.h - a provider on loopback, in this process: it speaks Gemini or chat completions, by the path that it is asked, and does what stands in the question as "say:WORD"
 * (testing_provider.c has the table). A thread a connection. Test code only.
 */
#ifndef PONTE_LLM_TESTING_PROVIDER_H
#define PONTE_LLM_TESTING_PROVIDER_H

#include <stdbool.h>

typedef struct provider provider;

/* NULL: no socket. */
provider *provider_open(void);
/* Waits until all connections are closed. */
void provider_close(provider *p);
/* "http://127.0.0.1:PORT", and "https://..." of the same port, which never answers a handshake. */
const char *provider_url(const provider *p);
const char *provider_silent_tls_url(const provider *p);
/* The next n requests are refused with that status. */
void provider_refuse(provider *p, int n, int status);
/* Requests that came; that are being answered; whose client went away before their end. */
int provider_requests(const provider *p);
int provider_running(const provider *p);
int provider_left(const provider *p);
int provider_connections(const provider *p);
/* Bytes of answers written. */
long provider_written(const provider *p);
/* The head and body of the newest request; copied. */
void provider_last(provider *p, char *out, unsigned long size);

#endif
