#include "cli/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "wc_net/plat_net.h"

enum { TARGET_MAX = 512 };

bool cli_link_option(cli_link_options *o, int option, const char *value) {
  switch (option) {
  case 'e': o->endpoint = value; return true;
  case 'd': o->direct = value ? value : "127.0.0.1"; return true;
  case 't': o->token = value; return true;
  default: return false;
  }
}

static void on_wake(void *ctx) {
  cli_link *l = ctx;
  if (l->rpc) rpc_client_drain(l->rpc);
  if (l->on_wake) l->on_wake(l->ctx);
}

static void on_signal(void *ctx, int number) {
  cli_link *l = ctx;
  (void)number;
  if (l->on_interrupt)
    l->on_interrupt(l->ctx);
  else
    net_loop_stop(l->loop);
}

static void nudge(void *ctx) { net_loop_wake(ctx); }

static base_err open_direct(cli_link *l, const char *target) {
  rpc_client_options options = {.wake = nudge, .wake_ctx = l->loop};
  BASE_TRY(rpc_client_new(&options, &l->rpc));
  return rpc_channel_new(l->rpc, target, NULL, &l->channel);
}

static base_err open_gateway(cli_link *l, const char *rest, bool tls, const char *token) {
  char url[TARGET_MAX];
  size_t n = strcspn(rest, "/");
  int written = snprintf(url, sizeof url, "%s://%.*s/ponte.v1", tls ? "wss" : "ws", (int)n, rest);
  if (n == 0 || written < 0 || (size_t)written >= sizeof url) return base_fail(BASE_E_INVALID);
  wc_session_options options = {.url = url, .token = token};
  BASE_TRY(wc_session_new(l->plat, &options, &l->session));
  l->channel = wc_session_channel(l->session);
  return BASE_OK;
}

static const char *after(const char *text, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static base_err open_channel(cli_link *l, const cli_link_options *o, int service_port) {
  const char *token = o->token ? o->token : getenv("PONTE_TOKEN");
  if (o->direct) {
    char target[TARGET_MAX];
    int written = snprintf(target, sizeof target, "%s:%d", o->direct, service_port);
    if (written < 0 || (size_t)written >= sizeof target) return base_fail(BASE_E_INVALID);
    return open_direct(l, target);
  }
  const char *endpoint = o->endpoint ? o->endpoint : "http://127.0.0.1:8080";
  const char *rest = after(endpoint, "http://");
  if (rest) return open_gateway(l, rest, false, token);
  rest = after(endpoint, "https://");
  if (rest) return open_gateway(l, rest, true, token);
  if (strstr(endpoint, "://") || !strchr(endpoint, ':')) return base_fail(BASE_E_INVALID);
  return open_direct(l, endpoint);
}

bool cli_link_open(cli_link *l, const cli_link_options *o, int service_port) {
  net_loop_options options = {.on_wake = on_wake, .on_signal = on_signal, .ctx = l, .handle_signals = true};
  *l = (cli_link){0};
  base_err err = net_loop_new(&options, &l->loop);
  if (base_is_ok(err)) err = wc_plat_net_new(l->loop, &l->plat);
  if (base_is_ok(err)) err = open_channel(l, o, service_port);
  if (base_is_ok(err)) return true;
  if (base_is(err, BASE_E_INVALID))
    cli_say("--endpoint must be http://HOST:PORT, https://HOST:PORT or HOST:PORT, and the token visible ASCII");
  else
    cli_say("cannot start: %s", base_err_text(err));
  cli_link_close(l);
  return false;
}

void cli_link_close(cli_link *l) {
  wc_session_free(l->session);
  if (l->rpc) {
    rpc_channel_free(l->channel);
    rpc_client_free(l->rpc);
  }
  net_loop_free(l->loop);
  wc_plat_net_free(l->plat);
  *l = (cli_link){0};
}
