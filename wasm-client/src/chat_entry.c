/* chat_entry.c - one question and its answer. */
#include <stdlib.h>
#include <string.h>

#include "pb/message.h"
#include "wc/chat_int.h"
#include "wc/reason.h"

enum { PASSAGES_MAX_BYTES = 4 << 20 };

static wc_chat_entry *entry_new(wc_chat *c, const char *question) {
  wc_chat_entry *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->m.id = ++c->last_id;
  base_buf_init(&e->m.answer, WC_MARKDOWN_MAX);
  base_buf_init(&e->held, WC_MARKDOWN_MAX);
  pb_arena_init(&e->passages, PASSAGES_MAX_BYTES);
  pb_arena_init(&e->citations, PASSAGES_MAX_BYTES);
  e->changed = WC_CHAT_CHANGED_STATE;
  e->m.question = strdup(question);
  if (e->m.question) return e;
  wc_chat_entry_free(e);
  return NULL;
}

void wc_chat_entry_free(wc_chat_entry *e) {
  if (!e) return;
  free(e->m.question);
  free(e->m.text);
  free(e->language);
  free(e->session_id);
  free(e->context);
  base_buf_dispose(&e->m.answer);
  base_buf_dispose(&e->held);
  pb_arena_dispose(&e->passages);
  pb_arena_dispose(&e->citations);
  free(e);
}

void wc_chat_new_key(wc_chat *c, wc_chat_entry *e) {
  uint8_t random[10];
  c->plat->vt->random(c->plat, random, sizeof random);
  base_uuid7_of(wc_now_ms(c->plat), random, e->key);
}

static void copy_id(char out[BASE_UUID_SIZE], const char *id) {
  size_t n = strlen(id);
  if (n < BASE_UUID_SIZE) memcpy(out, id, n + 1);
}

wc_chat_entry *wc_chat_entry_new(wc_chat *c, const wc_chat_request *r) {
  wc_chat_entry *e = entry_new(c, r->duvida);
  if (!e) return NULL;
  e->language = strdup(r->language);
  e->session_id = strdup(r->session_id);
  e->context = strdup(r->aula_contexto);
  if (!e->language || !e->session_id || !e->context) {
    wc_chat_entry_free(e);
    return NULL;
  }
  copy_id(e->conversation, r->conversation_id);
  size_t n = strlen(r->idempotency_key);
  if (n > 0 && n < sizeof e->key)
    memcpy(e->key, r->idempotency_key, n + 1);
  else
    wc_chat_new_key(c, e);
  return e;
}

/* A copy of a message, its memory in the arena, which is emptied before. */
static base_err copy(const ProtobufCMessage *m, pb_arena *arena, ProtobufCMessage **out) {
  base_buf bytes;
  base_buf_init(&bytes, PASSAGES_MAX_BYTES);
  base_err err = pb_pack(m, &bytes);
  pb_arena_dispose(arena);
  if (base_is_ok(err)) err = pb_unpack(m->descriptor, base_buf_span(&bytes), arena, out);
  base_buf_dispose(&bytes);
  return err;
}

wc_chat_entry *wc_chat_entry_of(wc_chat *c, const Ponte__Chatbot__V1__Message *m) {
  wc_chat_entry *e = entry_new(c, m->duvida);
  ProtobufCMessage *mine;
  if (!e) return NULL;
  e->language = strdup("");
  e->session_id = strdup("");
  e->context = strdup("");
  if (!e->language || !e->session_id || !e->context || !base_is_ok(copy(&m->base, &e->passages, &mine)) ||
      !base_is_ok(base_buf_str(&e->m.answer, m->resposta))) {
    wc_chat_entry_free(e);
    return NULL;
  }
  const Ponte__Chatbot__V1__Message *kept = (const Ponte__Chatbot__V1__Message *)mine;
  e->m.passages = kept->passages;
  e->m.passage_count = kept->n_passages;
  e->m.citations = kept->citations;
  e->m.citation_count = kept->n_citations;
  e->m.finish = kept->finish_reason;
  e->m.rating = kept->rating;
  copy_id(e->m.message_id, kept->message_id);
  e->m.state = kept->finish_reason == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED ? WC_CHAT_STOPPED
                                                                                                   : WC_CHAT_DONE;
  e->changed = WC_CHAT_CHANGED_STATE | WC_CHAT_CHANGED_SOURCES | WC_CHAT_CHANGED_ANSWER;
  return e;
}

void wc_chat_list_append(wc_chat_list *l, wc_chat_entry *e) {
  e->next = NULL;
  *(l->last ? &l->last->next : &l->first) = e;
  l->last = e;
}

void wc_chat_list_clear(wc_chat_list *l) {
  while (l->first) {
    wc_chat_entry *e = l->first;
    l->first = e->next;
    wc_chat_entry_free(e);
  }
  l->last = NULL;
}

bool wc_chat_is_pending(const wc_chat_entry *e) {
  return e->m.state == WC_CHAT_QUEUED || e->m.state == WC_CHAT_ASKING || e->m.state == WC_CHAT_ANSWERING;
}

base_err wc_chat_take_sources(wc_chat_entry *e, const Ponte__Chatbot__V1__Sources *s) {
  ProtobufCMessage *mine;
  e->m.passages = NULL;
  e->m.passage_count = 0;
  BASE_TRY(copy(&s->base, &e->passages, &mine));
  e->m.passages = ((Ponte__Chatbot__V1__Sources *)mine)->passages;
  e->m.passage_count = ((Ponte__Chatbot__V1__Sources *)mine)->n_passages;
  return BASE_OK;
}

base_err wc_chat_take_final(wc_chat_entry *e, const Ponte__Chatbot__V1__Final *f) {
  ProtobufCMessage *mine;
  e->m.citations = NULL;
  e->m.citation_count = 0;
  BASE_TRY(copy(&f->base, &e->citations, &mine));
  e->m.citations = ((Ponte__Chatbot__V1__Final *)mine)->citations;
  e->m.citation_count = ((Ponte__Chatbot__V1__Final *)mine)->n_citations;
  e->m.finish = f->finish_reason;
  copy_id(e->m.message_id, f->message_id);
  e->has_final = true;
  return BASE_OK;
}

base_span wc_chat_shown(const wc_chat_entry *e) {
  base_span now = base_buf_span(&e->m.answer), held = base_buf_span(&e->held);
  bool behind = held.n > now.n && base_span_eq(base_span_of(held.p, now.n), now);
  return behind ? held : now;
}

char *wc_chat_text(base_span s) {
  char *text = malloc(s.n + 1);
  if (!text) return NULL;
  if (s.n) memcpy(text, s.p, s.n);
  text[s.n] = 0;
  return text;
}

void wc_chat_set_why(wc_chat_entry *e, const wire_status *status) {
  base_span reason = status ? wc_reason(status) : base_span_of(NULL, 0);
  size_t n = reason.n < sizeof e->m.reason ? reason.n : 0;
  e->m.code = status ? status->code : 0;
  if (n) memcpy(e->m.reason, reason.p, n);
  e->m.reason[n] = 0;
  free(e->m.text);
  base_span text = status ? base_buf_span(&status->message) : base_span_of(NULL, 0);
  e->m.text = text.n ? wc_chat_text(text) : NULL;
}
