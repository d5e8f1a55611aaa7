/* tls_server.h - how a listener proves itself to clients, and clients to it: certificates chosen by name, client certificates, and exchanging all that
 * while connections stay.
 *
 * One object may serve listeners of several loops. net_tls_server_reload and _is_stale may be called from any thread; the object counts its users, so it may be
 * freed before its listeners and connections. TLS 1.2 (ECDHE with AEAD only) and 1.3; ALPN h2 and http/1.1; no renegotiation, no compression.
 * Source: RFC 9113 section 9.2, RFC 7301, RFC 6066 section 3 (server name).
 */
#ifndef PONTE_NET_TLS_SERVER_H
#define PONTE_NET_TLS_SERVER_H

#include "base/buf.h"

typedef struct net_tls_server net_tls_server;

typedef struct {
  const char *cert_file, *key_file; /* PEM; the certificate's chain follows it in the same file */
} net_tls_pair;

enum net_tls_client_auth {
  NET_TLS_CLIENT_AUTH_NONE,
  NET_TLS_CLIENT_AUTH_OPTIONAL, /* a client may show none, but not one that does not verify */
  NET_TLS_CLIENT_AUTH_REQUIRED
};

typedef struct {
  net_tls_pair main; /* also for clients that name no server, or an unknown one */
  const net_tls_pair
      *sni;         /* further ones; each stands for the names in its certificate (subjectAltName, with wildcards) */
  size_t sni_count; /* at most NET_TLS_SNI_MAX */
  const char *client_ca_file; /* PEM; needed with client_auth, useless without */
  enum net_tls_client_auth client_auth;
} net_tls_server_options;

enum { NET_TLS_SNI_MAX = 256 };

/* Options are copied, files are read now. INVALID: something in them cannot be used, and `why` (may be NULL) says what. */
base_err net_tls_server_new(const net_tls_server_options *options, base_buf *why, net_tls_server **out) BASE_MUST_USE;
/* Reads the files anew, or those of other options (NULL: the same files). New handshakes use them, connections keep what they have. After INVALID
 * everything is as before. */
base_err net_tls_server_reload(net_tls_server *t, const net_tls_server_options *options, base_buf *why) BASE_MUST_USE;
/* A file was changed since it was last read (or tried): time to reload. A few stat(2) calls. */
bool net_tls_server_is_stale(net_tls_server *t);
void net_tls_server_free(net_tls_server *t); /* NULL is allowed */

#endif
