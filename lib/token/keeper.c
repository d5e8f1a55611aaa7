#include "token/keeper.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "token/fetch.h"
#include "token/file.h"
#include "token/proofs.h"

enum { LOOK_MS = 1000, FETCH_APART_MS = 10000, REFRESH_MS = 5 * 60 * 1000 };

/* One issuer's keys. `keys`, `fetching` and `wanted` are under the lock; the rest is the thread's. */
struct source {
  token_source from;
  token_keys *keys;
  bool wanted, fetching;
  int64_t fetched_ms; /* when a fetch began last, under the lock too; 0 = never */
  bool failing;
  token_file_stamp stamp;
  uint8_t digest[TOKEN_DIGEST_SIZE]; /* of the document fetched last */
};

struct token_keeper {
  token_keeper_callbacks callbacks;
  pthread_t thread;
  bool started;
  atomic_bool stop;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int count;
  struct source sources[TOKEN_SOURCES];
};

/* -- keys change hands ---------------------------------------------------------------------------------------------------- */

static void change(token_keeper *k) {
  if (k->callbacks.on_change) {
    k->callbacks.on_change(k->callbacks.ctx);
  }
}

static void install_keys(token_keeper *k, struct source *s, token_keys *keys) {
  pthread_mutex_lock(&k->lock);
  token_keys *old = s->keys;
  s->keys = keys;
  pthread_mutex_unlock(&k->lock);
  token_keys_unref(old);
  change(k);
}

static base_err load_jwks(token_keeper *k, struct source *s, base_buf *why) {
  token_keys *keys = NULL;
  base_buf text, detail;
  base_buf_init(&text, TOKEN_KEYS_BYTES);
  base_buf_init(&detail, 1024);
  base_err e = token_file_read(s->from.jwks_file, &text);
  if (base_is_ok(e)) {
    e = token_keys_parse(base_buf_span(&text), &detail, &keys);
  }
  if (base_is_ok(e)) {
    install_keys(k, s, keys);
  } else {
    e = token_file_complain(s->from.jwks_file, e, &detail, why);
  }
  base_buf_dispose(&text);
  base_buf_dispose(&detail);
  return e;
}

/* -- the thread -------------------------------------------------------------------------------------------------------------- */

static void look_at_files(token_keeper *k) {
  base_buf why;
  base_buf_init(&why, 4096);
  for (int i = 0; i < k->count; i++) {
    struct source *s = &k->sources[i];
    if (s->from.jwks_file && token_file_has_changed(s->from.jwks_file, &s->stamp)) {
      base_err e = load_jwks(k, s, &why);
      BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN, "key set read again", LOG_STR("issuer", s->from.issuer),
               LOG_STR("result", base_err_text(e)), LOG_SPAN("why", base_buf_span(&why)));
    }
  }
  base_buf_dispose(&why);
}

/* Under the lock. */
static bool is_due(const struct source *s, int64_t now_ms) {
  if (s->from.jwks_url == NULL) {
    return false;
  }
  if (s->fetched_ms == 0) {
    return true;
  }
  int64_t refresh_ms = s->from.jwks_refresh_ms ? s->from.jwks_refresh_ms : REFRESH_MS;
  int64_t age_ms = now_ms - s->fetched_ms;
  return age_ms >= refresh_ms || (age_ms >= FETCH_APART_MS && (s->wanted || s->keys == NULL || s->failing));
}

/* The same document as last time: what was proven with it stays proven. */
static bool is_same(struct source *s, base_span body) {
  uint8_t digest[TOKEN_DIGEST_SIZE];
  SHA256(body.n ? body.p : digest, body.n, digest);
  bool same = s->keys && memcmp(digest, s->digest, sizeof digest) == 0;
  memcpy(s->digest, digest, sizeof digest);
  return same;
}

static void fetch(token_keeper *k, struct source *s) {
  char why[TOKEN_FETCH_WHY] = "not a sound key set";
  token_keys *keys = NULL;
  base_buf body;
  base_buf_init(&body, TOKEN_KEYS_BYTES);
  base_err e = token_fetch(s->from.jwks_url, &k->stop, &body, why);
  if (base_is_ok(e) && !is_same(s, base_buf_span(&body))) {
    e = token_keys_parse(base_buf_span(&body), NULL, &keys);
    if (base_is_ok(e)) {
      install_keys(k, s, keys);
    }
  }
  if (s->failing != !base_is_ok(e) || keys) {
    BASE_LOG(base_is_ok(e) ? BASE_LOG_INFO : BASE_LOG_WARN,
             base_is_ok(e) ? "key set fetched" : "key set not fetched; the keys that are there stay",
             LOG_STR("issuer", s->from.issuer), LOG_STR("why", base_is_ok(e) ? "" : why));
  }
  base_buf_dispose(&body);
  pthread_mutex_lock(&k->lock);
  s->failing = !base_is_ok(e);
  s->fetching = false;
  pthread_mutex_unlock(&k->lock);
}

