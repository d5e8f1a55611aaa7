/* Google's Gemini: POST models/MODEL:streamGenerateContent?alt=sse. Source: ai.google.dev/api/generate-content (FinishReason, BlockReason, UsageMetadata); errors are google.rpc.Status as JSON. */
#include <stdio.h>

#include "llm/json.h"
#include "llm/prompt.h"
#include "llm/provider.h"

static bool model_ok(const char *model) {
  size_t n = strlen(model);
  return n > 0 && n <= 128 && strspn(model, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n;
}

static base_err path(const char *model, base_buf *out) {
  return base_buf_printf(out, "/models/%s:streamGenerateContent?alt=sse", model);
}

static base_err content(base_buf *out, const char *role, base_span text) {
  BASE_TRY(base_buf_printf(out, "{\"role\":\"%s\",\"parts\":[{\"text\":", role));
  BASE_TRY(base_buf_json(out, text));
  return base_buf_str(out, "}]}");
}

static base_err contents(const llm_request *r, const char *fence, base_buf *out) {
  base_buf question;
  for (size_t i = llm_prompt_first_turn(r); i < r->turn_count; i++) {
    BASE_TRY(content(out, "user", base_span_str(r->turns[i].question)));
    BASE_TRY(base_buf_str(out, ","));
    BASE_TRY(content(out, "model", base_span_str(r->turns[i].answer)));
    BASE_TRY(base_buf_str(out, ","));
  }
  base_buf_init(&question, LLM_PROMPT_MAX);
  base_err e = llm_prompt_question(r, fence, &question);
  e = base_is_ok(e) ? content(out, "user", base_buf_span(&question)) : e;
  base_buf_dispose(&question);
  return e;
}

static base_err body(const llm_request *r, const char *model, int max_tokens, bool own_url, base_buf *out) {
  (void)own_url;
  char fence[LLM_FENCE_SIZE];
  base_buf text;
  llm_fence(fence);
  base_buf_init(&text, LLM_PROMPT_MAX);
  base_err e = llm_prompt_rules(r, fence, &text);
  e = base_is_ok(e) ? base_buf_str(out, "{\"systemInstruction\":{\"parts\":[{\"text\":") : e;
  e = base_is_ok(e) ? base_buf_json(out, base_buf_span(&text)) : e;
  base_buf_dispose(&text);
  BASE_TRY(e);
  BASE_TRY(base_buf_str(out, "}]},\"contents\":["));
  BASE_TRY(contents(r, fence, out));
  /* Thoughts count against the limit, and an answer out of passages needs none; only these models can do without. */
  bool thinks = strncmp(model, "gemini-2.5-flash", strlen("gemini-2.5-flash")) == 0;
  return base_buf_printf(out,
                         "],\"generationConfig\":{\"candidateCount\":1,\"temperature\":0.2,\"maxOutputTokens\":%d%s}}",
                         max_tokens, thinks ? ",\"thinkingConfig\":{\"thinkingBudget\":0}" : "");
}

/* Whatever is not here is no success: FINISH_REASON_UNSPECIFIED, LANGUAGE, OTHER, MALFORMED_FUNCTION_CALL, and what will be invented. */
static bool finish_of(const char *reason, enum llm_finish *out) {
  static const struct {
    const char *reason;
    enum llm_finish finish;
  } rows[] = {{"STOP", LLM_STOP},         {"MAX_TOKENS", LLM_MAX_TOKENS}, {"SAFETY", LLM_SAFETY},
              {"RECITATION", LLM_SAFETY}, {"BLOCKLIST", LLM_SAFETY},      {"PROHIBITED_CONTENT", LLM_SAFETY},
              {"SPII", LLM_SAFETY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].reason, reason) != 0) continue;
    *out = rows[i].finish;
    return true;
  }
  return false;
}

