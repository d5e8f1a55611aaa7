#include <stdio.h>
#include <stdlib.h>

#include "gen/options.h"

/* -- header ---------------------------------------------------------------------------------------------------------- */

static void event(base_buf *b, const char *name, const char *arguments) {
  gen_out(b, "  void (*%s)(void *ctx, ponte_call *call%s);\n", name, arguments);
}

static void events_struct(base_buf *b, const gen_method *m) {
  gen_out(b, "typedef struct {\n");
  gen_out(b, "  /* May be NULL. */\n");
  event(b, "on_headers", ", const wire_metadata *headers");
  if (m->streams_requests) {
    gen_out(b, "  /* May be NULL. */\n");
    event(b, "on_writable", "");
  }
  char typed[2 * GEN_NAME_MAX];
  if (m->streams_replies) {
    snprintf(typed, sizeof typed, ", const %s *message", m->response);
    event(b, "on_message", typed);
    gen_out(b, "  /* Exactly once, last. */\n");
    event(b, "on_status", ", const wire_status *status");
  } else {
    snprintf(typed, sizeof typed, ", const %s *reply, const wire_status *status", m->response);
    gen_out(b, "  /* Exactly once, last; `reply` is NULL unless the status is OK. */\n");
    event(b, "on_reply", typed);
  }
  gen_out(b, "} %s_events;\n", m->full);
}

static void start_signature(base_buf *b, const gen_method *m, const char *end) {
  gen_out(b, "base_err %s(ponte_channel *ch, const ponte_call_options *options,", m->full);
  if (!m->streams_requests) {
    gen_out(b, " const %s *request,", m->request);
  }
  gen_out(b, "\n    const %s_events *events, void *ctx, ponte_call **out)%s\n", m->full, end);
}

static void send_signature(base_buf *b, const gen_method *m, const char *end) {
  gen_out(b, "base_err %s_send(ponte_call *call, const %s *message)%s\n", m->full, m->request, end);
}

static void method_header(base_buf *b, const gen_method *m) {
  gen_method_comment(b, m);
  events_struct(b, m);
  start_signature(b, m, " BASE_MUST_USE;");
  if (m->streams_requests) {
    send_signature(b, m, " BASE_MUST_USE;");
  }
  gen_out(b, "\n");
}

void gen_emit_client_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, "_PONTE_H");
  gen_out(b, "#include \"%s.pb-c.h\"\n#include \"pb/stub.h\"\n\n", f->stem);
  gen_out(
      b, "/* FileDescriptorSet of this file and its imports, for server reflection. */\nextern const base_span %s;\n\n",
      f->descriptor_set);
  for (size_t s = 0; s < count; s++) {
    gen_out(b, "/* -- %s */\n\nextern const pb_service %s_service;\n\n", services[s].full, services[s].prefix);
    for (size_t i = 0; i < services[s].count; i++) {
      method_header(b, &services[s].methods[i]);
    }
  }
  gen_foot(b);
}

/* -- source ---------------------------------------------------------------------------------------------------------- */

static void row(base_buf *b, const gen_types *types, const gen_service *s, const gen_method *m, bool has_policy) {
  static const char *const kinds[] = {"PB_UNARY", "PB_CLIENT_STREAM", "PB_SERVER_STREAM", "PB_BIDI"};
  gen_out(b, "    {\"/%s/%s\", %s, &%s__descriptor, &%s__descriptor, ", s->full, m->name, kinds[m->kind],
          m->request_lower, m->response_lower);
  if (gen_types_find(types, m->proto->input_type)->has_rules) {
    gen_out(b, "&%s_rules, ", m->request_lower);
  } else {
    gen_out(b, "NULL, ");
  }
  if (has_policy) {
    gen_out(b, "&%s_policy},\n", m->full);
  } else {
    gen_out(b, "NULL},\n");
  }
}

static void table(base_buf *b, const gen_file *f, const gen_types *types, const gen_service *s) {
  bool *has_policy = calloc(s->count + 1, sizeof *has_policy);
  if (has_policy == NULL) {
    gen_die("out of memory");
  }
  for (size_t i = 0; i < s->count; i++) {
    has_policy[i] = gen_emit_policy(b, f, types, &s->methods[i]);
  }
  gen_out(b, "static const pb_method %s_methods[] = {\n", s->prefix);
  for (size_t i = 0; i < s->count; i++) {
    row(b, types, s, &s->methods[i], has_policy[i]);
  }
  if (s->count == 0) {
    gen_out(b, "    {0},\n");
  }
  gen_out(b, "};\nconst pb_service %s_service = {\"%s\", %s_methods, %zu};\n\n", s->prefix, s->full, s->prefix,
          s->count);
  free(has_policy);
}

/* The typed callback travels as a plain function pointer and is given its type back here. */
static void thunk(base_buf *b, const gen_method *m) {
  if (m->streams_replies) {
    gen_out(b, "static void %s_deliver(pb_fn fn, void *ctx, ponte_call *call, const ProtobufCMessage *message) {\n",
            m->full);
    gen_out(b, "  ((void (*)(void *, ponte_call *, const %s *))fn)(ctx, call, (const %s *)message);\n}\n\n",
            m->response, m->response);
    return;
  }
  gen_out(b, "static void %s_deliver(pb_fn fn, void *ctx, ponte_call *call, const ProtobufCMessage *reply,\n", m->full);
  gen_out(b, "                       const wire_status *status) {\n");
  gen_out(b,
          "  ((void (*)(void *, ponte_call *, const %s *, const wire_status *))fn)(ctx, call, (const %s *)reply, "
          "status);\n}\n\n",
          m->response, m->response);
}

static void start(base_buf *b, const gen_service *s, const gen_method *m, size_t index) {
  start_signature(b, m, " {");
  gen_out(b, "  const pb_stub_events generic = {\n");
  gen_out(b, "      .method = &%s_methods[%zu],\n      .on_headers = events->on_headers,\n", s->prefix, index);
  if (m->streams_requests) {
    gen_out(b, "      .on_writable = events->on_writable,\n");
  }
  if (m->streams_replies) {
    gen_out(b, "      .on_status = events->on_status,\n      .on_message = (pb_fn)events->on_message,\n");
    gen_out(b, "      .deliver_message = %s_deliver,\n", m->full);
  } else {
    gen_out(b, "      .on_reply = (pb_fn)events->on_reply,\n      .deliver_reply = %s_deliver,\n", m->full);
  }
  gen_out(b, "  };\n  return pb_stub_start(ch, options, &generic, %s, ctx, out);\n}\n\n",
          m->streams_requests ? "NULL" : "&request->base");
  if (m->streams_requests) {
    send_signature(b, m, " {");
    gen_out(b, "  return pb_stub_send(call, &message->base);\n}\n\n");
  }
}

void gen_emit_client_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, NULL);
  gen_out(b, "#include \"%s.ponte.h\"\n\n", f->stem);
  gen_types types = gen_types_read(f->request);
  gen_emit_rules(b, &types, services, count);
  for (size_t s = 0; s < count; s++) {
    table(b, f, &types, &services[s]);
    for (size_t i = 0; i < services[s].count; i++) {
      thunk(b, &services[s].methods[i]);
      start(b, &services[s], &services[s].methods[i], i);
    }
  }
  free(types.items);
  gen_emit_descriptor_set(b, f);
}
