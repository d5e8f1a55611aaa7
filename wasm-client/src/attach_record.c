/* attach_record.c - the record "attach": what is not kept by the service yet, as the very requests that are sent.
 *
 * Its form: one byte of version, then for each batch, both with their lengths (varints) before them: the id of its reader, empty if nobody had signed in; an AppendTranscriptRequest. The
 * lock of the same name is held from the first result that waits until the last one is sent, so one page writes at a time, and whoever gets the lock takes over what is left.
 */
#include <stdlib.h>
#include <string.h>

#include "pb/message.h"
#include "wc/attach_int.h"

/* KEEP_MS: what is answered sooner, which is nearly everything, is never written. */
enum { VERSION = 1, KEEP_MS = 250, PART_MAX = 512 * 1024 };

static const char name[] = "attach"; /* of the record and of the lock */

static void put(wc_attach *a);

/* -- writing */

static base_err put_part(base_buf *out, base_span part) {
  BASE_TRY(base_buf_varint(out, (uint32_t)part.n));
  return base_buf_append(out, part);
}

static base_err put_batch(base_buf *out, const char *reader, const wc_attach_request *request) {
  base_buf bytes;
  base_buf_init(&bytes, PART_MAX);
  base_err e = put_part(out, base_span_str(reader));
  if (base_is_ok(e)) e = pb_pack(&request->base, &bytes);
  if (base_is_ok(e)) e = put_part(out, base_buf_span(&bytes));
  base_buf_dispose(&bytes);
  return e;
}

/* As much as fits, the oldest first. */
static base_err encode(const wc_attach *a, base_buf *out) {
  wc_attach_segment *segments[WC_ATTACH_BATCH_MAX];
  BASE_TRY(base_buf_u8(out, VERSION));
  for (const wc_recording *r = a->recordings; r; r = r->next) {
    const char *reader = r->reader ? r->reader : a->reader ? a->reader : "";
    for (wc_attach_item *i = r->first; i;) {
      wc_attach_request request;
      size_t before = base_buf_size(out);
      wc_attach_fill(r, &i, &request, segments);
      base_err e = put_batch(out, reader, &request);
      if (base_is_ok(e)) continue;
      base_buf_truncate(out, before);
      return base_is(e, BASE_E_TOO_LARGE) ? BASE_OK : e;
    }
  }
  return BASE_OK;
}

static void let_go(wc_attach *a) {
  a->plat->vt->lock_release(a->lock);
  a->lock = NULL;
  a->holds = a->dirty = false;
  for (wc_recording *r = a->recordings; r; r = r->next) /* what is not ours stays in the record */
    if (r->reader) wc_recording_drop(a, r, a->count);
  wc_attach_tidy(a);
}

/* After each answer of the platform. */
static void go_on(wc_attach *a, base_err e) {
  if (base_is(e, BASE_E_UNAVAILABLE)) a->keeps = false;
  if (a->keeps && a->dirty) {
    if (!a->keep_set) put(a);
  } else if (!a->keeps || !wc_attach_due(a)) {
    let_go(a);
  }
}

static void on_put(void *ctx, base_err e) {
  wc_attach *a = ctx;
  if (!wc_attach_came(a)) return;
  a->putting = false;
  go_on(a, e); /* what cannot be kept is sent all the same */
}

static void put(wc_attach *a) {
  base_buf record;
  base_buf_init(&record, WC_RECORD_MAX);
  a->dirty = false;
  bool good = base_is_ok(encode(a, &record)), some = base_buf_size(&record) > 1;
  if (!some) base_buf_clear(&record);
  if (good && (some || a->kept)) {
    a->putting = true;
    a->kept = some;
    wc_attach_awaited(a);
    a->plat->vt->record_put(a->plat, name, base_buf_span(&record), on_put, a);
  } else {
    go_on(a, BASE_OK);
  }
  base_buf_dispose(&record);
}

/* -- reading */

static bool is_wanted(const wc_attach *a, base_span reader) {
  return a->reader ? base_span_is(reader, a->reader) : !a->forget_due;
}

