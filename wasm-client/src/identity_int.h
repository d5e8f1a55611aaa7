/* identity_int.h - what the state machine of identity.c and its conversations with record and service (identity_flow.c) share. Internal. */
#ifndef PONTE_WC_IDENTITY_INT_H
#define PONTE_WC_IDENTITY_INT_H

#include "wc/identity.h"

/* What may be under way, one at a time; what is wanted meanwhile waits, the first of this order first. */
#define WC_FLOWS(X) \
  X(SIGN_OUT)       \
  X(SET_PASSWORD)   \
  X(SIGN_IN)        \
  X(SIGN_UP)        \
  X(READ)           \
  X(REFRESH)

enum wc_flow {
#define X(name) WC_FLOW_##name,
  WC_FLOWS(X)
#undef X
      WC_FLOW_COUNT,
  WC_FLOW_NONE = WC_FLOW_COUNT
};

struct wc_identity {
  wc_plat *plat;
  wc_session *session;
  wc_identity_events events;
  enum wc_identity_state state;
  wc_held_session held;
  bool unkept;          /* the record is not ours: it could not be written */
  int64_t given_ms;     /* when the token that the session has was given to it */
  wire_status why;      /* told with the next change */
  wc_timer *tell, *due; /* `due`: the token is given up, or the service asked again */
  unsigned attempt;     /* refreshes without an answer since the last good one */

  enum wc_flow flow;
  unsigned wanted; /* bits */
  wc_lock *lock;
  ponte_call *call;      /* of the flow; or NULL */
  int64_t asked_ms;      /* wall clock */
  wc_held_session fresh; /* what the flow got, until it is kept */
  /* What a sign-in or a new password is made of; wiped when it is over. NULL: none. */
  char *name, *email, *password, *new_password;

  char *leaving; /* refresh token of the session that is to be ended; or NULL */
  wc_timer *leave;
  unsigned leave_attempt;
  bool leave_asked;

  int pending; /* answers that still come: records, calls */
  bool freed;
};

/* The only function that writes ->state. While a password is yet to be set, only what ends the session does. */
void wc_identity_set_state(wc_identity *id, enum wc_identity_state state);
/* What the next change tells; NULL: nothing. */
void wc_identity_set_why(wc_identity *id, const wire_status *why);
/* Somebody is signed in: *held (emptied) is theirs; it comes from the service just now, or else from the record. */
void wc_identity_adopt(wc_identity *id, wc_held_session *held, bool from_service);
/* Nobody is. */
void wc_identity_forget(wc_identity *id, enum wc_identity_state state);
void wc_identity_wipe(wc_identity *id);

/* Begins the flow now, or when those before it have ended. */
void wc_identity_want(wc_identity *id, enum wc_flow flow);
/* Tells the service that id->leaving is to end, until it has heard it. */
void wc_identity_leave(wc_identity *id);
void wc_identity_on_leave(void *id); /* its timer */
/* An answer came: true: nobody wants it any more, and the memory may be gone. */
bool wc_identity_gone(wc_identity *id);

#endif
