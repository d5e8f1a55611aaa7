/* unary.h - what the commands of one call have in common: link, time-out, idempotency key, --queue, --json. One thread. */
#ifndef PONTE_CLI_UNARY_H
#define PONTE_CLI_UNARY_H

#include "cli/ask.h"

typedef struct {
  const pb_service *service;
  const char *method; /* its name in the service */
  int port;
  void (*show)(const ProtobufCMessage *reply); /* for people; NULL: there is nothing to show */
} cli_unary;

/* Makes the call and shows its answer; gives the exit code. With CLI_CHANGE, an empty `idempotency_key` of the request is filled in. */
int cli_unary_run(const cli_args *a, const cli_unary *u, ProtobufCMessage *request);
/* The same on a server stream: `on_message` for people, with ctx. */
int cli_stream_run(const cli_args *a, const cli_unary *u, const ProtobufCMessage *request,
                   void (*on_message)(void *ctx, const ProtobufCMessage *message), void *ctx);

enum { CLI_KEY_MAX = 64 };
/* A method of the table by its name; the table has it. */
const pb_method *cli_method(const pb_service *service, const char *name);
/* A key for a call that changes something: that of --key, or a new one. The request's idempotency_key is set to it if it is empty; NULL if the type has no such field. */
const char *cli_set_key(const cli_args *a, ProtobufCMessage *request, char key[CLI_KEY_MAX]);
/* --timeout; for calls that answer at once there is one anyway. False: said why. */
bool cli_timeout(const cli_args *a, int64_t *ms);
/* For streams, which may take as long as they like. */
bool cli_stream_timeout(const cli_args *a, int64_t *ms);
/* Asks on a terminal; true with --yes and where there is no terminal to ask on. */
bool cli_confirm(const cli_args *a, const char *question);

/* Lists come page by page; 0 and "" where nothing was said. False: said why. */
#define CLI_PAGE_OPTIONS                                              \
  {"page-size", "N", "how many, up to 1000 (default 50)", NULL, 0}, { \
    "page-token", "TOKEN", "go on behind an earlier list", NULL, 0    \
  }
bool cli_page(const cli_args *a, int32_t *size, char **token);
/* Says how to go on, if the list does. */
void cli_page_more(const char *next_page_token);

#define CLI_YES_OPTION \
  { "yes", NULL, "do not ask", NULL, 'y' }

#endif
