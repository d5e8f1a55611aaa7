/* world.h - services for a test: hosted in the test's own process on free ports, with an empty store each, and asked over real sockets.
 *
 *   svc_world *w = svc_world_new(&(svc_world_options){.services = (const svc_definition *[]){&users_definition, NULL}});
 *   svc_reply r = svc_world_ask(w, &(svc_question){.service = "users", .method = &..., .request = &request.base});
 *   CHECK_INT(r.code, 5); CHECK_STR(r.reason, "USER_NOT_FOUND");
 *
 * The store is SQLite in a temporary folder or, when the environment has PONTE_TEST_POSTGRES, PostgreSQL: add_store_test() runs a test on both. What cannot be set up ends
 * the program. Test code only; svc_world_ask() from any thread.
 */
#ifndef PONTE_SVC_TESTING_WORLD_H
#define PONTE_SVC_TESTING_WORLD_H

#include "svc/host.h"

typedef struct svc_world svc_world;

typedef struct {
  const svc_definition *const *services; /* in the order of svc/host.h; ends with NULL */
  /* Authentication on, with tokens of svc_world_token(). `own_keys`: the services bring the keys themselves. */
  bool auth, own_keys;
  const char *const *settings; /* key, value, key, value, NULL; or NULL */
} svc_world_options;

svc_world *svc_world_new(const svc_world_options *options);
void svc_world_free(svc_world *w);
svc_host *svc_world_host(svc_world *w);
/* Stops all services and starts them again on the same stores, on other ports. */
void svc_world_restart(svc_world *w);
/* A token for an hour, or one that ended an hour ago; lives as long as the world. */
const char *svc_world_token(svc_world *w, const char *subject, const char *roles);
const char *svc_world_old_token(svc_world *w, const char *subject, const char *roles);

typedef struct {
  const char *service; /* its name */
  const pb_method *method;
  const ProtobufCMessage *request;
  const char *token;           /* NULL: none */
  int64_t timeout_ms;          /* 0: none */
  const char *const *metadata; /* key, value, ..., NULL; or NULL */
  _Atomic int *cancel_at_one;  /* the call is cancelled once this is not 0; or NULL */
  /* Streams: each message, on the thread that asks; false cancels the call. */
  bool (*on_message)(void *ctx, const ProtobufCMessage *message);
  void *ctx;
} svc_question;

typedef struct {
  int code; /* gRPC */
  char reason[64], field[128], message[512];
  int64_t retry_after_ms;
  const ProtobufCMessage *response; /* the (last) answer, as long as the world; NULL: none came */
} svc_reply;

svc_reply svc_world_ask(svc_world *w, const svc_question *question);

#endif
