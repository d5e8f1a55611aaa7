/* identity_flow.c - the conversations of identity.c with record and service, one at a time. Each step is a callback that does the next. */
#include <stdlib.h>
#include <string.h>

#include "ponte/users/v1/users.ponte.h"
#include "wc/identity_int.h"
#include "wc/retry.h"

#define RECORD "identity"

enum { TIMEOUT_MS = 20000, RECORD_MAX = 64 * 1024 };

static void end_flow(wc_identity *id);
static void begin_next(wc_identity *id);

/* Signed out meanwhile: what is under way is wanted no more. */
static bool overtaken(const wc_identity *id) { return (id->wanted & 1u << WC_FLOW_SIGN_OUT) != 0; }

/* A service that wants to be left alone for ever is asked again when wc_identity_retry_now() says so. */
static void try_later(wc_identity *id, wc_timer *timer, unsigned *attempt, const wire_status *status) {
  int64_t delay_ms = wc_retry_delay_ms(status, WC_RETRY_CALM, *attempt, wc_random_u32(id->plat));
  if (*attempt < 30) ++*attempt;
  if (delay_ms >= 0) id->plat->vt->timer_set(timer, delay_ms);
}

/* -- the record */

static void on_removed(void *ctx, base_err e) {
  wc_identity *id = ctx;
  if (!wc_identity_gone(id) && base_is_ok(e)) id->events.on_record(id->events.ctx);
}

static void remove_record(wc_identity *id) {
  id->pending++;
  id->plat->vt->record_put(id->plat, RECORD, base_span_of(NULL, 0), on_removed, id);
}

/* The new session is kept before it is used. If it cannot be, the old one must not stay either: its token is spent. */
static void on_put(void *ctx, base_err e) {
  wc_identity *id = ctx;
  if (wc_identity_gone(id)) return;
  id->unkept = !base_is_ok(e);
  if (id->unkept)
    remove_record(id);
  else
    id->events.on_record(id->events.ctx);
  if (!overtaken(id)) wc_identity_adopt(id, &id->fresh, true);
  end_flow(id);
}

static void keep_fresh(wc_identity *id) {
  base_buf record;
  base_buf_init(&record, RECORD_MAX);
  base_err e = wc_held_write(&id->fresh, &record);
  id->pending++;
  if (base_is_ok(e))
    id->plat->vt->record_put(id->plat, RECORD, base_buf_span(&record), on_put, id);
  else
    on_put(id, e);
  base_buf_dispose(&record);
}

static void on_got(void *ctx, base_err e, base_span value);

static void get_record(wc_identity *id) {
  id->pending++;
  id->plat->vt->record_get(id->plat, RECORD, on_got, id);
}

static void on_locked(void *ctx) {
  wc_identity *id = ctx;
  if (overtaken(id))
    end_flow(id);
  else if (id->fresh.session)
    keep_fresh(id);
  else
    get_record(id);
}

static void take_lock(wc_identity *id) {
  id->lock = id->plat->vt->lock_take(id->plat, RECORD, on_locked, id);
  if (!id->lock) on_locked(id); /* without memory; at worst two pages refresh, and the session ends */
}

/* -- questions to the service */

static void fail_flow(wc_identity *id, const wire_status *status);

static void on_session(void *ctx, ponte_call *call, const Ponte__Users__V1__Session *reply, const wire_status *status) {
  wc_identity *id = ctx;
  (void)call;
  if (wc_identity_gone(id)) return;
  id->call = NULL;
  base_err e = reply ? wc_held_take(&id->fresh, reply, id->asked_ms) : BASE_OK;
  if (overtaken(id)) {
    end_flow(id);
  } else if (!reply) {
    fail_flow(id, status);
  } else if (!base_is_ok(e)) {
    wire_status bad;
    wire_status_init(&bad);
    wire_status_set(&bad, BASE_GRPC_INTERNAL, "the answer is no session");
    fail_flow(id, &bad);
    wire_status_dispose(&bad);
  } else if (id->flow == WC_FLOW_REFRESH) {
    keep_fresh(id); /* the lock is ours already */
  } else {
    take_lock(id);
  }
}

/* A call that could not be started. */
static void judge_start(wc_identity *id, base_err e) {
  if (base_is_ok(e)) {
    id->pending++;
    return;
  }
  wire_status status;
  wire_status_init(&status);
  wire_status_from_err(&status, e);
  id->call = NULL;
  fail_flow(id, &status);
  wire_status_dispose(&status);
}

static const ponte_call_options options = {.timeout_ms = TIMEOUT_MS};

static void ask_sign_in(wc_identity *id) {
  static const ponte_users_v1_user_sign_in_events events = {.on_reply = on_session};
  Ponte__Users__V1__SignInRequest request = PONTE__USERS__V1__SIGN_IN_REQUEST__INIT;
  request.email = id->email;
  request.password = id->password;
  id->asked_ms = id->plat->vt->wall_ms(id->plat);
  judge_start(id,
              ponte_users_v1_user_sign_in(wc_session_channel(id->session), &options, &request, &events, id, &id->call));
}

