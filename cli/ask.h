/* ask.h - calls that wait for their end: what every command makes them with.
 *
 * Each call carries the link's token; before the first one the session of `ponte login` is looked up, and refreshed if it is time (session.h). Ctrl-C cancels the call. One
 * thread: the link's loop runs inside these functions.
 */
#ifndef PONTE_CLI_ASK_H
#define PONTE_CLI_ASK_H

#include "cli/link.h"
#include "pb/message.h"
#include "pb/method.h"

/* A request is as large as gRPC lets messages be by default; replies are bounded by the transports. */
enum { CLI_REQUEST_MAX = 4 << 20 };

enum cli_next { CLI_NEXT_MESSAGE, CLI_NEXT_LATER, CLI_NEXT_END, CLI_NEXT_FAILED };

typedef struct {
  const char *path;
  int port;                      /* the service's standard one */
  int64_t timeout_ms;            /* 0: none */
  const wire_metadata *metadata; /* or NULL */
  bool anonymous;                /* without looking for a session: for the calls that make one */
  /* A stream of requests: the next one's bytes appended to *out. After LATER whoever has more wakes the loop. FAILED cancels the call. NULL: there is one request. */
  enum cli_next (*next)(void *ctx, base_buf *out);
  /* An error cancels the call, whose status then says INTERNAL. */
  base_err (*on_message)(void *ctx, base_span message);
  void *ctx;
} cli_call;

/* The link's token, where each call carries it (over gRPC; over ponte.v1 the connection does). */
base_err cli_add_token(const cli_link *l, wire_metadata *m) BASE_MUST_USE;

/* Makes the call. The end is in *status, which the caller has initialised, whatever went wrong. */
void cli_call_run(cli_link *l, const cli_call *call, base_span request, wire_status *status);

/* A unary call. The reply lives in the arena; NULL without one, and then the status is not OK. */
const ProtobufCMessage *cli_ask(cli_link *l, int port, const pb_method *method, int64_t timeout_ms,
                                const ProtobufCMessage *request, pb_arena *arena, wire_status *status);
/* The same for a session's own calls. */
const ProtobufCMessage *cli_ask_anonymous(cli_link *l, int port, const pb_method *method, int64_t timeout_ms,
                                          const ProtobufCMessage *request, pb_arena *arena, wire_status *status);
/* A server-streaming call: each reply is borrowed for on_message. */
void cli_ask_stream(cli_link *l, int port, const pb_method *method, int64_t timeout_ms, const ProtobufCMessage *request,
                    void (*on_message)(void *ctx, const ProtobufCMessage *message), void *ctx, wire_status *status);

#endif
