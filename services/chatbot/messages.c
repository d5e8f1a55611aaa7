#include "chatbot/messages.h"

#include <stdlib.h>

#include "chatbot/records.h"
#include "pb/message.h"
#include "svc/timestamp.h"

/* -- rows ---------------------------------------------------------------------------------------------------------- */

enum { ID, ATTEMPT, HASH, CREATED, FINISH, PROMPT, ANSWERED, ENGINE, RATING, QUESTION, ANSWER, PLACES };
#define COLUMNS                                                                                                     \
  "message_id, attempt, request_hash, created_us, finish, prompt_tokens, answer_tokens, engine, rating, question, " \
  "answer, places"

static const store_statement select_by_key = {"SELECT " COLUMNS
                                              " FROM messages WHERE owner_id = $1 AND question_key = $2"
                                              " AND question_key <> ''"};
static const store_statement select_page = {"SELECT " COLUMNS " FROM messages WHERE conversation_id = $1"
                                            " AND (created_us, message_id) > ($2, $3)"
                                            " ORDER BY created_us, message_id LIMIT $4"};
static const store_statement select_page_back = {"SELECT " COLUMNS " FROM messages WHERE conversation_id = $1"
                                                 " AND (created_us, message_id) < ($2, $3)"
                                                 " ORDER BY created_us DESC, message_id DESC LIMIT $4"};

/* Passages and citations are kept as a message that has only them. */
static base_err read_places(svc_call *c, base_span packed, chatbot_message *out) {
  ProtobufCMessage *message = NULL;
  BASE_TRY(svc_unpack(c, &ponte__chatbot__v1__message__descriptor, packed, &message));
  const chatbot_message *m = (const chatbot_message *)message;
  out->n_passages = m->n_passages;
  out->passages = m->passages;
  out->n_citations = m->n_citations;
  out->citations = m->citations;
  return BASE_OK;
}

static base_err read_message(svc_call *c, store_rows *rows, chatbot_message *out) {
  Google__Protobuf__Timestamp *time = svc_alloc(c, sizeof *time);
  ponte__chatbot__v1__message__init(out);
  out->message_id = svc_strdup(c, store_column_text(rows, ID));
  out->duvida = svc_strdup(c, store_column_text(rows, QUESTION));
  out->resposta = svc_strdup(c, store_column_text(rows, ANSWER));
  if (!time || !out->message_id || !out->duvida || !out->resposta) return base_fail(BASE_E_NO_MEMORY);
  svc_timestamp(store_column_int(rows, CREATED), time);
  out->create_time = time;
  out->finish_reason = (Ponte__Chatbot__V1__FinishReason)store_column_int(rows, FINISH);
  out->rating = (Ponte__Chatbot__V1__Rating)store_column_int(rows, RATING);
  return read_places(c, store_column_bytes(rows, PLACES), out);
}

