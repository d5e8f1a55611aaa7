/* ponte-services: hosts Ponte's services. The main thread runs the loop of the admin port, and with it signals and the drain. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/admin.h"
#include "net/loop.h"
#include "rpc/server.h"
#include "services/hosted.h"
#include "transcription/service.h"

enum { DRAIN_POLL_MS = 50, LAST_MS = 1000, PATH_SIZE = 300, WHY_SIZE = 262144, EXIT_USAGE = 2 };
#define VERSION "0.1.0"

typedef struct {
  const services_options *options;
  net_loop *loop;
  net_timer *drain_timer;
  http_admin *admin;
  tr_service *transcription;
  services_hosted *hosted;
  bool draining;
  int64_t drain_until_ms;
} host;

static bool is_ready(void *ctx, const char **why) {
  const host *h = ctx;
  if (h->draining) *why = "shutting down\n";
  return !h->draining && services_hosted_is_ready(h->hosted, why);
}

static base_err more_pages(void *ctx, base_span path, const char **type, base_buf *out) {
  const host *h = ctx;
  return services_hosted_page(h->hosted, path, type, out);
}

/* Streams may end by themselves until the time is over; then tr_service_stop() sends them elsewhere. */
static void on_drain_timer(void *ctx) {
  host *h = ctx;
  bool idle = !h->transcription || tr_service_is_idle(h->transcription);
  if (idle || base_now_ms() >= h->drain_until_ms) {
    net_loop_stop(h->loop);
  } else {
    net_timer_set(h->drain_timer, DRAIN_POLL_MS);
  }
}

static void on_signal(void *ctx, int signal) {
  host *h = ctx;
  if (signal == SIGHUP) return;
  if (h->draining) { /* asked twice: at once */
    net_loop_stop(h->loop);
    return;
  }
  BASE_LOG(BASE_LOG_INFO, "draining", LOG_INT("signal", signal));
  h->draining = true;
  h->drain_until_ms = base_now_ms() + h->options->drain_ms;
  services_hosted_drain(h->hosted);
  if (h->transcription) tr_service_drain(h->transcription);
  on_drain_timer(h);
}

static bool start_transcription(host *h) {
  const services_options *o = h->options;
  char why[ASR_WHY_SIZE], address[BASE_ADDRESS_SIZE], directory[PATH_SIZE];
  const char *deps = getenv("PONTE_DEPS_DIR");
  snprintf(directory, sizeof directory, "%s/models", deps && *deps ? deps : "deps");
  tr_options t = {.model_directory = o->model_directory ? o->model_directory : directory,
                  .engine = asr_engine_find(o->asr_engine),
                  .default_model = o->model,
                  .decode_threads = o->decode_threads,
                  .max_streams = o->max_streams,
                  .max_batch_bytes = (size_t)o->max_batch_bytes,
                  .version = VERSION};
  if (!t.engine) {
    fprintf(stderr, "ponte-services: there is no engine \"%s\": choose sherpa or fake\n", o->asr_engine);
    return false;
  }
  base_address_of(o->listen_host, (int)o->transcription_port, address);
  base_err e = tr_service_start(&t, address, &h->transcription, why);
  if (!base_is_ok(e)) {
    fprintf(stderr, "ponte-services: %s\n", why[0] ? why : base_err_text(e));
    return false;
  }
  BASE_LOG(BASE_LOG_INFO, "listening", LOG_STR("service", "transcription"), LOG_STR("host", o->listen_host),
           LOG_INT("port", tr_service_port(h->transcription)));
  return true;
}

static bool start_admin(host *h) {
  if (!h->options->admin) return true;
  base_err e = http_admin_start(h->loop, h->options->admin, is_ready, h, &h->admin);
  if (!base_is_ok(e)) {
    fprintf(stderr, "ponte-services: the admin port cannot listen on %s: %s\n", h->options->admin, base_err_text(e));
    return false;
  }
  http_admin_set_pages(h->admin, more_pages, h);
  BASE_LOG(BASE_LOG_INFO, "listening", LOG_STR("service", "admin"), LOG_INT("port", http_admin_port(h->admin)));
  return true;
}

static bool start_all(host *h) {
  const services_options *o = h->options;
  h->drain_timer = net_timer_new(h->loop, on_drain_timer, h);
  return h->drain_timer && base_is_ok(services_hosted_start(o, &h->hosted)) &&
         (!services_options_has(o, "transcription") || start_transcription(h)) && start_admin(h);
}

/* What is left of the grace, for the calls that still run. */
static int64_t grace_left(const host *h) {
  int64_t left_ms = h->drain_until_ms - base_now_ms();
  return left_ms > LAST_MS ? left_ms : LAST_MS;
}

static int serve(const services_options *o) {
  host h = {.options = o};
  net_loop_options loop_options = {.on_signal = on_signal, .ctx = &h, .handle_signals = true};
  base_err e = net_loop_new(&loop_options, &h.loop);
  if (!base_is_ok(e)) {
    fprintf(stderr, "ponte-services: no event loop: %s\n", base_err_text(e));
    return EXIT_FAILURE;
  }
  bool ok = start_all(&h);
  if (ok) net_loop_run(h.loop);
  services_hosted_stop(h.hosted, grace_left(&h));
  tr_service_stop(h.transcription);
  net_timer_free(h.drain_timer);
  net_loop_free(h.loop);
  http_admin_free(h.admin);
  if (ok) BASE_LOG(BASE_LOG_INFO, "stopped");
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const services_options *o, const char *backup, base_buf *text) {
  if (o->help) {
    if (!base_is_ok(settings_help(&services_program, text))) return EXIT_FAILURE;
    printf("%.*s", BASE_SPAN_ARG(base_buf_span(text)));
    return EXIT_SUCCESS;
  }
  if (o->version) {
    puts("ponte-services " VERSION);
    return EXIT_SUCCESS;
  }
  base_log_init("ponte-services");
  if (backup) return base_is_ok(services_backup(o, backup)) ? EXIT_SUCCESS : EXIT_FAILURE;
  return serve(o);
}

int main(int argc, char **argv) {
  services_options o;
  base_buf text;
  int code = EXIT_USAGE;
  base_buf_init(&text, WHY_SIZE);
  rpc_poll_apart();
  /* "backup DIR" stands before the options. */
  bool wants_backup = argc > 1 && strcmp(argv[1], "backup") == 0;
  if (wants_backup && (argc == 2 || argv[2][0] == '-')) {
    fputs("ponte-services: backup needs a folder: ponte-services backup DIR\n", stderr);
    return EXIT_USAGE;
  }
  const char *backup = wants_backup ? argv[2] : NULL;
  int skip = backup ? 2 : 0;
  if (base_is_ok(services_options_read(argc - skip, argv + skip, getenv, &o, &text))) {
    code = run(&o, backup, &text);
    services_options_dispose(&o);
  } else {
    fprintf(stderr, "ponte-services: %.*s\n", BASE_SPAN_ARG(base_buf_span(&text)));
  }
  base_buf_dispose(&text);
  return code;
}
