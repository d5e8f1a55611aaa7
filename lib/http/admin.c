#include "http/admin.h"

#include <stdlib.h>

#include "base/metrics.h"
#include "http/h1.h"

enum { METRICS_CEILING = 4 << 20, PAGE_CEILING = 1 << 20 };

struct http_admin {
  http_h1_server *server;
  net_listener *listener;
  http_admin_ready_fn ready;
  void *ready_ctx;
  http_admin_page_fn pages; /* NULL: no more */
  void *pages_ctx;
};

static void healthz(http_admin *a, http_exchange *x) {
  (void)a;
  http_respond_text(x, 200, "ok\n");
}

static void readyz(http_admin *a, http_exchange *x) {
  const char *why = "not ready\n";
  if (!a->ready || a->ready(a->ready_ctx, &why)) {
    http_respond_text(x, 200, "ready\n");
    return;
  }
  http_respond_text(x, 503, why);
}

static void metrics(http_admin *a, http_exchange *x) {
  const http_header type = {base_span_str("content-type"), base_span_str("text/plain; version=0.0.4; charset=utf-8")};
  base_buf text;
  (void)a;
  base_buf_init(&text, METRICS_CEILING);
  if (base_is_ok(base_metrics_write(&text))) {
    http_respond(x, 200, &type, 1, false);
    http_body(x, base_buf_span(&text), true);
  } else {
    http_respond_text(x, 500, "metrics do not fit\n");
  }
  base_buf_dispose(&text);
}

static const struct {
  const char *path;
  void (*answer)(http_admin *a, http_exchange *x);
} pages[] = {{"/healthz", healthz}, {"/readyz", readyz}, {"/metrics", metrics}};

static bool is_read(http_exchange *x, const http_request *r) {
  if (base_span_is(r->method, "GET") || base_span_is(r->method, "HEAD")) {
    return true;
  }
  const http_header allow = {base_span_str("allow"), base_span_str("GET, HEAD")};
  http_respond(x, 405, &allow, 1, true);
  return false;
}

/* What is not answered is 404. */
static void other_page(http_admin *a, http_exchange *x, const http_request *r, base_span path) {
  const char *type = "text/plain; charset=utf-8";
  base_buf text;
  base_buf_init(&text, PAGE_CEILING);
  base_err e = a->pages ? a->pages(a->pages_ctx, path, &type, &text) : base_fail(BASE_E_NOT_FOUND);
  if (base_is_ok(e) && is_read(x, r)) {
    const http_header head = {base_span_str("content-type"), base_span_str(type)};
    http_respond(x, 200, &head, 1, false);
    http_body(x, base_buf_span(&text), true);
  } else if (!base_is_ok(e) && !base_is(e, BASE_E_NOT_FOUND)) {
    http_respond_text(x, 503, "not available\n");
  }
  base_buf_dispose(&text);
}

static void on_request(void *app, http_exchange *x, const http_request *r) {
  http_admin *a = app;
  const uint8_t *query = memchr(r->path.p, '?', r->path.n);
  base_span path = base_span_of(r->path.p, query ? (size_t)(query - r->path.p) : r->path.n);
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    if (base_span_is(path, pages[i].path)) {
      if (is_read(x, r)) {
        pages[i].answer(a, x);
      }
      return;
    }
  }
  other_page(a, x, r, path);
}

base_err http_admin_start(net_loop *l, const char *address, http_admin_ready_fn ready, void *ctx, http_admin **out) {
  http_admin *a = calloc(1, sizeof *a);
  if (!a) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  a->ready = ready;
  a->ready_ctx = ctx;
  const http_app app = {.on_request = on_request, .app = a};
  const http_h1_options options = {.max_body_bytes = 65536};
  base_err e = http_h1_server_new(l, &app, &options, &a->server);
  if (base_is_ok(e)) {
    const net_listener_options listen = {
        .address = address, .max_connections = 64, .on_accept = http_h1_on_accept, .ctx = a->server};
    e = net_listen(l, &listen, &a->listener);
  }
  if (!base_is_ok(e)) {
    http_admin_free(a);
    return e;
  }
  *out = a;
  return BASE_OK;
}

void http_admin_set_pages(http_admin *a, http_admin_page_fn more, void *ctx) {
  a->pages = more;
  a->pages_ctx = ctx;
}

int http_admin_port(const http_admin *a) { return net_listener_port(a->listener); }

void http_admin_free(http_admin *a) {
  if (a) {
    http_h1_server_free(a->server);
    free(a);
  }
}
