#include "gateway/auth/keeper.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/auth/fetch.h"

enum { LOOK_MS = 1000, FETCH_APART_MS = 10000, REFRESH_MS = 5 * 60 * 1000, READ_PIECE = 16384 };

/* A file as it was when it was read last. */
struct stamp {
  struct timespec mtime;
  off_t size;
  ino_t inode;
};

/* One issuer's keys. `keys`, `fetching` and `wanted` are under the lock; the rest is the thread's. */
struct source {
  const gw_auth_issuer *issuer;
  gw_keys *keys;
  bool wanted, fetching;
  int64_t fetched_ms; /* when a fetch began last, under the lock too; 0 = never */
  bool failing;
  struct stamp stamp;
  uint8_t digest[GW_DIGEST_SIZE]; /* of the document fetched last */
};

struct gw_keeper {
  const gw_auth_options *options;
  void (*on_change)(void *ctx);
  void *ctx;
  pthread_t thread;
  bool started;
  atomic_bool stop;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct source sources[GW_AUTH_ISSUERS];
  gw_api_keys *api_keys;
  struct stamp api_stamp;
};

/* -- files ------------------------------------------------------------------------------------------------------------- */

static bool has_changed(const char *file, struct stamp *stamp) {
  struct stat st;
  if (stat(file, &st) != 0) {
    return false; /* in the middle of a replacement, perhaps: what was read stays */
  }
  struct stamp now = {.mtime = st.st_mtim, .size = st.st_size, .inode = st.st_ino};
  bool same = now.mtime.tv_sec == stamp->mtime.tv_sec && now.mtime.tv_nsec == stamp->mtime.tv_nsec &&
              now.size == stamp->size && now.inode == stamp->inode;
  *stamp = now;
  return !same;
}

static base_err read_file(const char *file, base_buf *out) {
  FILE *f = fopen(file, "rbe");
  base_err e = f ? BASE_OK : base_fail(BASE_E_NOT_FOUND);
  while (f && base_is_ok(e)) {
    char piece[READ_PIECE];
    size_t n = fread(piece, 1, sizeof piece, f);
    e = base_buf_append(out, base_span_of(piece, n));
    if (n == 0) {
      e = ferror(f) ? base_fail(BASE_E_NOT_FOUND) : e;
      break;
    }
  }
  if (f) {
    fclose(f);
  }
  return e;
}

/* "FILE: what is wrong". */
static base_err complain(const char *file, base_err e, const base_buf *detail, base_buf *why) {
  base_span text = base_buf_span(detail);
  base_err told = base_buf_printf(why, "%s: %.*s", file, text.n ? (int)text.n : (int)strlen(base_err_text(e)),
                                  text.n ? (const char *)text.p : base_err_text(e));
  (void)told; /* without memory the error itself must do */
  return e;
}

/* -- keys change hands ---------------------------------------------------------------------------------------------------- */

static void change(gw_keeper *k) {
  if (k->on_change) {
    k->on_change(k->ctx);
  }
}

static void install_keys(gw_keeper *k, struct source *s, gw_keys *keys) {
  pthread_mutex_lock(&k->lock);
  gw_keys *old = s->keys;
  s->keys = keys;
  pthread_mutex_unlock(&k->lock);
  gw_keys_unref(old);
  change(k);
}

static base_err load_jwks(gw_keeper *k, struct source *s, base_buf *why) {
  gw_keys *keys = NULL;
  base_buf text, detail;
  base_buf_init(&text, GW_KEYS_BYTES);
  base_buf_init(&detail, 1024);
  base_err e = read_file(s->issuer->jwks_file, &text);
  if (base_is_ok(e)) {
    e = gw_keys_parse(base_buf_span(&text), &detail, &keys);
  }
  if (base_is_ok(e)) {
    install_keys(k, s, keys);
  } else {
    e = complain(s->issuer->jwks_file, e, &detail, why);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&detail);
  return e;
}

static base_err load_api_keys(gw_keeper *k, base_buf *why) {
  gw_api_keys *keys = NULL;
  base_buf text, detail;
  base_buf_init(&text, GW_API_KEYS_BYTES);
  base_buf_init(&detail, 1024);
  base_err e = read_file(k->options->api_keys_file, &text);
  if (base_is_ok(e)) {
    e = gw_api_keys_parse(base_buf_span(&text), &detail, &keys);
  }
  if (base_is_ok(e)) {
    pthread_mutex_lock(&k->lock);
    gw_api_keys *old = k->api_keys;
    k->api_keys = keys;
    pthread_mutex_unlock(&k->lock);
    gw_api_keys_unref(old);
  } else {
    e = complain(k->options->api_keys_file, e, &detail, why);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&detail);
  return e;
}

