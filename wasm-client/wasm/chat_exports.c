#include "wc_wasm/chat_exports.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wc/chat.h"
#include "wc_wasm/client.h"
#include "wc_wasm/plat_js.h"

enum { EVENT_MAX = 16 << 20, TEXT_MAX = 4 << 20, CONTEXT_MAX = 16 * 1024 };

struct ponte_chat {
  ponte_client *client;
  wc_chat *chat;
  base_buf text; /* what was asked for last */
};

/* -- events */

static const char *after(const char *name, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(name, prefix, n) == 0 ? name + n : name;
}

/* The value's name without the enum's own in front; "" for one of a newer service. */
static const char *enum_name(const ProtobufCEnumDescriptor *type, int value, const char *prefix) {
  const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);
  return v ? after(v->name, prefix) : "";
}

static base_err put_text(base_buf *json, const char *name, const char *text) {
  BASE_TRY(base_buf_printf(json, ",\"%s\":", name));
  return base_buf_json(json, base_span_str(text ? text : ""));
}

static base_err put_state(base_buf *json, const wc_chat_message *m) {
  static const char *const names[] = {
#define X(name) #name,
      WC_CHAT_STATES(X)
#undef X
  };
  BASE_TRY(base_buf_printf(json, ",\"state\":\"%s\",\"citations\":%zu,\"code\":%d,\"waitS\":%d", names[m->state],
                           m->citation_count, m->code, m->wait_s));
  BASE_TRY(put_text(json, "question", m->question));
  BASE_TRY(
      put_text(json, "finish", enum_name(&ponte__chatbot__v1__finish_reason__descriptor, m->finish, "FINISH_REASON_")));
  BASE_TRY(put_text(json, "rated", enum_name(&ponte__chatbot__v1__rating__descriptor, m->rating, "RATING_")));
  BASE_TRY(put_text(json, "messageId", m->message_id));
  BASE_TRY(put_text(json, "reason", m->reason));
  return put_text(json, "message", m->text);
}

static bool is_cited(const wc_chat_message *m, int number) {
  for (size_t i = 0; i < m->citation_count; i++) {
    if (m->citations[i]->number == number) return true;
  }
  return false;
}

static base_err put_sources(base_buf *json, const wc_chat_message *m) {
  BASE_TRY(base_buf_str(json, ",\"sources\":["));
  for (size_t i = 0; i < m->passage_count; i++) {
    const wc_passage *p = m->passages[i];
    bool live = p->session_id[0] || !p->material_id[0];
    BASE_TRY(base_buf_printf(json, "%s{\"number\":%d,\"live\":%s,\"cited\":%s,\"startMs\":%" PRId64, i ? "," : "",
                             (int)p->number, live ? "true" : "false", is_cited(m, p->number) ? "true" : "false",
                             p->start_ms));
    BASE_TRY(put_text(json, "title", p->title));
    BASE_TRY(put_text(json, "heading", p->heading));
    BASE_TRY(base_buf_str(json, "}"));
  }
  return base_buf_str(json, "]");
}

static base_err write_message(base_buf *json, const wc_chat_message *m, unsigned changes, base_span answer) {
  BASE_TRY(base_buf_printf(json, "{\"type\":\"chatMessage\",\"id\":%" PRIu32 ",\"after\":%" PRIu32, m->id, m->after));
  if (changes & WC_CHAT_CHANGED_STATE) BASE_TRY(put_state(json, m));
  if (changes & WC_CHAT_CHANGED_SOURCES) BASE_TRY(put_sources(json, m));
  if (changes & WC_CHAT_CHANGED_ANSWER) {
    BASE_TRY(base_buf_str(json, ",\"answer\":"));
    BASE_TRY(base_buf_append(json, answer));
  }
  return base_buf_str(json, "}");
}

static void on_message(void *ctx, const wc_chat_message *m, unsigned changes, base_span answer) {
  ponte_chat *c = ctx;
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(c->client, &json, write_message(&json, m, changes, answer));
}

static void on_cleared(void *ctx) {
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(((ponte_chat *)ctx)->client, &json, base_buf_str(&json, "{\"type\":\"chatCleared\"}"));
}

