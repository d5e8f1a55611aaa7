/* query.c - `ponte models` and `ponte status`: one unary call each, printed as a table. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/table.h"
#include "cli/text.h"
#include "cli/unary.h"
#include "ponte/transcription/v1/transcription.ponte.h"

static void add_joined(cli_table *t, char *const *words, size_t n) {
  char text[512] = "";
  size_t used = 0;
  for (size_t i = 0; i < n && used < sizeof text; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "," : "", words[i]);
  cli_table_cell(t, text);
}

static void show_models(const ProtobufCMessage *reply) {
  static const char *const heads[] = {"MODEL", ">SIZE", "LICENCE", "LANGUAGES", "CAPABILITIES", NULL};
  const Ponte__Transcription__V1__ListModelsResponse *r = (const Ponte__Transcription__V1__ListModelsResponse *)reply;
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < r->n_models; i++) {
    const Ponte__Transcription__V1__Model *m = r->models[i];
    bool is_default = base_span_is(base_span_str(r->default_model), m->name);
    char text[256];
    snprintf(text, sizeof text, "%s%s", m->name, is_default ? " (default)" : "");
    cli_table_cell(&t, text);
    snprintf(text, sizeof text, "%.1f MB", (double)m->size_bytes / 1e6);
    cli_table_cell(&t, text);
    cli_table_cell(&t, m->licence);
    add_joined(&t, m->languages, m->n_languages);
    add_joined(&t, m->capabilities, m->n_capabilities);
  }
  cli_table_show(&t);
}

static const char *state_name(Ponte__Transcription__V1__GetServiceStatusResponse__State state) {
  static const char *const names[] = {"unknown", "ok", "degraded", "failed"};
  return (unsigned)state < sizeof names / sizeof *names ? names[state] : names[0];
}

static void show_text(const char *head, const char *text) {
  fputs(head, stdout);
  cli_put_clean(stdout, base_span_str(text));
  putchar('\n');
}

static void show_subsystem(const char *name, const char *state, const char *detail) {
  int blanks = 14 - cli_width(base_span_str(name));
  fputs("  ", stdout);
  cli_put_clean(stdout, base_span_str(name));
  printf("%*s %s ", blanks > 0 ? blanks : 0, "", state);
  show_text("", detail);
}

static void show_status(const ProtobufCMessage *reply) {
  const Ponte__Transcription__V1__GetServiceStatusResponse *r =
      (const Ponte__Transcription__V1__GetServiceStatusResponse *)reply;
  printf("state            %s\n", state_name(r->state));
  for (size_t i = 0; i < r->n_subsystems; i++)
    show_subsystem(r->subsystems[i]->name, state_name(r->subsystems[i]->state), r->subsystems[i]->detail);
  show_text("version          ", r->version);
  printf("uptime           %.0f s\n", (double)r->uptime_ms / 1000);
  show_text("default model    ", r->default_model);
  printf("decoding         %u threads, %u waiting, real-time factor %.2f\n", r->pool_threads, r->pool_queued,
         r->real_time_factor);
  printf("streams          %u of %u\nmemory           %.0f MB\nlargest batch    %.0f MB\n", r->active_streams,
         r->max_streams, (double)r->resident_memory_bytes / 1e6, (double)r->max_batch_bytes / 1e6);
}

static int run_models(const cli_args *a) {
  static const cli_unary u = {&ponte_transcription_v1_service, "ListModels", CLI_TRANSCRIPTION_PORT, show_models};
  Ponte__Transcription__V1__ListModelsRequest request = PONTE__TRANSCRIPTION__V1__LIST_MODELS_REQUEST__INIT;
  return cli_unary_run(a, &u, &request.base);
}

static int run_status(const cli_args *a) {
  static const cli_unary u = {&ponte_transcription_v1_service, "GetServiceStatus", CLI_TRANSCRIPTION_PORT, show_status};
  Ponte__Transcription__V1__GetServiceStatusRequest request =
      PONTE__TRANSCRIPTION__V1__GET_SERVICE_STATUS_REQUEST__INIT;
  return cli_unary_run(a, &u, &request.base);
}

const cli_command cli_models = {.name = "models",
                                .summary = "list the speech models of the transcription service",
                                .groups = CLI_LINK | CLI_CALL | CLI_JSON,
                                .run = run_models};
const cli_command cli_status = {.name = "status",
                                .summary = "show the state of the transcription service",
                                .groups = CLI_LINK | CLI_CALL | CLI_JSON,
                                .run = run_status};
