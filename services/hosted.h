/* hosted.h - the services of the registry in this process, as options say: the tokens' verifier, the stores, the host (svc/host.h). One thread owns it. */
#ifndef PONTE_SERVICES_HOSTED_H
#define PONTE_SERVICES_HOSTED_H

#include "services/options.h"
#include "svc/host.h"

typedef struct services_hosted services_hosted;

/* Starts them; *out is NULL when none is wanted. What is wrong is told on stderr. `o` outlives it. */
base_err services_hosted_start(const services_options *o, services_hosted **out) BASE_MUST_USE;
/* These take NULL, too. */
bool services_hosted_is_ready(services_hosted *h, const char **why);
base_err services_hosted_page(services_hosted *h, base_span path, const char **type, base_buf *out) BASE_MUST_USE;
void services_hosted_drain(services_hosted *h);
/* Calls that run may end within grace_ms. Frees everything. */
void services_hosted_stop(services_hosted *h, int64_t grace_ms);

/* Copies the SQLite stores of the services, which may be in use, into the folder, which is made: DIR/<name>.db, and none of them may be there. Tells on stdout and stderr. */
base_err services_backup(const services_options *o, const char *directory) BASE_MUST_USE;

#endif
