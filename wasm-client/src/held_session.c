#include "wc/held_session.h"

#include <stdio.h>

#include "google/protobuf/struct.pb-c.h"
#include "pb/json.h"
#include "pb/message.h"
#include "wire/metadata.h"

enum {
  RECORD_VERSION = 1,
  RECORD_MAX = 64 * 1024,
  CLAIMS_MAX = 8192,
  EARLY_MS = 60000,       /* a token is given up so long before its end */
  EARLY_PART = 4,         /* but not before three quarters of its life */
  LIFETIME_MAX_S = 86400, /* what claims more is taken for this */
};

void wc_held_init(wc_held_session *h) {
  *h = (wc_held_session){0};
  pb_arena_init(&h->arena, RECORD_MAX * 8);
}

void wc_held_clear(wc_held_session *h) {
  pb_arena_dispose(&h->arena);
  wc_held_init(h);
}

void wc_held_move(wc_held_session *to, wc_held_session *from) {
  wc_held_clear(to);
  *to = *from;
  wc_held_init(from);
}

/* -- the access token's claims */

static const Google__Protobuf__Value *claim(const Google__Protobuf__Struct *claims, const char *name) {
  for (size_t i = 0; i < claims->n_fields; i++) {
    if (strcmp(claims->fields[i]->key, name) == 0) return claims->fields[i]->value;
  }
  return NULL;
}

static double number_claim(const Google__Protobuf__Struct *claims, const char *name) {
  const Google__Protobuf__Value *v = claim(claims, name);
  return v && v->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE ? v->number_value : 0;
}

static void take_roles(wc_held_session *h, const Google__Protobuf__Value *v) {
  if (!v || v->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE) return;
  for (size_t i = 0; i < v->list_value->n_values && h->role_count < WC_ROLES_MAX; i++) {
    const Google__Protobuf__Value *role = v->list_value->values[i];
    if (role->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE || !role->string_value[0]) continue;
    snprintf(h->roles[h->role_count++], WC_ROLE_SIZE, "%s", role->string_value);
  }
}

static base_err read_claims(wc_held_session *h, base_span payload, base_buf *json, base_buf *why) {
  pb_arena arena;
  ProtobufCMessage *message;
  BASE_TRY(wire_base64url_decode(payload, json));
  pb_arena_init(&arena, pb_memory_cap(CLAIMS_MAX));
  base_err e = pb_json_read(&google__protobuf__struct__descriptor, base_buf_span(json), &arena, why, &message);
  if (base_is_ok(e)) {
    const Google__Protobuf__Struct *claims = (const Google__Protobuf__Struct *)message;
    double seconds = number_claim(claims, "exp") - number_claim(claims, "iat");
    h->lifetime_ms = !(seconds > 0) ? 0 : (int64_t)(seconds < LIFETIME_MAX_S ? seconds : LIFETIME_MAX_S) * 1000;
    take_roles(h, claim(claims, "roles"));
    h->one_time = h->role_count == 0;
  }
  pb_arena_dispose(&arena);
  return e;
}

/* A token that is no JWT is for the service to judge: then it has no roles here, and is refreshed when it is refused. */
static base_err take_claims(wc_held_session *h) {
  const char *payload = strchr(h->session->access_token, '.');
  const char *end = payload ? strchr(payload + 1, '.') : NULL;
  if (!end) return BASE_OK;
  base_buf json, why;
  base_buf_init(&json, CLAIMS_MAX);
  base_buf_init(&why, 256);
  base_err e = read_claims(h, base_span_of(payload + 1, (size_t)(end - payload - 1)), &json, &why);
  base_buf_dispose(&json);
  base_buf_dispose(&why);
  return base_is(e, BASE_E_NO_MEMORY) ? e : BASE_OK;
}

/* -- the session */

static base_err take_bytes(wc_held_session *h, base_span packed, int64_t since_ms) {
  ProtobufCMessage *message;
  wc_held_clear(h);
  base_err e = pb_unpack(&ponte__users__v1__session__descriptor, packed, &h->arena, &message);
  if (base_is_ok(e)) {
    const Ponte__Users__V1__Session *s = (const Ponte__Users__V1__Session *)message;
    h->session = s;
    h->since_ms = since_ms;
    e = s->user && s->access_token[0] && s->refresh_token[0] ? take_claims(h) : base_fail(BASE_E_MALFORMED);
  }
  if (!base_is_ok(e)) wc_held_clear(h);
  return e;
}

base_err wc_held_take(wc_held_session *h, const Ponte__Users__V1__Session *answer, int64_t since_ms) {
  base_buf packed;
  base_buf_init(&packed, RECORD_MAX);
  base_err e = pb_pack(&answer->base, &packed);
  if (base_is_ok(e))
    e = take_bytes(h, base_buf_span(&packed), since_ms);
  else
    wc_held_clear(h);
  base_buf_dispose(&packed);
  return e;
}

base_err wc_held_write(const wc_held_session *h, base_buf *out) {
  BASE_TRY(base_buf_u8(out, RECORD_VERSION));
  BASE_TRY(base_buf_u64(out, (uint64_t)h->since_ms));
  return pb_pack(&h->session->base, out);
}

base_err wc_held_read(wc_held_session *h, base_span record) {
  base_cursor c = base_cursor_of(record);
  uint8_t version = base_cursor_u8(&c);
  int64_t since_ms = (int64_t)base_cursor_u64(&c);
  wc_held_clear(h);
  if (c.failed || version != RECORD_VERSION || since_ms < 0) return base_fail(BASE_E_MALFORMED);
  return take_bytes(h, base_span_of(c.p, base_cursor_left(&c)), since_ms);
}

int64_t wc_held_left_ms(const wc_held_session *h, int64_t wall_ms) {
  if (!h->session || wall_ms < h->since_ms) return 0; /* a clock that was set back knows nothing */
  int64_t early_ms = h->lifetime_ms / EARLY_PART < EARLY_MS ? h->lifetime_ms / EARLY_PART : EARLY_MS;
  int64_t left_ms = h->lifetime_ms - early_ms - (wall_ms - h->since_ms);
  return left_ms > 0 ? left_ms : 0;
}

bool wc_held_is_over(const wc_held_session *h, int64_t wall_ms) {
  return wall_ms < h->since_ms || wall_ms - h->since_ms >= h->lifetime_ms;
}

bool wc_held_has_role(const wc_held_session *h, const char *role) {
  for (int i = 0; i < h->role_count; i++) {
    if (strcmp(h->roles[i], role) == 0) return true;
  }
  return false;
}
