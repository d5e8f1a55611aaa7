/* h1_internal.h - what h1.c (connections) and h1_exchange.c (the exchange on one) share. Loop thread only. */
#ifndef PONTE_HTTP_H1_INTERNAL_H
#define PONTE_HTTP_H1_INTERNAL_H

#include <sys/queue.h>

#include "http/h1.h"
#include "http/h1_parser.h"
#include "http/h1_response.h"

/* What a connection waits for, each with its time limit. */
enum h1_wait { H1_WAIT_HEAD, H1_WAIT_BODY, H1_WAIT_IDLE, H1_WAITS, H1_WAIT_NONE = H1_WAITS };

enum { H1_DATE_BYTES = 32 };

struct http_h1_server {
  net_loop *loop;
  http_app app;
  http_h1_options options;
  int64_t limit_ms[H1_WAITS];
  net_timer *tick;
  /* All members of a list have the same limit, so each is in order of its deadlines. */
  TAILQ_HEAD(h1_waiting, http_h1) waiting[H1_WAITS];
  LIST_HEAD(, http_h1) all;
  size_t connections;
  h1_head *free_heads; /* heads are lent for the time of one parse, so a few serve all connections */
  size_t free_head_count;
  base_buf spare_out; /* the same for output buffers, without contents */
  char date[H1_DATE_BYTES];
  int64_t date_s;
  bool draining;
};

/* One connection. `request_open`: a head was dispatched and its body is not complete. `response_open`: its answer is not complete. With neither, the
 * connection is between requests. `handled`: the application has the exchange and is owed on_closed. */
struct http_h1 {
  http_exchange x; /* first: the vtable's functions cast back */
  http_h1_server *server;
  net_conn *conn;
  h1_parser parser;
  base_buf rest; /* read, not parsed: at most one read of the pipe */
  base_buf out;  /* gathered in this turn */
  TAILQ_ENTRY(http_h1) waiting;
  LIST_ENTRY(http_h1) all;
  int64_t deadline_ms, born_ms;
  char *origin;          /* of the request whose body is still to come, where the application wants to know; or NULL */
  http_request upgrade;  /* while the parser decides about an upgrade */
  uint64_t request_left; /* known rest of the request body; UINT64_MAX when chunked */
  uint64_t request_bytes;
  uint64_t response_left; /* of a H1_BODY_FIXED */
  size_t unconsumed, drained;
  uint8_t turn_requests; /* begun in this turn of the loop */
  enum h1_wait wait : 8;
  enum h1_body_kind kind : 8;
  bool request_open, response_open, handled, responded;
  bool http10, to_head, keep_alive, was_above, closing, continue_wanted, upgrading, new_request;
};

/* h1_exchange.c */
extern const http_exchange_vt h1_exchange_vt;
/* Sends what was gathered. */
void h1_exchange_flush(http_h1 *h);
/* An answer of the carrier's own, instead of the application's. */
void h1_exchange_answer(http_h1 *h, int status);
/* Tells the application that the exchange is over, if it has it. */
void h1_exchange_close(http_h1 *h, bool aborted);
/* on_writable, when it is owed. */
void h1_exchange_tell_writable(http_h1 *h);
/* Request bytes wait for the application beyond the window. */
bool h1_exchange_is_full(const http_h1 *h);

/* Drops a piece of a body nobody wants; false when it gets too long for that. */
bool h1_exchange_drain(http_h1 *h, size_t n);

/* h1.c: frees the codec without a word. */
void h1_forget(http_h1 *h);
/* Reading is paused or not, as the state demands. Calls nothing back. */
void h1_update_pause(http_h1 *h);
const char *h1_server_date(http_h1_server *s);

#endif
