/* Names to addresses: getaddrinfo in a thread of libuv's pool. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/internal.h"

enum { HOST_MAX = 253, /* RFC 1035 section 2.3.4 */ ADDRESS_TEXT = INET6_ADDRSTRLEN + sizeof "[]:65535" };

struct net_resolve {
  uv_getaddrinfo_t request;
  net_loop *loop;
  net_resolve_fn fn; /* NULL once cancelled */
  void *ctx;
  LIST_ENTRY(net_resolve) all;
};

/* False for what net_connect could not take: another family, or a link-local address that means something on one interface only. */
static bool to_text(const struct addrinfo *a, char out[ADDRESS_TEXT]) {
  char host[INET6_ADDRSTRLEN];
  const struct sockaddr_in *v4 = (const void *)a->ai_addr;
  const struct sockaddr_in6 *v6 = (const void *)a->ai_addr;
  if (a->ai_family == AF_INET) {
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    snprintf(out, ADDRESS_TEXT, "%s:%d", host, ntohs(v4->sin_port));
    return true;
  }
  if (a->ai_family != AF_INET6 || v6->sin6_scope_id != 0) {
    return false;
  }
  inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
  snprintf(out, ADDRESS_TEXT, "[%s]:%d", host, ntohs(v6->sin6_port));
  return true;
}

static void report(const net_resolve *r, int status, const struct addrinfo *list) {
  char text[NET_RESOLVE_MAX][ADDRESS_TEXT];
  const char *addresses[NET_RESOLVE_MAX];
  size_t n = 0;
  for (const struct addrinfo *a = status == 0 ? list : NULL; a && n < NET_RESOLVE_MAX; a = a->ai_next) {
    if (to_text(a, text[n])) {
      addresses[n] = text[n];
      n++;
    }
  }
  r->fn(r->ctx, addresses, n, status != 0 ? uv_strerror(status) : n == 0 ? "the name has no usable address" : "");
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
  net_resolve *r = request->data;
  LIST_REMOVE(r, all);
  if (r->fn) {
    report(r, status, list);
  }
  uv_freeaddrinfo(list);
  free(r);
}

base_err net_resolve_start(net_loop *l, const char *host, int port, net_resolve_fn fn, void *ctx, net_resolve **out) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  char service[sizeof "65535"];
  size_t n = strlen(host);
  if (l->freeing) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  if (n == 0 || n > HOST_MAX || port <= 0 || port > UINT16_MAX) {
    return base_fail(BASE_E_INVALID);
  }
  net_resolve *r = calloc(1, sizeof *r);
  if (!r) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  r->loop = l;
  r->fn = fn;
  r->ctx = ctx;
  r->request.data = r;
  snprintf(service, sizeof service, "%d", port);
  int status = uv_getaddrinfo(&l->uv, &r->request, on_resolved, host, service, &hints);
  if (status != 0) {
    free(r);
    return base_fail(status == UV_ENOMEM ? BASE_E_NO_MEMORY : BASE_E_INVALID);
  }
  LIST_INSERT_HEAD(&l->lookups, r, all);
  *out = r;
  return BASE_OK;
}

void net_resolve_cancel(net_resolve *r) {
  if (r) {
    r->fn = NULL;
    uv_cancel((uv_req_t *)&r->request); /* fails when a thread works on it already: then its result is dropped */
  }
}

void net__resolve_end_all(net_loop *l) {
  net_resolve *r;
  LIST_FOREACH(r, &l->lookups, all) { net_resolve_cancel(r); }
}
