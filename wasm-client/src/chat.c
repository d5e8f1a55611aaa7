#include "wc/chat.h"

#include <stdlib.h>
#include <string.h>

#include "wc/chat_int.h"

enum { QUESTION_MAX_CHARACTERS = 2000, TOLD_MAX = 8 << 20 };

/* -- what is told */

void wc_chat_tell(wc_chat *c, int64_t delay_ms) {
  int64_t at = wc_now_ms(c->plat) + delay_ms;
  if (c->tell_at_ms >= 0 && c->tell_at_ms <= at) return;
  c->tell_at_ms = at;
  c->plat->vt->timer_set(c->tell, delay_ms);
}

void wc_chat_changed(wc_chat *c, wc_chat_entry *e, unsigned changes) {
  e->changed |= changes;
  int64_t since = wc_now_ms(c->plat) - c->frame_ms;
  wc_chat_tell(c, changes == WC_CHAT_CHANGED_ANSWER && since < WC_CHAT_FRAME_MS ? WC_CHAT_FRAME_MS - since : 0);
}

void wc_chat_set_state(wc_chat *c, wc_chat_entry *e, enum wc_chat_state state) {
  if (state != WC_CHAT_QUEUED && state != WC_CHAT_FAILED) wc_chat_set_why(e, NULL);
  e->m.state = state;
  c->chat_changed = true; /* busy or not */
  wc_chat_changed(c, e, WC_CHAT_CHANGED_STATE);
}

/* Knowing what it stands behind. */
static wc_chat_entry *first_changed(const wc_chat *c) {
  wc_chat_entry *e = c->list.first;
  uint32_t after = 0;
  for (; e && !e->changed; e = e->next)
    after = e->m.id;
  if (e) e->m.after = after;
  return e;
}

static void tell_message(wc_chat *c, wc_chat_entry *e) {
  unsigned changes = e->changed;
  base_buf answer;
  base_buf_init(&answer, TOLD_MAX);
  e->changed = 0;
  if (changes & (WC_CHAT_CHANGED_ANSWER | WC_CHAT_CHANGED_SOURCES)) {
    if (c->rendered != e->m.id) wc_markdown_reset(c->markdown);
    c->rendered = e->m.id;
    c->frame_ms = wc_now_ms(c->plat);
    /* What cannot be rendered stays as it was shown last. */
    base_err err = wc_markdown_render(c->markdown, wc_chat_shown(e), (int)e->m.passage_count, &answer);
    if (base_is_ok(err)) changes |= WC_CHAT_CHANGED_ANSWER;
    if (!base_is_ok(err)) changes &= ~(unsigned)WC_CHAT_CHANGED_ANSWER;
  }
  c->events->on_message(c->ctx, &e->m, changes, base_buf_span(&answer));
  base_buf_dispose(&answer);
}

/* Callbacks may ask, stop and clear, so each round begins at the front. */
static void on_tell(void *ctx) {
  wc_chat *c = ctx;
  c->tell_at_ms = -1;
  if (c->cleared) {
    c->cleared = false;
    c->rendered = 0;
    c->events->on_cleared(c->ctx);
  }
  for (wc_chat_entry *e = first_changed(c); e && !c->cleared; e = first_changed(c))
    tell_message(c, e);
  if (!c->chat_changed) return;
  c->chat_changed = false;
  c->events->on_chat(c->ctx);
}

/* -- life */

static void on_retry(void *ctx) {
  wc_chat *c = ctx;
  c->waiting = false;
  wc_chat_pump(c);
}

static void on_second(void *ctx) { wc_chat_count_down(ctx); }

static void release(wc_chat *c) {
  wc_chat_list_clear(&c->list);
  free(c->page_token);
  free(c->reader);
  wc_markdown_free(c->markdown);
  free(c);
}

