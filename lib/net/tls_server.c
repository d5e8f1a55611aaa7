/* TLS towards clients. What is in force is a set of OpenSSL contexts that connections hold on to; a reload makes a new set and exchanges the pointer. */
#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "net/tls.h"

struct net__tls_set {
  atomic_int users;
  size_t count;
  SSL_CTX *contexts[]; /* the first is for whom no other suits */
};

/* What tells one version of a file from the next. */
typedef struct {
  struct timespec changed;
  off_t size;
  ino_t inode;
} stamp;

typedef struct {
  char **names; /* cert, key, cert, key, ..., the clients' CA; NULL where none was given */
  stamp *stamps;
  size_t count;
} files;

/* Two locks, so that no handshake waits for a disk. */
struct net_tls_server {
  atomic_int users;
  pthread_mutex_t set_lock;
  struct net__tls_set *set;
  pthread_mutex_t files_lock; /* all that follows */
  files files;
  enum net_tls_client_auth client_auth;
};

/* --- the set --- */

static struct net__tls_set *set_new(size_t capacity) {
  struct net__tls_set *s = calloc(1, sizeof *s + capacity * sizeof *s->contexts);
  if (s) {
    atomic_init(&s->users, 1);
  }
  return s;
}

void net__tls_set_release(struct net__tls_set *s) {
  if (!s || atomic_fetch_sub(&s->users, 1) > 1) {
    return;
  }
  for (size_t i = 0; i < s->count; i++) {
    SSL_CTX_free(s->contexts[i]);
  }
  free(s);
}

struct net__tls_set *net__tls_set_take(net_tls_server *t) {
  pthread_mutex_lock(&t->set_lock);
  struct net__tls_set *s = t->set;
  atomic_fetch_add(&s->users, 1);
  pthread_mutex_unlock(&t->set_lock);
  return s;
}

SSL *net__tls_set_ssl(struct net__tls_set *s) {
  SSL *ssl = SSL_new(s->contexts[0]);
  if (ssl) {
    SSL_set_accept_state(ssl);
  }
  return ssl;
}

/* The certificate that holds the name, exactly rather than by a wildcard; NULL: none. */
static SSL_CTX *find(const struct net__tls_set *s, const char *name) {
  SSL_CTX *by_wildcard = NULL;
  if (name[0] == '.') {
    return NULL; /* X509_check_host would take it for any name under it */
  }
  for (size_t i = 0; i < s->count; i++) {
    char *holds = NULL;
    int ok = X509_check_host(SSL_CTX_get0_certificate(s->contexts[i]), name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                             &holds);
    bool wildcard = holds && holds[0] == '*';
    OPENSSL_free(holds);
    if (ok == 1 && !wildcard) {
      return s->contexts[i];
    }
    if (ok == 1 && !by_wildcard) {
      by_wildcard = s->contexts[i];
    }
  }
  return by_wildcard;
}

