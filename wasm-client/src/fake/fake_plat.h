/* fake_plat.h - a platform of virtual time with a scripted server, for tests and fuzzers. Test code only; one thread.
 *
 * Nothing happens by itself: fake_run() moves the time and delivers what is due, in order. What the client sends reaches the server's
 * callbacks after `latency_ms`, and the other way round. Sockets live until fake_plat_dispose(), so a test may look at closed ones. Records live as long,
 * so two clients on one platform are two pages of one browser.
 */
#ifndef PONTE_WC_FAKE_PLAT_H
#define PONTE_WC_FAKE_PLAT_H

#include "wc/plat.h"

typedef struct fake_plat fake_plat;
typedef struct fake_event fake_event;
typedef struct fake_record fake_record;
typedef struct fake_request fake_request;

struct wc_socket {
  fake_plat *plat;
  const wc_socket_events *events;
  void *ctx;
  int number;     /* 0 for the first one opened, and so on */
  bool open;      /* the server accepted it */
  bool gone;      /* no event reaches the client any more */
  int close_code; /* what the client closed it with; 0 = it did not */
  void *server;   /* the server's own */
  struct wc_socket *next;
};

struct wc_timer {
  fake_plat *plat;
  void (*fn)(void *ctx);
  void *ctx;
  int64_t at_ms;
  uint64_t seq;
  bool armed;
  struct wc_timer *next;
};

struct wc_lock {
  fake_plat *plat;
  char name[WC_RECORD_KEY_MAX + 1];
  void (*held)(void *ctx);
  void *ctx;
  wc_timer *told;
  bool ours;
  struct wc_lock *next; /* the oldest first */
};

struct fake_plat {
  wc_plat base;
  int64_t now_ms, latency_ms;
  int64_t epoch_ms; /* the wall's clock when now_ms was 0 */
  uint64_t seq, random_state;
  struct wc_timer *timers;
  struct wc_socket *sockets; /* newest first */
  int socket_count;
  fake_event *events;
  bool refuse, mute; /* refuse: connections fail; mute: they never open */
  bool fail_send;
  bool no_records; /* the platform keeps nothing */
  int lost_puts;   /* so many of the next puts fail with IO */
  int puts;
  fake_record *records;
  fake_request *requests;
  struct wc_lock *locks;
  void (*on_connect)(void *ctx, wc_socket *s);
  void (*on_client)(void *ctx, wc_socket *s, base_span message);
  void (*on_gone)(void *ctx, wc_socket *s); /* the client closed it */
  void *ctx;
};

void fake_plat_init(fake_plat *p, uint64_t seed);
void fake_plat_dispose(fake_plat *p);
/* Lets `ms` pass; 0: delivers what is due now. */
void fake_run(fake_plat *p, int64_t ms);
/* The bytes of a record; empty if there is none. Borrowed until the next put. */
base_span fake_record_of(const fake_plat *p, const char *key);
/* The server's side. */
void fake_send(wc_socket *s, base_span message);
void fake_close(wc_socket *s, int code);
uint32_t fake_random(fake_plat *p);

/* fake_records.c, for fake_plat.c. */
void fake_record_get(wc_plat *p, const char *key, void (*done)(void *, base_err, base_span), void *ctx);
void fake_record_put(wc_plat *p, const char *key, base_span value, void (*done)(void *, base_err), void *ctx);
wc_lock *fake_lock_take(wc_plat *p, const char *name, void (*held)(void *), void *ctx);
void fake_lock_release(wc_lock *l);
void fake_records_dispose(fake_plat *p);

#endif
