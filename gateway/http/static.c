#include "gateway/http/static.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/http/answer.h"
#include "gateway/http/static_path.h"
#include "gateway/obs/obs.h"

enum { CHUNK = 65536, ETAG_SIZE = 48, MAX_HEADERS = 21 };

struct gw_static {
  char root[PATH_MAX]; /* real path, without a last slash */
  size_t root_n;
};

/* One answer on its way. */
struct sending {
  int fd;
  off_t at, size;
};

/* The page runs WebAssembly and a microphone, loads nothing from elsewhere, and is nobody's frame. Blobs: the worklet's and downloads' URLs. */
static const http_header security[] = {
#define H(n, v)                                                                    \
  {                                                                                \
    {(const uint8_t *)(n), sizeof(n) - 1}, { (const uint8_t *)(v), sizeof(v) - 1 } \
  }
    H("content-security-policy",
      "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
      "connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
      "form-action 'self'; frame-ancestors 'none'"),
    H("permissions-policy", "microphone=(self), camera=(), geolocation=(), payment=(), usb=()"),
    H("x-content-type-options", "nosniff"),
    H("referrer-policy", "no-referrer"),
    H("cross-origin-opener-policy", "same-origin"),
#undef H
};

/* A year, for this host alone: whether its subdomains have TLS is not ours to know. */
static const char hsts_name[] = "strict-transport-security", hsts_value[] = "max-age=31536000";

/* Over TLS only (RFC 6797 section 7.2). Not for localhost: it would take a developer's other servers away, of any port. Addresses are left to browsers. */
static bool wants_hsts(const http_request *r) {
  const uint8_t *colon = r->authority.n ? memchr(r->authority.p, ':', r->authority.n) : NULL;
  size_t n = colon ? (size_t)(colon - r->authority.p) : r->authority.n;
  return r->tls && !base_span_ieq(base_span_of(r->authority.p, n), base_span_str("localhost"));
}

/* -- which file ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  int fd;
  struct stat st;
  const char *coding; /* "br", "gzip" or NULL */
} file;

/* Where links lead may be anywhere below the root, but for what is hidden. */
static bool resolve_inside(const gw_static *s, const char *path, char real[PATH_MAX]) {
  char full[PATH_MAX];
  int n = snprintf(full, sizeof full, "%s/%s", s->root, path);
  if (n < 0 || (size_t)n >= sizeof full || realpath(full, real) == NULL) {
    return false;
  }
  return strncmp(real, s->root, s->root_n) == 0 && real[s->root_n] == '/' && strstr(real + s->root_n, "/.") == NULL;
}

/* Opens a plain file below the root. */
static bool open_inside(const gw_static *s, const char *path, file *out) {
  char real[PATH_MAX];
  if (!resolve_inside(s, path, real)) {
    return false;
  }
  /* O_NONBLOCK: a FIFO put there must not stop the loop; it is no plain file and is closed at once. */
  out->fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (out->fd < 0) {
    return false;
  }
  if (fstat(out->fd, &out->st) != 0 || !S_ISREG(out->st.st_mode)) {
    close(out->fd);
    return false;
  }
  return true;
}

/* A variant that is older than its source was left behind by a build. */
static bool open_variant(const gw_static *s, const char *path, const char *suffix, const file *source, file *out) {
  char name[GW_STATIC_PATH_MAX + 32];
  snprintf(name, sizeof name, "%s%s", path, suffix);
  if (!open_inside(s, name, out)) {
    return false;
  }
  const struct timespec *a = &out->st.st_mtim, *b = &source->st.st_mtim;
  if (a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec)) {
    close(out->fd);
    return false;
  }
  return true;
}

static bool open_best(const gw_static *s, const char *path, base_span accept, file *out) {
  static const struct { const char *coding, *suffix; } variants[] = {{"br", ".br"}, {"gzip", ".gz"}};
  if (!open_inside(s, path, out)) {
    return false;
  }
  out->coding = NULL;
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    file better;
    if (gw_accepts_encoding(accept, variants[i].coding) && open_variant(s, path, variants[i].suffix, out, &better)) {
      close(out->fd);
      *out = better;
      out->coding = variants[i].coding;
      return true;
    }
  }
  return true;
}

/* -- the answer ---------------------------------------------------------------------------------------------------------------- */

static void send_more(http_exchange *x, struct sending *t) {
  uint8_t chunk[CHUNK];
  while (t->at < t->size && http_queued(x) <= HTTP_WRITABLE_LOW) {
    size_t want = t->size - t->at < CHUNK ? (size_t)(t->size - t->at) : CHUNK;
    ssize_t n = pread(t->fd, chunk, want, t->at);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      http_reset(x); /* the file shrank or the disk failed: the length is promised, so only breaking off is honest */
      t->at = t->size;
      return;
    }
    t->at += n;
    http_body(x, base_span_of(chunk, (size_t)n), t->at == t->size);
  }
}

static void on_body(void *ctx, http_exchange *x, base_span bytes) {
  (void)ctx;
  http_consume(x, bytes.n);
}

static void on_end(void *ctx, http_exchange *x) { (void)ctx, (void)x; }

static void on_writable(void *ctx, http_exchange *x) { send_more(x, ctx); }

static void on_closed(void *ctx, http_exchange *x, bool aborted) {
  struct sending *t = ctx;
  (void)x, (void)aborted;
  close(t->fd);
  free(t);
}

static const http_handler handler = {on_body, on_end, on_writable, on_closed};

struct head {
  http_header h[MAX_HEADERS];
  size_t n;
};

