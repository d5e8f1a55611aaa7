/* call.c - `ponte call`: any method of any server, JSON in, JSON out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/describe.h"
#include "cli/lines.h"
#include "cli/queue.h"
#include "cli/reflect.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/unary.h"
#include "cli/words.h"
#include "pb/json.h"

enum { JSON_MAX = 8 << 20, WHY_MAX = 1024, NAMES_MAX = 1 << 20 };

typedef struct {
  const cli_args *args;
  cli_link link;
  int port;
  int64_t timeout_ms;
  const pb_method *method;
  cli_lines *lines;
  wire_metadata metadata;
  wire_status status;
  bool wrong_input, output_failed; /* said already */
} run_state;

/* A message in the arena; NULL: said why. JSON may take more memory than its bytes' worth of protobuf, but not much. */
static ProtobufCMessage *read_message(const pb_method *method, base_span json, pb_arena *arena) {
  ProtobufCMessage *m = NULL;
  base_buf why;
  base_buf_init(&why, WHY_MAX);
  arena->cap_bytes = pb_memory_cap(json.n) * 2;
  base_err e = pb_json_read(method->request, json, arena, &why, &m);
  base_span text = base_buf_span(&why);
  if (!base_is_ok(e) && text.n) cli_say("the request is no %s: %.*s", method->request->name, BASE_SPAN_ARG(text));
  if (!base_is_ok(e) && !text.n) cli_say("the request is no %s: %s", method->request->name, base_err_text(e));
  base_buf_dispose(&why);
  return base_is_ok(e) ? m : NULL;
}

static bool read_all(FILE *from, base_buf *out) {
  uint8_t chunk[65536];
  size_t n;
  while ((n = fread(chunk, 1, sizeof chunk, from)) > 0) {
    if (!base_is_ok(base_buf_append(out, base_span_of(chunk, n)))) {
      cli_say("standard input holds more than a message may");
      return false;
    }
  }
  return true;
}

/* -- a stream of requests ---------------------------------------------------------------------------------------------- */

static enum cli_next next_line(void *ctx, base_buf *out) {
  run_state *r = ctx;
  base_buf line;
  pb_arena arena;
  base_buf_init(&line, JSON_MAX);
  pb_arena_init(&arena, 0);
  enum cli_next next = cli_lines_next(r->lines, &line);
  if (next == CLI_NEXT_MESSAGE) {
    const ProtobufCMessage *m = read_message(r->method, base_buf_span(&line), &arena);
    if (!m || !base_is_ok(pb_pack(m, out))) next = CLI_NEXT_FAILED;
  }
  if (next == CLI_NEXT_FAILED) r->wrong_input = true;
  pb_arena_dispose(&arena);
  base_buf_dispose(&line);
  return next;
}

static base_err show_answer(void *ctx, base_span bytes) {
  run_state *r = ctx;
  ProtobufCMessage *m = NULL;
  pb_arena arena;
  pb_arena_init(&arena, pb_memory_cap(bytes.n));
  base_err e = pb_unpack(r->method->response, bytes, &arena, &m);
  if (base_is_ok(e) && !cli_show_json(m)) {
    r->output_failed = true;
    e = base_fail(BASE_E_IO);
  }
  pb_arena_dispose(&arena);
  return e;
}

static int finish(run_state *r) {
  if (r->wrong_input) return CLI_EXIT_USAGE;
  if (r->output_failed) return CLI_EXIT_LOCAL;
  return cli_link_exit(&r->link, &r->status);
}

static int run_lines(run_state *r) {
  cli_call call = {.path = r->method->path,
                   .port = r->port,
                   .timeout_ms = r->timeout_ms,
                   .metadata = &r->metadata,
                   .next = next_line,
                   .on_message = show_answer,
                   .ctx = r};
  r->lines = cli_lines_new(cli_link_wake, &r->link);
  if (!r->lines) return CLI_EXIT_LOCAL;
  cli_call_run(&r->link, &call, base_span_of(NULL, 0), &r->status);
  cli_lines_free(r->lines);
  return finish(r);
}

/* -- one request ------------------------------------------------------------------------------------------------------- */

