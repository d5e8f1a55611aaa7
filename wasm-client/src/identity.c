/* identity.c - who is signed in: the states, and what a page may ask for. The conversations with record and service are in identity_flow.c. */
#include "wc/identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wc/identity_int.h"

enum { JUST_GIVEN_MS = 10000, DUE_MIN_MS = 1000 };

#define BIT(state) (1u << WC_IDENTITY_##state)

/* To which states each may lead. */
static const unsigned follows[WC_IDENTITY_COUNT] = {
    [WC_IDENTITY_STARTING] = BIT(SIGNED_OUT) | BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE),
    [WC_IDENTITY_SIGNED_OUT] = BIT(SIGNING_IN) | BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE),
    [WC_IDENTITY_SIGNING_IN] = BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE) | BIT(SIGNED_OUT),
    [WC_IDENTITY_SIGNED_IN] = BIT(REFRESHING) | BIT(MUST_CHANGE) | BIT(CHANGING) | BIT(SIGNED_OUT) | BIT(ENDED),
    [WC_IDENTITY_REFRESHING] = BIT(SIGNED_IN) | BIT(MUST_CHANGE) | BIT(SIGNED_OUT) | BIT(ENDED),
    [WC_IDENTITY_MUST_CHANGE] = BIT(CHANGING) | BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(SIGNED_OUT) | BIT(ENDED),
    [WC_IDENTITY_CHANGING] = BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE) | BIT(SIGNED_OUT) | BIT(ENDED),
    [WC_IDENTITY_ENDED] = BIT(SIGNING_IN) | BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE) | BIT(SIGNED_OUT),
};

static bool is_any_of(const wc_identity *id, unsigned states) { return (1u << id->state & states) != 0; }

/* What the record or a refresh says is not the outcome of a password that is yet to be set. */
static bool is_premature(const wc_identity *id, enum wc_identity_state state) {
  bool due = id->state == WC_IDENTITY_CHANGING && (id->wanted & 1u << WC_FLOW_SET_PASSWORD);
  return due && (1u << state & (BIT(SIGNED_IN) | BIT(MUST_CHANGE) | BIT(REFRESHING)));
}

void wc_identity_set_state(wc_identity *id, enum wc_identity_state state) {
  assert(state == id->state || (follows[id->state] & 1u << state));
  if (!is_premature(id, state)) id->state = state;
  id->plat->vt->timer_set(id->tell, 0); /* changes of one moment are told as one */
}

void wc_identity_set_why(wc_identity *id, const wire_status *why) {
  wire_status_set(&id->why, BASE_GRPC_OK, "%s", "");
  wire_metadata_clear(&id->why.trailers);
  if (!why) return;
  wire_status_set_span(&id->why, why->code, base_buf_span(&why->message));
  if (!base_is_ok(wire_metadata_merge(&id->why.trailers, &why->trailers))) wire_metadata_clear(&id->why.trailers);
}

static void on_tell(void *ctx) {
  wc_identity *id = ctx;
  id->events.on_change(id->events.ctx, id, &id->why);
  wc_identity_set_why(id, NULL);
}

static void on_due(void *ctx) {
  wc_identity *id = ctx;
  if (is_any_of(id, BIT(SIGNED_IN) | BIT(REFRESHING) | BIT(MUST_CHANGE))) wc_identity_want(id, WC_FLOW_REFRESH);
}

static enum wc_identity_state resting_state(const wc_identity *id) {
  return id->held.one_time ? WC_IDENTITY_MUST_CHANGE : WC_IDENTITY_SIGNED_IN;
}

void wc_identity_adopt(wc_identity *id, wc_held_session *held, bool from_service) {
  wc_held_move(&id->held, held);
  id->attempt = 0;
  id->wanted &= ~(1u << WC_FLOW_REFRESH); /* it is done, however often it was wanted meanwhile */
  if (!base_is_ok(wc_session_set_token(id->session, id->held.session->access_token))) {
    wire_status bad;
    wire_status_init(&bad);
    wire_status_set(&bad, BASE_GRPC_INTERNAL, "the token of this session cannot be used");
    wc_identity_set_why(id, &bad);
    wire_status_dispose(&bad);
    wc_identity_forget(id, WC_IDENTITY_SIGNED_OUT);
    return;
  }
  id->given_ms = wc_now_ms(id->plat) - (from_service ? 0 : JUST_GIVEN_MS);
  wc_identity_set_state(id, resting_state(id));
  int64_t left_ms = wc_held_left_ms(&id->held, id->plat->vt->wall_ms(id->plat));
  if (id->held.lifetime_ms > 0) id->plat->vt->timer_set(id->due, left_ms > DUE_MIN_MS ? left_ms : DUE_MIN_MS);
}

void wc_identity_forget(wc_identity *id, enum wc_identity_state state) {
  id->plat->vt->timer_cancel(id->due);
  wc_held_clear(&id->held);
  (void)!base_is_ok(wc_session_set_token(id->session, NULL)); /* taking one away needs no memory */
  wc_identity_set_state(id, state);
}

static void wipe(char **text) {
  if (*text) explicit_bzero(*text, strlen(*text));
  free(*text);
  *text = NULL;
}

void wc_identity_wipe(wc_identity *id) {
  wipe(&id->name);
  wipe(&id->email);
  wipe(&id->password);
  wipe(&id->new_password);
}

/* -- the object */

