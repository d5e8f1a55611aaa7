#include "gen/emit.h"

/* Methods whose requests are a stream have no steps (svc/svc.h): they keep their row, which answers UNIMPLEMENTED. */
static bool has_steps(const gen_method *m) { return !m->streams_requests; }

static bool any_steps(const gen_service *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (has_steps(&s->methods[i])) {
      return true;
    }
  }
  return false;
}

/* -- header ---------------------------------------------------------------------------------------------------------- */

static void step_fields(base_buf *b, const gen_method *m) {
  gen_out(b, "  ");
  gen_method_comment(b, m);
  gen_out(b, "  struct {\n");
  if (m->kind == GEN_UNARY) {
    gen_out(b, "    base_err (*call)(svc_call *c, const %s *request, %s *response);\n", m->request, m->response);
    gen_out(b, "    base_err (*read)(svc_call *c, store_tx *tx, const %s *request, %s *response);\n", m->request,
            m->response);
    gen_out(b, "    base_err (*prepare)(svc_call *c, const %s *request);\n", m->request);
    gen_out(b, "    base_err (*write)(svc_call *c, store_tx *tx, const %s *request, %s *response);\n", m->request,
            m->response);
  } else {
    gen_out(b, "    base_err (*stream)(svc_call *c, const %s *request);\n", m->request);
  }
  gen_out(b, "  } %s;\n", m->snake);
}

static void add_signature(base_buf *b, const gen_service *s, const char *end) {
  gen_out(b, "base_err %s_add(svc *s, const %s_methods *methods)%s\n", s->prefix, s->prefix, end);
}

static void ask_signature(base_buf *b, const gen_method *m, const char *end) {
  gen_out(b, "base_err %s_ask(svc_call *c, svc_peer *peer, const %s *request,\n    const %s **response)%s\n", m->full,
          m->request, m->response, end);
}

static void put_signature(base_buf *b, const gen_method *m, const char *end) {
  gen_out(b, "base_err %s_put(svc_call *c, const %s *message)%s\n", m->full, m->response, end);
}

static void service_header(base_buf *b, const gen_service *s) {
  gen_out(b, "/* -- %s */\n\n", s->full);
  gen_out(b, "/* svc/svc.h says what each step is for. A method without any is answered UNIMPLEMENTED. */\n");
  gen_out(b, "typedef struct {\n");
  for (size_t i = 0; i < s->count; i++) {
    if (has_steps(&s->methods[i])) {
      step_fields(b, &s->methods[i]);
    }
  }
  gen_out(b, "} %s_methods;\n\n/* In the service's open(); the table is copied. */\n", s->prefix);
  add_signature(b, s, " BASE_MUST_USE;");
  gen_out(b, "\n");
  for (size_t i = 0; i < s->count; i++) {
    const gen_method *m = &s->methods[i];
    if (m->kind == GEN_UNARY) {
      gen_out(b, "/* svc_ask() for its types. */\n");
      ask_signature(b, m, " BASE_MUST_USE;");
    } else if (m->kind == GEN_SERVER_STREAM) {
      gen_out(b, "/* svc_put() for its type. */\n");
      put_signature(b, m, " BASE_MUST_USE;");
    }
  }
  gen_out(b, "\n");
}

void gen_emit_svc_header(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, "_PONTE_SVC_H");
  gen_out(b, "#include \"%s.ponte.h\"\n#include \"svc/svc.h\"\n\n", f->stem);
  for (size_t s = 0; s < count; s++) {
    if (any_steps(&services[s])) {
      service_header(b, &services[s]);
    }
  }
  gen_foot(b);
}

/* -- source ---------------------------------------------------------------------------------------------------------- */

static void step_case(base_buf *b, const gen_method *m, const char *steps, bool tx, bool response) {
  gen_out(b, "  %s\n    return ((base_err (*)(svc_call *%s, const %s *", steps, tx ? ", store_tx *" : "", m->request);
  if (response) {
    gen_out(b, ", %s *", m->response);
  }
  gen_out(b, "))fn)(c%s, (const %s *)request", tx ? ", tx" : "", m->request);
  if (response) {
    gen_out(b, ", (%s *)response", m->response);
  }
  gen_out(b, ");\n");
}

