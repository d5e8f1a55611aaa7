/* What the two engines of the network do on a real wire, beyond the contract of all: attempts, time-outs, back-pressure, and what a cancel closes. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "llm/engines.h"
#include "llm/testing_provider.h"

enum { TEXT_SIZE = 512, REQUEST_SIZE = 65536 };

static provider *upstream;
static const char *const engines[] = {"gemini", "openai"};

static llm *open_with(const llm_options *o) {
  base_buf why;
  llm *l = NULL;
  base_buf_init(&why, 512);
  CHECK_OK(llm_open(o, &why, &l));
  base_buf_dispose(&why);
  return l;
}

static llm *open_engine(const char *name) {
  return open_with(&(llm_options){.name = name, .base_url = provider_url(upstream), .key = "s3cret-key"});
}

static llm_answer *start(llm *l, const char *question, int64_t deadline_ms) {
  const llm_request r = {.question = question, .language = "pt-BR", .deadline_ms = deadline_ms};
  llm_answer *a = NULL;
  CHECK_OK(llm_start(l, &r, &a));
  return a;
}

typedef struct {
  base_err error;
  llm_event end;
  llm_why why;
  size_t bytes;
  char text[TEXT_SIZE]; /* its begin */
} outcome;

static outcome read_all(llm_answer *a) {
  outcome o = {0};
  size_t n = 0;
  while (base_is_ok(o.error = llm_next(a, &o.end)) && o.end.kind == LLM_TEXT) {
    size_t some = o.end.text.n < TEXT_SIZE - 1 - n ? o.end.text.n : TEXT_SIZE - 1 - n;
    memcpy(o.text + n, o.end.text.p, some);
    n += some;
    o.bytes += o.end.text.n;
  }
  llm_explain(a, &o.why);
  llm_answer_free(a);
  return o;
}

static outcome ask(llm *l, const char *question, int64_t deadline_ms) {
  return read_all(start(l, question, deadline_ms));
}

static void reads_any_pieces(void) {
  static const struct {
    const char *question, *text;
    enum llm_finish finish;
  } rows[] = {{"say:whole", "A maçã cai porque massas se atraem [1: \"An apple falls\"].", LLM_STOP},
              {"say:bytes", "A maçã 🍎 cai porque [[not in material]]", LLM_STOP},
              {"say:torn", "maçã 🍎!", LLM_STOP},
              {"say:nothing", "The material does not tell.", LLM_NOT_IN_MATERIAL},
              {"say:mark",
               "O material não responde a essa pergunta. Tente com outras palavras ou pergunte ao professor.",
               LLM_NOT_IN_MATERIAL},
              {"say:blocked", "", LLM_SAFETY},
              {"say:open", "A maçã", LLM_STOP}};
  for (size_t e = 0; e < 2; e++) {
    llm *l = open_engine(engines[e]);
    REQUIRE(l);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      outcome o = ask(l, rows[i].question, INT64_MAX);
      CHECK_MSG(base_is_ok(o.error), "%s %s: %s (%s)", engines[e], rows[i].question, base_err_name(o.error),
                o.why.text);
      CHECK_STR(o.text, rows[i].text);
      CHECK_INT(o.end.finish, rows[i].finish);
    }
    llm_close(l);
  }
}

/* The refusal that is ours, where the model gave no word: in the language that was asked for, else in the question's. */
static void refuses_in_the_language(void) {
  static const struct {
    const char *question, *language, *text;
  } rows[] = {{"O que é a massa e por que ela cai? say:mark", "",
               "O material não responde a essa pergunta. Tente com outras palavras ou pergunte ao professor."},
              {"What is mass and why does it fall? say:mark", "",
               "The material does not answer this question. Try other words, or ask your teacher."},
              {"O que é a massa e por que ela cai? say:mark", "en",
               "The material does not answer this question. Try other words, or ask your teacher."},
              {"say:mark", "", "The material does not answer this question. Try other words, or ask your teacher."}};
  llm *l = open_engine("gemini");
  REQUIRE(l);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const llm_request r = {.question = rows[i].question, .language = rows[i].language, .deadline_ms = INT64_MAX};
    llm_answer *a = NULL;
    REQUIRE(base_is_ok(llm_start(l, &r, &a)));
    outcome o = read_all(a);
    CHECK_STR(o.text, rows[i].text);
  }
  llm_close(l);
}

