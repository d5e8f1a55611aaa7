#include "chatbot/spending.h"

static const int64_t DAY_US = INT64_C(24) * 3600 * 1000000;

static const store_statement select_tokens = {"SELECT tokens FROM spending WHERE caller = $1 AND day = $2"};
static const store_statement add_tokens = {
    "INSERT INTO spending (caller, day, tokens) VALUES ($1, $2, $3)"
    " ON CONFLICT (caller, day) DO UPDATE SET tokens = spending.tokens + excluded.tokens"};
static const store_statement delete_old = {"DELETE FROM spending WHERE day < $1"};

typedef struct {
  const char *who;
  int64_t day, tokens;
} entry;

static base_err find(void *ctx, store_tx *tx) {
  entry *s = ctx;
  store_rows *rows = NULL;
  s->tokens = 0;
  BASE_TRY(store_query(tx, &select_tokens, STORE_VALUES(store_text(s->who), store_int(s->day)), &rows));
  base_err e = store_next(rows);
  if (base_is_ok(e)) s->tokens = store_column_int(rows, 0);
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static base_err add(void *ctx, store_tx *tx) {
  const entry *s = ctx;
  return store_exec(tx, &add_tokens, STORE_VALUES(store_text(s->who), store_int(s->day), store_int(s->tokens)), NULL);
}

static base_err purge(void *ctx, store_tx *tx) {
  const entry *s = ctx;
  return store_exec(tx, &delete_old, STORE_VALUES(store_int(s->day - 1)), NULL);
}

base_err chatbot_spent(store *s, const char *who, int64_t wall_us, int64_t *tokens) {
  entry e = {.who = who, .day = wall_us / DAY_US};
  base_err read = store_read(s, find, &e);
  *tokens = e.tokens;
  return read;
}

base_err chatbot_spend(store *s, const char *who, int64_t wall_us, int64_t tokens) {
  return store_write(s, add, &(entry){who, wall_us / DAY_US, tokens});
}

int64_t chatbot_spending_left_ms(int64_t wall_us) { return (DAY_US - wall_us % DAY_US) / 1000 + 1; }

void chatbot_spending_purge(store *s, int64_t wall_us) {
  base_err e = store_write(s, purge, &(entry){.day = wall_us / DAY_US});
  (void)e; /* the next minute tries again */
}
