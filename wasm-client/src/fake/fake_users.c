#include "wc/fake/fake_users.h"

#include <stdio.h>
#include <stdlib.h>

#include "pb/message.h"
#include "ponte/users/v1/users.ponte.h"
#include "wire/metadata.h"

#define USERS "/ponte.users.v1.UserService/"

static void access_token(const fake_users *u, int session, char *out, size_t size) {
  char claims[128];
  base_buf b;
  base_buf_init(&b, size - 1);
  snprintf(claims, sizeof claims, "{\"iat\":100,\"exp\":%d,\"roles\":[%s],\"jti\":\"%d.%d\"}",
           100 + FAKE_USERS_LIFETIME_S, u->one_time ? "" : "\"student\"", session, u->generation[session]);
  if (!base_is_ok(base_buf_str(&b, "e30.")) || !base_is_ok(wire_base64url_encode(base_span_str(claims), &b))) abort();
  snprintf(out, size, "%.*s.c2ln", BASE_SPAN_ARG(base_buf_span(&b)));
  base_buf_dispose(&b);
}

static void answer_session(fake_users *u, const fake_call *c, int session) {
  static char id[] = "id", email[] = "ana@example.org", name[] = "Ana";
  char access[512], refresh[32];
  Ponte__Users__V1__User user = PONTE__USERS__V1__USER__INIT;
  Ponte__Users__V1__Session s = PONTE__USERS__V1__SESSION__INIT;
  access_token(u, session, access, sizeof access);
  snprintf(refresh, sizeof refresh, "%d.%d", session, u->generation[session]);
  user.user_id = id;
  user.email = email;
  user.display_name = name;
  user.role = PONTE__USERS__V1__ROLE__ROLE_STUDENT;
  s.user = &user;
  s.access_token = access;
  s.refresh_token = refresh;
  fake_unary_reply(c, &s.base);
}

static void new_session(fake_users *u, const fake_call *c, const char *password) {
  if (strcmp(password, u->password) != 0) {
    fake_unary_fail(c, 16, "SIGN_IN_FAILED", 0);
    return;
  }
  if (u->sessions == FAKE_USERS_SESSIONS) abort();
  u->generation[u->sessions] = 0;
  answer_session(u, c, u->sessions++);
}

/* "SESSION.GENERATION", as answer_session() writes it; nothing else is ever sent. */
static int session_of(const fake_users *u, const char *token, long *generation) {
  char *dot, *end;
  long session = strtol(token, &dot, 10);
  if (dot == token || *dot != '.' || session < 0 || session >= u->sessions) abort();
  *generation = strtol(dot + 1, &end, 10);
  if (end == dot + 1) abort();
  return (int)session;
}

static void refresh(fake_users *u, const fake_call *c, const char *token) {
  long generation;
  int session = session_of(u, token, &generation);
  u->refreshes++;
  if (u->generation[session] == generation) {
    u->generation[session]++;
    answer_session(u, c, session);
    return;
  }
  u->reuses += u->generation[session] >= 0;
  u->generation[session] = -1;
  fake_unary_fail(c, 16, "SESSION_ENDED", 0);
}

static void judge(fake_users *u, const fake_call *c, const char *method, const ProtobufCMessage *request) {
  static const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
  if (strcmp(method, "SignIn") == 0) {
    new_session(u, c, ((const Ponte__Users__V1__SignInRequest *)request)->password);
  } else if (strcmp(method, "SignUp") == 0) {
    const Ponte__Users__V1__SignUpRequest *r = (const Ponte__Users__V1__SignUpRequest *)request;
    if (!r->display_name[0]) abort();
    snprintf(u->password, sizeof u->password, "%s", r->password);
    new_session(u, c, r->password);
  } else if (strcmp(method, "RefreshSession") == 0) {
    refresh(u, c, ((const Ponte__Users__V1__RefreshSessionRequest *)request)->refresh_token);
  } else if (strcmp(method, "SetPassword") == 0) {
    const Ponte__Users__V1__SetPasswordRequest *r = (const Ponte__Users__V1__SetPasswordRequest *)request;
    if (strcmp(r->old_password, u->password) != 0) {
      fake_unary_fail(c, 16, "SIGN_IN_FAILED", 0);
      return;
    }
    snprintf(u->password, sizeof u->password, "%s", r->new_password);
    u->one_time = false;
    for (int i = 0; i < u->sessions; i++)
      u->generation[i] = -1;
    fake_unary_reply(c, &empty.base);
  } else {
    long generation;
    u->sign_outs++;
    u->generation[session_of(u, ((const Ponte__Users__V1__SignOutRequest *)request)->refresh_token, &generation)] = -1;
    fake_unary_reply(c, &empty.base);
  }
}

static void on_request(void *ctx, const fake_call *c, base_span bytes) {
  fake_users *u = ctx;
  const char *method = c->path + strlen(USERS);
  size_t n = strlen(u->log);
  snprintf(u->log + n, sizeof u->log - n, "%s%s", n ? " " : "", method);
  if (u->fail_code) {
    fake_unary_fail(c, u->fail_code, u->fail_reason, 0);
    u->fail_code = 0;
    return;
  }
  if (u->lose > 0) {
    u->lose--;
    fake_close(c->socket, WC_CLOSE_LOST); /* arrives before the answer */
  }
  for (int m = 0; m < ponte_users_v1_user_service.count; m++) {
    const pb_method *row = &ponte_users_v1_user_service.methods[m];
    if (strcmp(row->path, c->path) != 0) continue;
    pb_arena arena;
    ProtobufCMessage *request;
    pb_arena_init(&arena, 65536);
    if (!base_is_ok(pb_unpack(row->request, bytes, &arena, &request))) abort();
    judge(u, c, method, request);
    pb_arena_dispose(&arena);
  }
}

void fake_users_init(fake_users *u, uint64_t seed, const char *password) {
  memset(u, 0, sizeof *u);
  fake_unary_init(&u->unary, seed);
  u->unary.on_request = on_request;
  u->unary.ctx = u;
  snprintf(u->password, sizeof u->password, "%s", password);
}

void fake_users_dispose(fake_users *u) { fake_unary_dispose(&u->unary); }