/* -- the thread -------------------------------------------------------------------------------------------------------------- */

static void look_at_files(gw_keeper *k) {
  base_buf why;
  base_buf_init(&why, 4096);
  for (int i = 0; i < k->options->issuer_count; i++) {
    struct source *s = &k->sources[i];
    if (s->issuer->jwks_file && has_changed(s->issuer->jwks_file, &s->stamp)) {
      base_err e = load_jwks(k, s, &why);
      BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN, "key set read again",
               LOG_STR("issuer", s->issuer->issuer), LOG_STR("result", base_err_text(e)),
               LOG_SPAN("why", base_buf_span(&why)));
    }
  }
  base_buf_clear(&why);
  if (k->options->api_keys_file && has_changed(k->options->api_keys_file, &k->api_stamp)) {
    base_err e = load_api_keys(k, &why);
    BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN, "API keys read again", LOG_STR("result", base_err_text(e)),
             LOG_SPAN("why", base_buf_span(&why)));
  }
  base_buf_dispose(&why);
}

/* Under the lock. */
static bool is_due(const struct source *s, int64_t now_ms) {
  if (s->issuer->jwks_url == NULL) {
    return false;
  }
  if (s->fetched_ms == 0) {
    return true;
  }
  int64_t refresh_ms = s->issuer->jwks_refresh_ms ? s->issuer->jwks_refresh_ms : REFRESH_MS;
  int64_t age_ms = now_ms - s->fetched_ms;
  return age_ms >= refresh_ms || (age_ms >= FETCH_APART_MS && (s->wanted || s->keys == NULL || s->failing));
}

/* The same document as last time: what was proven with it stays proven. */
static bool is_same(struct source *s, base_span body) {
  uint8_t digest[GW_DIGEST_SIZE];
  SHA256(body.n ? body.p : digest, body.n, digest);
  bool same = s->keys && memcmp(digest, s->digest, sizeof digest) == 0;
  memcpy(s->digest, digest, sizeof digest);
  return same;
}

static void fetch(gw_keeper *k, struct source *s) {
  char why[GW_FETCH_WHY] = "not a sound key set";
  gw_keys *keys = NULL;
  base_buf body;
  base_buf_init(&body, GW_KEYS_BYTES);
  base_err e = gw_fetch(s->issuer->jwks_url, &k->stop, &body, why);
  if (base_is_ok(e) && !is_same(s, base_buf_span(&body))) {
    e = gw_keys_parse(base_buf_span(&body), NULL, &keys);
    if (base_is_ok(e)) {
      install_keys(k, s, keys);
    }
  }
  if (s->failing != !base_is_ok(e) || keys) {
    BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN,
             base_is_ok(e) ? "key set fetched" : "key set not fetched; the keys that are there stay",
             LOG_STR("issuer", s->issuer->issuer), LOG_STR("why", base_is_ok(e) ? "" : why));
  }
  base_buf_dispose(&body);
  pthread_mutex_lock(&k->lock);
  s->failing = !base_is_ok(e);
  s->fetching = false;
  pthread_mutex_unlock(&k->lock);
}

static void look_at_urls(gw_keeper *k) {
  for (int i = 0; i < k->options->issuer_count && !atomic_load(&k->stop); i++) {
    struct source *s = &k->sources[i];
    pthread_mutex_lock(&k->lock);
    bool due = is_due(s, base_now_ms());
    if (due) {
      s->fetched_ms = base_now_ms();
      s->wanted = false;
      s->fetching = true;
    }
    pthread_mutex_unlock(&k->lock);
    if (due) {
      fetch(k, s);
    }
  }
}

/* Until something is wanted or it is time to look at the files. */
static void rest(gw_keeper *k) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LOOK_MS / 1000;
  pthread_mutex_lock(&k->lock);
  bool wanted = false;
  for (int i = 0; i < k->options->issuer_count; i++) {
    wanted = wanted || is_due(&k->sources[i], base_now_ms());
  }
  if (!wanted && !atomic_load(&k->stop)) {
    pthread_cond_timedwait(&k->wake, &k->lock, &until);
  }
  pthread_mutex_unlock(&k->lock);
}

