/* Calls that were answered already: a request with an idempotency key that comes again gets the first answer. The answer is kept in the service's own store and in the
 * transaction that it tells of, so that there are both or none. */
#include "pb/message.h"
#include "svc/internal.h"

#define ANSWERS_SQL                                                                                   \
  "CREATE TABLE svc_answers (subject TEXT NOT NULL, method TEXT NOT NULL, answer_key TEXT NOT NULL, " \
  "request_hash BYTEA NOT NULL, response BYTEA NOT NULL, create_time BIGINT NOT NULL, "               \
  "PRIMARY KEY (subject, method, answer_key)); "                                                      \
  "CREATE INDEX svc_answers_time ON svc_answers (create_time)"
const store_migration svc__answers_migration = {"svc-0001-answers", ANSWERS_SQL};

/* Claims the key before the handler does anything: a rival with the same key waits for this transaction, or it is this one that is run again and then finds the rival's
 * answer. */
static const store_statement claim = {
    "INSERT INTO svc_answers (subject, method, answer_key, request_hash, response, create_time) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"};
static const store_statement keep = {
    "UPDATE svc_answers SET response = $4 WHERE subject = $1 AND method = $2 AND answer_key = $3"};
static const store_statement find = {
    "SELECT request_hash, response FROM svc_answers WHERE subject = $1 AND method = $2 AND answer_key = $3"};
static const store_statement purge = {"DELETE FROM svc_answers WHERE create_time < $1"};

static const int64_t KEPT_US = INT64_C(7) * 24 * 3600 * 1000000;

struct writing {
  svc_call *call;
  ProtobufCMessage *response;
  const char *key; /* "": none */
  uint8_t hash[SVC_HASH_SIZE];
  bool found;
};

static const char *key_of(const svc_call *c) {
  bool can = c->route->key && c->service->store && c->route->method.steps[SVC_WRITE];
  return can ? svc__string(c->request, c->route->key) : "";
}

bool svc__is_keyed(const svc_call *c) { return key_of(c)[0] != '\0'; }

/* Fills the response from the stored bytes: the struct is copied, what it points to stays in the call's memory. */
static base_err replay(svc_call *c, base_span packed, ProtobufCMessage *response) {
  const ProtobufCMessageDescriptor *type = c->route->method.method->response;
  ProtobufCMessage *answer = NULL;
  BASE_TRY(pb_unpack(type, packed, c->arena, &answer));
  memcpy(response, answer, type->sizeof_message);
  return BASE_OK;
}

static base_err find_in(void *ctx, store_tx *tx) {
  struct writing *w = ctx;
  svc_call *c = w->call;
  store_rows *rows;
  svc__failure_clear(c);
  w->found = false;
  BASE_TRY(store_query(
      tx, &find, STORE_VALUES(store_text(c->identity.subject), store_text(c->route->path), store_text(w->key)), &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return BASE_OK;
  }
  BASE_TRY(e);
  if (!base_span_eq(store_column_bytes(rows, 0), base_span_of(w->hash, sizeof w->hash))) {
    return svc_fail(c, RPC_REASON_KEY_REUSED, c->route->key->name,
                    "this %s was used for another request: take a new one for each thing to be done",
                    c->route->key->name);
  }
  w->found = true;
  return replay(c, store_column_bytes(rows, 1), w->response);
}

static base_err claim_key(struct writing *w, store_tx *tx, bool *claimed) {
  svc_call *c = w->call;
  int64_t changed = 0;
  BASE_TRY(store_exec(tx, &claim,
                      STORE_VALUES(store_text(c->identity.subject), store_text(c->route->path), store_text(w->key),
                                   store_bytes(base_span_of(w->hash, sizeof w->hash)), store_bytes(base_span_of("", 0)),
                                   store_int(c->wall_us)),
                      &changed));
  *claimed = changed > 0;
  return BASE_OK;
}

static base_err keep_answer(struct writing *w, store_tx *tx) {
  svc_call *c = w->call;
  base_buf packed;
  base_buf_init(&packed, SIZE_MAX / 2);
  base_err e = pb_pack(w->response, &packed);
  if (base_is_ok(e)) {
    e = store_exec(tx, &keep,
                   STORE_VALUES(store_text(c->identity.subject), store_text(c->route->path), store_text(w->key),
                                store_bytes(base_buf_span(&packed))),
                   NULL);
  }
  base_buf_dispose(&packed);
  return e;
}

static base_err write_step(void *ctx, store_tx *tx) {
  struct writing *w = ctx;
  bool claimed = true;
  svc__failure_clear(w->call);
  svc__reset_message(w->call->route->method.method->response, w->response);
  if (w->key[0]) {
    BASE_TRY(claim_key(w, tx, &claimed));
  }
  if (!claimed) {
    BASE_TRY(find_in(w, tx));
    return w->found ? BASE_OK : base_fail(BASE_E_UNAVAILABLE); /* its owner rolled back meanwhile */
  }
  BASE_TRY(svc__step(w->call, SVC_WRITE, tx, w->response));
  return w->key[0] ? keep_answer(w, tx) : BASE_OK;
}

static base_err begin(struct writing *w, svc_call *c, ProtobufCMessage *response) {
  *w = (struct writing){.call = c, .response = response, .key = key_of(c)};
  return w->key[0] ? svc__request_hash(c->route, c->request, c->route->key, NULL, w->hash) : BASE_OK;
}

base_err svc__write(svc_call *c, ProtobufCMessage *response) {
  struct writing w;
  BASE_TRY(begin(&w, c, response));
  return store_write(c->service->store, write_step, &w);
}

base_err svc__find_answer(svc_call *c, ProtobufCMessage *response, bool *found) {
  struct writing w;
  BASE_TRY(begin(&w, c, response));
  base_err e = store_read(c->service->store, find_in, &w);
  *found = w.found;
  return e;
}

static base_err purge_in(void *ctx, store_tx *tx) {
  return store_exec(tx, &purge, STORE_VALUES(store_int(*(const int64_t *)ctx - KEPT_US)), NULL);
}

void svc__answers_purge(svc *s, int64_t wall_us) {
  base_err e = store_write(s->store, purge_in, &wall_us);
  (void)e; /* the next minute tries again */
}
