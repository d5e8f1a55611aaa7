/* conn.h - a listening socket and its raw connections: a byte pipe each, with TLS underneath where it is set up. A codec sits on top.
 *
 * Everything belongs to the loop's thread. Callbacks come from the loop; net_conn_write may be called inside them (that is the fast way: it
 * writes to the socket directly and queues only what the kernel did not take).
 */
#ifndef PONTE_NET_CONN_H
#define PONTE_NET_CONN_H

#include "base/buf.h"
#include "net/loop.h"
#include "net/tls_server.h"

typedef struct net_listener net_listener;
typedef struct net_conn net_conn;

/* The codec on a connection. */
typedef struct {
  /* Bytes from the peer, borrowed. Never called while paused. The codec may close the connection inside. */
  void (*on_bytes)(void *codec, base_span bytes);
  /* The output queue fell to empty after it had not been (net_conn_write had to queue). */
  void (*on_drained)(void *codec);
  /* End of the loop turn in which on_bytes came or net_conn_flush_later was asked for: send what has been gathered, once. May be NULL. */
  void (*on_flush)(void *codec);
  /* Exactly once, last: the peer went away, an error, or net_conn_close: free the codec. */
  void (*on_closed)(void *codec);
} net_codec_vt;

typedef struct {
  const char *address;              /* "127.0.0.1:8080", "[::1]:8080"; port 0 picks a free one */
  const char *cert_file, *key_file; /* PEM; NULL = plain, or `tls` */
  net_tls_server *tls;   /* the same with everything that tls_server.h offers; the listener counts as a user of it */
  int max_connections;   /* 0 = 10000; further ones are closed at once */
  int64_t first_byte_ms; /* 0 = 10000; a connection that sends nothing (or no TLS handshake) for so long is closed */
  int64_t stall_ms;      /* 0 = 120000; a peer that takes nothing of a waiting queue for so long is closed */
  int64_t lost_ms;       /* 0 = 15000; net_conn_guard */
  bool share_port;       /* SO_REUSEPORT: several loops listen on one port and the kernel spreads connections */
  /* A new connection: set codec and vtable with net_conn_set_codec, or return false to close it (at once, unless net_conn_close has been called). */
  bool (*on_accept)(void *ctx, net_conn *conn);
  /* The end of one that on_accept took, after its codec's on_closed. NULL is allowed. */
  void (*on_end)(void *ctx, net_conn *conn);
  void *ctx;
} net_listener_options;

/* IN_USE when the port is taken; INVALID on a bad address or certificate. */
base_err net_listen(net_loop *l, const net_listener_options *options, net_listener **out) BASE_MUST_USE;
int net_listener_port(const net_listener *l);
/* Stops accepting; connections stay. */
void net_listener_close(net_listener *l);

void net_conn_set_codec(net_conn *c, const net_codec_vt *vt, void *codec);
net_loop *net_conn_loop(net_conn *c);
/* Numeric address of the peer, without port; valid as long as the connection. */
const char *net_conn_peer(const net_conn *c);
/* ALPN protocol of a TLS connection ("h2", "http/1.1"), known at the first on_bytes; the empty span otherwise. */
base_span net_conn_alpn(const net_conn *c);
bool net_conn_is_tls(const net_conn *c);
/* Of a verified peer certificate, as RFC 2253 writes it ("CN=Ana,O=School"), known at the first on_bytes; "" = none. Valid as long as the connection. */
const char *net_conn_peer_subject(const net_conn *c);
/* Writes as much as the kernel takes and queues the rest (copied). TOO_LARGE when more than the queue's ceiling (16 MiB) would wait; then, and on IO, the
 * connection closes soon: callers need not do anything. */
base_err net_conn_write(net_conn *c, base_span bytes) BASE_MUST_USE;
size_t net_conn_queued(const net_conn *c);
/* Of all connections of the process. Any thread. */
int64_t net_queued_bytes(void);
void net_conn_flush_later(net_conn *c);
/* No on_bytes while paused. The peer's going is seen all the same, and on_closed comes: for a reset at once, for a FIN after 200 ms in which nothing was written, since a peer that
 * has closed and one that has only half-closed look the same; with unread bytes in front of the FIN, which the codec may still want, after 15 s. */
void net_conn_pause(net_conn *c, bool paused);
/* Something runs for this peer and for nobody else, so its going must be seen soon: what is unread behind a pause holds nothing up, and a network that is dead without a word, so that for
 * lost_ms nothing of the peer's TCP comes although it was asked for, ends the connection within 4 s more. Costs a system call or two every 2 s. With NET_GUARD_ANSWER all of the request was
 * read: if what the peer sends behind it fills the socket, so that no FIN could come through, that is dropped, and the connection closes when the codec would read it.
 * Connections of ours have no lost_ms, and are not guarded. */
enum net_guard { NET_GUARD_NONE, NET_GUARD_CALLS, NET_GUARD_ANSWER };
void net_conn_guard(net_conn *c, enum net_guard guard);
/* Closes after the queue is drained and the peer has closed too, at most linger_ms later; 0 = at the end of this turn, dropping the queue. No
 * callback but on_closed follows, never from inside this call. */
void net_conn_close(net_conn *c, int64_t linger_ms);

#endif