static void ask_sign_up(wc_identity *id) {
  static const ponte_users_v1_user_sign_up_events events = {.on_reply = on_session};
  Ponte__Users__V1__SignUpRequest request = PONTE__USERS__V1__SIGN_UP_REQUEST__INIT;
  request.display_name = id->name;
  request.email = id->email;
  request.password = id->password;
  id->asked_ms = id->plat->vt->wall_ms(id->plat);
  judge_start(id,
              ponte_users_v1_user_sign_up(wc_session_channel(id->session), &options, &request, &events, id, &id->call));
}

static void ask_refresh(wc_identity *id) {
  static const ponte_users_v1_user_refresh_session_events events = {.on_reply = on_session};
  Ponte__Users__V1__RefreshSessionRequest request = PONTE__USERS__V1__REFRESH_SESSION_REQUEST__INIT;
  request.refresh_token = id->held.session->refresh_token;
  id->asked_ms = id->plat->vt->wall_ms(id->plat);
  judge_start(id, ponte_users_v1_user_refresh_session(wc_session_channel(id->session), &options, &request, &events, id,
                                                      &id->call));
}

/* All sessions of the user have ended now: the new password begins another. */
static void on_password(void *ctx, ponte_call *call, const Google__Protobuf__Empty *reply, const wire_status *status) {
  wc_identity *id = ctx;
  (void)call;
  if (wc_identity_gone(id)) return;
  id->call = NULL;
  if (!reply && !overtaken(id)) {
    fail_flow(id, status);
    return;
  }
  if (!overtaken(id)) {
    char *spent = id->password;
    id->password = id->new_password;
    id->new_password = spent;
    id->wanted |= 1u << WC_FLOW_SIGN_IN;
  }
  end_flow(id);
}

static void ask_set_password(wc_identity *id) {
  static const ponte_users_v1_user_set_password_events events = {.on_reply = on_password};
  Ponte__Users__V1__SetPasswordRequest request = PONTE__USERS__V1__SET_PASSWORD_REQUEST__INIT;
  request.user_id = id->held.session->user->user_id;
  request.old_password = id->password;
  request.new_password = id->new_password;
  judge_start(id, ponte_users_v1_user_set_password(wc_session_channel(id->session), &options, &request, &events, id,
                                                   &id->call));
}

/* -- what a record means to who read it */

static bool is_same(const wc_identity *id, const wc_held_session *r) {
  return id->held.session && strcmp(id->held.session->refresh_token, r->session->refresh_token) == 0;
}

static bool is_fresh(wc_identity *id, const wc_held_session *r) {
  return wc_held_left_ms(r, id->plat->vt->wall_ms(id->plat)) > 0;
}

/* The page begins, or another one wrote. */
static void read_got(wc_identity *id, wc_held_session *r) {
  if (!r->session) {
    bool had = id->held.session && !id->unkept;
    if (had || id->state == WC_IDENTITY_STARTING) wc_identity_forget(id, WC_IDENTITY_SIGNED_OUT);
  } else if (is_fresh(id, r)) {
    if (!is_same(id, r)) wc_identity_adopt(id, r, false);
  } else if (!is_same(id, r)) {
    wc_held_move(&id->held, r);
    wc_identity_set_state(id, WC_IDENTITY_REFRESHING);
    wc_identity_want(id, WC_FLOW_REFRESH);
  }
  end_flow(id);
}

static void refresh_got(wc_identity *id, wc_held_session *r) {
  bool signed_out = !r->session && !id->unkept; /* by another page */
  if (signed_out) wc_identity_forget(id, WC_IDENTITY_SIGNED_OUT);
  bool is_new = r->session && !is_same(id, r); /* another page was faster */
  if (is_new && is_fresh(id, r)) {
    wc_identity_adopt(id, r, false);
  } else if (!signed_out) {
    if (is_new) wc_held_move(&id->held, r);
    ask_refresh(id);
    return;
  }
  end_flow(id);
}

/* What the record has is newer than what this page had, if they differ. */
static void out_got(wc_identity *id, const wc_held_session *r) {
  if (r->session) {
    free(id->leaving);
    id->leaving = strdup(r->session->refresh_token);
  }
  remove_record(id);
  id->wanted &= ~(1u << WC_FLOW_READ);
  wc_identity_leave(id);
  end_flow(id);
}