static void failures_are_told(void) {
  static const struct {
    const char *question, *why;
    enum base_err_code error;
    int requests;
    bool text;
  } rows[] = {{"say:cut", "without a finish reason", BASE_E_MALFORMED, 1, true},
              {"say:odd", "finish reason", BASE_E_MALFORMED, 1, true},
              {"say:empty", "without a word", BASE_E_MALFORMED, 1, false},
              {"say:malformed", "protocol", BASE_E_MALFORMED, 1, true},
              {"say:html", "event stream", BASE_E_MALFORMED, 1, false},
              {"say:void", "204", BASE_E_MALFORMED, 1, false},
              {"say:redirect", "redirect", BASE_E_MALFORMED, 1, false},
              {"say:error", "503", BASE_E_UNAVAILABLE, 1, true},
              {"say:broken", "broke off", BASE_E_UNAVAILABLE, 1, true},
              {"say:drop", "cannot be reached", BASE_E_UNAVAILABLE, 3, false},
              {"say:quota", "429", BASE_E_EXHAUSTED, 1, false},
              {"say:afterwards", "429", BASE_E_EXHAUSTED, 1, false},
              {"say:denied", "key", BASE_E_DENIED, 1, false},
              {"say:refused", "400", BASE_E_INVALID, 1, false},
              {"say:no such word", "500", BASE_E_UNAVAILABLE, 1, false}};
  for (size_t e = 0; e < 2; e++) {
    llm *l = open_engine(engines[e]);
    REQUIRE(l);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      int before = provider_requests(upstream);
      outcome o = ask(l, rows[i].question, INT64_MAX);
      CHECK_MSG(base_is(o.error, rows[i].error), "%s %s: %s", engines[e], rows[i].question, base_err_name(o.error));
      CHECK_MSG(strstr(o.why.text, rows[i].why), "%s: %s", rows[i].question, o.why.text);
      CHECK_MSG(strstr(o.why.text, "you") == NULL, "the provider's words: %s", o.why.text);
      CHECK_MSG(o.why.had_text == rows[i].text, "%s", rows[i].question);
      CHECK_MSG(provider_requests(upstream) - before == rows[i].requests, "%s %s: %d requests", engines[e],
                rows[i].question, provider_requests(upstream) - before);
    }
    llm_close(l);
  }
}

static void retry_delays_are_told(void) {
  static const struct {
    const char *engine, *question;
    int64_t ms;
  } rows[] = {{"gemini", "say:quota", 39500},
              {"openai", "say:quota", 0},
              {"gemini", "say:afterwards", 39000},
              {"openai", "say:afterwards", 39000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    llm *l = open_engine(rows[i].engine);
    REQUIRE(l);
    CHECK_INT(ask(l, rows[i].question, INT64_MAX).why.retry_after_ms, rows[i].ms);
    llm_close(l);
  }
}

static void asks_again_before_the_first_piece(void) {
  static const struct {
    int refusals, status, requests;
    int64_t deadline_ms; /* from now */
    enum base_err_code error;
  } rows[] = {{1, 503, 2, 60000, BASE_E_OK},          {2, 429, 3, 60000, BASE_E_OK},
              {3, 503, 3, 60000, BASE_E_UNAVAILABLE}, {3, 429, 3, 60000, BASE_E_EXHAUSTED},
              {1, 500, 1, 60000, BASE_E_UNAVAILABLE}, {1, 400, 1, 60000, BASE_E_INVALID},
              {1, 401, 1, 60000, BASE_E_DENIED},      {1, 503, 1, 200, BASE_E_UNAVAILABLE}};
  for (size_t e = 0; e < 2; e++) {
    llm *l = open_engine(engines[e]);
    REQUIRE(l);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      int before = provider_requests(upstream);
      provider_refuse(upstream, rows[i].refusals, rows[i].status);
      outcome o = ask(l, "say:whole", base_now_ms() + rows[i].deadline_ms);
      CHECK_MSG(base_is(o.error, rows[i].error), "row %zu: %s", i, base_err_name(o.error));
      CHECK_INT(provider_requests(upstream) - before, rows[i].requests);
      provider_refuse(upstream, 0, 0);
    }
    llm_close(l);
  }
}

