#include "llm/provider.h"

#include <stdio.h>

enum { DURATION_MAX_S = 1000000 };

void llm_trouble_of_status(long status, llm_trouble *out) {
  static const struct {
    long from, to;
    enum base_err_code error;
    bool again;
    const char *why;
  } rows[] = {
      {300, 399, BASE_E_MALFORMED, false, "a redirect, which is not followed"},
      {401, 401, BASE_E_DENIED, false, "the key was refused"},
      {403, 403, BASE_E_DENIED, false, "the key may not do this"},
      {404, 404, BASE_E_INVALID, false, "no such model, or no such API at this URL"},
      {408, 408, BASE_E_UNAVAILABLE, false, "the request took too long"},
      {429, 429, BASE_E_EXHAUSTED, true, "too many requests, or the quota is used up"},
      {400, 499, BASE_E_INVALID, false, "the request was refused"},
      {503, 503, BASE_E_UNAVAILABLE, true, "overloaded, or down for a while"},
      {500, 599, BASE_E_UNAVAILABLE, false, "it failed"},
  };
  *out = (llm_trouble){.error = base_fail(BASE_E_MALFORMED)};
  const char *why = "no answer that its protocol knows";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (status < rows[i].from || status > rows[i].to) continue;
    out->error = base_fail(rows[i].error);
    out->again = rows[i].again;
    why = rows[i].why;
    break;
  }
  snprintf(out->why, sizeof out->why, "HTTP status %ld: %s", status, why);
}

int64_t llm_duration_ms(const char *text) {
  base_span s = base_span_str(text);
  uint64_t seconds = 0;
  if (!base_span_ends(s, "s")) return 0;
  size_t whole = strcspn(text, ".s");
  if (!base_span_u64(base_span_of(text, whole), &seconds) || seconds > DURATION_MAX_S) return 0;
  int64_t ms = (int64_t)seconds * 1000;
  int64_t unit = 100;
  for (const char *p = text + whole + (text[whole] == '.'); *p >= '0' && *p <= '9'; p++, unit /= 10)
    ms += (*p - '0') * unit;
  return ms;
}

base_err llm_provider_event(const llm_provider *p, base_span data, llm_delta *out) {
  llm_json j;
  if (p->done && base_span_is(data, p->done)) return BASE_OK;
  BASE_TRY(llm_json_read(data, &j));
  base_err e = p->event(&j, out);
  json_decref(j.root);
  return e;
}

void llm_provider_refusal(const llm_provider *p, long status, base_span body, llm_trouble *out) {
  llm_json j;
  if (!base_is_ok(llm_json_read(body, &j))) {
    llm_trouble_of_status(status, out);
    return;
  }
  p->refused(status, json_object_get(j.root, "error"), out);
  json_decref(j.root);
}
