/* Notes: handlers and statements of a service as small as one can be. */
#include "notes/service.h"

#include <stdio.h>

#include "ponte/notes/v1/notes.ponte.svc.h"

static const store_migration migrations[] = {
    {"0001-notes",
     "CREATE TABLE notes (note_id TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, text TEXT NOT NULL)"}};

static const store_statement insert = {"INSERT INTO notes (note_id, user_id, text) VALUES ($1, $2, $3)"};
static const store_statement select_one = {"SELECT note_id, user_id, text FROM notes WHERE note_id = $1"};
static const store_statement select_page = {
    "SELECT note_id, user_id, text FROM notes WHERE user_id = $1 AND note_id > $2 ORDER BY note_id LIMIT $3"};

/* The row's bytes are borrowed; the answer's live as long as the call. */
static base_err note_of(svc_call *c, store_rows *rows, Ponte__Notes__V1__Note *out) {
  out->note_id = svc_strdup(c, store_column_text(rows, 0));
  out->user_id = svc_strdup(c, store_column_text(rows, 1));
  out->text = svc_strdup(c, store_column_text(rows, 2));
  return out->note_id && out->user_id && out->text ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

static base_err create_note(svc_call *c, store_tx *tx, const Ponte__Notes__V1__CreateNoteRequest *request,
                            Ponte__Notes__V1__Note *response) {
  response->note_id = svc_new_id(c);
  response->user_id = request->user_id;
  response->text = request->text;
  return store_exec(
      tx, &insert,
      STORE_VALUES(store_text(response->note_id), store_text(response->user_id), store_text(response->text)), NULL);
}

static base_err get_note(svc_call *c, store_tx *tx, const Ponte__Notes__V1__GetNoteRequest *request,
                         Ponte__Notes__V1__Note *response) {
  store_rows *rows;
  BASE_TRY(store_query(tx, &select_one, STORE_VALUES(store_text(request->note_id)), &rows));
  base_err e = store_next(rows);
  if (base_is(e, BASE_E_NOT_FOUND)) {
    return svc_fail(c, RPC_REASON_NOT_FOUND, "note_id", "there is no note of this id");
  }
  BASE_TRY(e);
  BASE_TRY(note_of(c, rows, response));
  return svc_require(c, response->user_id, "admin");
}

static base_err list_notes(svc_call *c, store_tx *tx, const Ponte__Notes__V1__ListNotesRequest *request,
                           Ponte__Notes__V1__ListNotesResponse *response) {
  const svc_page page = svc_call_page(c);
  store_rows *rows;
  base_err e;
  response->notes = svc_alloc(c, (size_t)page.size * sizeof(Ponte__Notes__V1__Note *));
  if (response->notes == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  BASE_TRY(store_query(
      tx, &select_page,
      STORE_VALUES(store_text(request->user_id), store_text(page.after ? page.after : ""), store_int(page.size + 1)),
      &rows));
  while (base_is_ok(e = store_next(rows))) {
    if (response->n_notes == (size_t)page.size) { /* the one more */
      response->next_page_token = svc_next_page(c, response->notes[page.size - 1]->note_id);
      return response->next_page_token ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
    }
    Ponte__Notes__V1__Note *note = svc_alloc(c, sizeof *note);
    if (note == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    ponte__notes__v1__note__init(note);
    BASE_TRY(note_of(c, rows, note));
    response->notes[response->n_notes++] = note;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

/* A transaction is short, a stream may be long: a page for each transaction. */
struct reading {
  svc_call *call;
  const char *user_id;
  char after[64];
  Ponte__Notes__V1__Note *notes[64];
  size_t count;
};

static base_err read_some(void *ctx, store_tx *tx) {
  enum { SOME = 64 };
  struct reading *r = ctx;
  store_rows *rows;
  base_err e;
  r->count = 0;
  BASE_TRY(store_query(tx, &select_page, STORE_VALUES(store_text(r->user_id), store_text(r->after), store_int(SOME)),
                       &rows));
  while (base_is_ok(e = store_next(rows))) {
    Ponte__Notes__V1__Note *note = svc_alloc(r->call, sizeof *note);
    if (note == NULL) {
      return base_fail(BASE_E_NO_MEMORY);
    }
    ponte__notes__v1__note__init(note);
    BASE_TRY(note_of(r->call, rows, note));
    r->notes[r->count++] = note;
  }
  return base_is(e, BASE_E_NOT_FOUND) ? BASE_OK : e;
}

static base_err read_notes(svc_call *c, const Ponte__Notes__V1__ListNotesRequest *request) {
  struct reading r = {.call = c, .user_id = request->user_id};
  store *s = svc_state(c);
  do {
    BASE_TRY(store_read(s, read_some, &r));
    for (size_t i = 0; i < r.count; i++) {
      BASE_TRY(ponte_notes_v1_note_read_notes_put(c, r.notes[i]));
      snprintf(r.after, sizeof r.after, "%s", r.notes[i]->note_id);
    }
    svc_forget(c);
  } while (r.count > 0);
  return BASE_OK;
}

static base_err open_notes(svc *s, base_buf *why, void **state) {
  static const ponte_notes_v1_note_methods methods = {.create_note = {.write = create_note},
                                                      .get_note = {.read = get_note},
                                                      .list_notes = {.read = list_notes},
                                                      .read_notes = {.stream = read_notes}};
  (void)why;
  *state = svc_store(s);
  return ponte_notes_v1_note_add(s, &methods);
}

const svc_definition notes_definition = {.name = "notes",
                                         .port = 50099,
                                         .migrations = migrations,
                                         .migration_count = sizeof migrations / sizeof *migrations,
                                         .open = open_notes};