static int send_request(run_state *r, ProtobufCMessage *request) {
  char key_text[CLI_KEY_MAX];
  const char *key = NULL;
  base_buf bytes;
  if (cli_arg(r->args, "queue") || cli_arg(r->args, "key")) {
    key = cli_set_key(r->args, request, key_text);
    if (!key) {
      cli_say("%s has no idempotency_key: sent twice it would take effect twice, so it cannot be queued",
              request->descriptor->name);
      return CLI_EXIT_USAGE;
    }
  }
  base_buf_init(&bytes, CLI_REQUEST_MAX);
  cli_call call = {.path = r->method->path,
                   .port = r->port,
                   .timeout_ms = r->timeout_ms,
                   .metadata = &r->metadata,
                   .on_message = show_answer,
                   .ctx = r};
  base_err e = pb_pack(request, &bytes);
  if (base_is_ok(e))
    cli_call_run(&r->link, &call, base_buf_span(&bytes), &r->status);
  else
    wire_status_from_err(&r->status, e);
  base_buf_dispose(&bytes);
  if (cli_queue_wanted(r->args, &r->link, &r->status))
    return cli_queue_keep(&r->link, &(cli_queue_call){r->port, r->method->path, key, request, NULL, 0});
  return finish(r);
}

static int run_one(run_state *r, const char *json) {
  base_buf text;
  pb_arena arena;
  int code = CLI_EXIT_USAGE;
  base_buf_init(&text, JSON_MAX);
  pb_arena_init(&arena, 0);
  bool from_stdin = json && strcmp(json, "-") == 0;
  if (!from_stdin || read_all(stdin, &text)) {
    base_span given = from_stdin ? base_buf_span(&text) : base_span_str(json ? json : "{}");
    ProtobufCMessage *request = read_message(r->method, given, &arena);
    if (request) code = send_request(r, request);
  }
  pb_arena_dispose(&arena);
  base_buf_dispose(&text);
  return code;
}

static bool add_headers(const cli_args *a, wire_metadata *m) {
  const char *text;
  for (int i = 0; (text = cli_arg_at(a, "header", i)); i++) {
    const char *colon = strchr(text, ':');
    base_span name = base_span_of(text, colon ? (size_t)(colon - text) : 0);
    if (!colon || !base_is_ok(wire_metadata_add_header(m, base_span_trim(name), base_span_str(colon + 1)))) {
      cli_say("-H must be \"name: value\" of what metadata may hold, not \"%s\"", text);
      return false;
    }
  }
  return true;
}

/* A queued call is its request alone. */
static bool can_be_queued(const cli_args *a, bool stream) {
  bool metadata = cli_arg(a, "header") != NULL;
  if (!cli_arg(a, "queue") || (!stream && !metadata)) return true;
  cli_say("--queue keeps one request without metadata: %s",
          stream ? cli_words("this is a stream of them") : cli_words("leave -H out"));
  return false;
}

static int run_method(run_state *r) {
  const char *symbol = r->args->words[0], *json = r->args->count > 1 ? r->args->words[1] : NULL;
  char service[CLI_SYMBOL_MAX];
  if (!cli_symbol_service(symbol, service)) return CLI_EXIT_USAGE;
  if (!add_headers(r->args, &r->metadata)) return CLI_EXIT_USAGE;
  pb_dynamic *types = cli_reflect(&r->link, r->port, r->timeout_ms, service, &r->status);
  if (!types) return finish(r);
  int code = CLI_EXIT_STATUS + BASE_GRPC_UNIMPLEMENTED;
  r->method = cli_find_method(types, symbol);
  if (!r->method) {
    cli_say("no method %s; `ponte call --describe %s` shows what there is", symbol, service);
  } else {
    bool stream = r->method->kind == PB_CLIENT_STREAM || r->method->kind == PB_BIDI;
    bool lines = stream && (!json || strcmp(json, "-") == 0);
    if (r->method->kind != PB_UNARY) (void)cli_stream_timeout(r->args, &r->timeout_ms); /* it was right before */
    code = !can_be_queued(r->args, lines) ? CLI_EXIT_USAGE : lines ? run_lines(r) : run_one(r, json);
  }
  pb_dynamic_free(types);
  return code;
}

/* -- what there is ----------------------------------------------------------------------------------------------------- */

