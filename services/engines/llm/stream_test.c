/* Both providers' events, whole and in any pieces. */
#include "llm/stream.h"

#include <stdlib.h>

#include "base/test.h"
#include "llm/prompt.h"

#define G &llm_provider_gemini
#define O &llm_provider_openai
/* An event with text and, perhaps, a finish reason. */
#define GT(text) "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]}}]}\n\n"
#define GF(text, reason) \
  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]},\"finishReason\":\"" reason "\"}]}\n\n"
#define OT(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}\n\n"
#define OF(text, reason) \
  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":\"" reason "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

struct row {
  const llm_provider *provider;
  const char *in, *text;
  enum base_err_code error;
  enum llm_finish finish;
  int64_t prompt_tokens, answer_tokens;
};

static const struct row good[] = {
    {G, GF("a", "STOP"), "a", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("a") GT("b") GF("", "STOP"), "ab", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}]}", "a", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("a", "STOP") GF("b", "STOP"), "ab", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("a", "MAX_TOKENS"), "a", BASE_E_OK, LLM_MAX_TOKENS, 0, 0},
    {G, GF("a", "SAFETY"), "a", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G, GF("", "RECITATION"), "", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G, GF("", "BLOCKLIST"), "", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G, GF("", "PROHIBITED_CONTENT"), "", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G, GF("", "SPII"), "", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G, GF("", "MAX_TOKENS"), "", BASE_E_OK, LLM_MAX_TOKENS, 0, 0},
    {G, "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":3}}\n\n", "",
     BASE_E_OK, LLM_SAFETY, 3, 0},
    {G, GF("a", "SAFETY") GF("b", "STOP"), "ab", BASE_E_OK, LLM_SAFETY, 0, 0},
    {G,
     "data: "
     "{\"candidates\":[{\"content\":{\"parts\":[{\"thought\":true,\"text\":\"hm\"},{\"text\":\"a\"},{\"text\":\"b\"}]},"
     "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":2,"
     "\"thoughtsTokenCount\":5}}\n\n",
     "ab", BASE_E_OK, LLM_STOP, 3, 7},
    {G,
     GT("a") "data: {\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":\"other\"}]}}]}\n\n" GF("b",
                                                                                                            "STOP"),
     "ab", BASE_E_OK, LLM_STOP, 0, 0},
    {G, ": hello\r\n\r\ndata:\r\n\r\n" GF("a", "STOP"), "a", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("[[not in material]] No.", "STOP"), "No.", BASE_E_OK, LLM_NOT_IN_MATERIAL, 0, 0},
    {G, GT("\\n [[NOT in") GT(" material]]") GT("\\n\\n") GF("No.", "STOP"), "No.", BASE_E_OK, LLM_NOT_IN_MATERIAL, 0,
     0},
    {G, GF("[[not in material]]", "STOP"),
     "O material não responde a essa pergunta. Tente com outras palavras ou pergunte ao professor.", BASE_E_OK,
     LLM_NOT_IN_MATERIAL, 0, 0},
    {G, GF("[[not in material]] N", "MAX_TOKENS"), "N", BASE_E_OK, LLM_MAX_TOKENS, 0, 0},
    {G, GF("[[not in mat", "STOP"), "[[not in mat", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("[[not") GF(" in stock]]", "STOP"), "[[not in stock]]", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("a [[not in material]]", "STOP"), "a [[not in material]]", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("  a", "STOP"), "  a", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("\xf0\x9f") GT("\x8d") GT("\x8e") GF("!", "STOP"), "🍎!", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("ma\xc3\xa7\xc3", "STOP"), "maç\xef\xbf\xbd", BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("a\xff") GF("b", "STOP"),
     "a\xef\xbf\xbd"
     "b",
     BASE_E_OK, LLM_STOP, 0, 0},
    {G, GT("\xc3") GF("b", "STOP"),
     "\xef\xbf\xbd"
     "b",
     BASE_E_OK, LLM_STOP, 0, 0},
    {G, GF("\\ud83c\\udf4e", "STOP"), "🍎", BASE_E_OK, LLM_STOP, 0, 0},
    {O, OT("a") OF("", "stop") DONE, "a", BASE_E_OK, LLM_STOP, 0, 0},
    {O, OF("a", "stop"), "a", BASE_E_OK, LLM_STOP, 0, 0},
    {O, OT("a") OF("b", "length") DONE, "ab", BASE_E_OK, LLM_MAX_TOKENS, 0, 0},
    {O, OT("a") OF("", "content_filter") DONE, "a", BASE_E_OK, LLM_SAFETY, 0, 0},
    {O,
     "data: "
     "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}}],\"usage\":null}"
     "\n\n" OT("a")
         OF("", "stop") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}\n\n" DONE,
     "a", BASE_E_OK, LLM_STOP, 4, 2},
    {O, "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"I can't\"}}]}\n\n" OF("", "stop") DONE, "",
     BASE_E_OK, LLM_SAFETY, 0, 0},
    {O, OT("a") "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n" OF("", "stop"), "a",
     BASE_E_OK, LLM_STOP, 0, 0},
    {O, "data: {\"error\":null,\"choices\":[]}\n\n" OF("a", "stop"), "a", BASE_E_OK, LLM_STOP, 0, 0},
    {O, "data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n" OF("a", "stop"), "a", BASE_E_OK, LLM_STOP, 0, 0},
};

