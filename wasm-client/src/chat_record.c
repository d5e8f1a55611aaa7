/* chat_record.c - the record "chat": the conversation that is shown and the questions without an answer, as the very requests that are sent again.
 *
 * Its form: one byte of version, then parts, each with its length (a varint) before it: the reader's id, empty if nobody has signed in; a Conversation of chatbot.proto; a
 * ResolveDuvidaStreamRequest for each question.
 */
#include <stdlib.h>
#include <string.h>

#include "pb/message.h"
#include "wc/chat_int.h"

enum { VERSION = 1, ENTRY_MAX = 128 * 1024 };

static const char name[] = "chat"; /* of the record and of the lock */

/* -- writing */

static base_err put_message(const ProtobufCMessage *m, base_buf *out) {
  base_buf bytes;
  base_buf_init(&bytes, ENTRY_MAX);
  base_err err = pb_pack(m, &bytes);
  if (base_is_ok(err)) err = base_buf_varint(out, (uint32_t)base_buf_size(&bytes));
  if (base_is_ok(err)) err = base_buf_append(out, base_buf_span(&bytes));
  base_buf_dispose(&bytes);
  return err;
}

static base_err put_question(wc_chat_entry *e, bool with_context, base_buf *out) {
  static char none[] = "";
  wc_chat_request r = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_REQUEST__INIT;
  r.duvida = e->m.question;
  r.language = e->language;
  r.session_id = e->session_id;
  r.aula_contexto = with_context ? e->context : none;
  r.conversation_id = e->conversation;
  r.idempotency_key = e->key;
  return put_message(&r.base, out);
}

static base_err encode(wc_chat *c, bool with_context, base_buf *out) {
  Ponte__Chatbot__V1__Conversation conversation = PONTE__CHATBOT__V1__CONVERSATION__INIT;
  conversation.conversation_id = c->conversation;
  base_buf_clear(out);
  base_span reader = base_span_str(c->reader ? c->reader : "");
  BASE_TRY(base_buf_u8(out, VERSION));
  BASE_TRY(base_buf_varint(out, (uint32_t)reader.n));
  BASE_TRY(base_buf_append(out, reader));
  BASE_TRY(put_message(&conversation.base, out));
  for (wc_chat_entry *e = c->list.first; e; e = e->next) {
    if (wc_chat_is_pending(e)) BASE_TRY(put_question(e, with_context, out));
  }
  return BASE_OK;
}

static void on_put(void *ctx, base_err e) {
  wc_chat *c = ctx;
  (void)e; /* what cannot be kept is asked all the same */
  if (!wc_chat_end(c)) return;
  c->putting = false;
  for (wc_chat_entry *q = c->list.first; q; q = q->next) {
    q->stored = q->stored || q->storing;
    q->storing = false;
  }
  if (c->put_due) wc_chat_record_put(c);
  wc_chat_pump(c);
}

/* Only the holder of the lock writes; a page without it has nothing to wait for. */
static void mark_stored(wc_chat *c) {
  for (wc_chat_entry *e = c->list.first; e; e = e->next)
    e->stored = true;
}

void wc_chat_record_put(wc_chat *c) {
  if (!c->holds) {
    mark_stored(c);
    return;
  }
  c->put_due = c->putting || c->reading;
  if (c->put_due) return;
  base_buf record;
  base_buf_init(&record, WC_RECORD_MAX);
  base_err err = encode(c, true, &record);
  if (base_is(err, BASE_E_TOO_LARGE)) err = encode(c, false, &record);
  if (base_is_ok(err)) {
    c->putting = true;
    for (wc_chat_entry *e = c->list.first; e; e = e->next)
      e->storing = wc_chat_is_pending(e);
    wc_chat_begin(c);
    c->plat->vt->record_put(c->plat, name, base_buf_span(&record), on_put, c);
  } else {
    mark_stored(c);
  }
  base_buf_dispose(&record);
}

/* -- reading */

static bool is_here(const wc_chat *c, const char *key) {
  for (const wc_chat_entry *e = c->list.first; e; e = e->next) {
    if (strcmp(e->key, key) == 0) return true;
  }
  return false;
}

static base_err take_message(base_cursor *at, const ProtobufCMessageDescriptor *type, pb_arena *arena,
                             ProtobufCMessage **out) {
  uint32_t n = base_cursor_varint(at);
  base_span bytes = base_cursor_bytes(at, n);
  if (at->failed) return base_fail(BASE_E_MALFORMED);
  return pb_unpack(type, bytes, arena, out);
}

/* Not asked before its reader is here. */
static void wait_for_reader(wc_chat_entry *e) {
  wire_status status;
  wire_status_init(&status);
  wire_status_set(&status, BASE_GRPC_UNAUTHENTICATED, "somebody who had signed in asked this");
  wc_chat_set_why(e, &status);
  wire_status_dispose(&status);
  e->unconfirmed = true;
}

static void take_question(wc_chat *c, const wc_chat_request *r, bool unconfirmed) {
  if (is_here(c, r->idempotency_key)) return;
  wc_chat_entry *e = wc_chat_entry_new(c, r);
  if (!e) return;
  e->stored = true;
  wc_chat_list_append(&c->list, e);
  if (unconfirmed) wait_for_reader(e);
  wc_chat_set_state(c, e, WC_CHAT_QUEUED);
}

/* Whether what is kept is for whoever reads here. */
static bool take_reader(wc_chat *c, base_cursor *at) {
  uint32_t n = base_cursor_varint(at);
  base_span reader = base_cursor_bytes(at, n);
  if (at->failed) return false;
  if (reader.n == 0) return true;
  if (c->reader) return base_span_is(reader, c->reader);
  c->reader = wc_chat_text(reader);
  return c->reader != NULL;
}

/* A damaged record is left as far as it can be read. */
static void decode(wc_chat *c, base_span record) {
  bool fresh = !c->list.first && !c->conversation[0], known = c->reader != NULL;
  base_cursor at = base_cursor_of(record);
  if (base_cursor_u8(&at) != VERSION || !take_reader(c, &at)) return;
  pb_arena arena;
  ProtobufCMessage *m;
  pb_arena_init(&arena, pb_memory_cap(record.n));
  if (base_is_ok(take_message(&at, &ponte__chatbot__v1__conversation__descriptor, &arena, &m)) && fresh) {
    const char *id = ((const Ponte__Chatbot__V1__Conversation *)m)->conversation_id;
    if (strlen(id) < sizeof c->conversation) memcpy(c->conversation, id, strlen(id) + 1);
    c->fetch_due = c->conversation[0] != 0;
  }
  while (!at.failed && base_cursor_left(&at) > 0 &&
         base_is_ok(take_message(&at, &ponte__chatbot__v1__resolve_duvida_stream_request__descriptor, &arena, &m)))
    take_question(c, (const wc_chat_request *)m, !known && c->reader);
  pb_arena_dispose(&arena);
  c->chat_changed = true;
  wc_chat_tell(c, 0);
}

static void on_got(void *ctx, base_err e, base_span value) {
  wc_chat *c = ctx;
  if (!wc_chat_end(c)) return;
  c->reading = false;
  if (base_is_ok(e) && value.n > 0) decode(c, value);
  wc_chat_record_put(c);
  wc_chat_pump(c);
}

static void on_held(void *ctx) {
  wc_chat *c = ctx;
  c->holds = c->reading = true;
  wc_chat_begin(c);
  c->plat->vt->record_get(c->plat, name, on_got, c);
}

void wc_chat_record_open(wc_chat *c) { c->lock = c->plat->vt->lock_take(c->plat, name, on_held, c); }
