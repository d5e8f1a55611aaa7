/* tls.h - lib/net's own: TLS on one connection, in both directions. Ciphertext comes in as spans that lws has read, and goes out by send(2); so one read of
 * the socket serves many records, and pausing, closing and errors are ours.
 *
 * Loop thread only. A connection's TLS belongs to it and dies with it.
 */
#ifndef PONTE_NET_TLS_H
#define PONTE_NET_TLS_H

#include <openssl/ssl.h>

#include "net/connect.h"
#include "net/tls_server.h"

typedef struct net__tls net__tls;
struct net__tls_set;

/* -- one connection: tls.c -- */

/* NULL: out of memory, or not a name that a certificate can hold. */
net__tls *net__tls_accept(net_conn *c, net_tls_server *server);
net__tls *net__tls_connect(net_conn *c, const net_tls_client *client, const char *server_name);
void net__tls_free(net__tls *t); /* NULL is allowed */

/* Takes ciphertext (empty: go on with what is left over, or with a handshake that waited for the socket): handshakes, and gives what it decrypts to
 * net__conn_on_bytes. */
void net__tls_on_bytes(net__tls *t, base_span cipher);
bool net__tls_is_up(const net__tls *t);
/* Something decryptable waits behind a pause. */
bool net__tls_has_kept(const net__tls *t);
/* Reading or the handshake wait for a writable socket: call net__tls_on_bytes with nothing then. */
bool net__tls_wants_write(const net__tls *t);
/* Bytes taken, 0 when the socket is full or the handshake not done, -1: the connection is of no use any more. */
ssize_t net__tls_write(net__tls *t, base_span bytes);
void net__tls_shut(net__tls *t); /* close_notify */
base_span net__tls_alpn(const net__tls *t);
const char *net__tls_subject(net__tls *t); /* of a verified certificate; "" = none */

/* -- settings: tls_settings.c, tls_client.c, tls_server.c -- */

/* TLS 1.2 and later with ECDHE and AEAD; never asks for a passphrase. NULL: out of memory. */
SSL_CTX *net__tls_context(const SSL_METHOD *method);
/* False, with the reason in `why` (may be NULL). */
bool net__tls_refuse(base_buf *why, const char *what, const char *file, const char *reason); /* always false */
bool net__tls_use_pair(SSL_CTX *ctx, const char *cert_file, const char *key_file, base_buf *why);
bool net__tls_use_ca(SSL_CTX *ctx, const char *ca_file, base_buf *why);

/* What OpenSSL holds against it: the thread's last error in words. */
const char *net__tls_error(void);

SSL *net__tls_client_ssl(const net_tls_client *t, const char *server_name); /* NULL: out of memory, or no such name */
const char *net__tls_client_alpn(const net_tls_client *t);                  /* NULL: any */

/* The certificates in force. Held by each connection, so that a reload takes nothing away. */
struct net__tls_set *net__tls_set_take(net_tls_server *t);
void net__tls_set_release(struct net__tls_set *s); /* NULL is allowed */
SSL *net__tls_set_ssl(struct net__tls_set *s);
void net__tls_server_retain(net_tls_server *t);

#endif
