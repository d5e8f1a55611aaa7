#include "wc/fake/fake_chatbot.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/details.h"

typedef Ponte__Chatbot__V1__ResolveDuvidaStreamRequest question;
typedef Ponte__Chatbot__V1__ResolveDuvidaStreamResponse response;

static void must(base_err err) {
  if (!base_is_ok(err)) abort();
}

static void reply(fake_chat_call *c, const ProtobufCMessage *m) {
  uint8_t *bytes = malloc(protobuf_c_message_get_packed_size(m) + 1);
  if (!bytes) abort();
  size_t n = protobuf_c_message_pack(m, bytes);
  fake_gateway_message(c->socket, c->call, base_span_of(bytes, n));
  free(bytes);
}

static void end_with(fake_chat_call *c, int code, const char *reason, int64_t retry_ms) {
  wire_status status;
  base_buf out;
  wire_status_init(&status);
  base_buf_init(&out, WIRE_MUX_MESSAGE_MAX);
  wire_status_set(&status, code, "%s", code ? "refused" : "");
  const wire_details details = {.reason = reason, .domain = "ponte", .retry_after_ms = retry_ms};
  if (reason) must(wire_details_add(&status, &details));
  must(wire_mux_put_status(&out, c->call, &status));
  fake_send(c->socket, base_buf_span(&out));
  base_buf_dispose(&out);
  wire_status_dispose(&status);
  c->over = true;
}

static void end(fake_chat_call *c, int code, const char *reason) { end_with(c, code, reason, 0); }

static char *text(char *s, size_t n, const char *from) {
  snprintf(s, n, "%s", from);
  return s;
}

/* -- what is known */

static fake_row *row_of(fake_chatbot *s, const question *q) {
  for (int i = 0; i < s->row_count; i++) {
    if (strcmp(s->rows[i].key, q->idempotency_key) == 0) return &s->rows[i];
  }
  if (s->row_count == FAKE_ROWS) abort();
  fake_row *r = &s->rows[s->row_count++];
  text(r->key, sizeof r->key, q->idempotency_key);
  text(r->question, sizeof r->question, q->duvida);
  text(r->conversation, sizeof r->conversation, q->conversation_id);
  return r;
}

const fake_row *fake_chatbot_row(const fake_chatbot *s, const char *asked) {
  for (int i = 0; i < s->row_count; i++) {
    if (strcmp(s->rows[i].question, asked) == 0) return &s->rows[i];
  }
  return NULL;
}

static void message_id(const fake_chatbot *s, const fake_row *r, char out[64]) {
  snprintf(out, 64, "00000000-0000-4000-8000-%012d", (int)(r - s->rows));
}

static void answer_of(const fake_row *r, char out[320]) { snprintf(out, 320, "Re: %s [1].", r->question); }

static void passage_of(Ponte__Chatbot__V1__Passage *p) {
  static char title[] = "Lesson", words[] = "the very words";
  ponte__chatbot__v1__passage__init(p);
  p->number = 1;
  p->title = title;
  p->text = words;
  p->end = (int)sizeof words - 1;
  p->start_ms = p->end_ms = -1;
}

static void citation_of(Ponte__Chatbot__V1__Citation *c, const char *answer) {
  static char quote[] = "very words";
  ponte__chatbot__v1__citation__init(c);
  c->number = 1;
  c->begin = 4;
  c->end = 14;
  c->quote = quote;
  c->answer_offset = (int)strlen(answer) - 4;
}

/* -- methods */

static void say_sources(fake_chat_call *c) {
  Ponte__Chatbot__V1__Passage passage, *passages[] = {&passage};
  passage_of(&passage);
  Ponte__Chatbot__V1__Sources sources = PONTE__CHATBOT__V1__SOURCES__INIT;
  sources.passages = passages;
  sources.n_passages = 1;
  response m = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  m.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES;
  m.sources = &sources;
  reply(c, &m.base);
}

static void say_text(fake_chat_call *c, const char *piece, size_t n) {
  char words[320];
  snprintf(words, sizeof words, "%.*s", (int)n, piece);
  response m = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  m.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT;
  m.text = words;
  reply(c, &m.base);
}

