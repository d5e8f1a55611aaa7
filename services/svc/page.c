/* Lists in pages: page_size and page_token of a request, found by their names. */
#include "svc/internal.h"
#include "svc/row_key.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 1000 };

static base_err filter_of(const svc_call *c, uint8_t out[SVC_PAGE_FILTER_SIZE]) {
  uint8_t hash[SVC_HASH_SIZE];
  BASE_TRY(svc__request_hash(c->route, c->request, c->route->page_size, c->route->page_token, hash));
  memcpy(out, hash, SVC_PAGE_FILTER_SIZE);
  return BASE_OK;
}

base_err svc_fail_page_token(svc_call *c) {
  return svc_fail(c, RPC_REASON_INVALID_FIELD, "page_token", "this is no page token: begin without one");
}

static base_err begin_after(svc_call *c, const char *token) {
  uint8_t theirs[SVC_PAGE_FILTER_SIZE], ours[SVC_PAGE_FILTER_SIZE];
  base_buf key;
  BASE_TRY(filter_of(c, ours));
  base_buf_init(&key, SVC_PAGE_KEY_MAX);
  base_err e = svc_page_token_decode(base_span_str(token), theirs, &key);
  if (base_is_ok(e)) {
    c->page.after = pb_arena_copy(c->arena, base_buf_span(&key));
    e = c->page.after ? e : base_fail(BASE_E_NO_MEMORY);
  }
  base_buf_dispose(&key);
  if (base_is(e, BASE_E_MALFORMED)) {
    return svc_fail_page_token(c);
  }
  BASE_TRY(e);
  if (memcmp(theirs, ours, sizeof ours) != 0) {
    return svc_fail(
        c, RPC_REASON_INVALID_FIELD, "page_token",
        "the token is of another list or of other filters: ask as for the page before, or begin without one");
  }
  return BASE_OK;
}

base_err svc__page_begin(svc_call *c) {
  const svc__route *r = c->route;
  if (r->page_size == NULL) {
    return BASE_OK;
  }
  int32_t size = *(const int32_t *)((const char *)c->request + r->page_size->offset);
  c->page.size = size <= 0 ? PAGE_DEFAULT : size > PAGE_MAX ? PAGE_MAX : size;
  const char *token = r->page_token ? svc__string(c->request, r->page_token) : "";
  return token[0] ? begin_after(c, token) : BASE_OK;
}

svc_page svc_call_page(const svc_call *c) { return c->page; }

char *svc_next_page(svc_call *c, const char *last_key) {
  uint8_t filter[SVC_PAGE_FILTER_SIZE];
  base_buf token;
  char *text = NULL;
  base_buf_init(&token, SVC_PAGE_TOKEN_MAX);
  if (base_is_ok(filter_of(c, filter)) && base_is_ok(svc_page_token_encode(filter, base_span_str(last_key), &token))) {
    text = pb_arena_copy(c->arena, base_buf_span(&token));
  }
  base_buf_dispose(&token);
  return text;
}

base_err svc_next_page_row(svc_call *c, int64_t us, const char *id, char **out) {
  char key[SVC_ROW_KEY_SIZE];
  svc_row_key_write(us, id, key);
  *out = svc_next_page(c, key);
  return *out ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}
