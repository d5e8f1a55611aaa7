/* attach_int.h - what attach.c (the results and their calls) and attach_record.c (the record that outlives the page) share; nobody else includes it.
 *
 * `outstanding` counts the callbacks that may still come: what was freed lives on, silent, until the last one.
 */
#ifndef PONTE_WC_ATTACH_INT_H
#define PONTE_WC_ATTACH_INT_H

#include "ponte/chatbot/v1/chatbot.pb-c.h"
#include "wc/attach.h"

typedef Ponte__Chatbot__V1__AppendTranscriptRequest wc_attach_request;
typedef Ponte__Chatbot__V1__TranscriptSegment wc_attach_segment;

typedef struct wc_attach_item {
  struct wc_attach_item *next;
  wc_attach_segment segment; /* its texts stand behind it */
  char texts[];
} wc_attach_item;

typedef struct wc_recording wc_recording;

struct wc_recording {
  char *session_id, *title;
  /* As the record says; "": nobody had signed in, so it is of nobody who does. NULL: of whoever is here. */
  char *reader;
  bool shared, refused;
  wc_attach_item *first, **end; /* what is not kept yet, the oldest first */
  wc_recording *next;
};

struct wc_attach {
  wc_plat *plat;
  ponte_channel *channel;
  const wire_metadata *metadata;
  wc_attach_on_state *on_state;
  void *ctx;

  wc_recording *recordings; /* the oldest first */
  wc_recording *current;    /* what is added belongs to it; or NULL */
  size_t count;             /* items of all of them */
  char *reader;             /* NULL: nobody has signed in, as far as is known */

  ponte_call *call;      /* or NULL */
  wc_recording *sending; /* what it carries: `sent` items at its front; NULL: nobody wants its end any more */
  size_t sent;
  wc_timer *next; /* when the next batch goes */
  unsigned attempt;
  bool needs_sign_in, forgotten;

  bool keeps;     /* there is a record */
  wc_timer *keep; /* when it is written; set: keep_set */
  wc_lock *lock;  /* asked for, and ours once it `holds` */
  bool keep_set, holds, reading, putting;
  bool dirty;      /* the record is not what it should be */
  bool kept;       /* something stands in it */
  bool forget_due; /* nothing in it is for who comes next */

  int outstanding;
  bool detached;
};

/* -- attach.c */
/* A copy, at the end of the list. NULL when out of memory. */
wc_recording *wc_recording_new(wc_recording **list, const char *session_id, const char *title, bool shared);
wc_recording *wc_recording_find(wc_recording *list, const char *session_id);
base_err wc_recording_add(wc_attach *a, wc_recording *r, const wc_attach_segment *s) BASE_MUST_USE;
/* Its first n items. */
void wc_recording_drop(wc_attach *a, wc_recording *r, size_t n);
/* Those that have nothing more to send and get nothing more. */
void wc_attach_tidy(wc_attach *a);
/* The oldest that waits and may be sent; or NULL. */
wc_recording *wc_attach_due(const wc_attach *a);
/* A request with the next items from *from on, of which there is one at least; *from is moved behind them. */
void wc_attach_fill(const wc_recording *r, wc_attach_item **from, wc_attach_request *request,
                    wc_attach_segment *segments[WC_ATTACH_BATCH_MAX]);
void wc_attach_awaited(wc_attach *a); /* a callback is */
/* It came; false: this is gone. */
bool wc_attach_came(wc_attach *a);

/* -- attach_record.c */
void wc_attach_on_keep(void *ctx);
/* Read the record, as soon as no other page has it. */
void wc_attach_record_read(wc_attach *a);
/* Something waits that did not, or the other way round. */
void wc_attach_record_changed(wc_attach *a);
/* Nothing in the record is for who comes next. */
void wc_attach_record_forget(wc_attach *a);

#endif