static void on_chat(void *ctx) {
  ponte_chat *c = ctx;
  base_buf json;
  base_buf_init(&json, EVENT_MAX);
  client_tell(
      c->client, &json,
      base_buf_printf(
          &json, "{\"type\":\"chat\",\"conversation\":\"%s\",\"busy\":%s,\"signIn\":%s,\"earlier\":%s,\"fetching\":%s}",
          wc_chat_conversation(c->chat), wc_chat_is_busy(c->chat) ? "true" : "false",
          wc_chat_needs_sign_in(c->chat) ? "true" : "false", wc_chat_has_earlier(c->chat) ? "true" : "false",
          wc_chat_is_fetching(c->chat) ? "true" : "false"));
}

/* -- what the reader does */

ponte_chat *ponte_chat_new(ponte_client *client) {
  static const wc_chat_events events = {on_chat, on_cleared, on_message};
  ponte_chat *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->client = client;
  base_buf_init(&c->text, TEXT_MAX);
  if (base_is_ok(wc_chat_new(wc_plat_js(), wc_session_channel(client_session(client)), &events, c, &c->chat))) return c;
  free(c);
  return NULL;
}

/* The last lines of the transcript on the page. */
static base_err write_context(const wc_transcript *t, base_buf *out) {
  size_t first = wc_transcript_count(t), bytes = 0;
  while (first > 0) {
    bytes += strlen(wc_transcript_at(t, first - 1)->text) + 1;
    if (bytes >= CONTEXT_MAX) break;
    first--;
  }
  for (; first < wc_transcript_count(t); first++) {
    BASE_TRY(base_buf_str(out, wc_transcript_at(t, first)->text));
    BASE_TRY(base_buf_str(out, "\n"));
  }
  return base_buf_u8(out, 0);
}

uint32_t ponte_chat_ask(ponte_chat *c, const char *text, const char *language, int with_context) {
  base_buf context;
  base_buf_init(&context, CONTEXT_MAX);
  bool has_context = with_context && base_is_ok(write_context(client_transcript(c->client), &context));
  wc_chat_question q = {.text = text,
                        .language = language,
                        .session_id = client_recording(c->client),
                        .context = has_context ? (const char *)base_buf_span(&context).p : ""};
  uint32_t id;
  base_err err = wc_chat_ask(c->chat, &q, &id);
  base_buf_dispose(&context);
  return base_is_ok(err) ? id : 0;
}

void ponte_chat_stop(ponte_chat *c, uint32_t id) { wc_chat_stop(c->chat, id); }
int ponte_chat_retry(ponte_chat *c, uint32_t id) { return base_is_ok(wc_chat_retry(c->chat, id)) ? 0 : -1; }

int ponte_chat_rate(ponte_chat *c, uint32_t id, const char *rating) {
  const ProtobufCEnumDescriptor *type = &ponte__chatbot__v1__rating__descriptor;
  for (unsigned i = 0; i < type->n_values; i++) {
    if (strcmp(after(type->values[i].name, "RATING_"), rating) != 0) continue;
    return base_is_ok(wc_chat_rate(c->chat, id, (Ponte__Chatbot__V1__Rating)type->values[i].value)) ? 0 : -1;
  }
  return -1;
}

int ponte_chat_open(ponte_chat *c, const char *id) { return base_is_ok(wc_chat_open(c->chat, id)) ? 0 : -1; }
int ponte_chat_earlier(ponte_chat *c) { return base_is_ok(wc_chat_earlier(c->chat)) ? 0 : -1; }
int ponte_chat_set_reader(ponte_chat *c, const char *id) {
  return base_is_ok(wc_chat_set_reader(c->chat, id)) ? 0 : -1;
}
void ponte_chat_forget(ponte_chat *c) { wc_chat_forget(c->chat); }
void ponte_chat_retry_now(ponte_chat *c) { wc_chat_retry_now(c->chat); }

/* -- an answer as text */

static base_err write_answer(base_buf *out, const wc_chat_message *m) {
  BASE_TRY(base_buf_append(out, base_buf_span(&m->answer)));
  for (size_t i = 0; i < m->passage_count; i++) {
    const wc_passage *p = m->passages[i];
    BASE_TRY(base_buf_printf(out, "%s[%d] %s%s%s", i ? "\n" : "\n\n", (int)p->number, p->title,
                             p->heading[0] ? " - " : "", p->heading));
  }
  return base_buf_u8(out, 0);
}