static void silence_ends_it(void) {
  static const struct {
    const char *question;
    bool text;
  } rows[] = {{"say:silent", false}, {"say:late", true}};
  llm *l = open_with(
      &(llm_options){.name = "gemini", .base_url = provider_url(upstream), .key = "k", .silence_timeout_ms = 100});
  REQUIRE(l);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    outcome o = ask(l, rows[i].question, INT64_MAX);
    CHECK_ERR(o.error, BASE_E_UNAVAILABLE);
    CHECK_MSG(strstr(o.why.text, "nothing came"), "%s", o.why.text);
    CHECK_INT(o.why.had_text, rows[i].text);
  }
  llm_close(l);
}

/* A listening socket that has no room for one more: a connection to it is never made. */
typedef struct {
  int listener, full[8];
  char url[64];
} wall;

static bool wall_open(wall *w) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  w->listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(w->listener, (struct sockaddr *)&a, n) || listen(w->listener, 0) ||
      getsockname(w->listener, (struct sockaddr *)&a, &n))
    return false;
  for (size_t i = 0; i < sizeof w->full / sizeof *w->full; i++) {
    w->full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(w->full[i], (struct sockaddr *)&a, sizeof a);
  }
  snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", ntohs(a.sin_port));
  return true;
}

static void wall_close(wall *w) {
  for (size_t i = 0; i < sizeof w->full / sizeof *w->full; i++)
    close(w->full[i]);
  close(w->listener);
}

static void no_connection_is_told(void) {
  wall w;
  REQUIRE(wall_open(&w));
  const char *const urls[] = {w.url, provider_silent_tls_url(upstream), "http://127.0.0.1:1", "https://name.invalid"};
  for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
    llm *l = open_with(&(llm_options){
        .name = "openai", .base_url = urls[i], .connect_timeout_ms = 100, .silence_timeout_ms = 20000, .attempts = 2});
    REQUIRE(l);
    outcome o = ask(l, "say:whole", INT64_MAX);
    CHECK_MSG(base_is(o.error, BASE_E_UNAVAILABLE), "%s: %s", urls[i], base_err_name(o.error));
    CHECK_MSG(strstr(o.why.text, "cannot be reached"), "%s", o.why.text);
    CHECK_MSG(strstr(o.why.text, "127") == NULL && strstr(o.why.text, "name.invalid") == NULL, "%s", o.why.text);
    llm_close(l);
  }
  wall_close(&w);
}

/* In the place of the C library's, also for libcurl: one name takes as long as the test wants. */
static atomic_bool names_answer;
static atomic_int names_waiting;

int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
  if (host == NULL || strcmp(host, "slow.invalid") != 0) {
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real ? real(host, service, hints, out) : EAI_FAIL;
  }
  atomic_fetch_add(&names_waiting, 1);
  while (!atomic_load(&names_answer))
    usleep(1000);
  atomic_fetch_sub(&names_waiting, 1);
  return EAI_NONAME;
}

static void *cancel_soon(void *arg) {
  usleep(50000); /* somewhere into what it does; sooner or later is right as well */
  llm_cancel(arg);
  return NULL;
}

