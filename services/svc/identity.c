/* Who calls, and whether the method's policy lets them. */
#include <stdio.h>

#include "base/clock.h"
#include "svc/internal.h"

/* RFC 6750 section 2.1; the scheme without regard to case (RFC 9110 section 11.1). */
static bool bearer_token(const wire_metadata *metadata, base_span *token) {
  static const char scheme[] = "bearer ";
  const size_t n = sizeof scheme - 1;
  base_span value;
  if (!wire_metadata_get(metadata, "authorization", &value) || value.n <= n ||
      !base_span_ieq(base_span_of(value.p, n), base_span_str(scheme))) {
    return false;
  }
  *token = base_span_trim(base_span_of(value.p + n, value.n - n));
  return token->n > 0;
}

base_err svc__identify(svc_call *c) {
  const pb_policy *policy = c->route->method.method->policy;
  token_verifier *verifier = svc__host_verifier(c->service->host);
  const char *why = "";
  base_span token;
  if (verifier == NULL || (policy && policy->is_public)) {
    return BASE_OK;
  }
  if (!bearer_token(c->metadata, &token)) {
    return svc_fail(c, RPC_REASON_NO_IDENTITY, NULL,
                    "this needs an identity: sign in and send its access token as \"authorization: Bearer TOKEN\"");
  }
  base_err e = token_verify(verifier, token, base_wall_ms(), &c->identity, &why);
  if (base_is_ok(e)) {
    return e;
  }
  c->identity = (token_identity){.subject = ""};
  if (base_is(e, BASE_E_DEADLINE)) {
    return svc_fail(c, RPC_REASON_TOKEN_EXPIRED, NULL,
                    "the access token has expired: refresh the session and send the new one");
  }
  if (base_is(e, BASE_E_UNAUTHENTICATED)) {
    return svc_fail(c, RPC_REASON_NO_IDENTITY, NULL, "the access token is not accepted (%s): sign in again", why);
  }
  if (base_is(e, BASE_E_UNAVAILABLE)) {
    return svc_fail_retry(c, RPC_REASON_PEER_UNAVAILABLE, 1000,
                          "the keys that tokens are checked with are not there yet: try again in a second");
  }
  return e;
}

static bool is_off(const svc_call *c) { return svc__host_verifier(c->service->host) == NULL; }

static bool has_role(const svc_call *c, base_span role) {
  return base_span_has_word(base_span_str(c->identity.roles), ' ', role);
}

bool svc_caller_has_role(const svc_call *c, const char *role) { return is_off(c) || has_role(c, base_span_str(role)); }

const char *svc_caller(const svc_call *c) { return c->identity.subject; }

static bool owns(const svc_call *c, const char *owner_id) {
  return owner_id[0] && strcmp(owner_id, c->identity.subject) == 0;
}

/* "teacher, admin" */
static void list_roles(const char *const *roles, char out[64]) {
  size_t at = 0;
  out[0] = '\0';
  for (int i = 0; roles && roles[i] && at + strlen(roles[i]) + 3 < 64; i++) {
    at += (size_t)snprintf(out + at, 64 - at, "%s%s", i ? ", " : "", roles[i]);
  }
}

base_err svc__permit(svc_call *c) {
  const svc__route *r = c->route;
  const pb_policy *policy = r->method.method->policy;
  char roles[64];
  if (is_off(c) || policy == NULL || policy->is_public || (policy->owner == NULL && policy->roles == NULL)) {
    return BASE_OK;
  }
  if (policy->owner && owns(c, svc__field_path_get(&r->owner, c->request))) {
    return BASE_OK;
  }
  for (int i = 0; policy->roles && policy->roles[i]; i++) {
    if (svc_caller_has_role(c, policy->roles[i])) {
      return BASE_OK;
    }
  }
  list_roles(policy->roles, roles);
  if (policy->owner && policy->roles) {
    return svc_fail(c, RPC_REASON_NOT_ALLOWED, NULL,
                    "not with this account: set %s to your own user id, or sign in with one of the roles %s",
                    policy->owner, roles);
  }
  if (policy->owner) {
    return svc_fail(c, RPC_REASON_NOT_ALLOWED, NULL, "only about yourself: set %s to your own user id", policy->owner);
  }
  return svc_fail(c, RPC_REASON_NOT_ALLOWED, NULL,
                  "not with this account: sign in with one of the roles %s, or ask an administrator", roles);
}

base_err svc_require(svc_call *c, const char *owner_id, const char *roles) {
  if (is_off(c) || owns(c, owner_id)) {
    return BASE_OK;
  }
  for (const char *p = roles ? roles : ""; *p; p += strspn(p, " ")) {
    size_t n = strcspn(p, " ");
    if (has_role(c, base_span_of(p, n))) {
      return BASE_OK;
    }
    p += n;
  }
  return svc_fail(c, RPC_REASON_NOT_ALLOWED, NULL,
                  "this belongs to somebody else: sign in as its owner or ask an administrator");
}

void svc__set_address(svc_call *c, const char *peer) {
  base_span told = {0};
  wire_metadata_get(c->metadata, "x-ponte-client", &told);
  svc__client_address(peer, told, c->address);
  c->has_address = true;
}

const char *svc_caller_address(const svc_call *c) {
  if (!c->has_address) { /* asked of the core at the first question: few methods want to know */
    char peer[RPC_ADDRESS_SIZE];
    rpc_call_address(c->rpc, peer);
    svc__set_address((svc_call *)c, peer);
  }
  return c->address;
}

void svc_caller_network(const svc_call *c, char out[SVC_NETWORK_SIZE]) { svc__network_of(svc_caller_address(c), out); }
