/* exports_identity.c - who is signed in. */
#include "wc_wasm/client.h"
#include "wc_wasm/exports.h"
#include "wc_wasm/plat_js.h"

enum { EVENT_MAX = 64 * 1024 };

static const char *const states[] = {
#define X(name) #name,
    WC_IDENTITY_STATES(X)
#undef X
};

static base_err write_text(base_buf *json, const char *name, const char *text) {
  BASE_TRY(base_buf_printf(json, "%s:", name));
  return base_buf_json(json, base_span_str(text));
}

static base_err write_user(base_buf *json, const wc_held_session *held) {
  const Ponte__Users__V1__User *u = held->session->user;
  BASE_TRY(write_text(json, ",\"user\":{\"userId\"", u->user_id));
  BASE_TRY(write_text(json, ",\"displayName\"", u->display_name));
  BASE_TRY(write_text(json, ",\"email\"", u->email));
  BASE_TRY(base_buf_str(json, "},\"roles\":["));
  for (int i = 0; i < held->role_count; i++) {
    if (i) BASE_TRY(base_buf_str(json, ","));
    BASE_TRY(base_buf_json(json, base_span_str(held->roles[i])));
  }
  return base_buf_str(json, "]");
}

static base_err write_identity(base_buf *json, const wc_identity *id, const wire_status *why) {
  const wc_held_session *held = wc_identity_held(id);
  BASE_TRY(base_buf_printf(json, "{\"type\":\"identity\",\"state\":\"%s\"", states[wc_identity_state(id)]));
  if (held->session) BASE_TRY(write_user(json, held));
  BASE_TRY(client_write_status(json, why));
  return base_buf_str(json, "}");
}

/* Of what is transcribed: whose it is. With a one-time password nothing can be kept, so what that user has left waits. */
static void tell_attach(wc_attach *a, const wc_identity *id) {
  enum wc_identity_state state = wc_identity_state(id);
  bool is_reader = state == WC_IDENTITY_SIGNED_IN || state == WC_IDENTITY_REFRESHING;
  if (state == WC_IDENTITY_SIGNED_OUT) wc_attach_forget(a);
  if (is_reader) (void)!base_is_ok(wc_attach_set_reader(a, wc_identity_held(id)->session->user->user_id));
  if (state == WC_IDENTITY_SIGNED_IN) wc_attach_retry_now(a);
}

static void on_change(void *ctx, wc_identity *id, const wire_status *why) {
  base_buf json;
  tell_attach(client_attach(ctx), id);
  base_buf_init(&json, EVENT_MAX);
  client_tell(ctx, &json, write_identity(&json, id, why));
}

static void on_record(void *ctx) {
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(ctx, &json, base_buf_str(&json, "{\"type\":\"identityRecord\"}"));
}

base_err client_open_identity(ponte_client *c, wc_identity **out) {
  const wc_identity_events events = {on_change, on_record, c};
  return wc_identity_new(wc_plat_js(), client_session(c), &events, out);
}

void client_saw(ponte_client *c, const wire_status *status) {
  if (client_identity(c) && status->code == BASE_GRPC_UNAUTHENTICATED) wc_identity_refused(client_identity(c));
}

void client_saw_close(ponte_client *c, enum wc_session_state state, int code) {
  if (client_identity(c) && state == WC_SESSION_STOPPED && code == base_err_close(base_fail(BASE_E_UNAUTHENTICATED)))
    wc_identity_closed(client_identity(c));
}

int ponte_identity_sign_in(ponte_client *c, const char *email, const char *password) {
  return client_identity(c) && base_is_ok(wc_identity_sign_in(client_identity(c), email, password)) ? 0 : -1;
}

int ponte_identity_sign_up(ponte_client *c, const char *name, const char *email, const char *password) {
  return client_identity(c) && base_is_ok(wc_identity_sign_up(client_identity(c), name, email, password)) ? 0 : -1;
}

int ponte_identity_set_password(ponte_client *c, const char *old_password, const char *new_password) {
  return client_identity(c) && base_is_ok(wc_identity_set_password(client_identity(c), old_password, new_password))
             ? 0
             : -1;
}

void ponte_identity_sign_out(ponte_client *c) {
  if (client_identity(c)) wc_identity_sign_out(client_identity(c));
}

void ponte_identity_reread(ponte_client *c) {
  if (client_identity(c)) wc_identity_reread(client_identity(c));
}

void ponte_identity_refused(ponte_client *c) {
  if (client_identity(c)) wc_identity_refused(client_identity(c));
}