static const struct row bad[] = {
    {G, "", "", BASE_E_MALFORMED, 0, 0, 0},
    {G, "\n\n\n", "", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "STOP") GT("b"), "ab", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("", "STOP"), "", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "OTHER"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "LANGUAGE"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "FINISH_REASON_UNSPECIFIED"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "MALFORMED_FUNCTION_CALL"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", "stop"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GF("a", ""), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"finishReason\":7}]}\n\n", "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {oops}\n\n", "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"finishReason\":\"STOP\"", "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: 7\n\n", "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: []\n\n", "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") DONE, "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\\ud83c\"}]}}]}\n\n", "a",
     BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":{\"x\":1}}\n\n" GF("b", "STOP"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[7]}\n\n" GF("b", "STOP"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"content\":\"x\"}]}\n\n" GF("b", "STOP"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"content\":{\"parts\":\"x\"}}]}\n\n" GF("b", "STOP"), "a", BASE_E_MALFORMED,
     0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"content\":{\"parts\":[\"x\"]}}]}\n\n" GF("b", "STOP"), "a", BASE_E_MALFORMED,
     0, 0, 0},
    {G, GT("a") "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":7}]}}]}\n\n" GF("b", "STOP"), "a",
     BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") "data: {\"choices\":{\"delta\":7}}\n\n" OF("b", "stop"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") "data: {\"choices\":[\"x\"]}\n\n" OF("b", "stop"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") "data: {\"choices\":[{\"delta\":{\"content\":[\"x\"]}}]}\n\n" OF("b", "stop"), "a", BASE_E_MALFORMED, 0,
     0, 0},
    {G, "[{\"candidates\":[]}]", "", BASE_E_MALFORMED, 0, 0, 0},
    {G, GT("a") "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}\n\n" GF("b", "STOP"), "a",
     BASE_E_UNAVAILABLE, 0, 0, 0},
    {G, "data: {\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}\n\n", "", BASE_E_EXHAUSTED, 0, 0, 0},
    {G, "data: {\"error\":{\"code\":\"odd\"}}\n\n", "", BASE_E_UNAVAILABLE, 0, 0, 0},
    {G, "data: {\"error\":\"odd\"}\n\n", "", BASE_E_UNAVAILABLE, 0, 0, 0},
    {O, OT("a") DONE, "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, DONE, "", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a"), "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OF("a", "stop") OT("b") DONE, "ab", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") OF("", "tool_calls") DONE, "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") OF("", "eos") DONE, "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") OF("", "STOP") DONE, "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OF("", "stop") DONE, "", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") "data: [DONE\n\n", "a", BASE_E_MALFORMED, 0, 0, 0},
    {O, OT("a") "data: {\"error\":{\"type\":\"rate_limit_exceeded\"}}\n\n", "a", BASE_E_EXHAUSTED, 0, 0, 0},
    {O, "data: {\"error\":{\"code\":503}}\n\n", "", BASE_E_UNAVAILABLE, 0, 0, 0},
    {O, "data: {\"error\":\"odd\"}\n\n", "", BASE_E_UNAVAILABLE, 0, 0, 0},
};

