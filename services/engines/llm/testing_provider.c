#include "llm/testing_provider.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 20, CHUNK_MAX = 70000, BIG_PIECES = 256, BIG_PIECE = 16384 };

struct provider {
  int listener, stop[2];
  char url[64], tls[64];
  pthread_t thread;
  atomic_int refuse_left, refuse_status, requests, running, left, connections, open;
  atomic_long written;
  pthread_mutex_t lock;
  char last[REQUEST_MAX];
};

typedef struct {
  provider *p;
  int fd;
  bool gemini, gone;
  char request[REQUEST_MAX];
  size_t have;
} talk;

static void put(talk *t, const char *bytes, size_t n) {
  while (n && !t->gone) {
    ssize_t some = send(t->fd, bytes, n, MSG_NOSIGNAL);
    t->gone = some <= 0;
    if (some > 0) {
      atomic_fetch_add(&t->p->written, some);
      bytes += some;
      n -= (size_t)some;
    }
  }
}

/* One chunk of the body; its bytes one by one when `torn`. */
static void chunk(talk *t, const char *bytes, bool torn) {
  char size[32];
  size_t n = strlen(bytes), step = torn ? 1 : n;
  for (size_t at = 0; at < n; at += step) {
    snprintf(size, sizeof size, "%zx\r\n", step);
    put(t, size, strlen(size));
    put(t, bytes + at, step);
    put(t, "\r\n", 2);
  }
}

static void last_chunk(talk *t) { put(t, "0\r\n\r\n", 5); }

static void head(talk *t) {
  static const char ok[] =
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
  put(t, ok, sizeof ok - 1);
}

static void event(talk *t, const char *text, const char *finish, bool torn) {
  char *out = malloc(CHUNK_MAX);
  if (out == NULL) abort();
  if (t->gemini)
    snprintf(
        out, CHUNK_MAX,
        "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"%s\"}]}%s%s%s,\"index\":0}],"
        "\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":7,\"totalTokenCount\":18}}\r\n\r\n",
        text, finish ? ",\"finishReason\":\"" : "", finish ? finish : "", finish ? "\"" : "");
  else
    snprintf(out, CHUNK_MAX,
             "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},"
             "\"finish_reason\":%s%s%s}],\"usage\":null}\n\n",
             text, finish ? "\"" : "", finish ? finish : "null", finish ? "\"" : "");
  chunk(t, out, torn);
  free(out);
}

static void end(talk *t, const char *gemini, const char *openai) {
  event(t, "", t->gemini ? gemini : openai, false);
  if (!t->gemini)
    chunk(
        t,
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\ndata: "
        "[DONE]\n\n",
        false);
  last_chunk(t);
}

/* True: the client closed, or the test is over. */
static bool wait_gone(talk *t, int ms) {
  struct pollfd f[2] = {{.fd = t->fd, .events = POLLIN | POLLRDHUP}, {.fd = t->p->stop[0], .events = POLLIN}};
  char c;
  if (poll(f, 2, ms) <= 0) return false;
  if (f[1].revents) return true;
  if (recv(t->fd, &c, 1, MSG_PEEK) > 0) return false;
  t->gone = true;
  return true;
}

static void say_whole(talk *t) {
  head(t);
  event(t, "A maçã cai", NULL, false);
  event(t, " porque massas", NULL, false);
  event(t, " se atraem [1: \\\"An apple falls\\\"].", NULL, false);
  end(t, "STOP", "stop");
}

static void say_bytes(talk *t) {
  head(t);
  chunk(t, ": a comment\n\nid: 7\nevent: message\n", true);
  event(t, "A maçã 🍎 cai", NULL, true);
  event(t, " porque [[not in material]]", NULL, true);
  end(t, "STOP", "stop");
}

static void say_torn(talk *t) {
  head(t);
  event(t, "ma\xc3", NULL, false);
  event(t, "\xa7\xc3\xa3 \xf0\x9f", NULL, false);
  event(t, "\x8d", NULL, false);
  event(t, "\x8e!", NULL, false);
  end(t, "STOP", "stop");
}

static void say_nothing(talk *t) {
  head(t);
  event(t, "\\n[[Not in ", NULL, false);
  event(t, "material]]", NULL, false);
  event(t, " \\nThe material does not tell.", NULL, false);
  end(t, "STOP", "stop");
}

static void say_mark(talk *t) {
  head(t);
  event(t, "[[not in material]]", NULL, false);
  end(t, "STOP", "stop");
}

static void say_max(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  end(t, "MAX_TOKENS", "length");
}

static void say_safety(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  end(t, "SAFETY", "content_filter");
}

static void say_blocked(talk *t) {
  head(t);
  chunk(t,
        t->gemini ? "data: "
                    "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{"
                    "\"promptTokenCount\":9}}\n\n"
                  : "data: {\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"No.\"}}]}\n\n",
        false);
  last_chunk(t);
}

