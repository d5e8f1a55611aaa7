/* conn.h - an HTTP/2 session on a connection.
 *
 * Whoever accepted the connection reads its first bytes, recognises HTTP/2 (ALPN "h2", or GW_H2_PREFACE on a plain connection: prior knowledge, RFC 9113
 * section 3.3), calls gw_h2_new, which puts itself on the connection as its codec, and hands on the bytes already read with gw_h2_receive. From then on the
 * session frees itself when the connection is closed. Loop thread only.
 */
#ifndef PONTE_GATEWAY_HTTP2_CONN_H
#define PONTE_GATEWAY_HTTP2_CONN_H

#include "gateway/http2/session.h"
#include "net/conn.h"

typedef struct gw_h2 gw_h2;

/* 24 bytes. */
#define GW_H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* `options` may be NULL; its tls and peer are taken from the connection. NO_MEMORY: the connection is as before. */
base_err gw_h2_new(net_conn *conn, const http_app *app, const gw_h2_options *options, gw_h2 **out) BASE_MUST_USE;
void gw_h2_receive(gw_h2 *h, base_span bytes);
/* Graceful end: no new streams; the connection closes when the open ones are done. */
void gw_h2_drain(gw_h2 *h);

/* The connections that end together, when the gateway goes down. Zeroed by the caller; outlives its members, which leave it when they are closed. */
typedef struct {
  gw_h2 *first;
  size_t count;
} gw_h2_group;

/* At most once for a connection. */
void gw_h2_join(gw_h2 *h, gw_h2_group *group);
void gw_h2_group_drain(gw_h2_group *group);

#endif
