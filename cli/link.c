#include "cli/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "wc_net/plat_net.h"

#define DEFAULT_ENDPOINT "http://127.0.0.1:8080"
#define DIRECT "direct:"

cli_link_options cli_link_options_of(const cli_args *a) {
  const char *direct = cli_arg(a, "direct");
  return (cli_link_options){.endpoint = cli_arg(a, "endpoint"),
                            .direct = direct && !*direct ? "127.0.0.1" : direct,
                            .token = cli_arg(a, "token")};
}

static void on_wake(void *ctx) {
  cli_link *l = ctx;
  if (l->rpc) rpc_client_drain(l->rpc);
  if (l->on_wake) l->on_wake(l->ctx);
}

static void on_signal(void *ctx, int number) {
  cli_link *l = ctx;
  l->interrupted = number;
  if (l->on_interrupt)
    l->on_interrupt(l->ctx);
  else
    net_loop_stop(l->loop);
}

void cli_link_wake(void *link) {
  const cli_link *l = link;
  net_loop_wake(l->loop);
}

static base_err open_direct(cli_link *l, const char *target, ponte_channel **out) {
  rpc_client_options options = {.wake = cli_link_wake, .wake_ctx = l};
  if (!l->rpc) BASE_TRY(rpc_client_new(&options, &l->rpc));
  return rpc_channel_new(l->rpc, target, NULL, out);
}

static base_err open_gateway(cli_link *l, const char *rest, bool tls, ponte_channel **out) {
  char url[CLI_PLACE_MAX];
  size_t n = strcspn(rest, "/");
  int written = snprintf(url, sizeof url, "%s://%.*s/ponte.v1", tls ? "wss" : "ws", (int)n, rest);
  if (n == 0 || written < 0 || (size_t)written >= sizeof url) return base_fail(BASE_E_INVALID);
  wc_session_options options = {.url = url};
  BASE_TRY(wc_session_new(l->plat, &options, &l->session));
  *out = wc_session_channel(l->session);
  return BASE_OK;
}

static const char *after(const char *text, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static base_err open_channel(cli_link *l, int service_port, ponte_channel **out) {
  if (l->direct) {
    char target[CLI_PLACE_MAX];
    int written = snprintf(target, sizeof target, "%s:%d", l->direct, service_port);
    if (written < 0 || (size_t)written >= sizeof target) return base_fail(BASE_E_INVALID);
    return open_direct(l, target, out);
  }
  const char *rest = after(l->place, "http://");
  if (rest) return open_gateway(l, rest, false, out);
  rest = after(l->place, "https://");
  if (rest) return open_gateway(l, rest, true, out);
  if (strstr(l->place, "://") || !strchr(l->place, ':')) return base_fail(BASE_E_INVALID);
  return open_direct(l, l->place, out);
}

static base_err find_channel(cli_link *l, int service_port, ponte_channel **out) {
  int port = l->direct ? service_port : 0, i = 0;
  while (i < CLI_CHANNELS && l->channels[i].channel && l->channels[i].port != port)
    i++;
  if (i == CLI_CHANNELS) return base_fail(BASE_E_EXHAUSTED);
  if (!l->channels[i].channel) BASE_TRY(open_channel(l, service_port, &l->channels[i].channel));
  l->channels[i].port = port;
  *out = l->channels[i].channel;
  return BASE_OK;
}

ponte_channel *cli_link_channel(cli_link *l, int service_port) {
  ponte_channel *out = NULL;
  return base_is_ok(find_channel(l, service_port, &out)) ? out : NULL;
}

int cli_link_exit(const cli_link *l, const wire_status *status) {
  return l->interrupted && status->code ? CLI_EXIT_INTERRUPTED : cli_exit_of(status);
}

base_err cli_link_set_token(cli_link *l, const char *token) {
  if (token && l->token && strcmp(token, l->token) == 0) return BASE_OK;
  char *copy = token ? strdup(token) : NULL;
  if (token && !copy) return base_fail(BASE_E_NO_MEMORY);
  for (const char *p = token; p && *p; p++) {
    if (*p < 0x21 || *p > 0x7e) {
      free(copy);
      return base_fail(BASE_E_INVALID);
    }
  }
  free(l->token);
  l->token = copy;
  return l->session ? wc_session_set_token(l->session, token) : BASE_OK;
}

bool cli_link_open_place(cli_link *l, const char *place, const char *token, int service_port) {
  net_loop_options options = {.on_wake = on_wake, .on_signal = on_signal, .ctx = l, .handle_signals = true};
  *l = (cli_link){0};
  bool fits = strlen(place) < sizeof l->place;
  snprintf(l->place, sizeof l->place, "%s", place);
  l->direct = after(l->place, DIRECT);
  base_err err = fits ? net_loop_new(&options, &l->loop) : base_fail(BASE_E_INVALID);
  if (base_is_ok(err)) err = wc_plat_net_new(l->loop, &l->plat);
  if (base_is_ok(err)) err = find_channel(l, service_port, &l->channel);
  if (base_is_ok(err)) err = cli_link_set_token(l, token);
  l->identified = l->given_token = token != NULL;
  if (base_is_ok(err)) return true;
  if (base_is(err, BASE_E_INVALID))
    cli_say("--endpoint must be http://HOST:PORT, https://HOST:PORT or HOST:PORT, and the token visible ASCII");
  else
    cli_say("cannot start: %s", base_err_text(err));
  cli_link_close(l);
  return false;
}

bool cli_link_place(const cli_link_options *o, char place[CLI_PLACE_MAX]) {
  const char *endpoint = o->endpoint ? o->endpoint : DEFAULT_ENDPOINT;
  int n = snprintf(place, CLI_PLACE_MAX, "%s%s", o->direct ? DIRECT : "", o->direct ? o->direct : endpoint);
  if (n >= CLI_PLACE_MAX) cli_say("--endpoint is too long");
  return n < CLI_PLACE_MAX;
}

const char *cli_link_environment_token(void) {
  const char *token = getenv("PONTE_TOKEN");
  return token && *token ? token : NULL;
}

bool cli_link_open(cli_link *l, const cli_link_options *o, int service_port) {
  char place[CLI_PLACE_MAX];
  const char *token = o->token ? o->token : cli_link_environment_token();
  return cli_link_place(o, place) && cli_link_open_place(l, place, token, service_port);
}

void cli_link_close(cli_link *l) {
  wc_session_free(l->session);
  for (int i = 0; l->rpc && i < CLI_CHANNELS && l->channels[i].channel; i++)
    rpc_channel_free(l->channels[i].channel);
  if (l->rpc) rpc_client_free(l->rpc);
  net_loop_free(l->loop);
  wc_plat_net_free(l->plat);
  free(l->token);
  *l = (cli_link){0};
}