base_err wc_chat_new(wc_plat *plat, ponte_channel *channel, const wc_chat_events *events, void *ctx, wc_chat **out) {
  wc_chat *c = calloc(1, sizeof *c);
  if (!c) return base_fail(BASE_E_NO_MEMORY);
  c->plat = plat;
  c->channel = channel;
  c->events = events;
  c->ctx = ctx;
  c->tell_at_ms = -1;
  c->frame_ms = wc_now_ms(plat) - WC_CHAT_FRAME_MS;
  c->tell = plat->vt->timer_new(plat, on_tell, c);
  c->retry = plat->vt->timer_new(plat, on_retry, c);
  c->second = plat->vt->timer_new(plat, on_second, c);
  c->markdown = wc_markdown_new();
  if (!c->tell || !c->retry || !c->second || !c->markdown) {
    wc_chat_free(c);
    return base_fail(BASE_E_NO_MEMORY);
  }
  wc_chat_record_open(c);
  *out = c;
  return BASE_OK;
}

void wc_chat_free(wc_chat *c) {
  if (!c) return;
  c->plat->vt->timer_free(c->tell);
  c->plat->vt->timer_free(c->retry);
  c->plat->vt->timer_free(c->second);
  c->plat->vt->lock_release(c->lock);
  c->detached = true;
  if (c->call) ponte_call_cancel(c->call);
  if (c->outstanding == 0) release(c);
}

void wc_chat_begin(wc_chat *c) { c->outstanding++; }

bool wc_chat_end(wc_chat *c) {
  c->outstanding--;
  if (!c->detached) return true;
  if (c->outstanding == 0) release(c);
  return false;
}

/* -- what the reader does */

static wc_chat_entry *find(const wc_chat *c, uint32_t id) {
  wc_chat_entry *e = c->list.first;
  while (e && e->m.id != id)
    e = e->next;
  return e;
}

static int pending(const wc_chat *c) {
  int n = 0;
  for (const wc_chat_entry *e = c->list.first; e; e = e->next)
    n += wc_chat_is_pending(e);
  return n;
}

static bool is_question(base_span text) {
  size_t characters = 0, blanks = 0;
  if (!base_span_utf8(text)) return false;
  for (size_t i = 0; i < text.n; i++) {
    characters += (text.p[i] & 0xc0) != 0x80;
    blanks += text.p[i] <= ' ';
  }
  return characters > blanks && characters <= QUESTION_MAX_CHARACTERS;
}

static char *text_of(const char *text) { return (char *)(uintptr_t)text; }

base_err wc_chat_ask(wc_chat *c, const wc_chat_question *q, uint32_t *id) {
  if (!is_question(base_span_str(q->text))) return base_fail(BASE_E_INVALID);
  if (pending(c) >= WC_CHAT_QUEUE_MAX) return base_fail(BASE_E_EXHAUSTED);
  wc_chat_request r = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_REQUEST__INIT;
  r.duvida = text_of(q->text);
  r.language = text_of(q->language);
  r.session_id = text_of(q->session_id);
  r.aula_contexto = text_of(q->context);
  wc_chat_entry *e = wc_chat_entry_new(c, &r);
  if (!e) return base_fail(BASE_E_NO_MEMORY);
  wc_chat_list_append(&c->list, e);
  wc_chat_set_state(c, e, WC_CHAT_QUEUED);
  wc_chat_record_put(c);
  wc_chat_pump(c);
  *id = e->m.id;
  return BASE_OK;
}

void wc_chat_stop(wc_chat *c, uint32_t id) {
  wc_chat_entry *e = find(c, id);
  if (!e || !wc_chat_is_pending(e)) return;
  if (e == c->running) wc_chat_abandon(c);
  wc_chat_set_state(c, e, WC_CHAT_STOPPED);
  wc_chat_record_put(c);
  wc_chat_pump(c);
}