base_err wc_identity_new(wc_plat *plat, wc_session *session, const wc_identity_events *events, wc_identity **out) {
  wc_identity *id = calloc(1, sizeof *id);
  if (!id) return base_fail(BASE_E_NO_MEMORY);
  *id = (wc_identity){.plat = plat, .session = session, .events = *events, .flow = WC_FLOW_NONE};
  wc_held_init(&id->held);
  wc_held_init(&id->fresh);
  wire_status_init(&id->why);
  id->tell = plat->vt->timer_new(plat, on_tell, id);
  id->due = plat->vt->timer_new(plat, on_due, id);
  id->leave = plat->vt->timer_new(plat, wc_identity_on_leave, id);
  if (!id->tell || !id->due || !id->leave) {
    wc_identity_free(id);
    return base_fail(BASE_E_NO_MEMORY);
  }
  wc_identity_want(id, WC_FLOW_READ);
  *out = id;
  return BASE_OK;
}

static void release(wc_identity *id) {
  wc_identity_wipe(id);
  wipe(&id->leaving);
  wc_held_clear(&id->held);
  wc_held_clear(&id->fresh);
  wire_status_dispose(&id->why);
  free(id);
}

void wc_identity_free(wc_identity *id) {
  if (!id) return;
  const wc_plat_vt *vt = id->plat->vt;
  id->freed = true;
  vt->timer_free(id->tell);
  vt->timer_free(id->due);
  vt->timer_free(id->leave);
  vt->lock_release(id->lock);
  if (id->call) ponte_call_cancel(id->call);
  if (id->pending == 0) release(id);
}

bool wc_identity_gone(wc_identity *id) {
  id->pending--;
  if (id->freed && id->pending == 0) {
    release(id);
    return true;
  }
  return id->freed;
}

enum wc_identity_state wc_identity_state(const wc_identity *id) { return id->state; }
const wc_held_session *wc_identity_held(const wc_identity *id) { return &id->held; }
bool wc_identity_is_good(const wc_identity *id) { return id->state == WC_IDENTITY_SIGNED_IN; }

/* -- what a page asks for */

static bool copy(char **to, const char *text) {
  *to = strdup(text);
  return *to != NULL;
}

static base_err begin_sign_in(wc_identity *id, const char *name, const char *email, const char *password) {
  if (!is_any_of(id, BIT(SIGNED_OUT) | BIT(ENDED))) return base_fail(BASE_E_PRECONDITION);
  wc_identity_wipe(id);
  if ((name && !copy(&id->name, name)) || !copy(&id->email, email) || !copy(&id->password, password)) {
    wc_identity_wipe(id);
    return base_fail(BASE_E_NO_MEMORY);
  }
  wc_identity_set_why(id, NULL);
  wc_identity_set_state(id, WC_IDENTITY_SIGNING_IN);
  wc_identity_want(id, name ? WC_FLOW_SIGN_UP : WC_FLOW_SIGN_IN);
  return BASE_OK;
}

base_err wc_identity_sign_in(wc_identity *id, const char *email, const char *password) {
  return begin_sign_in(id, NULL, email, password);
}

base_err wc_identity_sign_up(wc_identity *id, const char *name, const char *email, const char *password) {
  return begin_sign_in(id, name, email, password);
}

base_err wc_identity_set_password(wc_identity *id, const char *old_password, const char *new_password) {
  if (!is_any_of(id, BIT(SIGNED_IN) | BIT(MUST_CHANGE))) return base_fail(BASE_E_PRECONDITION);
  wc_identity_wipe(id);
  if (!copy(&id->email, id->held.session->user->email) || !copy(&id->password, old_password) ||
      !copy(&id->new_password, new_password)) {
    wc_identity_wipe(id);
    return base_fail(BASE_E_NO_MEMORY);
  }
  wc_identity_set_state(id, WC_IDENTITY_CHANGING);
  wc_identity_want(id, WC_FLOW_SET_PASSWORD);
  return BASE_OK;
}

static void leave(wc_identity *id, enum wc_identity_state state) {
  if (id->held.session) {
    wipe(&id->leaving);
    (void)copy(&id->leaving, id->held.session->refresh_token); /* without memory its end comes by itself */
  }
  id->wanted = 0;
  wc_identity_wipe(id);
  wc_identity_forget(id, state);
  wc_identity_want(id, WC_FLOW_SIGN_OUT);
  if (id->call) ponte_call_cancel(id->call);
}

void wc_identity_sign_out(wc_identity *id) {
  if (id->state == WC_IDENTITY_SIGNED_OUT) return;
  wc_identity_set_why(id, NULL);
  leave(id, WC_IDENTITY_SIGNED_OUT);
}

void wc_identity_reread(wc_identity *id) { wc_identity_want(id, WC_FLOW_READ); }

static bool just_given(const wc_identity *id) { return wc_now_ms(id->plat) - id->given_ms < JUST_GIVEN_MS; }

void wc_identity_refused(wc_identity *id) {
  if (is_any_of(id, BIT(SIGNED_IN) | BIT(MUST_CHANGE)) && !just_given(id)) wc_identity_want(id, WC_FLOW_REFRESH);
}

void wc_identity_closed(wc_identity *id) {
  (void)!base_is_ok(wc_session_set_token(id->session, NULL)); /* lifts the stop */
  if (!is_any_of(id, BIT(SIGNED_IN) | BIT(MUST_CHANGE))) return;
  if (!just_given(id)) {
    wc_identity_set_state(id, WC_IDENTITY_REFRESHING);
    wc_identity_want(id, WC_FLOW_REFRESH);
    return;
  }
  leave(id, WC_IDENTITY_ENDED);
}

void wc_identity_retry_now(wc_identity *id) {
  id->attempt = id->leave_attempt = 0;
  if (id->leaving && !id->leave_asked) id->plat->vt->timer_set(id->leave, 0);
  bool stale = id->held.lifetime_ms > 0 && !wc_held_left_ms(&id->held, id->plat->vt->wall_ms(id->plat));
  if (id->state == WC_IDENTITY_REFRESHING || stale) on_due(id);
}