/* The text as far as it came; the stream is disposed of. */
static base_err run(const struct row *r, size_t step, llm_stream *s, char text[512]) {
  base_buf out;
  base_err e = BASE_OK;
  base_span in = base_span_str(r->in);
  llm_stream_init(s, r->provider, "pt-BR");
  base_buf_init(&out, LLM_STREAM_PUSH_MAX);
  while (in.n && base_is_ok(e)) {
    base_span some = base_span_of(in.p, step < in.n ? step : in.n);
    in = base_span_of(in.p + some.n, in.n - some.n);
    e = llm_stream_push(s, some, &out);
    CHECK(base_span_utf8(base_buf_span(&out)));
  }
  if (base_is_ok(e)) e = llm_stream_end(s, &out);
  snprintf(text, 512, "%.*s", BASE_SPAN_ARG(base_buf_span(&out)));
  base_buf_dispose(&out);
  llm_stream_dispose(s);
  return e;
}

static void whole_answers(void) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    for (size_t step = 1; step <= strlen(good[i].in) + 1; step++) {
      llm_stream s;
      char text[512];
      base_err e = run(&good[i], step, &s, text);
      CHECK_MSG(base_is_ok(e), "row %zu, %zu at once: %s, %s", i, step, base_err_name(e), s.trouble.why);
      CHECK_MSG(strcmp(text, good[i].text) == 0, "row %zu, %zu at once: \"%s\"", i, step, text);
      CHECK_MSG(s.finish == good[i].finish, "row %zu: finish %d", i, (int)s.finish);
      CHECK_INT(s.prompt_tokens, good[i].prompt_tokens);
      CHECK_INT(s.answer_tokens, good[i].answer_tokens);
    }
  }
}

static void no_other_is_a_success(void) {
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    for (size_t step = 1; step <= strlen(bad[i].in) + 1; step++) {
      llm_stream s;
      char text[512];
      base_err e = run(&bad[i], step, &s, text);
      CHECK_MSG(base_is(e, bad[i].error), "row %zu, %zu at once: %s", i, step, base_err_name(e));
      /* What an event that is refused holds may have been given or not. */
      CHECK_MSG(strncmp(text, bad[i].text, strlen(text)) == 0, "row %zu, %zu at once: \"%s\"", i, step, text);
      CHECK_MSG(s.trouble.why[0], "row %zu: no reason", i);
    }
  }
}

/* Wherever an answer is cut, it is no success before its finish reason is there. */
static void cut_anywhere(void) {
  static const char *const whole[] = {GT("a") GT("b") GF("c", "STOP"), OT("a") OT("b") OF("", "stop")};
  for (size_t w = 0; w < sizeof whole / sizeof *whole; w++) {
    size_t reason = strlen(whole[w]) - strlen("}]}\n\n") - 1;
    for (size_t n = 0; n < reason; n++) {
      char in[1024], text[512];
      llm_stream s;
      snprintf(in, sizeof in, "%.*s", (int)n, whole[w]);
      base_err e = run(&(struct row){.provider = w ? O : G, .in = in}, 7, &s, text);
      CHECK_MSG(base_is(e, BASE_E_MALFORMED), "cut at %zu: %s", n, base_err_name(e));
    }
  }
}