static void say_endless(talk *t) {
  head(t);
  while (!t->gone && !wait_gone(t, 10))
    event(t, "gota ", NULL, false);
}

static void say_silent(talk *t) { (void)!wait_gone(t, -1); }

static void say_late(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  (void)!wait_gone(t, -1);
}

/* The finish reason is there, and the connection stays. */
static void say_open(talk *t) {
  head(t);
  event(t, "A maçã", t->gemini ? "STOP" : "stop", false);
  (void)!wait_gone(t, -1);
}

static void say_malformed(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  chunk(t, "data: {\"candidates\": [oops\n\n", false);
  last_chunk(t);
}

static void say_broken(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  put(t, "40\r\ndata: {", 12);
  t->gone = true;
}

/* Nothing of an answer, and then the end of the connection. */
static void say_drop(talk *t) { t->gone = true; }

static void say_cut(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  last_chunk(t);
}

static void say_odd(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  end(t, "MOOD", "mood");
}

static void say_empty(talk *t) {
  head(t);
  end(t, "STOP", "stop");
}

static void say_big(talk *t) {
  char *piece = malloc(BIG_PIECE + 1);
  if (piece == NULL) abort();
  memset(piece, 'x', BIG_PIECE);
  piece[BIG_PIECE] = 0;
  head(t);
  for (int i = 0; i < BIG_PIECES && !t->gone; i++)
    event(t, piece, NULL, false);
  end(t, "STOP", "stop");
  free(piece);
}

static void whole_answer(talk *t, const char *status, const char *headers, const char *body) {
  char text[2048];
  snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%scontent-length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
  put(t, text, strlen(text));
}

static void say_quota(talk *t) {
  whole_answer(
      t, "429 Too Many Requests", "content-type: application/json\r\n",
      t->gemini
          ? "{\"error\":{\"code\":429,\"message\":\"slow down, you\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":["
            "{\"@type\":\"type.googleapis.com/google.rpc.Help\"},"
            "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"39.5s\"}]}}"
          : "{\"error\":{\"message\":\"slow down, "
            "you\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}");
}

static void say_later(talk *t) {
  whole_answer(t, "429 Too Many Requests", "retry-after: 39\r\n", "<html>slow down, you</html>");
}

static void say_denied(talk *t) {
  if (t->gemini)
    whole_answer(
        t, "400 Bad Request", "content-type: application/json\r\n",
        "{\"error\":{\"code\":400,\"message\":\"API key not valid.\",\"status\":\"INVALID_ARGUMENT\",\"details\":["
        "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\"}]}}");
  else
    whole_answer(t, "401 Unauthorized", "", "{\"error\":{\"message\":\"bad key\",\"code\":\"invalid_api_key\"}}");
}

static void say_refused(talk *t) { whole_answer(t, "400 Bad Request", "", "not JSON"); }
static void say_redirect(talk *t) { whole_answer(t, "307 Temporary Redirect", "location: /elsewhere\r\n", ""); }
static void say_html(talk *t) { whole_answer(t, "200 OK", "content-type: text/html\r\n", "<p>data: {}</p>"); }
static void say_void(talk *t) { whole_answer(t, "204 No Content", "", ""); }

static void say_error(talk *t) {
  head(t);
  event(t, "A maçã", NULL, false);
  chunk(t,
        t->gemini ? "data: {\"error\":{\"code\":503,\"message\":\"overloaded, you\",\"status\":\"UNAVAILABLE\"}}\n\n"
                  : "data: {\"error\":{\"message\":\"overloaded, you\",\"type\":\"overloaded_error\"}}\n\n",
        false);
  last_chunk(t);
}

static void answer(talk *t) {
  static const struct {
    const char *word;
    void (*say)(talk *t);
  } rows[] = {{"say:whole", say_whole},
              {"say:bytes", say_bytes},
              {"say:torn", say_torn},
              {"say:nothing", say_nothing},
              {"say:mark", say_mark},
              {"say:max", say_max},
              {"say:safety", say_safety},
              {"say:blocked", say_blocked},
              {"say:endless", say_endless},
              {"say:silent", say_silent},
              {"say:late", say_late},
              {"say:open", say_open},
              {"say:malformed", say_malformed},
              {"say:broken", say_broken},
              {"say:drop", say_drop},
              {"say:cut", say_cut},
              {"say:odd", say_odd},
              {"say:empty", say_empty},
              {"say:big", say_big},
              {"say:quota", say_quota},
              {"say:afterwards", say_later},
              {"say:denied", say_denied},
              {"say:refused", say_refused},
              {"say:redirect", say_redirect},
              {"say:html", say_html},
              {"say:void", say_void},
              {"say:error", say_error}};
  t->gemini = strstr(t->request, "streamGenerateContent") != NULL;
  if (atomic_load(&t->p->refuse_left) > 0) {
    char status[32];
    atomic_fetch_sub(&t->p->refuse_left, 1);
    snprintf(status, sizeof status, "%d Refused", atomic_load(&t->p->refuse_status));
    whole_answer(t, status, "", "");
    return;
  }
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strstr(t->request, rows[i].word)) {
      rows[i].say(t);
      return;
    }
  }
  whole_answer(t, "500 Unknown Word", "", "");
}

