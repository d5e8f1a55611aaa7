#include "gateway/auth/options.h"

#include <stdlib.h>

#include "base/url.h"

static base_err invalid(base_buf *why, const char *what, const char *about) {
  BASE_TRY(base_buf_printf(why, "%s%s%s", what, about ? ": " : "", about ? about : ""));
  return base_fail(BASE_E_INVALID);
}

static base_err check_issuer(const gw_auth_issuer *i, base_buf *why) {
  if (i->issuer == NULL || i->issuer[0] == '\0') {
    return invalid(why, "an issuer wants its name, as it stands in the claim iss", NULL);
  }
  if ((i->jwks_file != NULL) == (i->jwks_url != NULL)) {
    return invalid(why, "an issuer wants its keys: either jwks_file or jwks_url", i->issuer);
  }
  if (i->jwks_url && !base_url_ok(i->jwks_url)) {
    return invalid(why, "jwks_url must begin with https:// (or http:// and a loopback address)", i->jwks_url);
  }
  if (i->jwks_refresh_ms < 0 || i->clock_skew_ms < 0) {
    return invalid(why, "a time may not be negative", i->issuer);
  }
  return BASE_OK;
}

static base_err check_rule(const gw_auth_rule *r, base_buf *why) {
  if (r->prefix == NULL || r->prefix[0] != '/') {
    return invalid(why, "a rule's prefix begins with /: \"/\", \"/package.Service/\", \"/package.Service/Method\"",
                   r->prefix);
  }
  if (r->scope_count < 0 || r->scope_count > GW_AUTH_NAMES || r->role_count < 0 || r->role_count > GW_AUTH_NAMES) {
    return invalid(why, "a rule holds at most 16 scopes and 16 roles", r->prefix);
  }
  if (r->is_public && r->scope_count + r->role_count > 0) {
    return invalid(why, "a public rule wants no scopes and no roles", r->prefix);
  }
  return BASE_OK;
}

/* Two rules of one prefix would make their order matter. */
static base_err check_rules(const gw_auth_options *o, base_buf *why) {
  if (o->rule_count < 0 || o->rule_count > GW_AUTH_RULES) {
    return invalid(why, "at most 256 rules", NULL);
  }
  for (int i = 0; i < o->rule_count; i++) {
    BASE_TRY(check_rule(&o->rules[i], why));
    for (int k = 0; k < i; k++) {
      if (strcmp(o->rules[i].prefix, o->rules[k].prefix) == 0) {
        return invalid(why, "two rules have one prefix", o->rules[i].prefix);
      }
    }
  }
  return BASE_OK;
}

base_err gw__auth_options_check(const gw_auth_options *o, base_buf *why) {
  if (o->issuer_count < 0 || o->issuer_count > GW_AUTH_ISSUERS) {
    return invalid(why, "at most 8 issuers", NULL);
  }
  for (int i = 0; i < o->issuer_count; i++) {
    BASE_TRY(check_issuer(&o->issuers[i], why));
    for (int k = 0; k < i; k++) {
      if (strcmp(o->issuers[i].issuer, o->issuers[k].issuer) == 0) {
        return invalid(why, "two issuers have one name", o->issuers[i].issuer);
      }
    }
  }
  return check_rules(o, why);
}

/* -- a copy -------------------------------------------------------------------------------------------------------------- */

static base_err copy_text(const char *from, char **to) {
  *to = from ? strdup(from) : NULL;
  return from == NULL || *to ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err copy_rule(const gw_auth_rule *from, gw_auth_rule *to) {
  to->is_public = from->is_public;
  BASE_TRY(copy_text(from->prefix, &to->prefix));
  for (; to->scope_count < from->scope_count; to->scope_count++) {
    BASE_TRY(copy_text(from->scopes[to->scope_count], &to->scopes[to->scope_count]));
  }
  for (; to->role_count < from->role_count; to->role_count++) {
    BASE_TRY(copy_text(from->roles[to->role_count], &to->roles[to->role_count]));
  }
  return BASE_OK;
}

static base_err copy_issuer(const gw_auth_issuer *from, gw_auth_issuer *to) {
  to->jwks_refresh_ms = from->jwks_refresh_ms;
  to->clock_skew_ms = from->clock_skew_ms;
  BASE_TRY(copy_text(from->issuer, &to->issuer));
  BASE_TRY(copy_text(from->audience, &to->audience));
  BASE_TRY(copy_text(from->jwks_file, &to->jwks_file));
  return copy_text(from->jwks_url, &to->jwks_url);
}

base_err gw__auth_options_copy(const gw_auth_options *from, gw_auth_options *to) {
  *to = (gw_auth_options){.issuer_count = from->issuer_count};
  for (int i = 0; i < from->issuer_count; i++) {
    BASE_TRY(copy_issuer(&from->issuers[i], &to->issuers[i]));
  }
  BASE_TRY(copy_text(from->api_keys_file, &to->api_keys_file));
  to->rules = calloc((size_t)from->rule_count + 1, sizeof *to->rules);
  if (to->rules == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  for (; to->rule_count < from->rule_count; to->rule_count++) {
    base_err e = copy_rule(&from->rules[to->rule_count], &to->rules[to->rule_count]);
    if (!base_is_ok(e)) {
      to->rule_count++; /* what was copied of it is disposed of, too */
      return e;
    }
  }
  return BASE_OK;
}

static void dispose_rule(gw_auth_rule *r) {
  free(r->prefix);
  for (int i = 0; i < GW_AUTH_NAMES; i++) {
    free(r->scopes[i]);
    free(r->roles[i]);
  }
}

void gw__auth_options_dispose(gw_auth_options *o) {
  for (int i = 0; i < o->issuer_count; i++) {
    free(o->issuers[i].issuer);
    free(o->issuers[i].audience);
    free(o->issuers[i].jwks_file);
    free(o->issuers[i].jwks_url);
  }
  for (int i = 0; i < o->rule_count; i++) {
    dispose_rule(&o->rules[i]);
  }
  free(o->rules);
  free(o->api_keys_file);
  *o = (gw_auth_options){0};
}
