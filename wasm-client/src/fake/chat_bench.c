#include "wc/fake/chat_bench.h"

#include "base/test.h"

static void on_chat(void *ctx) { (void)ctx; }
static void on_cleared(void *ctx) {
  bench *b = ctx;
  b->cleared++;
  b->states[0] = 0;
  b->shown_count = 0;
}

/* A new one is put where it is told to stand. */
static void show(bench *b, const wc_chat_message *m) {
  size_t at = 0, n = b->shown_count;
  for (size_t i = 0; i < n; i++) {
    if (b->shown[i] == m->id) return;
    if (b->shown[i] == m->after) at = i + 1;
  }
  REQUIRE(n < sizeof b->shown / sizeof *b->shown && (at > 0 || m->after == 0));
  memmove(b->shown + at + 1, b->shown + at, (n - at) * sizeof *b->shown);
  b->shown[at] = m->id;
  b->shown_count++;
}

static void on_message(void *ctx, const wc_chat_message *m, unsigned changes, base_span answer) {
  static const char *const names[] = {
#define X(name) #name,
      WC_CHAT_STATES(X)
#undef X
  };
  bench *b = ctx;
  size_t n = strlen(b->states);
  show(b, m);
  if (changes & WC_CHAT_CHANGED_STATE)
    snprintf(b->states + n, sizeof b->states - n, "%s%u:%s", n ? " " : "", m->id, names[m->state]);
  b->sources += (changes & WC_CHAT_CHANGED_SOURCES) != 0;
  if (!(changes & WC_CHAT_CHANGED_ANSWER)) return;
  b->told++;
  if (strncmp((const char *)answer.p, "{\"keep\":0,\"blocks\":[]}", answer.n) == 0 && b->longest) b->shrunk++;
  if (answer.n > b->longest) b->longest = answer.n;
  snprintf(b->answer, sizeof b->answer, "%.*s", BASE_SPAN_ARG(answer));
}

const wc_chat_events bench_events = {on_chat, on_cleared, on_message};

void bench_run(bench *b, int64_t ms) { fake_run(&b->service.gw.plat, ms); }

void bench_page_new(bench *b) {
  const wc_session_options options = {.url = "ws://test/"};
  b->states[0] = 0;
  b->shown_count = 0;
  CHECK_OK(wc_session_new(&b->service.gw.plat.base, &options, &b->session));
  CHECK_OK(wc_chat_new(&b->service.gw.plat.base, wc_session_channel(b->session), &bench_events, b, &b->chat));
}

void bench_page_open(bench *b) {
  bench_page_new(b);
  bench_run(b, 10);
}

void bench_page_close(bench *b) {
  wc_chat_free(b->chat);
  wc_session_free(b->session);
  bench_run(b, 100);
}

void bench_open(bench *b) {
  memset(b, 0, sizeof *b);
  fake_chatbot_init(&b->service, 1);
  bench_page_open(b);
}

void bench_close(bench *b) {
  bench_page_close(b);
  fake_chatbot_dispose(&b->service);
}

uint32_t bench_ask(bench *b, const char *text) {
  const wc_chat_question q = {.text = text, .language = "", .session_id = "", .context = ""};
  uint32_t id = 0;
  CHECK_OK(wc_chat_ask(b->chat, &q, &id));
  return id;
}

void bench_check(bench *b, uint32_t id, enum wc_chat_state state, const char *want) {
  const wc_chat_message *m = wc_chat_find(b->chat, id);
  REQUIRE(m);
  CHECK_INT(m->state, state);
  CHECK_MSG(base_span_is(base_buf_span(&m->answer), want), "got \"%.*s\", want \"%s\"",
            BASE_SPAN_ARG(base_buf_span(&m->answer)), want);
}

void bench_check_shown(bench *b, const char *questions) {
  char seen[2048] = "";
  for (size_t i = 0; i < b->shown_count; i++) {
    size_t n = strlen(seen);
    const wc_chat_message *m = wc_chat_find(b->chat, b->shown[i]);
    snprintf(seen + n, sizeof seen - n, "%s ", m ? m->question : "(gone)");
  }
  CHECK_STR(seen, questions);
}