/* A typed step travels as a plain function pointer and is given its type back here. */
static void thunk(base_buf *b, const gen_method *m) {
  gen_out(b, "static base_err %s_deliver(enum svc_step step, pb_fn fn, svc_call *c, store_tx *tx,\n", m->full);
  gen_out(b, "                       const ProtobufCMessage *request, ProtobufCMessage *response) {\n");
  if (m->kind != GEN_UNARY) {
    gen_out(b, "  (void)tx;\n  (void)response;\n");
  }
  gen_out(b, "  switch (step) {\n");
  if (m->kind == GEN_UNARY) {
    step_case(b, m, "case SVC_CALL:", false, true);
    step_case(b, m, "case SVC_READ:\n  case SVC_WRITE:", true, true);
    step_case(b, m, "case SVC_PREPARE:", false, false);
    gen_out(b, "  case SVC_STREAM: break;\n");
  } else {
    step_case(b, m, "case SVC_STREAM:", false, false);
    gen_out(b, "  case SVC_CALL:\n  case SVC_READ:\n  case SVC_PREPARE:\n  case SVC_WRITE: break;\n");
  }
  gen_out(b, "  }\n  return base_fail(BASE_E_INTERNAL);\n}\n\n");
}

static void row(base_buf *b, const gen_service *s, size_t index) {
  const gen_method *m = &s->methods[index];
  const char *n = m->snake;
  gen_out(b, "      {.method = &%s_service.methods[%zu]", s->prefix, index);
  if (m->kind == GEN_UNARY) {
    gen_out(b, ",\n       .steps = {[SVC_CALL] = (pb_fn)methods->%s.call, [SVC_READ] = (pb_fn)methods->%s.read,\n", n,
            n);
    gen_out(b, "                 [SVC_PREPARE] = (pb_fn)methods->%s.prepare, [SVC_WRITE] = (pb_fn)methods->%s.write}",
            n, n);
  } else if (has_steps(m)) {
    gen_out(b, ",\n       .steps = {[SVC_STREAM] = (pb_fn)methods->%s.stream}", n);
  }
  if (has_steps(m)) {
    gen_out(b, ",\n       .deliver = %s_deliver", m->full);
  }
  gen_out(b, "},\n");
}

static void typed_calls(base_buf *b, const gen_service *s, size_t index) {
  const gen_method *m = &s->methods[index];
  if (m->kind == GEN_SERVER_STREAM) {
    put_signature(b, m, " {");
    gen_out(b, "  return svc_put(c, &message->base);\n}\n\n");
    return;
  }
  ask_signature(b, m, " {");
  gen_out(b, "  const ProtobufCMessage *message = NULL;\n");
  gen_out(b, "  base_err e = svc_ask(c, peer, &%s_service.methods[%zu], &request->base, &message);\n", s->prefix,
          index);
  gen_out(b, "  *response = (const %s *)message;\n  return e;\n}\n\n", m->response);
}

static void service_source(base_buf *b, const gen_file *f, const gen_service *s) {
  for (size_t i = 0; i < s->count; i++) {
    if (has_steps(&s->methods[i])) {
      thunk(b, &s->methods[i]);
      typed_calls(b, s, i);
    }
  }
  add_signature(b, s, " {");
  gen_out(b, "  const svc_method rows[] = {\n");
  for (size_t i = 0; i < s->count; i++) {
    row(b, s, i);
  }
  gen_out(b, "  };\n  return svc_add(s, &%s_service, rows, %s);\n}\n\n", s->prefix, f->descriptor_set);
}

void gen_emit_svc_source(base_buf *b, const gen_file *f, const gen_service *services, size_t count) {
  gen_head(b, f, NULL);
  gen_out(b, "#include \"%s.ponte.svc.h\"\n\n", f->stem);
  for (size_t s = 0; s < count; s++) {
    if (any_steps(&services[s])) {
      service_source(b, f, &services[s]);
    }
  }
}