base_err wc_chat_retry(wc_chat *c, uint32_t id) {
  wc_chat_entry *e = find(c, id);
  if (!e) return base_fail(BASE_E_NOT_FOUND);
  if (wc_chat_is_pending(e) || e->m.wait_s > 0) return base_fail(BASE_E_PRECONDITION);
  if (pending(c) >= WC_CHAT_QUEUE_MAX) return base_fail(BASE_E_EXHAUSTED);
  /* With the key of an answer that was finished the same one would be told again. */
  if (e->has_final || !e->key[0]) wc_chat_new_key(c, e);
  base_buf_clear(&e->m.answer);
  base_buf_clear(&e->held);
  e->m.passages = NULL;
  e->m.citations = NULL;
  e->m.passage_count = e->m.citation_count = 0;
  e->m.finish = PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED;
  e->m.rating = PONTE__CHATBOT__V1__RATING__RATING_UNSPECIFIED;
  e->m.message_id[0] = 0;
  e->has_final = e->stored = e->unconfirmed = false;
  e->attempt = e->tries = 0;
  wc_chat_set_why(e, NULL);
  wc_chat_changed(c, e, WC_CHAT_CHANGED_SOURCES | WC_CHAT_CHANGED_ANSWER);
  wc_chat_set_state(c, e, WC_CHAT_QUEUED);
  wc_chat_record_put(c);
  wc_chat_pump(c);
  return BASE_OK;
}

static void clear(wc_chat *c) {
  wc_chat_abandon(c);
  wc_chat_list_clear(&c->list);
  c->needs_sign_in = c->waiting = false;
  c->plat->vt->timer_cancel(c->retry); /* whatever it was for is gone */
  c->cleared = true;
  wc_chat_lose_conversation(c);
}

base_err wc_chat_open(wc_chat *c, const char *conversation_id) {
  size_t n = strlen(conversation_id);
  if (n >= sizeof c->conversation) return base_fail(BASE_E_INVALID);
  if (pending(c) > 0) return base_fail(BASE_E_PRECONDITION);
  clear(c);
  memcpy(c->conversation, conversation_id, n + 1);
  c->fetch_due = n > 0;
  wc_chat_record_put(c);
  wc_chat_pump(c);
  return BASE_OK;
}

base_err wc_chat_earlier(wc_chat *c) {
  if (!c->page_token || c->fetch_due) return base_fail(BASE_E_PRECONDITION);
  c->fetch_due = c->chat_changed = true;
  wc_chat_tell(c, 0);
  wc_chat_pump(c);
  return BASE_OK;
}

/* The record's questions are this reader's. */
static void confirm(wc_chat *c) {
  for (wc_chat_entry *e = c->list.first; e; e = e->next) {
    if (!e->unconfirmed) continue;
    e->unconfirmed = false;
    wc_chat_set_why(e, NULL);
    wc_chat_changed(c, e, WC_CHAT_CHANGED_STATE);
  }
  wc_chat_pump(c);
}

base_err wc_chat_set_reader(wc_chat *c, const char *user_id) {
  if (c->reader && strcmp(c->reader, user_id) == 0) {
    confirm(c);
    return BASE_OK;
  }
  char *mine = strdup(user_id);
  if (!mine) return base_fail(BASE_E_NO_MEMORY);
  if (c->reader) clear(c);
  free(c->reader);
  c->reader = mine;
  wc_chat_record_put(c);
  return BASE_OK;
}

void wc_chat_forget(wc_chat *c) {
  clear(c);
  free(c->reader);
  c->reader = NULL;
  wc_chat_record_put(c);
}

void wc_chat_retry_now(wc_chat *c) {
  for (wc_chat_entry *e = c->list.first; e; e = e->next)
    e->attempt = 0;
  if (c->needs_sign_in) c->chat_changed = true;
  c->needs_sign_in = c->waiting = false;
  c->plat->vt->timer_cancel(c->retry);
  wc_chat_tell(c, 0);
  wc_chat_pump(c);
}

const char *wc_chat_conversation(const wc_chat *c) { return c->conversation; }
bool wc_chat_needs_sign_in(const wc_chat *c) { return c->needs_sign_in; }
bool wc_chat_has_earlier(const wc_chat *c) { return c->page_token != NULL; }
bool wc_chat_is_fetching(const wc_chat *c) { return c->fetch_due; }
bool wc_chat_is_busy(const wc_chat *c) { return c->fetch_due || pending(c) > 0; }

const wc_chat_message *wc_chat_find(const wc_chat *c, uint32_t id) {
  wc_chat_entry *e = find(c, id);
  return e ? &e->m : NULL;
}