/* One whole request, head and body; false: there is none to come. */
static bool read_request(talk *t) {
  t->have = 0;
  for (;;) {
    t->request[t->have] = 0;
    const char *body = strstr(t->request, "\r\n\r\n"), *length = strcasestr(t->request, "\r\ncontent-length:");
    if (body && length) {
      size_t need = (size_t)(body + 4 - t->request) + strtoul(length + 17, NULL, 10);
      if (t->have >= need) return true;
    }
    struct pollfd f[2] = {{.fd = t->fd, .events = POLLIN}, {.fd = t->p->stop[0], .events = POLLIN}};
    if (poll(f, 2, -1) < 0 || f[1].revents || t->have + 1 >= REQUEST_MAX) return false;
    ssize_t n = recv(t->fd, t->request + t->have, REQUEST_MAX - 1 - t->have, 0);
    if (n <= 0) return false;
    t->have += (size_t)n;
  }
}

static void *talk_thread(void *arg) {
  talk *t = arg;
  provider *p = t->p;
  while (!t->gone && read_request(t)) {
    pthread_mutex_lock(&p->lock);
    memcpy(p->last, t->request, t->have + 1);
    pthread_mutex_unlock(&p->lock);
    atomic_fetch_add(&p->running, 1);
    atomic_fetch_add(&p->requests, 1);
    answer(t);
    if (t->gone) atomic_fetch_add(&p->left, 1);
    atomic_fetch_sub(&p->running, 1);
  }
  close(t->fd);
  free(t);
  atomic_fetch_sub(&p->open, 1);
  return NULL;
}

static void *accept_thread(void *arg) {
  provider *p = arg;
  for (;;) {
    struct pollfd f[2] = {{.fd = p->listener, .events = POLLIN}, {.fd = p->stop[0], .events = POLLIN}};
    pthread_t thread;
    if (poll(f, 2, -1) < 0 || f[1].revents) return NULL;
    int fd = accept(p->listener, NULL, NULL), one = 1;
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    talk *t = calloc(1, sizeof *t);
    if (t == NULL) abort();
    t->p = p;
    t->fd = fd;
    atomic_fetch_add(&p->open, 1);
    atomic_fetch_add(&p->connections, 1);
    if (pthread_create(&thread, NULL, talk_thread, t) != 0) abort();
    pthread_detach(thread);
  }
}

provider *provider_open(void) {
  provider *p = calloc(1, sizeof *p);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  if (p == NULL) return NULL;
  pthread_mutex_init(&p->lock, NULL);
  p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool ok = p->listener >= 0 && bind(p->listener, (struct sockaddr *)&a, n) == 0 && listen(p->listener, 256) == 0 &&
            getsockname(p->listener, (struct sockaddr *)&a, &n) == 0 && pipe(p->stop) == 0 &&
            pthread_create(&p->thread, NULL, accept_thread, p) == 0;
  if (!ok) {
    free(p);
    return NULL;
  }
  snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d", ntohs(a.sin_port));
  snprintf(p->tls, sizeof p->tls, "https://127.0.0.1:%d", ntohs(a.sin_port));
  return p;
}

void provider_close(provider *p) {
  (void)!write(p->stop[1], "x", 1);
  pthread_join(p->thread, NULL);
  while (atomic_load(&p->open) > 0)
    usleep(1000);
  close(p->listener);
  close(p->stop[0]);
  close(p->stop[1]);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

const char *provider_url(const provider *p) { return p->url; }
const char *provider_silent_tls_url(const provider *p) { return p->tls; }

void provider_refuse(provider *p, int n, int status) {
  atomic_store(&p->refuse_status, status);
  atomic_store(&p->refuse_left, n);
}

int provider_requests(const provider *p) { return atomic_load(&p->requests); }
int provider_running(const provider *p) { return atomic_load(&p->running); }
int provider_left(const provider *p) { return atomic_load(&p->left); }
int provider_connections(const provider *p) { return atomic_load(&p->connections); }
long provider_written(const provider *p) { return atomic_load(&p->written); }

void provider_last(provider *p, char *out, unsigned long size) {
  pthread_mutex_lock(&p->lock);
  snprintf(out, size, "%s", p->last);
  pthread_mutex_unlock(&p->lock);
}