static int on_server_name(SSL *ssl, int *alert, void *arg) {
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  SSL_CTX *ctx = name ? find(arg, name) : NULL;
  (void)alert;
  if (!ctx) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  return SSL_set_SSL_CTX(ssl, ctx) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A client that offers neither gets an alert (RFC 7301 section 3.2): bytes of another protocol are not for us. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
                   void *arg) {
  static const unsigned char ours[] = "\x02h2\x08http/1.1";
  unsigned char *chosen = NULL;
  (void)ssl;
  (void)arg;
  if (SSL_select_next_proto(&chosen, out_n, ours, sizeof ours - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

static bool set_client_auth(SSL_CTX *ctx, const net_tls_server_options *o, base_buf *why) {
  static const unsigned char session_context[] = "ponte";
  int verify = SSL_VERIFY_PEER;
  if (o->client_auth == NET_TLS_CLIENT_AUTH_NONE) {
    return true;
  }
  if (!o->client_ca_file) {
    return net__tls_refuse(why, "client certificates", "are asked for", "a client CA file is needed");
  }
  verify |= o->client_auth == NET_TLS_CLIENT_AUTH_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(ctx, verify, NULL);
  SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
  if (!net__tls_use_ca(ctx, o->client_ca_file, why)) {
    return false;
  }
  SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(o->client_ca_file));
  return true;
}

static bool add(struct net__tls_set *s, const net_tls_pair *pair, const net_tls_server_options *o, base_buf *why) {
  SSL_CTX *ctx = net__tls_context(TLS_server_method());
  if (!ctx) {
    return false;
  }
  s->contexts[s->count++] = ctx;
  /* Tickets carry sessions; a cache of them would be memory that strangers fill. */
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
  SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
  SSL_CTX_set_tlsext_servername_arg(ctx, s);
  return net__tls_use_pair(ctx, pair->cert_file, pair->key_file, why) && set_client_auth(ctx, o, why);
}

static struct net__tls_set *load(const net_tls_server_options *o, base_buf *why) {
  struct net__tls_set *s = set_new(o->sni_count + 1);
  bool ok = s && add(s, &o->main, o, why);
  for (size_t i = 0; ok && i < o->sni_count; i++) {
    ok = add(s, &o->sni[i], o, why);
  }
  if (!ok) {
    net__tls_set_release(s);
    return NULL;
  }
  return s;
}

/* --- the files --- */

static stamp look(const char *file) {
  struct stat st;
  if (!file || stat(file, &st) != 0) {
    return (stamp){0};
  }
  return (stamp){.changed = st.st_mtim, .size = st.st_size, .inode = st.st_ino};
}

static bool stamps_equal(const stamp *a, const stamp *b) {
  return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
         a->inode == b->inode;
}

static void take_stamps(files *f) {
  for (size_t i = 0; i < f->count; i++) {
    f->stamps[i] = look(f->names[i]);
  }
}

static void forget_files(files *f) {
  for (size_t i = 0; i < f->count; i++) {
    free(f->names[i]);
  }
  free(f->names);
  free(f->stamps);
  *f = (files){0};
}

static base_err remember_files(files *f, const net_tls_server_options *o, base_buf *why) {
  if (o->sni_count > NET_TLS_SNI_MAX) {
    net__tls_refuse(why, "certificates", "by name", "there are too many");
    return base_fail(BASE_E_INVALID);
  }
  f->count = 2 * (o->sni_count + 1) + 1;
  f->names = calloc(f->count, sizeof *f->names);
  f->stamps = calloc(f->count, sizeof *f->stamps);
  bool ok = f->names && f->stamps;
  f->count = ok ? f->count : 0;
  for (size_t i = 0; i < f->count && ok; i++) {
    const net_tls_pair *pair = i < 2 || i + 1 == f->count ? &o->main : &o->sni[i / 2 - 1];
    const char *name = i + 1 == f->count ? o->client_ca_file : i % 2 == 0 ? pair->cert_file : pair->key_file;
    f->names[i] = name ? strdup(name) : NULL;
    ok = !name || f->names[i];
  }
  if (!ok) {
    forget_files(f);
    return base_fail(BASE_E_NO_MEMORY);
  }
  return BASE_OK;
}

/* --- the object --- */

base_err net_tls_server_new(const net_tls_server_options *options, base_buf *why, net_tls_server **out) {
  net_tls_server *t = calloc(1, sizeof *t);
  if (!t) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  atomic_init(&t->users, 1);
  pthread_mutex_init(&t->set_lock, NULL);
  pthread_mutex_init(&t->files_lock, NULL);
  base_err e = net_tls_server_reload(t, options, why);
  if (!base_is_ok(e)) {
    net_tls_server_free(t);
    return e;
  }
  *out = t;
  return BASE_OK;
}

void net__tls_server_retain(net_tls_server *t) { atomic_fetch_add(&t->users, 1); }

void net_tls_server_free(net_tls_server *t) {
  if (!t || atomic_fetch_sub(&t->users, 1) > 1) {
    return;
  }
  net__tls_set_release(t->set);
  forget_files(&t->files);
  pthread_mutex_destroy(&t->set_lock);
  pthread_mutex_destroy(&t->files_lock);
  free(t);
}

static base_err use(net_tls_server *t, const net_tls_server_options *o, base_buf *why) {
  struct net__tls_set *set = load(o, why);
  if (!set) {
    return base_fail(BASE_E_INVALID);
  }
  pthread_mutex_lock(&t->set_lock);
  struct net__tls_set *old = t->set;
  t->set = set;
  pthread_mutex_unlock(&t->set_lock);
  net__tls_set_release(old);
  return BASE_OK;
}

static base_err reload_same(net_tls_server *t, base_buf *why) {
  files *f = &t->files;
  net_tls_pair sni[NET_TLS_SNI_MAX];
  net_tls_server_options o = {.main = {f->names[0], f->names[1]},
                              .sni = sni,
                              .sni_count = f->count / 2 - 1,
                              .client_ca_file = f->names[f->count - 1],
                              .client_auth = t->client_auth};
  for (size_t i = 0; i < o.sni_count; i++) {
    sni[i] = (net_tls_pair){f->names[2 * i + 2], f->names[2 * i + 3]};
  }
  take_stamps(f); /* before reading: a change from now on is another one */
  return use(t, &o, why);
}

static base_err reload_other(net_tls_server *t, const net_tls_server_options *o, base_buf *why) {
  files fresh = {0};
  BASE_TRY(remember_files(&fresh, o, why));
  take_stamps(&fresh);
  base_err e = use(t, o, why);
  if (!base_is_ok(e)) {
    forget_files(&fresh);
    return e;
  }
  forget_files(&t->files);
  t->files = fresh;
  t->client_auth = o->client_auth;
  return BASE_OK;
}

base_err net_tls_server_reload(net_tls_server *t, const net_tls_server_options *options, base_buf *why) {
  pthread_mutex_lock(&t->files_lock);
  base_err e = options ? reload_other(t, options, why) : reload_same(t, why);
  pthread_mutex_unlock(&t->files_lock);
  return e;
}

bool net_tls_server_is_stale(net_tls_server *t) {
  bool stale = false;
  pthread_mutex_lock(&t->files_lock);
  for (size_t i = 0; i < t->files.count && !stale; i++) {
    stamp now = look(t->files.names[i]);
    stale = !stamps_equal(&now, &t->files.stamps[i]);
  }
  pthread_mutex_unlock(&t->files_lock);
  return stale;
}
