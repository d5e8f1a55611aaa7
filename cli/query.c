/* query.c - `ponte models` and `ponte status`: one unary call each, printed as a table. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/link.h"
#include "ponte/transcription/v1/transcription.ponte.h"

enum { TRANSCRIPTION_PORT = 50054, TIMEOUT_MS = 10000 };

typedef struct {
  cli_link link;
  int exit_code;
} query;

static void print_model(const Ponte__Transcription__V1__Model *m, bool is_default) {
  printf("%s%s  %.1f MB  %s  ", m->name, is_default ? " (default)" : "", (double)m->size_bytes / 1e6, m->licence);
  for (size_t i = 0; i < m->n_languages; i++)
    printf("%s%s", i ? "," : "", m->languages[i]);
  fputs("  ", stdout);
  for (size_t i = 0; i < m->n_capabilities; i++)
    printf("%s%s", i ? "," : "", m->capabilities[i]);
  puts("");
}

static void on_models(void *ctx, ponte_call *call, const Ponte__Transcription__V1__ListModelsResponse *reply,
                      const wire_status *status) {
  query *q = ctx;
  (void)call;
  q->exit_code = cli_exit_of(status);
  for (size_t i = 0; reply && i < reply->n_models; i++)
    print_model(reply->models[i], base_span_is(base_span_str(reply->default_model), reply->models[i]->name));
  net_loop_stop(q->link.loop);
}

static const char *state_name(Ponte__Transcription__V1__GetServiceStatusResponse__State state) {
  static const char *const names[] = {"unknown", "ok", "degraded", "failed"};
  return (unsigned)state < sizeof names / sizeof *names ? names[state] : names[0];
}

static void on_service_status(void *ctx, ponte_call *call, const Ponte__Transcription__V1__GetServiceStatusResponse *r,
                              const wire_status *status) {
  query *q = ctx;
  (void)call;
  q->exit_code = cli_exit_of(status);
  if (r) {
    printf("state            %s\n", state_name(r->state));
    for (size_t i = 0; i < r->n_subsystems; i++)
      printf("  %-14s %s %s\n", r->subsystems[i]->name, state_name(r->subsystems[i]->state), r->subsystems[i]->detail);
    printf("version          %s\nuptime           %.0f s\ndefault model    %s\n", r->version,
           (double)r->uptime_ms / 1000, r->default_model);
    printf("decoding         %u threads, %u waiting, real-time factor %.2f\n", r->pool_threads, r->pool_queued,
           r->real_time_factor);
    printf("streams          %u of %u\nmemory           %.0f MB\nlargest batch    %.0f MB\n", r->active_streams,
           r->max_streams, (double)r->resident_memory_bytes / 1e6, (double)r->max_batch_bytes / 1e6);
  }
  net_loop_stop(q->link.loop);
}

static base_err ask_models(query *q, ponte_call **call) {
  static const ponte_transcription_v1_list_models_events events = {.on_reply = on_models};
  const ponte_call_options options = {.timeout_ms = TIMEOUT_MS};
  Ponte__Transcription__V1__ListModelsRequest request = PONTE__TRANSCRIPTION__V1__LIST_MODELS_REQUEST__INIT;
  return ponte_transcription_v1_list_models(q->link.channel, &options, &request, &events, q, call);
}

static base_err ask_status(query *q, ponte_call **call) {
  static const ponte_transcription_v1_get_service_status_events events = {.on_reply = on_service_status};
  const ponte_call_options options = {.timeout_ms = TIMEOUT_MS};
  Ponte__Transcription__V1__GetServiceStatusRequest request =
      PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_REQUEST__INIT;
  return ponte_transcription_v1_get_service_status(q->link.channel, &options, &request, &events, q, call);
}

static int run_query(int argc, char **argv, base_err (*ask)(query *q, ponte_call **call)) {
  static const struct option options[] = {CLI_LINK_OPTIONS, {0}};
  cli_link_options link = {0};
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (!cli_link_option(&link, o, optarg)) return CLI_EXIT_USAGE;
  }
  if (optind < argc) {
    cli_say("unexpected %s", argv[optind]);
    return CLI_EXIT_USAGE;
  }
  query q = {.exit_code = CLI_EXIT_INTERRUPTED};
  ponte_call *call;
  if (!cli_link_open(&q.link, &link, TRANSCRIPTION_PORT)) return CLI_EXIT_USAGE;
  base_err err = ask(&q, &call);
  if (base_is_ok(err))
    net_loop_run(q.link.loop);
  else
    cli_say("%s", base_err_text(err));
  int code = base_is_ok(err) ? q.exit_code : CLI_EXIT_LOCAL;
  cli_link_close(&q.link);
  return code;
}

static int run_models(int argc, char **argv) { return run_query(argc, argv, ask_models); }
static int run_status(int argc, char **argv) { return run_query(argc, argv, ask_status); }

const cli_command cli_models = {"models", "list the speech models of the service",
                                "usage: ponte models [OPTION]...\n"
                                "One line a model: name, size, licence, languages, capabilities.\n\n" CLI_LINK_HELP,
                                run_models};
const cli_command cli_status = {"status", "show the state of the transcription service",
                                "usage: ponte status [OPTION]...\n\n" CLI_LINK_HELP, run_status};
