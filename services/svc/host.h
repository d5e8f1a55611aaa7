/* host.h - the process that services live in: opens their stores, listens on a port for each, knows where their peers are, ticks, drains.
 *
 *   svc_host_new, svc_host_add for each service, svc_host_start, ..., svc_host_drain, svc_host_stop, svc_host_free
 *
 * One thread owns it. Services start in the order in which they were added and stop in the reverse one, so that those that ask come after those that are asked.
 */
#ifndef PONTE_SVC_HOST_H
#define PONTE_SVC_HOST_H

#include "svc/svc.h"

typedef struct svc_host svc_host;

typedef struct {
  const char *listen_host; /* "127.0.0.1", "::1" */
  const char *store_url;   /* as in store_options; for services that have a store */
  struct token_verifier
      *verifier; /* outlives the host; NULL: authentication is off and every caller may do everything */
  /* Settings by name, for svc_setting(); a peer's target is "NAME_target". May be NULL. */
  const char *(*setting)(void *ctx, const char *key);
  void *ctx;
  const char *otlp_endpoint; /* of the OpenTelemetry collector; NULL: no traces */
  const char *trace_name;    /* service.name of the spans */
  double sample_ratio;       /* of traces that begin here, 0 to 1 */
} svc_host_options;

/* Copies the options, but not what they point to, which stays until the host is freed. */
base_err svc_host_new(const svc_host_options *options, svc_host **out) BASE_MUST_USE;
/* Opens the store and the service, at `port` (0 picks one). *why says what to do when that fails. */
base_err svc_host_add(svc_host *h, const svc_definition *definition, int port, base_buf *why) BASE_MUST_USE;
/* Binds and serves all. */
base_err svc_host_start(svc_host *h, base_buf *why) BASE_MUST_USE;
/* Of a service that was started; 0: there is none of that name. */
int svc_host_port(const svc_host *h, const char *name);
/* Every store answered when it was last asked, seconds ago; otherwise *why is static text. Any thread. */
bool svc_host_is_ready(svc_host *h, const char **why);
/* A page that a service added: its text is appended to *out. NOT_FOUND. */
base_err svc_host_page(svc_host *h, base_span path, const char **content_type, base_buf *out) BASE_MUST_USE;
/* Health says NOT_SERVING from now on. */
void svc_host_drain(svc_host *h);
/* Calls that run may end within grace_ms, then they are cancelled. Blocks until all ended and the stores are closed. */
void svc_host_stop(svc_host *h, int64_t grace_ms);
/* Copies a service's store, which may be in use by another process, into a file that is not there yet (store_backup). *why says what to do when that fails. */
base_err svc_host_backup(const svc_definition *definition, const char *store_url, const char *path,
                         base_buf *why) BASE_MUST_USE;
/* Stops at once what still runs. NULL is allowed. */
void svc_host_free(svc_host *h);

#endif
