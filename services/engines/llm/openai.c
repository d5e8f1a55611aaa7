/* OpenAI's chat completions, which many servers speak. Source: platform.openai.com/docs/api-reference/chat-streaming. */
#include <stdio.h>

#include "llm/json.h"
#include "llm/prompt.h"
#include "llm/provider.h"

static bool model_ok(const char *model) {
  size_t n = strlen(model);
  for (size_t i = 0; i < n; i++) {
    if ((uint8_t)model[i] <= ' ' || (uint8_t)model[i] > '~') return false;
  }
  return n > 0 && n <= 256;
}

static base_err path(const char *model, base_buf *out) {
  (void)model;
  return base_buf_str(out, "/chat/completions");
}

static base_err message(base_buf *out, const char *role, base_span text) {
  BASE_TRY(base_buf_printf(out, "{\"role\":\"%s\",\"content\":", role));
  BASE_TRY(base_buf_json(out, text));
  return base_buf_str(out, "}");
}

static base_err messages(const llm_request *r, base_buf *text, base_buf *out) {
  char fence[LLM_FENCE_SIZE];
  llm_fence(fence);
  BASE_TRY(llm_prompt_rules(r, fence, text));
  BASE_TRY(message(out, "system", base_buf_span(text)));
  for (size_t i = llm_prompt_first_turn(r); i < r->turn_count; i++) {
    BASE_TRY(base_buf_str(out, ","));
    BASE_TRY(message(out, "user", base_span_str(r->turns[i].question)));
    BASE_TRY(base_buf_str(out, ","));
    BASE_TRY(message(out, "assistant", base_span_str(r->turns[i].answer)));
  }
  base_buf_clear(text);
  BASE_TRY(llm_prompt_question(r, fence, text));
  BASE_TRY(base_buf_str(out, ","));
  return message(out, "user", base_buf_span(text));
}

static base_err body(const llm_request *r, const char *model, int max_tokens, bool own_url, base_buf *out) {
  base_buf text;
  BASE_TRY(base_buf_str(out, "{\"model\":"));
  BASE_TRY(base_buf_json(out, base_span_str(model)));
  /* OpenAI's newer models refuse the old name, servers of others know no other. */
  BASE_TRY(base_buf_printf(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"%s\":%d,\"messages\":[",
                           own_url ? "max_completion_tokens" : "max_tokens", max_tokens));
  base_buf_init(&text, LLM_PROMPT_MAX);
  base_err e = messages(r, &text, out);
  base_buf_dispose(&text);
  BASE_TRY(e);
  return base_buf_str(out, "]}");
}

static bool finish_of(const char *reason, enum llm_finish *out) {
  static const struct {
    const char *reason;
    enum llm_finish finish;
  } rows[] = {{"stop", LLM_STOP}, {"length", LLM_MAX_TOKENS}, {"content_filter", LLM_SAFETY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].reason, reason) != 0) continue;
    *out = rows[i].finish;
    return true;
  }
  return false;
}

static bool is_kind(const json_t *error, const char *kind) {
  return strcmp(llm_json_str(error, "code"), kind) == 0 || strcmp(llm_json_str(error, "type"), kind) == 0;
}

static void refused(long status, const json_t *error, llm_trouble *out) {
  llm_trouble_of_status(status, out);
  if (!is_kind(error, "insufficient_quota")) return;
  out->error = base_fail(BASE_E_EXHAUSTED);
  out->again = false; /* money, not time */
  snprintf(out->why, sizeof out->why, "HTTP status %ld: the account's quota is used up", status);
}

/* An error inside a stream has no status of its own, but perhaps its number or its name. */
static long status_of(const json_t *error) {
  static const struct {
    const char *kind;
    long status;
  } rows[] = {{"rate_limit_exceeded", 429},  {"rate_limit_error", 429},    {"insufficient_quota", 429},
              {"overloaded_error", 503},     {"service_unavailable", 503}, {"invalid_request_error", 400},
              {"authentication_error", 401}, {"invalid_api_key", 401},     {"permission_error", 403}};
  int64_t code = llm_json_count(error, "code");
  if (code >= 400 && code < 600) return (long)code;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (is_kind(error, rows[i].kind)) return rows[i].status;
  }
  return 500;
}

static base_err take_choice(const llm_json *j, const json_t *choice, llm_delta *out) {
  const json_t *delta = json_object_get(choice, "delta"), *reason = json_object_get(choice, "finish_reason");
  if (!json_is_object(choice)) return base_fail(BASE_E_MALFORMED);
  if (llm_json_count(choice, "index") != 0) return BASE_OK; /* one was asked for */
  /* What is passed over would be missing from the answer, and nobody would know. */
  if (!llm_json_may_be(delta, JSON_OBJECT) || !llm_json_may_be(json_object_get(delta, "content"), JSON_STRING)) {
    return base_fail(BASE_E_MALFORMED);
  }
  BASE_TRY(llm_json_text(j, json_object_get(delta, "content"), out->text));
  if (*llm_json_str(delta, "refusal")) {
    out->finished = true;
    out->finish = LLM_SAFETY;
    return BASE_OK;
  }
  if (reason == NULL || json_is_null(reason)) return BASE_OK;
  out->finished = finish_of(llm_json_str(choice, "finish_reason"), &out->finish);
  return out->finished ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

static base_err take_event(const llm_json *j, llm_delta *out) {
  const json_t *error = json_object_get(j->root, "error"), *choice;
  size_t i = 0;
  if (error && !json_is_null(error)) {
    refused(status_of(error), error, &out->trouble);
    return BASE_OK;
  }
  if (!llm_json_may_be(json_object_get(j->root, "choices"), JSON_ARRAY)) return base_fail(BASE_E_MALFORMED);
  json_array_foreach(json_object_get(j->root, "choices"), i, choice) { BASE_TRY(take_choice(j, choice, out)); }
  const json_t *usage = json_object_get(j->root, "usage");
  out->prompt_tokens = llm_json_count(usage, "prompt_tokens");
  out->answer_tokens = llm_json_count(usage, "completion_tokens");
  return BASE_OK;
}

const llm_provider llm_provider_openai = {
    .name = "openai",
    .key_variable = "OPENAI_API_KEY",
    .base_url = "https://api.openai.com",
    .model = "gpt-4o-mini",
    .version = "/v1",
    .key_header = "authorization: Bearer ",
    .model_ok = model_ok,
    .path = path,
    .body = body,
    .done = "[DONE]",
    .event = take_event,
    .refused = refused,
};