static void say_final(fake_chatbot *s, fake_chat_call *c, const fake_row *r) {
  char id[64], answer[320];
  message_id(s, r, id);
  answer_of(r, answer);
  Ponte__Chatbot__V1__Citation citation, *citations[] = {&citation};
  citation_of(&citation, answer);
  Ponte__Chatbot__V1__Final final = PONTE__CHATBOT__V1__FINAL__INIT;
  final.finish_reason = s->finish;
  final.message_id = id;
  final.citations = citations;
  final.n_citations = 1;
  response m = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__INIT;
  m.part_case = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL;
  m.final = &final;
  reply(c, &m.base);
}

static void on_question(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  question *q = ponte__chatbot__v1__resolve_duvida_stream_request__unpack(NULL, bytes.n, bytes.p);
  if (!q) abort();
  fake_row *r = row_of(s, q);
  ponte__chatbot__v1__resolve_duvida_stream_request__free_unpacked(q, NULL);
  char answer[320];
  answer_of(r, answer);
  size_t n = strlen(answer), each = n / FAKE_PIECES;
  say_sources(c);
  for (int i = 0; i < FAKE_PIECES || s->endless; i++) {
    if (s->hang_after == i) return;
    if (s->cut_after && s->cut_after == i) {
      s->cut_after = 0;
      fake_close(c->socket, WC_CLOSE_LOST);
      return;
    }
    if (s->endless && i > 2000) return;
    size_t from = (size_t)(i % FAKE_PIECES) * each;
    say_text(c, answer + from, i % FAKE_PIECES == FAKE_PIECES - 1 ? n - from : each);
  }
  if (!r->whole) r->answered++;
  r->whole = true;
  if (!s->no_final) say_final(s, c, r);
  end(c, 0, NULL);
}

static void on_create(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  (void)bytes;
  char id[64];
  snprintf(id, sizeof id, "00000000-0000-4000-9000-%012d", ++s->conversations);
  Ponte__Chatbot__V1__Conversation conversation = PONTE__CHATBOT__V1__CONVERSATION__INIT;
  conversation.conversation_id = id;
  reply(c, &conversation.base);
  end(c, 0, NULL);
}

/* The whole answers of the conversation, two on a page. */
static void on_get(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  Ponte__Chatbot__V1__GetConversationRequest *r =
      ponte__chatbot__v1__get_conversation_request__unpack(NULL, bytes.n, bytes.p);
  if (!r) abort();
  int step = r->newest_first ? -1 : 1, count = 0;
  int from = r->page_token[0] ? (int)strtol(r->page_token, NULL, 10) : r->newest_first ? s->row_count - 1 : 0;
  Ponte__Chatbot__V1__Message messages[2], *list[2];
  Ponte__Chatbot__V1__Passage passage, *passages[] = {&passage};
  char answers[2][320], ids[2][64], next[16] = "";
  passage_of(&passage);
  for (int i = from; i >= 0 && i < s->row_count && !next[0]; i += step) {
    if (strcmp(s->rows[i].conversation, r->conversation_id) != 0) continue;
    if (count == 2) {
      snprintf(next, sizeof next, "%d", i);
      continue;
    }
    Ponte__Chatbot__V1__Message *m = list[count] = &messages[count];
    ponte__chatbot__v1__message__init(m);
    answer_of(&s->rows[i], answers[count]);
    message_id(s, &s->rows[i], ids[count]);
    m->duvida = s->rows[i].question;
    m->resposta = answers[count];
    m->message_id = ids[count++];
    m->passages = passages;
    m->n_passages = 1;
    m->rating = s->rows[i].rating;
    m->finish_reason = s->rows[i].whole ? PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP
                                        : PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED;
  }
  Ponte__Chatbot__V1__GetConversationResponse page = PONTE__CHATBOT__V1__GET_CONVERSATION_RESPONSE__INIT;
  page.messages = list;
  page.n_messages = (size_t)count;
  page.next_page_token = next;
  reply(c, &page.base);
  end(c, 0, NULL);
  ponte__chatbot__v1__get_conversation_request__free_unpacked(r, NULL);
}