static void look_at_urls(token_keeper *k) {
  for (int i = 0; i < k->count && !atomic_load(&k->stop); i++) {
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
static void rest(token_keeper *k) {
  struct timespec until = base_timespec(base_now_ms() + LOOK_MS);
  pthread_mutex_lock(&k->lock);
  bool wanted = false;
  for (int i = 0; i < k->count; i++) {
    wanted = wanted || is_due(&k->sources[i], base_now_ms());
  }
  if (!wanted && !atomic_load(&k->stop)) {
    pthread_cond_timedwait(&k->wake, &k->lock, &until);
  }
  pthread_mutex_unlock(&k->lock);
}

static void *run(void *ctx) {
  token_keeper *k = ctx;
  while (!atomic_load(&k->stop)) {
    look_at_urls(k);
    rest(k);
    look_at_files(k);
    if (k->callbacks.on_look) {
      k->callbacks.on_look(k->callbacks.ctx);
    }
  }
  return NULL;
}

/* -- lifetime ------------------------------------------------------------------------------------------------------------------ */

static base_err start(token_keeper *k, base_buf *why) {
  for (int i = 0; i < k->count; i++) {
    struct source *s = &k->sources[i];
    if (s->from.jwks_file) {
      token_file_has_changed(s->from.jwks_file, &s->stamp);
      BASE_TRY(load_jwks(k, s, why));
    }
  }
  k->started = pthread_create(&k->thread, NULL, run, k) == 0;
  return k->started ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

base_err token_keeper_new(const token_source *sources, int count, const token_keeper_callbacks *callbacks,
                          base_buf *why, token_keeper **out) {
  token_keeper *k = calloc(1, sizeof *k);
  if (k == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  k->callbacks = *callbacks;
  for (; k->count < count && k->count < TOKEN_SOURCES; k->count++) {
    k->sources[k->count].from = sources[k->count];
  }
  atomic_init(&k->stop, false);
  pthread_mutex_init(&k->lock, NULL);
  base_cond_init(&k->wake);
  base_err e = start(k, why);
  if (!base_is_ok(e)) {
    token_keeper_free(k);
    return e;
  }
  *out = k;
  return BASE_OK;
}

void token_keeper_free(token_keeper *k) {
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
  for (int i = 0; i < k->count; i++) {
    token_keys_unref(k->sources[i].keys);
  }
  pthread_cond_destroy(&k->wake);
  pthread_mutex_destroy(&k->lock);
  free(k);
}

token_keys *token_keeper_keys(token_keeper *k, int source) {
  pthread_mutex_lock(&k->lock);
  token_keys *keys = k->sources[source].keys;
  keys = keys ? token_keys_ref(keys) : NULL;
  pthread_mutex_unlock(&k->lock);
  return keys;
}

/* -1: none. */
static int same_source(const token_keeper *k, const token_source *as) {
  for (int i = 0; as->jwks_url && i < k->count; i++) {
    const token_source *one = &k->sources[i].from;
    if (one->jwks_url && strcmp(one->jwks_url, as->jwks_url) == 0 && strcmp(one->issuer, as->issuer) == 0) {
      return i;
    }
  }
  return -1;
}

void token_keeper_inherit(token_keeper *k, token_keeper *from) {
  for (int i = 0; i < k->count; i++) {
    int old = same_source(from, &k->sources[i].from);
    token_keys *keys = old >= 0 ? token_keeper_keys(from, old) : NULL;
    pthread_mutex_lock(&k->lock);
    if (k->sources[i].keys == NULL) {
      k->sources[i].keys = keys;
      keys = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    token_keys_unref(keys);
  }
}

bool token_keeper_want(token_keeper *k, int source) {
  struct source *s = &k->sources[source];
  pthread_mutex_lock(&k->lock);
  bool coming = s->fetching;
  if (!coming && s->from.jwks_url) {
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
