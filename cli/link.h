/* link.h - the way from a command to the services: an event loop and a ponte_channel on it, over ponte.v1 or over gRPC itself. One thread. */
#ifndef PONTE_CLI_LINK_H
#define PONTE_CLI_LINK_H

#include "net/loop.h"
#include "pb/channel.h"
#include "rpc/client.h"
#include "wc/session.h"

/* What every command accepts; for getopt_long. */
#define CLI_LINK_OPTIONS                                                                  \
  {"endpoint", required_argument, NULL, 'e'}, {"direct", optional_argument, NULL, 'd'}, { \
    "token", required_argument, NULL, 't'                                                 \
  }
#define CLI_LINK_HELP                                                                                 \
  "  --endpoint http[s]://HOST:PORT  the gateway (default http://127.0.0.1:8080)\n"                   \
  "  --endpoint HOST:PORT            a gRPC server, without a gateway\n"                              \
  "  --direct[=HOST]                 the services at their standard ports (default host 127.0.0.1)\n" \
  "  --token TOKEN                   bearer token (default: $PONTE_TOKEN)\n"

typedef struct {
  const char *endpoint; /* NULL: the default gateway */
  const char *direct;   /* host, or NULL */
  const char *token;
} cli_link_options;

/* True if `option` was one of CLI_LINK_OPTIONS. */
bool cli_link_option(cli_link_options *o, int option, const char *value);

typedef struct {
  net_loop *loop;
  wc_plat *plat;
  wc_session *session; /* or NULL */
  rpc_client *rpc;     /* or NULL */
  ponte_channel *channel;
  /* For the command: more to do after a wake-up (another thread has news), and Ctrl-C. May be NULL. */
  void (*on_wake)(void *ctx);
  void (*on_interrupt)(void *ctx);
  void *ctx;
} cli_link;

/* Fills *l; on failure says why and gives false. Connects at the first call. */
bool cli_link_open(cli_link *l, const cli_link_options *o, int service_port);
/* Ends running calls (their statuses come from inside this). */
void cli_link_close(cli_link *l);

#endif