/* In every state of a transfer; each would otherwise take a minute or for ever. */
static void cancel_in_any_state(void) {
  wall w;
  REQUIRE(wall_open(&w));
  const struct {
    const char *state, *url, *question;
    int refusals;
  } rows[] = {{"name", "https://slow.invalid", "say:whole", 0},
              {"connect", w.url, "say:whole", 0},
              {"tls", provider_silent_tls_url(upstream), "say:whole", 0},
              {"request sent", provider_url(upstream), "say:silent", 0},
              {"text came", provider_url(upstream), "say:late", 0},
              {"text comes", provider_url(upstream), "say:endless", 0},
              {"back-off", provider_url(upstream), "say:silent", 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    pthread_t thread;
    llm *l = open_with(&(llm_options){
        .name = "openai", .base_url = rows[i].url, .connect_timeout_ms = 60000, .silence_timeout_ms = 60000});
    REQUIRE(l);
    provider_refuse(upstream, rows[i].refusals, 503);
    llm_answer *a = start(l, rows[i].question, INT64_MAX);
    REQUIRE(a && pthread_create(&thread, NULL, cancel_soon, a) == 0);
    llm_event event;
    base_err e;
    while (base_is_ok(e = llm_next(a, &event)) && event.kind == LLM_TEXT) {
    }
    CHECK_MSG(base_is(e, BASE_E_CANCELLED), "%s: %s", rows[i].state, base_err_name(e));
    pthread_join(thread, NULL);
    for (int ms = 0; ms < 5000 && provider_running(upstream) > 0; ms++)
      usleep(1000);
    CHECK_MSG(provider_running(upstream) == 0, "%s: the request upstream is still there", rows[i].state);
    llm_answer_free(a);
    llm_close(l);
  }
  wall_close(&w);
  CHECK_INT(atomic_load(&names_waiting), 1); /* it was not waited for */
  atomic_store(&names_answer, true);
  while (atomic_load(&names_waiting) > 0)
    usleep(1000);
}

/* All of it is here, and nobody has read it: cancelled is cancelled. */
static void cancel_before_reading(void) {
  llm *l = open_engine("gemini");
  REQUIRE(l);
  int before = provider_requests(upstream);
  llm_answer *a = start(l, "say:whole", INT64_MAX);
  REQUIRE(a);
  while (provider_requests(upstream) == before || provider_running(upstream) > 0)
    usleep(1000);
  usleep(20000); /* so that mostly also the last bytes are here */
  llm_cancel(a);
  llm_event event;
  CHECK_ERR(llm_next(a, &event), BASE_E_CANCELLED);
  llm_answer_free(a);
  llm_close(l);
}

/* One silent answer holds up no other. */
static void nobody_waits_behind_another(void) {
  llm *l = open_engine("gemini");
  REQUIRE(l);
  llm_answer *silent = start(l, "say:silent", INT64_MAX);
  CHECK_OK(ask(l, "say:whole", base_now_ms() + 20000).error);
  llm_answer_free(silent);
  llm_close(l);
}

/* The reader rests until the whole answer waits in sockets: at most the bound and one write of libcurl are held here. */
static void slow_readers_hold_it_back(void) {
  enum { WRITE_MAX = 16384, WHOLE = 256 * 16384 };
  for (size_t e = 0; e < 2; e++) {
    llm *l = open_engine(engines[e]);
    REQUIRE(l);
    long before = provider_written(upstream);
    llm_answer *a = start(l, "say:big", INT64_MAX);
    REQUIRE(a);
    while (provider_written(upstream) - before < 8 * LLM_AHEAD_MAX)
      usleep(1000);
    llm_event event;
    size_t bytes = 0;
    base_err error;
    while (base_is_ok(error = llm_next(a, &event)) && event.kind == LLM_TEXT) {
      CHECK_MSG(event.text.n <= LLM_AHEAD_MAX + 2 * WRITE_MAX, "%zu bytes were held", event.text.n);
      bytes += event.text.n;
    }
    CHECK_OK(error);
    CHECK_INT(bytes, WHOLE);
    llm_answer_free(a);
    llm_close(l);
  }
}

static void the_key_is_in_a_header_only(void) {
  static const char *const headers[] = {"x-goog-api-key: s3cret-key\r\n", "authorization: Bearer s3cret-key\r\n"};
  static const char *const lines[] = {"POST /v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse HTTP/1.1\r\n",
                                      "POST /v1/chat/completions HTTP/1.1\r\n"};
  char *request = calloc(REQUEST_SIZE, 1);
  REQUIRE(request);
  for (size_t e = 0; e < 2; e++) {
    llm *l = open_engine(engines[e]);
    REQUIRE(l);
    CHECK_OK(ask(l, "say:whole", INT64_MAX).error);
    provider_last(upstream, request, REQUEST_SIZE);
    CHECK_MSG(strncmp(request, lines[e], strlen(lines[e])) == 0, "%s", request);
    char *header = strstr(request, headers[e]);
    CHECK_MSG(header, "%s", request);
    if (header) CHECK(strstr(header + strlen(headers[e]), "s3cret") == NULL);
    llm_close(l);
  }
  free(request);
}

static void urls_with_a_version(void) {
  static const char *const ends[] = {"/", "/v1", "/v1/", "//"};
  char url[128], *request = calloc(REQUEST_SIZE, 1);
  REQUIRE(request);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    snprintf(url, sizeof url, "%s%s", provider_url(upstream), ends[i]);
    llm *l = open_with(&(llm_options){.name = "openai", .base_url = url});
    REQUIRE(l);
    CHECK_OK(ask(l, "say:whole", INT64_MAX).error);
    provider_last(upstream, request, REQUEST_SIZE);
    CHECK_MSG(strncmp(request, "POST /v1/chat/completions ", 26) == 0, "%s: %.60s", ends[i], request);
    CHECK(strstr(request, "authorization") == NULL);
    llm_close(l);
  }
  free(request);
}