/* One a line; a server chose them, so they are shown as messages are. */
static void print_names(base_span names) {
  while (names.n > 0) {
    const uint8_t *end = memchr(names.p, '\n', names.n);
    size_t n = end ? (size_t)(end - names.p) : names.n;
    cli_put_clean(stdout, base_span_of(names.p, n));
    putchar('\n');
    names = base_span_of(names.p + n + (end != NULL), names.n - n - (end != NULL));
  }
}

static int run_list(run_state *r) {
  base_buf names;
  bool good = true;
  base_buf_init(&names, NAMES_MAX);
  if (r->link.direct) {
    for (int i = 0; cli_reflect_ports[i]; i++) /* each that is there */
      (void)cli_reflect_list(&r->link, cli_reflect_ports[i], r->timeout_ms, &names, &r->status);
    good = base_buf_size(&names) > 0;
  } else {
    good = cli_reflect_list(&r->link, r->port, r->timeout_ms, &names, &r->status);
  }
  if (r->link.session && r->status.code != BASE_GRPC_UNAVAILABLE && !r->link.interrupted) {
    cli_say("through a gateway reflection speaks for one server at most; Ponte's own services are known anyway");
    good = cli_reflect_own(&names);
  }
  if (good) print_names(base_buf_span(&names));
  base_buf_dispose(&names);
  return good ? CLI_EXIT_OK : finish(r);
}

static int run_describe(run_state *r, const char *symbol) {
  char service[CLI_SYMBOL_MAX], dotted[CLI_SYMBOL_MAX];
  if (!cli_symbol_service(symbol, service)) return CLI_EXIT_USAGE;
  snprintf(dotted, sizeof dotted, "%s", symbol[0] == '/' ? symbol + 1 : symbol);
  char *slash = strchr(dotted, '/');
  if (slash) *slash = '.';
  pb_dynamic *types = cli_reflect(&r->link, r->port, r->timeout_ms, dotted, &r->status);
  if (!types) return finish(r);
  bool found = cli_describe(types, dotted);
  if (!found) cli_say("no symbol %s", dotted);
  pb_dynamic_free(types);
  return found ? CLI_EXIT_OK : CLI_EXIT_STATUS + BASE_GRPC_NOT_FOUND;
}

static int run(const cli_args *a) {
  run_state r = {.args = a};
  cli_link_options options = cli_link_options_of(a);
  const char *describe = cli_arg(a, "describe"), *symbol = describe ? describe : a->count ? a->words[0] : "";
  bool list = cli_arg(a, "list") != NULL;
  char service[CLI_SYMBOL_MAX] = "";
  if (!list && !*symbol) {
    cli_say("name a method, SERVICE/METHOD; `ponte call --list` shows the services");
    return CLI_EXIT_USAGE;
  }
  if (!cli_timeout(a, &r.timeout_ms) || !cli_symbol_service(symbol, service)) return CLI_EXIT_USAGE;
  r.port = cli_reflect_port(service);
  if (options.direct && !list && !r.port) {
    cli_say("--direct knows Ponte's own services; name the server with --endpoint HOST:PORT");
    return CLI_EXIT_USAGE;
  }
  if (!r.port) r.port = CLI_USERS_PORT;
  if (!cli_link_open(&r.link, &options, r.port)) return CLI_EXIT_USAGE;
  wire_metadata_init(&r.metadata);
  wire_status_init(&r.status);
  int code = list ? run_list(&r) : describe ? run_describe(&r, describe) : run_method(&r);
  wire_status_dispose(&r.status);
  wire_metadata_dispose(&r.metadata);
  cli_link_close(&r.link);
  return code;
}

static const cli_option options[] = {
    {"header", "NAME: VALUE", "metadata of the call; may be repeated; values of -bin names in base64", NULL, 'H'},
    {"list", NULL, "the services that the server has", NULL, 0},
    {"describe", "SYMBOL", "a service, method, message or enum, as its .proto says it", NULL, 0},
    {0}};

const cli_command cli_call_command = {
    .name = "call",
    .summary = "call any method: JSON in, JSON out",
    .arguments = "SERVICE/METHOD [JSON|-]",
    .max = 2,
    .groups = CLI_LINK | CLI_CALL | CLI_CHANGE,
    .options = options,
    .help = "The types come from server reflection; those of Ponte's own services are known without it. \"-\" is "
            "standard input; for a stream of\n"
            "requests it is one JSON message a line, and so it is without JSON. Answers come one a line.\n",
    .run = run};
