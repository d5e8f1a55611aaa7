#include "gen/emit.h"

/* -- header ---------------------------------------------------------------------------------------------------------- */

static void handler_fields(base_buf *b, const gen_method *m) {
  gen_out(b, "  ");
  gen_method_comment(b, m);
  if (m->kind == GEN_UNARY) {
    gen_out(b, "  void (*%s)(void *service, rpc_call *call, const %s *request, %s *response);\n", m->snake, m->request,
            m->response);
    return;
  }
  gen_out(b, "  struct {\n");
  gen_out(b, "    void (*on_open)(void *service, rpc_call *call);\n");
  gen_out(b, "    void (*on_message)(void *service, rpc_call *call, const %s *message);\n", m->request);
  gen_out(b, "    void (*on_half_close)(void *service, rpc_call *call);\n");
  gen_out(b, "    void (*on_writable)(void *service, rpc_call *call);\n");
  gen_out(b, "    void (*on_end)(void *service, rpc_call *call, bool cancelled);\n");
  gen_out(b, "  } %s;\n", m->snake);
}

static void reply_signature(base_buf *b, const gen_method *m, const char *end) {
  gen_out(b, "base_err %s_reply(rpc_call *call, const %s *message)%s\n", m->full, m->response, end);
}

static void serve_signature(base_buf *b, const gen_service *s, const char *end) {
  gen_out(b, "base_err %s_serve(rpc_server *server, const %s_handlers *handlers, void *service)%s\n", s->prefix,
          s->prefix, end);
}

static void service_header(base_buf *b, const gen_service *s) {
  gen_out(b, "/* -- %s */\n\n", s->full);
  gen_out(b, "/* rpc/server.h says when each is called. A method left out (unary NULL, on_open NULL) is answered "
             "UNIMPLEMENTED. */\n");
  gen_out(b, "typedef struct {\n");
  for (size_t i = 0; i < s->count; i++) {
    handler_fields(b, &s->methods[i]);
  }
  if (s->count == 0) {
    gen_out(b, "  char none;\n");
  }
  gen_out(b, "} %s_handlers;\n\n", s->prefix);
  gen_out(b, "/* Before rpc_server_start(). The table is copied; `service` is given to each handler and outlives the "
             "server. */\n");
  serve_signature(b, s, " BASE_MUST_USE;");
  gen_out(b, "\n");
  for (size_t i = 0; i < s->count; i++) {
    if (s->methods[i].kind != GEN_UNARY) {
      gen_out(b, "/* rpc_call_send() for its type. */\n");
      reply_signature(b, &s->methods[i], " BASE_MUST_USE;");
    }
  }
}

void gen_emit_server_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, "_PONTE_SERVER_H");
  gen_out(b, "#include \"%s.ponte.h\"\n#include \"rpc/server.h\"\n\n", f->stem);
  for (size_t s = 0; s < count; s++) {
    service_header(b, &services[s]);
    gen_out(b, "\n");
  }
  gen_foot(b);
}

/* -- source ---------------------------------------------------------------------------------------------------------- */

static void thunk(base_buf *b, const gen_method *m) {
  if (m->kind == GEN_UNARY) {
    gen_out(b, "static void %s_deliver(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *request,\n",
            m->full);
    gen_out(b, "                       ProtobufCMessage *response) {\n");
    gen_out(b, "  ((void (*)(void *, rpc_call *, const %s *, %s *))fn)(service, call, (const %s *)request,\n",
            m->request, m->response, m->request);
    gen_out(b, "                                                           (%s *)response);\n}\n\n", m->response);
    return;
  }
  gen_out(b, "static void %s_deliver(pb_fn fn, void *service, rpc_call *call, const ProtobufCMessage *message) {\n",
          m->full);
  gen_out(b, "  ((void (*)(void *, rpc_call *, const %s *))fn)(service, call, (const %s *)message);\n}\n\n", m->request,
          m->request);
  reply_signature(b, m, " {");
  gen_out(b, "  return rpc_call_send(call, &message->base);\n}\n\n");
}

static void row(base_buf *b, const gen_method *m) {
  const char *n = m->snake;
  if (m->kind == GEN_UNARY) {
    gen_out(b, "      {.unary = (pb_fn)handlers->%s, .deliver_unary = %s_deliver},\n", n, m->full);
    return;
  }
  gen_out(b, "      {.on_open = handlers->%s.on_open,\n       .on_message = (pb_fn)handlers->%s.on_message,\n", n, n);
  gen_out(b, "       .deliver_message = %s_deliver,\n       .on_half_close = handlers->%s.on_half_close,\n", m->full,
          n);
  gen_out(b, "       .on_writable = handlers->%s.on_writable,\n       .on_end = handlers->%s.on_end},\n", n, n);
}

static void serve(base_buf *b, const gen_file *f, const gen_service *s) {
  serve_signature(b, s, " {");
  if (s->count == 0) {
    gen_out(b, "  (void)handlers;\n  return rpc_server_add(server, &%s_service, NULL, service, %s);\n}\n\n", s->prefix,
            f->descriptor_set);
    return;
  }
  gen_out(b, "  const rpc_handler rows[] = {\n");
  for (size_t i = 0; i < s->count; i++) {
    row(b, &s->methods[i]);
  }
  gen_out(b, "  };\n  return rpc_server_add(server, &%s_service, rows, service, %s);\n}\n\n", s->prefix,
          f->descriptor_set);
}

void gen_emit_server_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, NULL);
  gen_out(b, "#include \"%s.ponte.server.h\"\n\n", f->stem);
  for (size_t s = 0; s < count; s++) {
    for (size_t i = 0; i < services[s].count; i++) {
      thunk(b, &services[s].methods[i]);
    }
    serve(b, f, &services[s]);
  }
}