static void refusals(void) {
  static const struct {
    const llm_provider *provider;
    long status;
    const char *body;
    enum base_err_code error;
    bool again;
    int64_t retry_after_ms;
  } rows[] = {
      {G, 400, "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\"}}", BASE_E_INVALID, false, 0},
      {G, 400, "{\"error\":{\"details\":[{\"reason\":\"API_KEY_INVALID\"}]}}", BASE_E_DENIED, false, 0},
      {G, 403, "", BASE_E_DENIED, false, 0},
      {G, 404, "[]", BASE_E_INVALID, false, 0},
      {G, 429, "{\"error\":{\"details\":[{\"@type\":\"x\"},{\"retryDelay\":\"39s\"}]}}", BASE_E_EXHAUSTED, true, 39000},
      {G, 429, "[{\"error\":{\"details\":[{\"retryDelay\":\"1.5s\"}]}}]", BASE_E_EXHAUSTED, true, 1500},
      {G, 429, "{\"error\":{\"details\":[{\"retryDelay\":\"soon\"},7,null,\"s\"]}}", BASE_E_EXHAUSTED, true, 0},
      {G, 429, "{\"error\":{\"details\":[{\"retryDelay\":\"-1s\"}]}}", BASE_E_EXHAUSTED, true, 0},
      {G, 429, "{\"error\":{\"details\":[{\"retryDelay\":\"99999999999999999999s\"}]}}", BASE_E_EXHAUSTED, true, 0},
      {G, 429, "{\"error\":{\"details\":{\"retryDelay\":\"9s\"}}}", BASE_E_EXHAUSTED, true, 0},
      {G, 500, "<html>", BASE_E_UNAVAILABLE, false, 0},
      {G, 503, "{\"error\":{\"status\":\"UNAVAILABLE\"}}", BASE_E_UNAVAILABLE, true, 0},
      {G, 302, "", BASE_E_MALFORMED, false, 0},
      {G, 204, "", BASE_E_MALFORMED, false, 0},
      {G, 999, "", BASE_E_MALFORMED, false, 0},
      {O, 401, "{\"error\":{\"code\":\"invalid_api_key\"}}", BASE_E_DENIED, false, 0},
      {O, 429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", BASE_E_EXHAUSTED, true, 0},
      {O, 429, "{\"error\":{\"type\":\"insufficient_quota\"}}", BASE_E_EXHAUSTED, false, 0},
      {O, 413, "", BASE_E_INVALID, false, 0},
      {O, 503, "{", BASE_E_UNAVAILABLE, true, 0},
      {O, 502, "null", BASE_E_UNAVAILABLE, false, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    llm_trouble t = {0};
    llm_provider_refusal(rows[i].provider, rows[i].status, base_span_str(rows[i].body), &t);
    CHECK_MSG(base_is(t.error, rows[i].error), "row %zu: %s", i, base_err_name(t.error));
    CHECK_MSG(t.again == rows[i].again, "row %zu", i);
    CHECK_INT(t.retry_after_ms, rows[i].retry_after_ms);
    CHECK(t.why[0]);
  }
}

/* The provider's own words may repeat the question: they go nowhere. */
static void its_words_stay_there(void) {
  static const char body[] =
      "{\"error\":{\"message\":\"SECRET\",\"status\":\"SECRET\",\"code\":\"SECRET\",\"type\":\"SECRET\"}}";
  const llm_provider *const providers[] = {G, O};
  for (size_t i = 0; i < 2; i++) {
    llm_trouble t = {0};
    llm_provider_refusal(providers[i], 400, base_span_str(body), &t);
    CHECK_MSG(strstr(t.why, "SECRET") == NULL, "%s", t.why);
  }
}

TEST_MAIN(TEST(whole_answers), TEST(no_other_is_a_success), TEST(cut_anywhere), TEST(refusals),
          TEST(its_words_stay_there))
