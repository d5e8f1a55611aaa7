#include "chatbot/index.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "chatbot/records.h"

enum { PAGE = 64 };

/* How much of a live transcription is in the index: all but its last passage stays as it is. */
typedef struct {
  char material_id[BASE_UUID_SIZE];
  size_t passages;
} live_row;

struct chatbot_index {
  store *store;
  search *search;
  int64_t begun; /* the last change before this process: what was removed up to it never came into this index */
  _Atomic int64_t change; /* everything up to it is in the index */
  pthread_mutex_t lock;   /* of those who follow */
  /* Written by those who follow. Not the same lock: readers may be in a transaction, and whoever follows waits for one. */
  pthread_mutex_t live_lock;
  live_row *live;
  size_t live_count, live_room;
};

/* -- what changed -------------------------------------------------------------------------------------------------- */

static const store_statement select_counter = {"SELECT value FROM counters WHERE name = 'change'"};
static const store_statement select_removed = {"SELECT material_id FROM removals WHERE change > $1"};
static const store_statement select_changed = {
    "SELECT material_id, change FROM materials WHERE change > $1 ORDER BY change LIMIT $2"};

/* One page of changes, all of one snapshot. */
typedef struct {
  int64_t after, removed_after;
  int64_t until; /* everything up to it is in this page */
  char changed[PAGE][BASE_UUID_SIZE];
  size_t count;
  base_buf removed; /* ids, a NUL behind each */
} page;

static base_err read_counter(void *ctx, store_tx *tx) {
  store_rows *rows = NULL;
  BASE_TRY(store_query(tx, &select_counter, NULL, 0, &rows));
  BASE_TRY(store_next(rows));
  *(int64_t *)ctx = store_column_int(rows, 0);
  return BASE_OK;
}

