/* admin.h - the small HTTP listener that every process has for its operators: /healthz, /readyz and /metrics. Loop thread only.
 *
 * /healthz answers 200 as long as the loop turns. /readyz answers 200 or 503 with the text that `ready` gives. /metrics is base_metrics_write().
 */
#ifndef PONTE_HTTP_ADMIN_H
#define PONTE_HTTP_ADMIN_H

#include "http/exchange.h"
#include "net/conn.h"

typedef struct http_admin http_admin;

/* True when the process can serve; otherwise *why may be set to static text for the operator. */
typedef bool (*http_admin_ready_fn)(void *ctx, const char **why);

/* `address` as in net_listener_options ("127.0.0.1:9901"); IN_USE, INVALID as net_listen. `ready` NULL: always ready. */
base_err http_admin_start(net_loop *l, const char *address, http_admin_ready_fn ready, void *ctx,
                          http_admin **out) BASE_MUST_USE;
/* Pages besides those: appends the text of the page and sets *type (static), or NOT_FOUND. On the loop's thread, so it must not wait. */
typedef base_err (*http_admin_page_fn)(void *ctx, base_span path, const char **type, base_buf *out);
void http_admin_set_pages(http_admin *a, http_admin_page_fn pages, void *ctx);
int http_admin_port(const http_admin *a);
/* After net_loop_free. NULL is allowed. */
void http_admin_free(http_admin *a);

#endif