static char *text_of(base_span s) {
  char *text = calloc(1, s.n + 1);
  if (text) memcpy(text, s.p, s.n);
  return text;
}

/* `found`: what this reading has found. What a page has itself it knows better. */
static base_err take(wc_attach *a, wc_recording **found, base_span reader, const wc_attach_request *request) {
  if (!is_wanted(a, reader) || wc_recording_find(a->recordings, request->session_id)) return BASE_OK;
  wc_recording *r = wc_recording_find(*found, request->session_id);
  if (!r) r = wc_recording_new(found, request->session_id, request->title, request->shared);
  if (!r) return base_fail(BASE_E_NO_MEMORY);
  if (!a->reader && !r->reader && !(r->reader = text_of(reader))) return base_fail(BASE_E_NO_MEMORY);
  for (size_t i = 0; i < request->n_segments; i++)
    BASE_TRY(wc_recording_add(a, r, request->segments[i]));
  return BASE_OK;
}

/* A damaged record is left as far as it can be read. NO_MEMORY. */
static base_err decode(wc_attach *a, base_span record, wc_recording **found) {
  base_cursor at = base_cursor_of(record);
  base_err e = BASE_OK;
  if (base_cursor_u8(&at) != VERSION) return BASE_OK;
  while (base_is_ok(e) && base_cursor_left(&at) > 0) {
    pb_arena arena;
    ProtobufCMessage *m;
    uint32_t n = base_cursor_varint(&at);
    base_span reader = base_cursor_bytes(&at, n);
    n = base_cursor_varint(&at);
    base_span bytes = base_cursor_bytes(&at, n);
    if (at.failed) break;
    pb_arena_init(&arena, pb_memory_cap(bytes.n));
    e = pb_unpack(&ponte__chatbot__v1__append_transcript_request__descriptor, bytes, &arena, &m);
    if (base_is_ok(e)) e = take(a, found, reader, (const wc_attach_request *)m);
    pb_arena_dispose(&arena);
  }
  return base_is(e, BASE_E_NO_MEMORY) ? e : BASE_OK;
}

static void on_got(void *ctx, base_err e, base_span value) {
  wc_attach *a = ctx;
  wc_recording *found = NULL, **end = &found;
  if (!wc_attach_came(a)) return;
  a->reading = false;
  if (base_is_ok(e)) e = decode(a, value, &found);
  while (*end)
    end = &(*end)->next;
  *end = a->recordings; /* what was left behind is older */
  a->recordings = found;
  a->forget_due = false;
  a->kept = value.n > 0;
  if (base_is(e, BASE_E_NO_MEMORY)) { /* the rest is not ours to overwrite */
    let_go(a);
    return;
  }
  if (wc_attach_due(a) && a->attempt == 0) a->plat->vt->timer_set(a->next, 0);
  a->dirty = a->kept || a->count > 0;
  go_on(a, e);
}

static void on_held(void *ctx) {
  wc_attach *a = ctx;
  a->holds = a->reading = true;
  wc_attach_awaited(a);
  a->plat->vt->record_get(a->plat, name, on_got, a);
}

void wc_attach_record_read(wc_attach *a) {
  if (a->keeps && !a->lock) a->lock = a->plat->vt->lock_take(a->plat, name, on_held, a);
}

/* -- changes */

void wc_attach_on_keep(void *ctx) {
  wc_attach *a = ctx;
  a->keep_set = false;
  if (a->holds && a->dirty && !a->reading && !a->putting) put(a);
  if (!a->holds && wc_attach_due(a)) wc_attach_record_read(a);
}

static void write_in(wc_attach *a, int64_t delay_ms) {
  if (!a->keeps) return;
  a->dirty = a->keep_set = true;
  a->plat->vt->timer_set(a->keep, delay_ms);
}

void wc_attach_record_changed(wc_attach *a) {
  a->dirty = true;
  if (!a->keep_set) write_in(a, KEEP_MS);
}

void wc_attach_record_forget(wc_attach *a) {
  a->forget_due = !a->holds || a->reading;
  wc_attach_record_read(a);
  write_in(a, 0);
}