static void on_feedback(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  Ponte__Chatbot__V1__GiveFeedbackRequest *r =
      ponte__chatbot__v1__give_feedback_request__unpack(NULL, bytes.n, bytes.p);
  if (!r) abort();
  s->rows[strtol(r->message_id + 24, NULL, 10)].rating = r->rating;
  ponte__chatbot__v1__give_feedback_request__free_unpacked(r, NULL);
  fake_gateway_message(c->socket, c->call, base_span_of(NULL, 0));
  end(c, 0, NULL);
}

static void on_request(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  static const struct {
    const char *method;
    void (*run)(fake_chatbot *s, fake_chat_call *c, base_span bytes);
  } rows[] = {{"ResolveDuvidaStream", on_question},
              {"CreateConversation", on_create},
              {"GetConversation", on_get},
              {"GiveFeedback", on_feedback}};
  const char *method = strrchr(c->path, '/') + 1;
  const char *refused = s->refuse_method ? s->refuse_method : rows[0].method;
  if (s->refuse_code && strcmp(method, refused) == 0) {
    end_with(c, s->refuse_code, s->refuse_reason, s->refuse_retry_ms);
    return;
  }
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].method, method) == 0) {
      rows[i].run(s, c, bytes);
      return;
    }
  }
  end(c, 12, NULL);
}

/* -- frames */

static void on_bytes(fake_chatbot *s, fake_chat_call *c, base_span bytes) {
  for (;;) {
    wire_frame_step step;
    must(wire_frame_next(&c->frames, &bytes, &step));
    if (step.event == WIRE_FRAME_MORE) return;
    if (step.event == WIRE_FRAME_BODY) must(base_buf_append(&c->message, step.body));
    if (step.event == WIRE_FRAME_END) on_request(s, c, base_buf_span(&c->message));
  }
}

static void on_open(fake_chatbot *s, wc_socket *socket, const wire_mux_frame *f) {
  if (s->call_count == FAKE_CALLS) abort();
  fake_chat_call *c = &s->calls[s->call_count++];
  *c = (fake_chat_call){.socket = socket, .call = f->call};
  wire_mux_open open = {0};
  wire_metadata_init(&open.metadata);
  must(wire_mux_get_open(f->payload, &open));
  snprintf(c->path, sizeof c->path, "%.*s", BASE_SPAN_ARG(open.path));
  wire_metadata_dispose(&open.metadata);
  wire_frame_init(&c->frames, 1 << 20);
  base_buf_init(&c->message, 1 << 20);
  fake_gateway_headers(socket, f->call);
}

static void on_frame(void *ctx, wc_socket *socket, const wire_mux_frame *f) {
  fake_chatbot *s = ctx;
  if (f->type == WIRE_MUX_OPEN) on_open(s, socket, f);
  for (int i = s->call_count - 1; i >= 0; i--) {
    fake_chat_call *c = &s->calls[i];
    if (c->socket != socket || c->call != f->call || c->over) continue;
    if (f->type == WIRE_MUX_CANCEL) {
      c->over = true;
      s->cancelled++;
    }
    if (f->type == WIRE_MUX_DATA) {
      on_bytes(s, c, f->payload);
      fake_gateway_credit(socket, f->call, f->payload.n ? (uint32_t)f->payload.n : 1);
    }
    return;
  }
}

void fake_chatbot_init(fake_chatbot *s, uint64_t seed) {
  memset(s, 0, sizeof *s);
  fake_gateway_init(&s->gw, seed);
  s->gw.on_frame = on_frame;
  s->gw.ctx = s;
  s->hang_after = -1;
  s->finish = PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP;
}

void fake_chatbot_dispose(fake_chatbot *s) {
  for (int i = 0; i < s->call_count; i++)
    base_buf_dispose(&s->calls[i].message);
  fake_gateway_dispose(&s->gw);
}
