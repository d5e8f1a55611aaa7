#include "svc_testing/world.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pb/message.h"
#include "rpc_testing/loop.h"
#include "store/testing.h"
#include "token/token.h"

enum { HOUR_MS = 3600000, GRACE_MS = 5000, TEXT_MAX = 65536 };

/* What answers and tokens take; freed with the world. */
typedef struct piece {
  struct piece *next;
  pb_arena arena;
} piece;

struct svc_world {
  svc_world_options options;
  testing_place place;
  svc_host *host;
  token_verifier *verifier;
  base_buf key, jwks;
  pthread_mutex_t lock;
  piece *pieces;
};

static void must(base_err e, const char *what, const base_buf *why) {
  if (!base_is_ok(e)) {
    printf("%s: %s %.*s\n", what, base_err_name(e), why ? (int)base_buf_size(why) : 0,
           why ? (const char *)base_buf_span(why).p : "");
    exit(1);
  }
}

static void *need(size_t n) {
  void *p = calloc(1, n);
  if (p == NULL) {
    puts("out of memory");
    exit(1);
  }
  return p;
}

static pb_arena *new_piece(svc_world *w) {
  piece *p = need(sizeof *p);
  pb_arena_init(&p->arena, SIZE_MAX / 2);
  pthread_mutex_lock(&w->lock);
  p->next = w->pieces;
  w->pieces = p;
  pthread_mutex_unlock(&w->lock);
  return &p->arena;
}

/* -- the services ------------------------------------------------------------------------------------------------------ */

static const char *setting(void *ctx, const char *key) {
  const svc_world *w = ctx;
  for (const char *const *p = w->options.settings; p && *p; p += 2) {
    if (strcmp(p[0], key) == 0) {
      return p[1];
    }
  }
  return NULL;
}

static void make_verifier(svc_world *w) {
  char id[TOKEN_KEY_ID_SIZE];
  base_buf why;
  base_buf_init(&why, TEXT_MAX);
  const token_verifier_options options = {.issuer = "ponte", .audience = "ponte"};
  must(token_verifier_new(&options, &why, &w->verifier), "the verifier", &why);
  must(token_key_new(id, &w->key), "a key", NULL);
  base_span key = base_buf_span(&w->key);
  must(token_jwks_write(&key, 1, &w->jwks), "a key set", NULL);
  base_buf_dispose(&why);
}

static void start(svc_world *w) {
  base_buf why;
  const svc_host_options options = {.listen_host = "127.0.0.1",
                                    .store_url = w->place.url,
                                    .verifier = w->options.auth ? w->verifier : NULL,
                                    .setting = setting,
                                    .ctx = w};
  base_buf_init(&why, TEXT_MAX);
  must(svc_host_new(&options, &w->host), "the host", NULL);
  for (const svc_definition *const *d = w->options.services; *d; d++) {
    must(svc_host_add(w->host, *d, 0, &why), (*d)->name, &why);
  }
  if (w->options.auth && !w->options.own_keys) {
    must(token_verifier_set_keys(w->verifier, base_buf_span(&w->jwks)), "the keys", NULL);
  }
  must(svc_host_start(w->host, &why), "the start", &why);
  base_buf_dispose(&why);
}

static void stop(svc_world *w) {
  svc_host_stop(w->host, GRACE_MS);
  svc_host_free(w->host);
}

svc_world *svc_world_new(const svc_world_options *options) {
  svc_world *w = need(sizeof *w);
  w->options = *options;
  pthread_mutex_init(&w->lock, NULL);
  base_buf_init(&w->key, TEXT_MAX);
  base_buf_init(&w->jwks, TEXT_MAX);
  testing_place_init(&w->place);
  make_verifier(w);
  start(w);
  return w;
}

void svc_world_restart(svc_world *w) {
  stop(w);
  start(w);
}

void svc_world_free(svc_world *w) {
  stop(w);
  token_verifier_free(w->verifier);
  testing_place_dispose(&w->place);
  base_buf_dispose(&w->key);
  base_buf_dispose(&w->jwks);
  for (piece *p = w->pieces, *next; p; p = next) {
    next = p->next;
    pb_arena_dispose(&p->arena);
    free(p);
  }
  pthread_mutex_destroy(&w->lock);
  free(w);
}

svc_host *svc_world_host(svc_world *w) { return w->host; }