base_err chatbot_messages_list(svc_call *c, store_tx *tx, const chatbot_messages_query *query, chatbot_message ***out,
                               size_t *count) {
  store_rows *rows = NULL;
  *count = 0;
  *out = svc_alloc(c, (size_t)query->limit * sizeof **out);
  if (!*out) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(store_query(tx, query->newest_first ? &select_page_back : &select_page,
                       STORE_VALUES(store_text(query->conversation_id), store_int(query->after_us),
                                    store_text(query->after_id), store_int(query->limit)),
                       &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    chatbot_message *m = svc_alloc(c, sizeof *m);
    if (!m) return base_fail(BASE_E_NO_MEMORY);
    BASE_TRY(read_message(c, rows, m));
    (*out)[(*count)++] = m;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

/* -- a question of a key ------------------------------------------------------------------------------------------- */

typedef struct {
  svc_call *call;
  const chatbot_asked *asked;
  chatbot_claimed *out;
} claiming;

/* NOT_FOUND: the key is new. *taken_from is "" for a whole answer. */
static base_err find_by_key(claiming *cl, store_tx *tx) {
  svc_call *c = cl->call;
  chatbot_claimed *out = cl->out;
  store_rows *rows = NULL;
  if (!cl->asked->key[0]) return base_fail(BASE_E_NOT_FOUND);
  BASE_TRY(store_query(tx, &select_by_key, STORE_VALUES(store_text(svc_caller(c)), store_text(cl->asked->key)), &rows));
  BASE_TRY(store_next(rows));
  if (!base_span_eq(store_column_bytes(rows, HASH), base_span_of(cl->asked->hash, sizeof cl->asked->hash))) {
    return svc_fail(c, RPC_REASON_KEY_REUSED, "idempotency_key",
                    "this idempotency_key was used for another question: take a new one for each");
  }
  out->message_id = svc_strdup(c, store_column_text(rows, ID));
  out->engine = svc_strdup(c, store_column_text(rows, ENGINE));
  if (!out->message_id || !out->engine) return base_fail(BASE_E_NO_MEMORY);
  if (store_column_int(rows, FINISH) == 0) {
    out->taken_from = svc_strdup(c, store_column_text(rows, ATTEMPT));
    return out->taken_from ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  }
  chatbot_message *kept = svc_alloc(c, sizeof *kept);
  if (!kept) return base_fail(BASE_E_NO_MEMORY);
  out->prompt_tokens = store_column_int(rows, PROMPT);
  out->answer_tokens = store_column_int(rows, ANSWERED);
  out->kept = kept;
  return read_message(c, rows, kept);
}

static base_err look(void *ctx, store_tx *tx) {
  claiming *cl = ctx;
  *cl->out = (chatbot_claimed){.message_id = "", .taken_from = ""};
  base_err e = find_by_key(cl, tx);
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

base_err chatbot_message_look(svc_call *c, const chatbot_asked *asked, chatbot_claimed *out) {
  const chatbot *b = svc_state(c);
  return store_read(b->store, look, &(claiming){c, asked, out});
}

/* -- a new question ------------------------------------------------------------------------------------------------ */

static const store_statement insert = {
    "INSERT INTO messages (message_id, owner_id, conversation_id, question_key, request_hash, attempt, created_us,"
    " finish, prompt_tokens, answer_tokens, engine, rating, comment, question, answer, places)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, '', 0, '', $8, '', $9) ON CONFLICT DO NOTHING"};
static const store_statement take = {"UPDATE messages SET attempt = $2 WHERE message_id = $1"};
static const store_statement select_conversation = {
    "SELECT owner_id, message_count FROM conversations WHERE conversation_id = $1"};
static const store_statement touch_conversation = {
    "UPDATE conversations SET updated_us = $2, message_count = message_count + 1,"
    " title = CASE WHEN title = '' THEN $3 ELSE title END WHERE conversation_id = $1"};
static const store_statement select_turns = {
    "SELECT question, answer FROM messages WHERE conversation_id = $1 AND finish BETWEEN 1 AND 2 AND message_id <> $2"
    " ORDER BY created_us DESC, message_id DESC LIMIT $3"};

static char *title_of(svc_call *c, const char *question) {
  char *title = svc_strdup(c, question);
  size_t characters = 0;
  for (char *p = title; p && *p; p++) {
    bool begins = ((uint8_t)*p & 0xc0) != 0x80;
    if (begins && characters++ == CHATBOT_TITLE_CHARACTERS) {
      *p = '\0';
      break;
    }
    if ((uint8_t)*p < ' ') *p = ' ';
  }
  return title;
}

static base_err enter_conversation(claiming *cl, store_tx *tx) {
  svc_call *c = cl->call;
  const char *id = cl->asked->conversation_id;
  store_rows *rows = NULL;
  if (!id[0]) return BASE_OK;
  BASE_TRY(store_query(tx, &select_conversation, STORE_VALUES(store_text(id)), &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return svc_fail(c, RPC_REASON_NOT_FOUND, "conversation_id", "there is no such conversation");
  }
  BASE_TRY(e);
  BASE_TRY(svc_require(c, store_column_text(rows, 0), NULL));
  if (store_column_int(rows, 1) >= CHATBOT_MESSAGES_MAX) {
    return svc_fail(c, RPC_REASON_QUOTA_EXCEEDED, "conversation_id",
                    "a conversation holds %d questions: begin another one, or delete this one", CHATBOT_MESSAGES_MAX);
  }
  char *title = title_of(c, cl->asked->question);
  if (!title) return base_fail(BASE_E_NO_MEMORY);
  return store_exec(tx, &touch_conversation, STORE_VALUES(store_text(id), store_int(svc_now_us(c)), store_text(title)),
                    NULL);
}

static base_err insert_message(claiming *cl, store_tx *tx) {
  svc_call *c = cl->call;
  const chatbot_asked *a = cl->asked;
  int64_t changed = 0;
  BASE_TRY(enter_conversation(cl, tx));
  cl->out->message_id = svc_new_id(c);
  if (!cl->out->message_id) return base_fail(BASE_E_NO_MEMORY);
  BASE_TRY(store_exec(tx, &insert,
                      STORE_VALUES(store_text(cl->out->message_id), store_text(svc_caller(c)),
                                   store_text(a->conversation_id), store_text(a->key),
                                   store_bytes(base_span_of(a->hash, sizeof a->hash)), store_text(a->attempt),
                                   store_int(svc_now_us(c)), store_text(a->question), store_bytes(base_span_of("", 0))),
                      &changed));
  return changed ? BASE_OK : base_fail(BASE_E_UNAVAILABLE); /* a rival with this key rolled back meanwhile */
}

/* The last turns that fit, the oldest first. */
static base_err read_turns(claiming *cl, store_tx *tx) {
  svc_call *c = cl->call;
  chatbot_claimed *out = cl->out;
  store_rows *rows = NULL;
  size_t bytes = 0;
  out->turn_count = 0;
  if (!cl->asked->conversation_id[0]) return BASE_OK;
  llm_turn *turns = svc_alloc(c, LLM_TURNS_MAX * sizeof *turns);
  if (!turns) return base_fail(BASE_E_NO_MEMORY);
  out->turns = turns + LLM_TURNS_MAX;
  BASE_TRY(store_query(
      tx, &select_turns,
      STORE_VALUES(store_text(cl->asked->conversation_id), store_text(out->message_id), store_int(LLM_TURNS_MAX)),
      &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    bytes += store_column_bytes(rows, 0).n + store_column_bytes(rows, 1).n;
    if (bytes > CHATBOT_HISTORY_BYTES) return BASE_OK;
    llm_turn turn = {svc_strdup(c, store_column_text(rows, 0)), svc_strdup(c, store_column_text(rows, 1))};
    if (!turn.question || !turn.answer) return base_fail(BASE_E_NO_MEMORY);
    *--out->turns = turn;
    out->turn_count++;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static base_err claim(void *ctx, store_tx *tx) {
  claiming *cl = ctx;
  *cl->out = (chatbot_claimed){.message_id = "", .taken_from = ""};
  base_err e = find_by_key(cl, tx);
  if (base_is_ok(e) && cl->out->kept) return BASE_OK;
  if (base_is_ok(e)) {
    e = store_exec(tx, &take, STORE_VALUES(store_text(cl->out->message_id), store_text(cl->asked->attempt)), NULL);
  } else if (base_is(e, BASE_E_NOT_FOUND)) {
    e = insert_message(cl, tx);
  }
  BASE_TRY(e);
  return read_turns(cl, tx);
}

base_err chatbot_message_claim(svc_call *c, const chatbot_asked *asked, chatbot_claimed *out) {
  const chatbot *b = svc_state(c);
  return store_write(b->store, claim, &(claiming){c, asked, out});
}

/* -- an answer ----------------------------------------------------------------------------------------------------- */

static const store_statement update_answer = {
    "UPDATE messages SET finish = $3, prompt_tokens = $4, answer_tokens = $5, engine = $6, answer = $7, places = $8"
    " WHERE message_id = $1 AND attempt = $2 AND finish = 0"};

typedef struct {
  const char *message_id, *attempt;
  const chatbot_answer *answer;
  char *text;
  base_span places;
} keeping;

static base_err keep(void *ctx, store_tx *tx) {
  const keeping *k = ctx;
  const chatbot_answer *a = k->answer;
  int64_t changed = 0;
  BASE_TRY(store_exec(tx, &update_answer,
                      STORE_VALUES(store_text(k->message_id), store_text(k->attempt), store_int(a->finish),
                                   store_int(a->prompt_tokens), store_int(a->answer_tokens), store_text(a->engine),
                                   store_text(k->text), store_bytes(k->places)),
                      &changed));
  return changed ? BASE_OK : base_fail(BASE_E_CANCELLED);
}

base_err chatbot_message_keep(svc_call *c, const char *message_id, const char *attempt, const chatbot_answer *answer) {
  const chatbot *b = svc_state(c);
  base_span text = base_buf_span(&answer->text);
  chatbot_message places = PONTE__CHATBOT__V1__MESSAGE__INIT;
  base_buf packed;
  keeping k = {message_id, attempt, answer, svc_alloc(c, text.n + 1), {0}};
  if (!k.text) return base_fail(BASE_E_NO_MEMORY);
  if (text.n) memcpy(k.text, text.p, text.n);
  places.passages = (Ponte__Chatbot__V1__Passage **)answer->sources.passages;
  places.n_passages = answer->sources.count;
  places.citations = answer->citations;
  places.n_citations = answer->citation_count;
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = pb_pack(&places.base, &packed);
  k.places = base_buf_span(&packed);
  if (base_is_ok(e)) e = store_write(b->store, keep, &k);
  base_buf_dispose(&packed);
  return e;
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static const store_statement select_owner = {"SELECT owner_id FROM messages WHERE message_id = $1"};
static const store_statement update_rating = {"UPDATE messages SET rating = $2, comment = $3 WHERE message_id = $1"};
static const store_statement delete_conversation = {"DELETE FROM messages WHERE conversation_id = $1"};
static const store_statement delete_old = {"DELETE FROM messages WHERE conversation_id = '' AND created_us < $1"};

base_err chatbot_message_owner(svc_call *c, store_tx *tx, const char *message_id, const char **out) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_owner, STORE_VALUES(store_text(message_id)), &rows));
  BASE_TRY(store_next(rows));
  *out = svc_strdup(c, store_column_text(rows, 0));
  return *out ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err chatbot_message_rate(store_tx *tx, const char *message_id, int64_t rating, const char *comment) {
  return store_exec(tx, &update_rating, STORE_VALUES(store_text(message_id), store_int(rating), store_text(comment)),
                    NULL);
}

base_err chatbot_messages_delete(store_tx *tx, const char *conversation_id) {
  return store_exec(tx, &delete_conversation, STORE_VALUES(store_text(conversation_id)), NULL);
}

static const int64_t KEPT_US = INT64_C(7) * 24 * 3600 * 1000000;

static base_err purge(void *ctx, store_tx *tx) {
  return store_exec(tx, &delete_old, STORE_VALUES(store_int(*(const int64_t *)ctx - KEPT_US)), NULL);
}

void chatbot_messages_purge(store *s, int64_t wall_us) {
  base_err e = store_write(s, purge, &wall_us);
  (void)e; /* the next minute tries again */
}