static void connections_are_kept(void) {
  llm *l = open_engine("gemini");
  REQUIRE(l);
  int before = provider_connections(upstream);
  for (int i = 0; i < 3; i++)
    CHECK_OK(ask(l, "say:whole", INT64_MAX).error);
  CHECK_INT(provider_connections(upstream) - before, 1);
  llm_close(l);
}

static void too_long_is_told(void) {
  enum { LONG = 1 << 20 };
  char *question = calloc(LONG + 1, 1);
  llm *l = open_engine("gemini");
  REQUIRE(l && question);
  memset(question, 'x', LONG);
  outcome o = ask(l, question, INT64_MAX);
  CHECK_ERR(o.error, BASE_E_INVALID);
  CHECK(strstr(o.why.text, "too long"));
  llm_answer *a = start(l, question, INT64_MAX);
  llm_cancel(a);
  llm_answer_free(a);
  llm_close(l);
  free(question);
}

static void options_are_checked(void) {
  static const struct {
    llm_options o;
    const char *why;
  } rows[] = {{{.name = "gemini"}, "GEMINI_API_KEY"},
              {{.name = "gemini", .base_url = "http://127.0.0.1:1"}, "GEMINI_API_KEY"},
              {{.name = "openai"}, "OPENAI_API_KEY"},
              {{.name = "gemini", .key = ""}, "GEMINI_API_KEY"},
              {{.name = "gemini", .key = "s3cret\r\nx-evil: 1"}, "GEMINI_API_KEY"},
              {{.name = "gemini", .key = "s3cret key"}, "GEMINI_API_KEY"},
              {{.name = "openai", .key = "s3cret\xc3\xa7"}, "OPENAI_API_KEY"},
              {{.name = "openai", .base_url = "http://example.org"}, "https://"},
              {{.name = "openai", .base_url = "https://u:s3cret@example.org"}, "https://"},
              {{.name = "openai", .base_url = "https://example.org/?key=s3cret"}, "https://"},
              {{.name = "openai", .base_url = "https://example.org/#x"}, "https://"},
              {{.name = "openai", .base_url = "https://example.org/a b"}, "https://"},
              {{.name = "openai", .base_url = ""}, "https://"},
              {{.name = "gemini", .key = "k", .model = ""}, "model"},
              {{.name = "gemini", .key = "k", .model = "../x"}, "model"},
              {{.name = "gemini", .key = "k", .model = "x?y"}, "model"},
              {{.name = "openai", .key = "k", .model = "a\nb"}, "model"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf why;
    llm *l = NULL;
    base_buf_init(&why, 512);
    CHECK_ERR(llm_open(&rows[i].o, &why, &l), BASE_E_INVALID);
    CHECK_OK(base_buf_u8(&why, 0));
    const char *text = (const char *)base_buf_span(&why).p;
    CHECK_MSG(strstr(text, rows[i].why), "row %zu: %s", i, text);
    CHECK_MSG(strstr(text, "s3cret") == NULL, "row %zu: %s", i, text);
    base_buf_dispose(&why);
  }
}

static void needs_a_provider(void) { upstream = provider_open(); }

static void nothing_is_left(void) { provider_close(upstream); /* waits for every connection */ }

TEST_MAIN(TEST(needs_a_provider), TEST(reads_any_pieces), TEST(refuses_in_the_language), TEST(failures_are_told),
          TEST(retry_delays_are_told), TEST(asks_again_before_the_first_piece), TEST(silence_ends_it),
          TEST(no_connection_is_told), TEST(cancel_in_any_state), TEST(cancel_before_reading),
          TEST(nobody_waits_behind_another), TEST(slow_readers_hold_it_back), TEST(the_key_is_in_a_header_only),
          TEST(urls_with_a_version), TEST(connections_are_kept), TEST(too_long_is_told), TEST(options_are_checked),
          TEST(nothing_is_left))
