/* internal.h - what the files of lib/net share: the loop's insides, the connection, and the border to libwebsockets (adapter.c).
 *
 * Nothing here includes <libwebsockets.h>: only adapter.c knows it, and turns its callback reasons into the net__*_on_* calls below.
 * Loop thread only, but the two atomics of net_loop.
 */
#ifndef PONTE_NET_INTERNAL_H
#define PONTE_NET_INTERNAL_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/un.h>
#include <uv.h>

#include "net/tls.h"
#include "net/ws_client.h"

struct lws;
typedef struct net__lws net__lws; /* a loop's lws context and its vhosts */

struct net_timer {
  uv_timer_t uv;
  void (*fn)(void *ctx);
  void *ctx;
  LIST_ENTRY(net_timer) all;
};

enum { NET__SIGNALS = 3, NET__SWEEP_MS = 500 };

/* hangup.c */
struct net__hangups {
  int fd; /* epoll: the connections that have been paused */
  uv_poll_t poll;
  uv_timer_t timer;
  TAILQ_HEAD(, net_conn) fins; /* a FIN was seen behind their pause */
};

struct net_loop {
  uv_loop_t uv;
  uv_async_t wake;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;   /* active while turn work waits, so that the poll does not sleep on it */
  uv_timer_t sweep; /* active while `watched` is not empty */
  uv_signal_t signals[NET__SIGNALS];
  net__lws *lws;
  net_loop_options options;
  atomic_bool stopping, woken;
  TAILQ_HEAD(, net_conn) turn; /* connections with work at the end of this turn */
  size_t turn_count;
  unsigned sweeps;
  LIST_HEAD(, net_conn) watched; /* connections with a deadline, with bytes queued, or guarded */
  struct net__hangups hangups;
  LIST_HEAD(, net_timer) timers;
  LIST_HEAD(, net_listener) listeners;
  LIST_HEAD(, net_ws) sockets;
  LIST_HEAD(, net__dial) dials; /* connections of ours that lws does not know yet */
  LIST_HEAD(, net_resolve) lookups;
  bool freeing; /* nothing may begin any more */
  /* What TLS decrypts, on its way to a codec; more than a record, so that a codec is called once for many. Untouched pages cost nothing. */
  uint8_t plain[65536];
};

struct net_listener {
  net_loop *loop;
  net_listener_options options; /* its strings are the caller's and not kept */
  net_tls_server *tls;          /* NULL = plain */
  uv_poll_t poll;
  uv_timer_t retry; /* after the process ran out of descriptors */
  int fd, port, open_handles;
  int connections;
  bool closed;
  LIST_ENTRY(net_listener) all;
};

/* CONNECTING -> OPEN: ours only, when TCP and TLS are up. OPEN -> CLOSING: net_conn_close with linger, the queue drains. CLOSING -> SHUT: our FIN is out, the peer's is awaited; what it still sends
 * is dropped, since closing with unread bytes makes the kernel send RST, which can destroy the answer on its way (RFC 9112 section 9.6).
 * Any -> DEAD: killed at the end of the turn. Only set_state() in conn.c writes it. */
enum net__conn_state { NET__CONNECTING, NET__OPEN, NET__CLOSING, NET__SHUT, NET__DEAD };

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un local;
} net__address;
enum { NET__ADDRESS_NAME = INET6_ADDRSTRLEN };

enum net__hung_up { NET__HERE, NET__FIN, NET__GONE };

struct net_conn {
  net_loop *loop;
  net_listener *listener; /* NULL: not accepted, but ours */
  struct net__dial *dial; /* NULL: accepted */
  struct lws *wsi;        /* NULL before lws has it, and once it has let go */
  net__tls *tls;          /* NULL when plain */
  const net_codec_vt *vt;
  void *codec;
  base_buf out;
  TAILQ_ENTRY(net_conn) turn;
  LIST_ENTRY(net_conn) watch;
  TAILQ_ENTRY(net_conn) fin;
  int64_t deadline_ms; /* base_now_ms() clock; 0 = none */
  int64_t stall_ms, lost_ms;
  int64_t taken_ms;                /* when the socket last took something, while bytes are queued */
  int64_t fin_seen_ms, fin_due_ms; /* the FIN behind a pause; 0 = not in the list of those */
  int fd;
  enum net__conn_state state : 8;
  enum net__hung_up hung_up : 8; /* as hangup.c knows: from the first pause on */
  bool accepted, adopting, in_turn, in_watch, paused, has_read;
  bool blind, is_entered; /* hangup.c: looks for it; has it in its epoll */
  enum net_guard guard : 8;
  bool probing;  /* TCP's probes have the guard's pace */
  bool dropping; /* behind its pause, what the peer sends is read and dropped */
  bool silent;   /* the last look found the network lost */
  bool resuming; /* not paused any more, but what TLS kept comes before lws reads on */
  char peer[NET__ADDRESS_NAME];
};

/* loop.c: run net__conn_on_turn for this connection at the end of the turn; look at it in each sweep. */
void net__loop_add_turn(net_loop *l, net_conn *c);
void net__loop_drop(net_loop *l, net_conn *c);
void net__loop_watch(net_loop *l, net_conn *c, bool on);