static void add(struct head *head, const char *name, const char *value) {
  head->h[head->n++] = (http_header){base_span_str(name), base_span_str(value)};
}

static void start_head(struct head *head, const http_request *r, const http_header *extra, size_t extra_count) {
  head->n = 0;
  if (wants_hsts(r)) {
    add(head, hsts_name, hsts_value);
  }
  for (size_t i = 0; i < sizeof security / sizeof *security; i++) {
    head->h[head->n++] = security[i];
  }
  for (size_t i = 0; i < extra_count; i++) {
    head->h[head->n++] = extra[i];
  }
}

/* One header of its own beside those of CORS and HSTS. */
static void answer_short(http_exchange *x, const http_request *r, int status, const char *name, const char *value,
                         const char *text, const http_header *extra, size_t extra_count) {
  http_header all[GW_ANSWER_EXTRA];
  size_t n = 0;
  for (; n < extra_count && n + 2 < GW_ANSWER_EXTRA; n++) {
    all[n] = extra[n];
  }
  if (wants_hsts(r)) {
    all[n++] = (http_header){base_span_str(hsts_name), base_span_str(hsts_value)};
  }
  if (name) {
    all[n++] = (http_header){base_span_str(name), base_span_str(value)};
  }
  gw_answer(x, status, text, all, n);
}

static void make_etag(const file *f, char out[ETAG_SIZE]) {
  snprintf(out, ETAG_SIZE, "\"%llx-%llx%s\"", (unsigned long long)f->st.st_size,
           (unsigned long long)f->st.st_mtim.tv_sec * 1000000000u + (unsigned long long)f->st.st_mtim.tv_nsec,
           f->coding ? f->coding : "");
}

/* Takes the file's descriptor. */
static void answer_file(http_exchange *x, const http_request *r, const char *path, const file *f,
                        const http_header *extra, size_t extra_count) {
  struct head head;
  char etag[ETAG_SIZE], length[24];
  make_etag(f, etag);
  start_head(&head, r, extra, extra_count);
  add(&head, "etag", etag);
  add(&head, "cache-control", gw_static_is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
  add(&head, "vary", "accept-encoding");
  if (gw_etag_matches(http_request_header(r, "if-none-match"), etag)) {
    close(f->fd);
    http_exchange_handle(x, &gw_answered, NULL);
    gw_obs_http_response(304);
    http_respond(x, 304, head.h, head.n, true);
    return;
  }
  snprintf(length, sizeof length, "%lld", (long long)f->st.st_size);
  add(&head, "content-type", gw_static_type(path));
  add(&head, "content-length", length);
  if (f->coding) {
    add(&head, "content-encoding", f->coding);
  }
  gw_obs_http_response(200);
  struct sending *t = base_span_is(r->method, "HEAD") || f->st.st_size == 0 ? NULL : malloc(sizeof *t);
  if (t == NULL) {
    bool no_memory = f->st.st_size > 0 && !base_span_is(r->method, "HEAD");
    close(f->fd);
    http_exchange_handle(x, &gw_answered, NULL);
    http_respond(x, 200, head.h, head.n, !no_memory);
    if (no_memory) {
      http_reset(x);
    }
    return;
  }
  *t = (struct sending){.fd = f->fd, .size = f->st.st_size};
  http_exchange_handle(x, &handler, t);
  http_respond(x, 200, head.h, head.n, false);
  send_more(x, t);
}

static bool is_folder(const gw_static *s, const char *path) {
  char real[PATH_MAX];
  struct stat st;
  return resolve_inside(s, path, real) && stat(real, &st) == 0 && S_ISDIR(st.st_mode);
}

void gw_static_handle(gw_static *s, http_exchange *x, const http_request *r, const http_header *extra,
                      size_t extra_count) {
  char path[GW_STATIC_PATH_MAX + sizeof "index.html"];
  file f;
  if (!base_span_is(r->method, "GET") && !base_span_is(r->method, "HEAD")) {
    answer_short(x, r, 405, "allow", "GET, HEAD", "files are read with GET\n", extra, extra_count);
    return;
  }
  if (!base_is_ok(gw_static_path(r->path, path))) {
    answer_short(x, r, 404, NULL, NULL, "not found\n", extra, extra_count);
    return;
  }
  size_t n = strlen(path);
  if (n == 0 || path[n - 1] == '/') {
    memcpy(path + n, "index.html", sizeof "index.html");
  } else if (is_folder(s, path)) {
    /* Relative links of the page in the folder need the slash. The path has no empty part, so this cannot lead to another host. */
    char location[GW_STATIC_PATH_MAX * 3 + 2];
    const uint8_t *query = memchr(r->path.p, '?', r->path.n);
    snprintf(location, sizeof location, "%.*s/", query ? (int)(query - r->path.p) : (int)r->path.n,
             (const char *)r->path.p);
    answer_short(x, r, 301, "location", location, "moved\n", extra, extra_count);
    return;
  }
  if (!open_best(s, path, http_request_header(r, "accept-encoding"), &f)) {
    answer_short(x, r, 404, NULL, NULL, "not found\n", extra, extra_count);
    return;
  }
  answer_file(x, r, path, &f, extra, extra_count);
}

base_err gw_static_new(const char *folder, gw_static **out) {
  struct stat st;
  gw_static *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  if (realpath(folder, s->root) == NULL || stat(s->root, &st) != 0 || !S_ISDIR(st.st_mode)) {
    free(s);
    return base_fail(BASE_E_NOT_FOUND);
  }
  s->root_n = strlen(s->root);
  *out = s;
  return BASE_OK;
}

void gw_static_free(gw_static *s) { free(s); }