const char *ponte_chat_text(ponte_chat *c, uint32_t id) {
  const wc_chat_message *m = wc_chat_find(c->chat, id);
  base_buf_clear(&c->text);
  if (!m || !base_is_ok(write_answer(&c->text, m))) return NULL;
  return (const char *)base_buf_span(&c->text).p;
}

/* -- a passage */

static const wc_passage *passage_of(const wc_chat_message *m, int number) {
  for (size_t i = 0; i < m->passage_count; i++) {
    if (m->passages[i]->number == number) return m->passages[i];
  }
  return NULL;
}

/* The citation of this "[number]", or else the first of its passage; NULL while the answer has no end. */
static const wc_citation *citation_of(const wc_chat_message *m, int number, int offset) {
  const wc_citation *found = NULL;
  for (size_t i = 0; i < m->citation_count; i++) {
    const wc_citation *k = m->citations[i];
    if (k->number != number) continue;
    if (k->answer_offset == offset) return k;
    if (!found) found = k;
  }
  return found;
}

/* Where the quote stands in the passage's text; past its end if it does not. */
static size_t quote_at(const wc_passage *p, const wc_citation *k) {
  size_t n = strlen(p->text), quote = k ? strlen(k->quote) : 0;
  if (quote == 0) return n;
  size_t at = k->begin >= p->begin ? (size_t)(k->begin - p->begin) : n;
  if (at <= n && quote <= n - at && memcmp(p->text + at, k->quote, quote) == 0) return at;
  const char *found = strstr(p->text, k->quote);
  return found ? (size_t)(found - p->text) : n;
}

/* What was said on this page without the service keeping it has no times there: the sentence that holds the quote, or that the quote holds. */
static int64_t sentence_ms(const wc_transcript *t, const char *words) {
  for (size_t i = wc_transcript_count(t); i > 0 && words[0]; i--) {
    const wc_segment *s = wc_transcript_at(t, i - 1);
    if (strstr(s->text, words) || (s->text[0] && strstr(words, s->text))) return s->start_ms;
  }
  return -1;
}

static int64_t caption_ms(const ponte_client *client, const wc_passage *p, const wc_citation *k) {
  if (!p->material_id[0]) return sentence_ms(client_transcript(client), k ? k->quote : p->text);
  int64_t origin = p->session_id[0] ? client_recording_origin_ms(client, p->session_id) : -1;
  int64_t start = k && k->start_ms >= 0 ? k->start_ms : p->start_ms;
  return origin >= 0 && start >= 0 ? origin + start : -1;
}

static base_err write_passage(const ponte_chat *c, const wc_passage *p, const wc_citation *k, base_buf *out) {
  size_t n = strlen(p->text), at = quote_at(p, k), quote = at < n ? strlen(k->quote) : 0;
  BASE_TRY(base_buf_printf(out, "{\"startMs\":%" PRId64 ",\"captionMs\":%" PRId64,
                           k && k->start_ms >= 0 ? k->start_ms : p->start_ms, caption_ms(c->client, p, k)));
  BASE_TRY(base_buf_printf(out, ",\"begin\":%d,\"end\":%d", (int)p->begin, (int)p->end));
  BASE_TRY(put_text(out, "materialId", p->material_id));
  BASE_TRY(put_text(out, "title", p->title));
  BASE_TRY(put_text(out, "heading", p->heading));
  BASE_TRY(base_buf_str(out, ",\"before\":"));
  BASE_TRY(base_buf_json(out, base_span_of(p->text, at)));
  BASE_TRY(base_buf_str(out, ",\"mark\":"));
  BASE_TRY(base_buf_json(out, base_span_of(p->text + at, quote)));
  BASE_TRY(put_text(out, "after", p->text + at + quote));
  BASE_TRY(base_buf_str(out, "}"));
  return base_buf_u8(out, 0);
}

const char *ponte_chat_passage(ponte_chat *c, uint32_t id, int number, int offset) {
  const wc_chat_message *m = wc_chat_find(c->chat, id);
  const wc_passage *p = m ? passage_of(m, number) : NULL;
  base_buf_clear(&c->text);
  if (!p || !base_is_ok(write_passage(c, p, citation_of(m, number, offset), &c->text))) return NULL;
  return (const char *)base_buf_span(&c->text).p;
}