/* conn.c */
net_conn *net__conn_new(net_loop *l, int fd, const net__address *peer); /* NULL when out of memory; CONNECTING */
/* Adopts the socket and asks the application; the connection frees itself when it ends. */
void net__conn_start(net_conn *c, net_listener *listener);
/* Adopts the connected socket of ours; false: it is closed, and `c` has nothing any more. */
bool net__conn_adopt(net_conn *c);
/* TCP and TLS are up: tells the codec. */
void net__conn_open(net_conn *c);
/* Closes at the end of the turn; the first reason is kept for net_conn_failure. */
void net__conn_fail(net_conn *c, const char *why);
void net__conn_set_deadline(net_conn *c, int64_t delay_ms); /* 0 = none */
void net__conn_on_turn(net_conn *c);
void net__conn_on_sweep(net_conn *c, int64_t now_ms);
void net__conn_on_raw(net_conn *c, base_span bytes);   /* as they came from the socket */
void net__conn_on_bytes(net_conn *c, base_span bytes); /* for the codec */
void net__conn_on_tls_up(net_conn *c);                 /* the handshake is done */
void net__conn_on_writable(net_conn *c);
void net__conn_on_gone(net_conn *c);

/* True: the connection ends. False: it is asked again soon. */
bool net__conn_on_fin(net_conn *c, int64_t since_ms) BASE_MUST_USE;

/* hangup.c */
base_err net__hangups_open(struct net__hangups *h, uv_loop_t *uv) BASE_MUST_USE;
void net__hangups_close(struct net__hangups *h); /* its handles; the loop turns once more */
void net__hangups_free(struct net__hangups *h);
/* Blind: lws will not tell whether the peer goes. */
void net__hangup_watch(net_conn *c, bool blind);
void net__hangup_forget(net_conn *c);

/* connect.c */
void net__dial_free(struct net__dial *d);
void net__dial_end_all(net_loop *l);
void net__dial_failed(struct net__dial *d, const char *why);
void net__dial_open(struct net__dial *d);

/* resolve.c */
void net__resolve_end_all(net_loop *l);

/* address.c */
bool net__address_parse(const char *text, net__address *out, socklen_t *n);
bool net__address_parse_unix(const char *path, net__address *out, socklen_t *n);
void net__address_name(const net__address *a, char out[NET__ADDRESS_NAME]); /* numeric, without the port; "unix" */
void net__address_set_options(int fd);                                      /* no delay, probes */
void net__address_set_probes(int fd, int idle_s, int interval_s);           /* TCP keepalive; 0 = the default */

/* transport.c: the bytes' last step, plain or TLS. */
/* Bytes taken (0: try when writable), or -1: the connection is of no use any more, and net__transport_error says why. */
ssize_t net__transport_write(net_conn *c, base_span bytes);
const char *net__transport_error(void);
/* close_notify and FIN. */
void net__transport_shut(net_conn *c);
bool net__transport_is_broken(const net_conn *c);
/* Bytes of the peer's that wait to be read. */
int net__transport_unread(const net_conn *c);
/* How long nothing has come from the peer, not even an acknowledgement, although bytes or a probe of TCP's ask for one; 0 = they do not. */
int64_t net__transport_silence_ms(const net_conn *c);

/* listener.c */
void net__listener_forget(net_listener *s); /* one connection less */

/* ws_client.c */
void net__ws_on_open(net_ws *w);
void net__ws_on_bytes(net_ws *w, base_span bytes, bool binary, bool last);
/* False: close the connection now. */
bool net__ws_on_writable(net_ws *w);
void net__ws_on_peer_close(net_ws *w, int code, base_span reason); /* code 0: the frame held none */
void net__ws_on_failed(net_ws *w, base_span why);
void net__ws_on_closed(net_ws *w);
void net__ws_on_gone(net_ws *w); /* lws forgets the wsi: the last call */
/* net_loop_free: tells every owner; frees what lws did not give back. */
void net__ws_end_all(net_loop *l);
void net__ws_free_all(net_loop *l);

/* adapter.c, the only file that calls libwebsockets. */
base_err net__lws_new(uv_loop_t *uv, net__lws **out) BASE_MUST_USE;
/* Closes every connection; the loop must then run until it is empty, before net__lws_free. */
void net__lws_close(net__lws *x);
void net__lws_free(net__lws *x);
/* Takes the descriptor in any case; NULL on failure. */
struct lws *net__lws_adopt(net__lws *x, int fd, net_conn *c);
void net__lws_pause(struct lws *wsi, bool paused);
void net__lws_want_write(struct lws *wsi);
/* Not from inside a callback of the same wsi. net__*_on_gone comes before it returns. */
void net__lws_kill(struct lws *wsi);

typedef struct {
  const char *host, *path, *host_header, *subprotocol;
  int port;
  bool tls;
} net__ws_target;
/* NULL on failure; net__ws_on_failed may have been called by then. */
struct lws *net__lws_connect(net__lws *x, const net__ws_target *target, net_ws *w);
/* Room that lws wants in front of a message. */
size_t net__lws_ws_headroom(void);
bool net__lws_ws_write(struct lws *wsi, uint8_t *payload, size_t n);
void net__lws_ws_close_reason(struct lws *wsi, int code);

#endif
