/* link.h - the way from a command to the services: an event loop and channels on it, over ponte.v1 or over gRPC itself. One thread. */
#ifndef PONTE_CLI_LINK_H
#define PONTE_CLI_LINK_H

#include "cli/args.h"
#include "net/loop.h"
#include "pb/channel.h"
#include "rpc/client.h"
#include "wc/session.h"

/* The standard ports, for --direct. */
enum {
  CLI_USERS_PORT = 50051,
  CLI_ORDERS_PORT = 50052,
  CLI_REPORTS_PORT = 50053,
  CLI_TRANSCRIPTION_PORT = 50054,
  CLI_CHATBOT_PORT = 8082
};

typedef struct {
  const char *endpoint; /* NULL: the default gateway */
  const char *direct;   /* host, or NULL */
  const char *token;    /* NULL: $PONTE_TOKEN, or the session */
} cli_link_options;

/* From the options of CLI_LINK. */
cli_link_options cli_link_options_of(const cli_args *a);

enum { CLI_CHANNELS = 5, CLI_PLACE_MAX = 512 };
typedef struct {
  net_loop *loop;
  wc_plat *plat;
  wc_session *session;       /* or NULL */
  rpc_client *rpc;           /* or NULL */
  ponte_channel *channel;    /* of the port that was opened with */
  char place[CLI_PLACE_MAX]; /* what sessions and queued calls are kept under: the endpoint, or "direct:HOST" */
  char *token;               /* sent along with calls; or NULL */
  bool given_token;          /* by --token or $PONTE_TOKEN, not by a session */
  bool identified;           /* the token is what it will be */
  int interrupted;           /* the signal that ended a call (Ctrl-C: SIGINT), or 0 */
  /* For the command: more to do after a wake-up (another thread has news), and Ctrl-C. May be NULL. */
  void (*on_wake)(void *ctx);
  void (*on_interrupt)(void *ctx);
  void *ctx;
  struct {
    int port; /* 0: whichever */
    ponte_channel *channel;
  } channels[CLI_CHANNELS];
  const char *direct;
} cli_link;

/* $PONTE_TOKEN; NULL when it is not set, or empty. */
const char *cli_link_environment_token(void);

/* What the link to these options will have as its place. False: too long (said). */
bool cli_link_place(const cli_link_options *o, char place[CLI_PLACE_MAX]);
/* Fills *l; on failure says why and gives false. Connects at the first call. */
bool cli_link_open(cli_link *l, const cli_link_options *o, int service_port);
/* The same for a place as a link had it. */
bool cli_link_open_place(cli_link *l, const char *place, const char *token, int service_port);
/* Ends running calls (their statuses come from inside this). */
void cli_link_close(cli_link *l);
/* Wakes the loop of this link: for those who take it as a callback. Any thread. */
void cli_link_wake(void *link);
/* The channel to the service with this standard port; the same for all but with --direct. NULL: out of memory. */
ponte_channel *cli_link_channel(cli_link *l, int service_port);
/* The exit code of a call that ended so, which is said; CLI_EXIT_INTERRUPTED if Ctrl-C ended it. */
int cli_link_exit(const cli_link *l, const wire_status *status);
/* INVALID: not visible ASCII. NULL: none. One that is there already changes nothing. */
base_err cli_link_set_token(cli_link *l, const char *token) BASE_MUST_USE;

#endif
