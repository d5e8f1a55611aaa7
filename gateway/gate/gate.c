#include "gateway/gate/gate.h"

#include "base/clock.h"
#include "gateway/obs/obs.h"

static const char *peer_of(const gw_stream_request *r) { return r->peer ? r->peer : ""; }

/* A signature is dear to verify, and anyone can send one: bad ones use up the rate of their address. */
static void punish(gw_gate *g, const gw_stream_request *r, base_err e) {
  base_span token;
  if (g->limits && base_is(e, BASE_E_UNAUTHENTICATED) && r->metadata &&
      wire_metadata_get(r->metadata, "authorization", &token)) {
    gw_limits_punish(g->limits, peer_of(r), GW_PENALTY_BAD_TOKEN);
  }
}

/* Who calls. Without authentication nobody is asked: no subject, no expiry. */
static base_err identify(gw_gate *g, gw_stream_request *r, gw_identity *who, wire_status *refusal) {
  *who = (gw_identity){.expires_ms = INT64_MAX};
  if (g->auth == NULL) {
    return BASE_OK;
  }
  if (g->limits) {
    BASE_TRY(gw_limits_may_ask(g->limits, peer_of(r), base_now_ms(), refusal));
  }
  base_err e = gw_auth_check(g->auth, r->path, r->metadata, base_wall_ms(), who, refusal);
  if (!base_is_ok(e)) {
    punish(g, r, e);
    gw_obs_rejected(base_is(e, BASE_E_DENIED) ? GW_REJECT_DENIED : GW_REJECT_UNAUTHENTICATED);
    return e;
  }
  r->subject = who->subject;
  return BASE_OK;
}

base_err gw_gate_open(gw_gate *g, const gw_stream_request *request, const gw_down_vt *vt, void *down, gw_stream **out,
                      wire_status *refusal) {
  gw_stream_request r = *request;
  gw_identity who;
  r.timers = g->timers;
  r.limits = g->limits;
  r.streams = g->streams;
  r.drop = g->drop;
  r.drop_count = g->drop_count;
  if (g->max_timeout_ms > 0 && (r.timeout_ms == 0 || r.timeout_ms > g->max_timeout_ms)) {
    r.timeout_ms = g->max_timeout_ms;
  }
  BASE_TRY(identify(g, &r, &who, refusal));
  if (g->limits) {
    BASE_TRY(gw_limits_call_started(g->limits, peer_of(&r), who.subject, base_now_ms(), refusal));
  }
  base_err e = gw_stream_open(g->upstream, &r, vt, down, out);
  if (!base_is_ok(e)) {
    wire_status_from_err(refusal, e);
    if (g->limits) {
      gw_limits_call_ended(g->limits, peer_of(&r));
    }
  } else if (who.expires_ms != INT64_MAX) {
    gw_stream_set_expiry(*out, who.expires_ms);
  }
  return e;
}

static base_err check_token(gw_gate *g, base_span path, base_span token, gw_identity *who) {
  wire_status unsaid; /* what a refusal would say; there is no call to say it to */
  wire_status_init(&unsaid);
  base_err e = gw_auth_check_token(g->auth, path, token, base_wall_ms(), who, &unsaid);
  wire_status_dispose(&unsaid);
  return e;
}

base_err gw_gate_check_token(gw_gate *g, base_span token) {
  gw_identity who;
  return g->auth ? check_token(g, base_span_of(NULL, 0), token, &who) : BASE_OK;
}

void gw_gate_renew(gw_gate *g, gw_stream *s, base_span token) {
  gw_identity who;
  if (g->auth && gw_stream_subject(s)[0] && base_is_ok(check_token(g, gw_stream_path(s), token, &who)) &&
      strcmp(who.subject, gw_stream_subject(s)) == 0) {
    gw_stream_set_expiry(s, who.expires_ms);
  }
}