static void refused(long status, const json_t *error, llm_trouble *out) {
  const char *name = llm_json_str(error, "status");
  const json_t *details = json_object_get(error, "details"), *detail;
  size_t i = 0;
  llm_trouble_of_status(status, out);
  if (base_grpc_code(name) >= 0) {
    size_t n = strlen(out->why);
    snprintf(out->why + n, sizeof out->why - n, " (%s)", name);
  }
  json_array_foreach((json_t *)details, i, detail) {
    int64_t delay = llm_duration_ms(llm_json_str(detail, "retryDelay"));
    if (delay) out->retry_after_ms = delay;
    if (strcmp(llm_json_str(detail, "reason"), "API_KEY_INVALID") != 0) continue;
    out->error = base_fail(BASE_E_DENIED);
    snprintf(out->why, sizeof out->why, "HTTP status %ld: the key is not valid", status);
  }
}

static base_err take_parts(const llm_json *j, const json_t *candidate, llm_delta *out) {
  const json_t *content = json_object_get(candidate, "content"), *parts = json_object_get(content, "parts"), *part;
  size_t i = 0;
  /* What is passed over would be missing from the answer, and nobody would know. */
  if (!llm_json_may_be(content, JSON_OBJECT) || !llm_json_may_be(parts, JSON_ARRAY)) {
    return base_fail(BASE_E_MALFORMED);
  }
  json_array_foreach((json_t *)parts, i, part) {
    if (json_is_true(json_object_get(part, "thought"))) continue;
    if (!json_is_object(part) || !llm_json_may_be(json_object_get(part, "text"), JSON_STRING))
      return base_fail(BASE_E_MALFORMED);
    BASE_TRY(llm_json_text(j, json_object_get(part, "text"), out->text));
  }
  return BASE_OK;
}

static base_err take_candidate(const llm_json *j, const json_t *candidate, llm_delta *out) {
  if (!json_is_object(candidate)) return base_fail(BASE_E_MALFORMED);
  if (llm_json_count(candidate, "index") != 0) return BASE_OK; /* one was asked for */
  BASE_TRY(take_parts(j, candidate, out));
  const json_t *reason = json_object_get(candidate, "finishReason");
  if (reason == NULL || json_is_null(reason)) return BASE_OK;
  out->finished = finish_of(llm_json_str(candidate, "finishReason"), &out->finish);
  return out->finished ? BASE_OK : base_fail(BASE_E_MALFORMED);
}

static base_err take_event(const llm_json *j, llm_delta *out) {
  const json_t *error = json_object_get(j->root, "error"), *candidate;
  size_t i = 0;
  if (error) {
    int64_t code = llm_json_count(error, "code");
    refused(code ? (long)code : 500, error, &out->trouble);
    return BASE_OK;
  }
  if (!llm_json_may_be(json_object_get(j->root, "candidates"), JSON_ARRAY)) return base_fail(BASE_E_MALFORMED);
  json_array_foreach(json_object_get(j->root, "candidates"), i, candidate) {
    BASE_TRY(take_candidate(j, candidate, out));
  }
  if (*llm_json_str(json_object_get(j->root, "promptFeedback"), "blockReason")) {
    out->finished = true;
    out->finish = LLM_SAFETY;
  }
  const json_t *usage = json_object_get(j->root, "usageMetadata");
  out->prompt_tokens = llm_json_count(usage, "promptTokenCount");
  int64_t thoughts = llm_json_count(usage, "thoughtsTokenCount");
  int64_t answer = llm_json_count(usage, "candidatesTokenCount");
  out->answer_tokens = answer > INT64_MAX - thoughts ? answer : answer + thoughts; /* both are paid for */
  return BASE_OK;
}

const llm_provider llm_provider_gemini = {
    .name = "gemini",
    .key_variable = "GEMINI_API_KEY",
    .base_url = "https://generativelanguage.googleapis.com",
    .model = "gemini-2.5-flash",
    .version = "/v1beta",
    .key_header = "x-goog-api-key: ",
    .needs_key = true,
    .model_ok = model_ok,
    .path = path,
    .body = body,
    .event = take_event,
    .refused = refused,
};