/* -- tokens ------------------------------------------------------------------------------------------------------------ */

static const char *sign(svc_world *w, const char *subject, const char *roles, int64_t expires_ms) {
  base_buf token;
  char id[BASE_UUID_SIZE];
  base_uuid7(id);
  base_buf_init(&token, TEXT_MAX);
  const token_claims claims = {.issuer = "ponte",
                               .audience = "ponte",
                               .subject = subject,
                               .roles = roles,
                               .token_id = id,
                               .issued_ms = expires_ms - HOUR_MS,
                               .expires_ms = expires_ms};
  must(token_sign(base_buf_span(&w->key), &claims, &token), "a token", NULL);
  const char *text = pb_arena_copy(new_piece(w), base_buf_span(&token));
  base_buf_dispose(&token);
  return text;
}

const char *svc_world_token(svc_world *w, const char *subject, const char *roles) {
  return sign(w, subject, roles, base_wall_ms() + HOUR_MS);
}

const char *svc_world_old_token(svc_world *w, const char *subject, const char *roles) {
  return sign(w, subject, roles, base_wall_ms() - HOUR_MS);
}

/* -- asking ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  const svc_question *question;
  pb_arena *arena;
  svc_reply *reply;
  bool ended, cancelled;
} asking;

static void on_message(void *ctx, ponte_call *call, base_span bytes) {
  asking *a = ctx;
  const svc_question *q = a->question;
  ProtobufCMessage *message = NULL;
  if (q->on_message) {
    pb_arena_dispose(a->arena); /* the one before was shown already */
  }
  must(pb_unpack(q->method->response, bytes, a->arena, &message), "the answer", NULL);
  a->reply->response = message;
  if (q->on_message && !a->cancelled && !q->on_message(q->ctx, message)) {
    a->cancelled = true;
    ponte_call_cancel(call);
  }
}

static void on_status(void *ctx, ponte_call *call, const wire_status *status) {
  asking *a = ctx;
  svc_reply *r = a->reply;
  (void)call;
  r->code = status->code;
  snprintf(r->message, sizeof r->message, "%.*s", BASE_SPAN_ARG(base_buf_span(&status->message)));
  must(rpc_error_read(status, r->reason, r->field, &r->retry_after_ms), "the details", NULL);
  a->ended = true;
}

static void put_metadata(const svc_question *q, wire_metadata *out) {
  base_buf bearer;
  base_buf_init(&bearer, TEXT_MAX);
  if (q->token) {
    must(base_buf_printf(&bearer, "Bearer %s", q->token), "a header", NULL);
    must(wire_metadata_add(out, base_span_str("authorization"), base_buf_span(&bearer)), "a header", NULL);
  }
  for (const char *const *p = q->metadata; p && *p; p += 2) {
    must(wire_metadata_add_str(out, p[0], p[1]), p[0], NULL);
  }
  base_buf_dispose(&bearer);
}

svc_reply svc_world_ask(svc_world *w, const svc_question *q) {
  static const ponte_call_events events = {.on_message = on_message, .on_status = on_status};
  svc_reply reply = {.code = -1};
  asking a = {.question = q, .arena = new_piece(w), .reply = &reply};
  wire_metadata metadata;
  base_buf packed;
  test_loop loop;
  ponte_call *call;
  wire_metadata_init(&metadata);
  base_buf_init(&packed, SIZE_MAX / 2);
  put_metadata(q, &metadata);
  must(pb_pack(q->request, &packed), "the request", NULL);
  must(test_loop_init(&loop, svc_host_port(w->host, q->service), 0), "the client", NULL);
  const ponte_call_options options = {.timeout_ms = q->timeout_ms, .metadata = &metadata};
  must(loop.channel->vt->start_one(loop.channel, q->method->path, &options, base_buf_span(&packed), &events, &a, &call),
       "the call", NULL);
  if (q->cancel_at_one && TEST_LOOP_UNTIL(&loop, a.ended || atomic_load(q->cancel_at_one)) && !a.ended) {
    ponte_call_cancel(call);
  }
  if (!TEST_LOOP_UNTIL(&loop, a.ended)) {
    printf("%s: no answer within a minute\n", q->method->path);
    exit(1);
  }
  test_loop_dispose(&loop);
  base_buf_dispose(&packed);
  wire_metadata_dispose(&metadata);
  return reply;
}