static base_err read_page(void *ctx, store_tx *tx) {
  page *p = ctx;
  store_rows *rows = NULL;
  p->count = 0;
  base_buf_clear(&p->removed);
  BASE_TRY(read_counter(&p->until, tx));
  BASE_TRY(store_query(tx, &select_removed, STORE_VALUES(store_int(p->removed_after)), &rows));
  base_err e = store_next(rows);
  for (; base_is_ok(e); e = store_next(rows)) {
    BASE_TRY(base_buf_append(&p->removed, store_column_bytes(rows, 0)));
    BASE_TRY(base_buf_u8(&p->removed, 0));
  }
  if (!base_is(e, BASE_E_NOT_FOUND)) return e;
  BASE_TRY(store_query(tx, &select_changed, STORE_VALUES(store_int(p->after), store_int(PAGE)), &rows));
  int64_t last = 0;
  for (e = store_next(rows); base_is_ok(e); e = store_next(rows)) {
    snprintf(p->changed[p->count++], BASE_UUID_SIZE, "%s", store_column_text(rows, 0));
    last = store_column_int(rows, 1);
  }
  if (p->count == PAGE) p->until = last;
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

/* -- into the index ------------------------------------------------------------------------------------------------ */

static live_row *find_live(chatbot_index *ix, const char *material_id) {
  for (size_t i = 0; i < ix->live_count; i++)
    if (strcmp(ix->live[i].material_id, material_id) == 0) return &ix->live[i];
  return NULL;
}

static live_row *add_live(chatbot_index *ix, const char *material_id) {
  if (ix->live_count == ix->live_room) {
    size_t room = ix->live_room ? ix->live_room * 2 : 16;
    live_row *grown = realloc(ix->live, room * sizeof *grown);
    if (!grown) return NULL;
    ix->live = grown;
    ix->live_room = room;
  }
  live_row *row = &ix->live[ix->live_count++];
  *row = (live_row){0};
  snprintf(row->material_id, sizeof row->material_id, "%s", material_id);
  return row;
}

static base_err put_passages(chatbot_index *ix, const chatbot_loaded *l, const material *m, size_t first) {
  size_t count = m->passage_count - first;
  search_passage *all = calloc(count + 1, sizeof *all);
  if (!all) return base_fail(BASE_E_NO_MEMORY);
  const uint8_t *text = base_buf_span(&l->body.text).p;
  for (size_t i = 0; i < count; i++) {
    const material_passage *p = &m->passages[first + i];
    all[i] = (search_passage){.material_id = l->material_id,
                              .ordinal = (int)(first + i),
                              .title = l->title,
                              .heading = p->heading,
                              .owner = l->owner_id,
                              .shared = l->shared,
                              .begin = p->begin,
                              .end = p->end,
                              .start_ms = p->start_ms,
                              .end_ms = p->end_ms,
                              .text = base_span_of(text + p->begin, p->end - p->begin)};
  }
  base_err e = count ? search_put(ix->search, all, count) : BASE_OK;
  free(all);
  return e;
}

static base_err set_live(chatbot_index *ix, const char *material_id, size_t passages) {
  pthread_mutex_lock(&ix->live_lock);
  live_row *row = find_live(ix, material_id);
  if (!row) row = add_live(ix, material_id);
  if (row) row->passages = passages;
  pthread_mutex_unlock(&ix->live_lock);
  return row ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err put_live(chatbot_index *ix, const chatbot_loaded *l, const material *m) {
  size_t there = chatbot_index_live_passages(ix, l->material_id), first = there ? there - 1 : 0;
  if (first < m->passage_count) BASE_TRY(put_passages(ix, l, m, first));
  return set_live(ix, l->material_id, m->passage_count);
}

static base_err put_loaded(chatbot_index *ix, const chatbot_loaded *l) {
  material m = {0};
  char why[MATERIAL_WHY_SIZE] = "";
  base_span text = base_buf_span(&l->body.text);
  bool is_plain = l->format == MATERIAL_MARKDOWN || l->format == MATERIAL_TEXT;
  base_err e = is_plain ? material_parse((enum material_format)l->format, text, &m, why)
                        : material_cue_passages(text, l->body.cues, l->body.cue_count, &m);
  if (base_is_ok(e)) e = l->format == MATERIAL_LIVE ? put_live(ix, l, &m) : put_passages(ix, l, &m, 0);
  material_dispose(&m);
  if (!base_is(e, BASE_E_MALFORMED)) return e;
  BASE_LOG(BASE_LOG_ERROR, "material cannot be read again and is left out", LOG_STR("material_id", l->material_id));
  return BASE_OK;
}

static base_err take_over(chatbot_index *ix, const char *material_id) {
  chatbot_loaded l;
  base_err e = chatbot_material_load(ix->store, material_id, &l);
  if (base_is_ok(e)) e = put_loaded(ix, &l);
  chatbot_loaded_dispose(&l);
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e; /* removed since: the next page says so */
}

static base_err drop(chatbot_index *ix, const char *material_id) {
  pthread_mutex_lock(&ix->live_lock);
  live_row *row = find_live(ix, material_id);
  if (row) *row = ix->live[--ix->live_count];
  pthread_mutex_unlock(&ix->live_lock);
  return search_remove(ix->search, material_id);
}

static base_err follow_page(chatbot_index *ix, page *p, bool *more) {
  p->after = atomic_load(&ix->change);
  p->removed_after = p->after > ix->begun ? p->after : ix->begun;
  BASE_TRY(store_read(ix->store, read_page, p));
  base_span removed = base_buf_span(&p->removed);
  for (size_t at = 0; at < removed.n; at += strlen((const char *)removed.p + at) + 1)
    BASE_TRY(drop(ix, (const char *)removed.p + at));
  for (size_t i = 0; i < p->count; i++)
    BASE_TRY(take_over(ix, p->changed[i]));
  atomic_store(&ix->change, p->until);
  *more = p->count == PAGE;
  return BASE_OK;
}

/* Until a page is not full: what changes while this runs may be moved behind what was there when it began, so no number says where to stop. */
static base_err follow(chatbot_index *ix) {
  page *p = calloc(1, sizeof *p);
  bool more = true;
  base_err e = p ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
  if (p) {
    base_buf_init(&p->removed, SIZE_MAX / 2);
  }
  while (base_is_ok(e) && more)
    e = follow_page(ix, p, &more);
  if (p) base_buf_dispose(&p->removed);
  free(p);
  return e;
}

base_err chatbot_index_follow(chatbot_index *ix) {
  int64_t now = 0;
  BASE_TRY(store_read(ix->store, read_counter, &now));
  if (now <= atomic_load(&ix->change)) return BASE_OK;
  pthread_mutex_lock(&ix->lock);
  base_err e = now <= atomic_load(&ix->change) ? BASE_OK : follow(ix);
  pthread_mutex_unlock(&ix->lock);
  return e;
}

size_t chatbot_index_live_passages(chatbot_index *ix, const char *material_id) {
  pthread_mutex_lock(&ix->live_lock);
  const live_row *row = find_live(ix, material_id);
  size_t n = row ? row->passages : 0;
  pthread_mutex_unlock(&ix->live_lock);
  return n;
}

search *chatbot_index_search(chatbot_index *ix) { return ix->search; }

base_err chatbot_index_open(store *s, chatbot_index **out) {
  chatbot_index *ix = calloc(1, sizeof *ix);
  if (!ix) return base_fail(BASE_E_NO_MEMORY);
  ix->store = s;
  pthread_mutex_init(&ix->lock, NULL);
  pthread_mutex_init(&ix->live_lock, NULL);
  base_err e = search_open(&ix->search);
  if (base_is_ok(e)) e = store_read(s, read_counter, &ix->begun);
  if (base_is_ok(e)) e = chatbot_index_follow(ix);
  if (!base_is_ok(e)) {
    chatbot_index_close(ix);
    return e;
  }
  *out = ix;
  return BASE_OK;
}

void chatbot_index_close(chatbot_index *ix) {
  if (!ix) return;
  search_close(ix->search);
  pthread_mutex_destroy(&ix->live_lock);
  pthread_mutex_destroy(&ix->lock);
  free(ix->live);
  free(ix);
}