static void on_got(void *ctx, base_err e, base_span value) {
  wc_identity *id = ctx;
  if (wc_identity_gone(id)) return;
  if (overtaken(id)) {
    end_flow(id);
    return;
  }
  wc_held_session r;
  wc_held_init(&r);
  if (base_is_ok(e) && value.n) e = wc_held_read(&r, value); /* what cannot be read is as good as nothing */
  if (base_is(e, BASE_E_UNAVAILABLE)) id->unkept = true;
  if (id->flow == WC_FLOW_READ)
    read_got(id, &r);
  else if (id->flow == WC_FLOW_REFRESH)
    refresh_got(id, &r);
  else
    out_got(id, &r);
  wc_held_clear(&r);
}

/* -- ends */

static void refresh_failed(wc_identity *id, const wire_status *status) {
  if (!wc_retry_may_help(status->code)) {
    remove_record(id);
    wc_identity_set_why(id, status);
    wc_identity_forget(id, WC_IDENTITY_ENDED);
    return;
  }
  if (wc_held_is_over(&id->held, id->plat->vt->wall_ms(id->plat))) wc_identity_set_state(id, WC_IDENTITY_REFRESHING);
  try_later(id, id->due, &id->attempt, status);
}

static void sign_in_failed(wc_identity *id, const wire_status *status) {
  bool changing = id->state == WC_IDENTITY_CHANGING; /* the old session has ended already */
  if (changing) remove_record(id);
  wc_identity_set_why(id, status);
  wc_identity_wipe(id);
  wc_identity_forget(id, changing ? WC_IDENTITY_ENDED : WC_IDENTITY_SIGNED_OUT);
}

static void password_failed(wc_identity *id, const wire_status *status) {
  wc_identity_set_why(id, status);
  wc_identity_wipe(id);
  wc_identity_set_state(id, id->held.one_time ? WC_IDENTITY_MUST_CHANGE : WC_IDENTITY_SIGNED_IN);
}

typedef struct {
  void (*begin)(wc_identity *id);
  void (*failed)(wc_identity *id, const wire_status *status); /* the service refused; NULL: it is not asked */
} flow_row;

static const flow_row flows[WC_FLOW_COUNT] = {
    [WC_FLOW_SIGN_OUT] = {take_lock, NULL},
    [WC_FLOW_SET_PASSWORD] = {ask_set_password, password_failed},
    [WC_FLOW_SIGN_IN] = {ask_sign_in, sign_in_failed},
    [WC_FLOW_SIGN_UP] = {ask_sign_up, sign_in_failed},
    [WC_FLOW_READ] = {get_record, NULL},
    [WC_FLOW_REFRESH] = {take_lock, refresh_failed},
};

static void fail_flow(wc_identity *id, const wire_status *status) {
  flows[id->flow].failed(id, status);
  end_flow(id);
}

static void end_flow(wc_identity *id) {
  if (id->flow == WC_FLOW_SIGN_IN || id->flow == WC_FLOW_SIGN_UP) wc_identity_wipe(id);
  id->flow = WC_FLOW_NONE;
  id->plat->vt->lock_release(id->lock);
  id->lock = NULL;
  wc_held_clear(&id->fresh);
  begin_next(id);
}

static void begin_next(wc_identity *id) {
  for (int f = 0; f < WC_FLOW_COUNT; f++) {
    if (!(id->wanted & 1u << f)) continue;
    id->wanted &= ~(1u << f);
    /* What went before may have ended the session that this one is about. */
    if ((f == WC_FLOW_REFRESH || f == WC_FLOW_SET_PASSWORD) && !id->held.session) continue;
    id->flow = (enum wc_flow)f;
    flows[f].begin(id);
    return;
  }
}

void wc_identity_want(wc_identity *id, enum wc_flow flow) {
  id->wanted |= 1u << flow;
  if (id->flow == WC_FLOW_NONE) begin_next(id);
}

/* -- leaving */

static void on_left(void *ctx, ponte_call *call, const Google__Protobuf__Empty *reply, const wire_status *status) {
  wc_identity *id = ctx;
  (void)call, (void)reply;
  if (wc_identity_gone(id)) return;
  id->leave_asked = false;
  if (wc_retry_may_help(status->code)) {
    try_later(id, id->leave, &id->leave_attempt, status);
    return;
  }
  free(id->leaving);
  id->leaving = NULL;
  id->leave_attempt = 0;
}

void wc_identity_on_leave(void *ctx) { wc_identity_leave(ctx); }

void wc_identity_leave(wc_identity *id) {
  static const ponte_users_v1_user_sign_out_events events = {.on_reply = on_left};
  Ponte__Users__V1__SignOutRequest request = PONTE__USERS__V1__SIGN_OUT_REQUEST__INIT;
  ponte_call *call;
  if (!id->leaving || id->leave_asked) return;
  request.refresh_token = id->leaving;
  if (!base_is_ok(
          ponte_users_v1_user_sign_out(wc_session_channel(id->session), &options, &request, &events, id, &call)))
    return; /* without memory its end comes by itself */
  id->pending++;
  id->leave_asked = true;
}