static void *run(void *ctx) {
  gw_keeper *k = ctx;
  while (!atomic_load(&k->stop)) {
    look_at_urls(k);
    rest(k);
    look_at_files(k);
  }
  return NULL;
}

/* -- lifetime ------------------------------------------------------------------------------------------------------------------ */

static base_err start(gw_keeper *k, base_buf *why) {
  for (int i = 0; i < k->options->issuer_count; i++) {
    struct source *s = &k->sources[i];
    s->issuer = &k->options->issuers[i];
    if (s->issuer->jwks_file) {
      has_changed(s->issuer->jwks_file, &s->stamp);
      BASE_TRY(load_jwks(k, s, why));
    }
  }
  if (k->options->api_keys_file) {
    has_changed(k->options->api_keys_file, &k->api_stamp);
    BASE_TRY(load_api_keys(k, why));
  }
  k->started = pthread_create(&k->thread, NULL, run, k) == 0;
  return k->started ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err gw_keeper_new(const gw_auth_options *options, void (*on_change)(void *ctx), void *ctx, base_buf *why,
                       gw_keeper **out) {
  pthread_condattr_t clock;
  gw_keeper *k = calloc(1, sizeof *k);
  if (k == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  k->options = options;
  k->on_change = on_change;
  k->ctx = ctx;
  atomic_init(&k->stop, false);
  pthread_mutex_init(&k->lock, NULL);
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&k->wake, &clock);
  pthread_condattr_destroy(&clock);
  base_err e = start(k, why);
  if (!base_is_ok(e)) {
    gw_keeper_free(k);
    return e;
  }
  *out = k;
  return BASE_OK;
}

void gw_keeper_free(gw_keeper *k) {
  if (k == NULL) {
    return;
  }
  if (k->started) {
    pthread_mutex_lock(&k->lock);
    atomic_store(&k->stop, true);
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
  }
  for (int i = 0; i < GW_AUTH_ISSUERS; i++) {
    gw_keys_unref(k->sources[i].keys);
  }
  gw_api_keys_unref(k->api_keys);
  pthread_cond_destroy(&k->wake);
  pthread_mutex_destroy(&k->lock);
  free(k);
}

gw_keys *gw_keeper_keys(gw_keeper *k, int issuer) {
  pthread_mutex_lock(&k->lock);
  gw_keys *keys = k->sources[issuer].keys;
  keys = keys ? gw_keys_ref(keys) : NULL;
  pthread_mutex_unlock(&k->lock);
  return keys;
}

gw_api_keys *gw_keeper_api_keys(gw_keeper *k) {
  pthread_mutex_lock(&k->lock);
  gw_api_keys *keys = k->api_keys ? gw_api_keys_ref(k->api_keys) : NULL;
  pthread_mutex_unlock(&k->lock);
  return keys;
}

static int same_issuer(const gw_auth_options *o, const gw_auth_issuer *as) {
  for (int i = 0; as->jwks_url && i < o->issuer_count; i++) {
    const gw_auth_issuer *one = &o->issuers[i];
    if (one->jwks_url && strcmp(one->jwks_url, as->jwks_url) == 0 && strcmp(one->issuer, as->issuer) == 0) {
      return i;
    }
  }
  return -1;
}

void gw_keeper_inherit(gw_keeper *k, gw_keeper *from) {
  for (int i = 0; i < k->options->issuer_count; i++) {
    int old = same_issuer(from->options, &k->options->issuers[i]);
    gw_keys *keys = old >= 0 ? gw_keeper_keys(from, old) : NULL;
    pthread_mutex_lock(&k->lock);
    if (k->sources[i].keys == NULL) {
      k->sources[i].keys = keys;
      keys = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    gw_keys_unref(keys);
  }
}

bool gw_keeper_want(gw_keeper *k, int issuer) {
  struct source *s = &k->sources[issuer];
  pthread_mutex_lock(&k->lock);
  bool coming = s->fetching;
  if (!coming && s->issuer->jwks_url) {
    s->wanted = true;
    coming = is_due(s, base_now_ms()) || s->keys == NULL;
    s->wanted = coming;
    if (coming) {
      pthread_cond_signal(&k->wake);
    }
  }
  pthread_mutex_unlock(&k->lock);
  return coming;
}
