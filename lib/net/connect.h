/* connect.h - the other direction: a connection of ours to a server, plain or TLS, over TCP or a Unix socket; and names to addresses without blocking the loop.
 *
 * A connected net_conn behaves like an accepted one (net/conn.h): the same codec vtable, queue, flush, pause and close. Loop thread only; nothing calls back from
 * inside these functions.
 */
#ifndef PONTE_NET_CONNECT_H
#define PONTE_NET_CONNECT_H

#include "net/conn.h"

/* How we prove ourselves to servers and they to us: TLS 1.2 or later, server certificates always verified. Files are read once, at creation. */
typedef struct net_tls_client net_tls_client;

typedef struct {
  const char *ca_file;              /* PEM; NULL = the system's trust store */
  const char *cert_file, *key_file; /* ours, for mTLS; NULL = none */
  const char *alpn;                 /* "h2"; a server that picks nothing else is refused; NULL = none */
} net_tls_client_options;

/* INVALID: a file cannot be used; `why` (may be NULL) says which. The loop may be NULL to try the files out. */
base_err net_tls_client_new(net_loop *l, const net_tls_client_options *options, base_buf *why,
                            net_tls_client **out) BASE_MUST_USE;
/* After its connections ended; NULL is allowed. */
void net_tls_client_free(net_tls_client *t);

typedef struct {
  const char *address;       /* numeric "127.0.0.1:50051", "[::1]:50051", or "unix:/path"; resolve names first */
  const net_tls_client *tls; /* NULL = plain */
  const char
      *server_name; /* SNI, and the name the certificate must hold; an IP address is checked as such; needed with tls */
  int64_t timeout_ms; /* for TCP and TLS together; 0 = 10000 */
  int64_t stall_ms;   /* as in net_listener_options */
  /* The connection is up (TLS and ALPN included); writing is allowed from now on. on_bytes may follow; on_closed is always last. */
  void (*on_open)(void *codec);
} net_connect_options;

/* The codec's on_closed follows exactly once after BASE_OK, also when the connection never opened; net_loop_free brings it at the latest. Until on_open
 * net_conn_write gives IO, net_conn_pause is remembered, and net_conn_close needs no time to linger. INVALID: the address; IO: no descriptor left;
 * UNAVAILABLE: inside net_loop_free. Options are copied. */
base_err net_connect(net_loop *l, const net_connect_options *options, const net_codec_vt *vt, void *codec,
                     net_conn **out) BASE_MUST_USE;
/* Inside on_closed: why it ended, for logs ("connection refused", "certificate has expired"); "" for an orderly end. */
const char *net_conn_failure(const net_conn *c);

/* -- names ------------------------------------------------------------------------------------------------------------------ */

typedef struct net_resolve net_resolve;
enum { NET_RESOLVE_MAX = 64 };

/* `addresses`: numeric ones with the port, in the form net_connect takes; borrowed; count 0 = the name has none or the lookup failed (`failure` says why). */
typedef void (*net_resolve_fn)(void *ctx, const char *const *addresses, size_t count, const char *failure);

/* Looks the name up (getaddrinfo in a thread of libuv's pool, so /etc/hosts and nsswitch count). The callback comes once, unless cancelled; the handle is
 * gone when it returns. net_loop_free cancels what is left, and waits for the threads that are at work. INVALID: an empty or too long name, no port;
 * UNAVAILABLE: inside net_loop_free. */
base_err net_resolve_start(net_loop *l, const char *host, int port, net_resolve_fn fn, void *ctx,
                           net_resolve **out) BASE_MUST_USE;
void net_resolve_cancel(net_resolve *r); /* no callback any more; NULL is allowed */

#endif
