/* TLS on one connection. OpenSSL reads from the span at hand by a BIO of ours and never touches the socket for it. */
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/internal.h"

enum {
  KEPT_CEILING = 1 << 20, /* behind a pause: what one read of the socket brought, and lws stops reading then */
  REFUSAL_LINGER_MS = 1000,
};

struct net__tls {
  net_conn *conn;
  SSL *ssl;                 /* a server's comes with the first bytes: refused and silent clients cost little */
  struct net__tls_set *set; /* a server's; NULL for a connection of ours */
  const char *alpn;         /* a connection of ours must get it; NULL: any. The net_tls_client's */
  base_span in;             /* ciphertext at hand, borrowed */
  base_buf kept;            /* ciphertext behind a pause */
  char *subject;            /* NULL: not asked for yet */
  bool is_up, wants_write, failed;
  char failure[128];
};

/* --- the BIO --- */

static int on_bio_read(BIO *b, char *out, int n) {
  net__tls *t = BIO_get_data(b);
  size_t take = t->in.n < (size_t)n ? t->in.n : (size_t)n;
  BIO_clear_retry_flags(b);
  if (take == 0) {
    BIO_set_retry_read(b);
    return -1;
  }
  memcpy(out, t->in.p, take);
  t->in = base_span_of(t->in.p + take, t->in.n - take);
  return (int)take;
}

static int on_bio_write(BIO *b, const char *bytes, int n) {
  net__tls *t = BIO_get_data(b);
  BIO_clear_retry_flags(b);
  ssize_t sent = send(t->conn->fd, bytes, (size_t)n, MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    BIO_set_retry_write(b);
  }
  return (int)sent;
}

static long on_bio_control(BIO *b, int command, long number, void *p) {
  (void)b;
  (void)number;
  (void)p;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void) {
  bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "ponte");
  if (bio_method) {
    BIO_meth_set_read(bio_method, on_bio_read);
    BIO_meth_set_write(bio_method, on_bio_write);
    BIO_meth_set_ctrl(bio_method, on_bio_control);
  }
}

static BIO *bio_new(net__tls *t) {
  static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
  BIO *b = CRYPTO_THREAD_run_once(&once, make_bio_method) && bio_method ? BIO_new(bio_method) : NULL;
  if (b) {
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
  }
  return b;
}

/* --- coming and going --- */

static net__tls *new_tls(net_conn *c) {
  net__tls *t = calloc(1, sizeof *t);
  if (t) {
    t->conn = c;
    base_buf_init(&t->kept, KEPT_CEILING);
  }
  return t;
}

/* Takes `ssl` in any case; NULL is allowed. */
static bool take_ssl(net__tls *t, SSL *ssl) {
  BIO *b = ssl ? bio_new(t) : NULL;
  if (!b) {
    SSL_free(ssl);
    return false;
  }
  SSL_set_bio(ssl, b, b);
  t->ssl = ssl;
  return true;
}

net__tls *net__tls_accept(net_conn *c, net_tls_server *server) {
  net__tls *t = new_tls(c);
  if (t) {
    t->set = net__tls_set_take(server);
  }
  return t;
}

net__tls *net__tls_connect(net_conn *c, const net_tls_client *client, const char *server_name) {
  net__tls *t = new_tls(c);
  if (!t || !take_ssl(t, net__tls_client_ssl(client, server_name))) {
    free(t);
    return NULL;
  }
  t->alpn = net__tls_client_alpn(client);
  return t;
}

void net__tls_free(net__tls *t) {
  if (t) {
    SSL_free(t->ssl);
    net__tls_set_release(t->set);
    base_buf_dispose(&t->kept);
    OPENSSL_free(t->subject);
    free(t);
  }
}

/* --- reading --- */

/* A failed check of the certificate says more than the alert that follows from it. To be asked before anything else is done with OpenSSL. */
static void explain(net__tls *t, int error) {
  long verdict = SSL_get_verify_result(t->ssl);
  const char *why = verdict != X509_V_OK         ? X509_verify_cert_error_string(verdict)
                    : error == SSL_ERROR_SYSCALL ? strerror(errno)
                                                 : net__tls_error();
  snprintf(t->failure, sizeof t->failure, "TLS: %s", why);
}

static void act_on(net__tls *t, int error) {
  switch (error) {
  case SSL_ERROR_NONE:
  case SSL_ERROR_WANT_READ: return;
  case SSL_ERROR_WANT_WRITE:
    t->wants_write = true;
    net__lws_want_write(t->conn->wsi);
    return;
  case SSL_ERROR_ZERO_RETURN: net__conn_fail(t->conn, t->is_up ? "" : "TLS: closed in the handshake"); return;
  default: break;
  }
  t->failed = true;
  if (t->set) {
    net_conn_close(t->conn,
                   REFUSAL_LINGER_MS); /* with unread bytes a closing socket resets, and the alert would be lost */
    return;
  }
  net__conn_fail(t->conn, t->failure);
}

static bool handshake(net__tls *t) {
  ERR_clear_error();
  int result = SSL_do_handshake(t->ssl);
  if (result != 1) {
    int error = SSL_get_error(t->ssl, result);
    explain(t, error);
    act_on(t, error);
    return false;
  }
  if (t->alpn && !base_span_is(net__tls_alpn(t), t->alpn)) {
    t->failed = true;
    net__conn_fail(t->conn, "TLS: the server did not choose the protocol that was asked for (ALPN)");
    return false;
  }
  t->is_up = true;
  net__conn_on_tls_up(t->conn);
  return true;
}

/* Decrypts as much as is there, a buffer at most; `error` is OpenSSL's word on why there is no more. */
static size_t decrypt(net__tls *t, uint8_t *out, size_t size, int *error) {
  size_t n = 0;
  *error = SSL_ERROR_NONE;
  while (n < size) {
    size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, out + n, size - n, &got) != 1) {
      *error = SSL_get_error(t->ssl, 0);
      explain(t, *error);
      break;
    }
    n += got;
  }
  return n;
}

static void read_on(net__tls *t) {
  net_conn *c = t->conn;
  int error = SSL_ERROR_NONE;
  if (!t->is_up && !handshake(t)) {
    return;
  }
  while (error == SSL_ERROR_NONE && c->state == NET__OPEN && !c->paused) {
    size_t n = decrypt(t, c->loop->plain, sizeof c->loop->plain, &error);
    if (n > 0) {
      net__conn_on_bytes(c, base_span_of(c->loop->plain, n));
    }
    act_on(t, error);
  }
}

void net__tls_on_bytes(net__tls *t, base_span cipher) {
  if (!t->ssl && !take_ssl(t, net__tls_set_ssl(t->set))) {
    net__conn_fail(t->conn, "out of memory");
    return;
  }
  bool from_kept = base_buf_size(&t->kept) > 0;
  t->wants_write = false;
  if (from_kept && cipher.n > 0 && !base_is_ok(base_buf_append(&t->kept, cipher))) {
    net__conn_fail(t->conn, "too much waits behind a pause");
    return;
  }
  t->in = from_kept ? base_buf_span(&t->kept) : cipher;
  read_on(t);
  base_span rest = t->in;
  t->in = (base_span){0};
  if (from_kept) {
    base_buf_consume(&t->kept, base_buf_size(&t->kept) - rest.n);
    base_buf_shrink(&t->kept);
  } else if (rest.n > 0 && !base_is_ok(base_buf_append(&t->kept, rest))) {
    net__conn_fail(t->conn, "out of memory");
  }
}

bool net__tls_is_up(const net__tls *t) { return t->is_up; }
bool net__tls_has_kept(const net__tls *t) { return base_buf_size(&t->kept) > 0 || (t->ssl && SSL_has_pending(t->ssl)); }
bool net__tls_wants_write(const net__tls *t) { return t->wants_write; }

/* --- writing --- */

ssize_t net__tls_write(net__tls *t, base_span bytes) {
  ssize_t taken = 0;
  if (!t->is_up) {
    return 0;
  }
  while (bytes.n > 0) {
    size_t n = 0;
    ERR_clear_error(); /* SSL_get_error reads the thread's error queue, which another connection may have left full */
    errno = 0;
    if (SSL_write_ex(t->ssl, bytes.p, bytes.n, &n) != 1) {
      int why = SSL_get_error(t->ssl, 0);
      return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? taken : -1;
    }
    taken += (ssize_t)n; /* a record a call */
    bytes = base_span_of(bytes.p + n, bytes.n - n);
  }
  return taken;
}

void net__tls_shut(net__tls *t) {
  if (t->is_up && !t->failed) {
    ERR_clear_error();
    SSL_shutdown(
        t->ssl); /* one alert into a socket that just took everything; if it does not fit, the peer sees a bare FIN */
  }
}

/* --- what became of it --- */

base_span net__tls_alpn(const net__tls *t) {
  const unsigned char *name = NULL;
  unsigned n = 0;
  if (t->ssl) {
    SSL_get0_alpn_selected(t->ssl, &name, &n);
  }
  return base_span_of(name, n);
}

const char *net__tls_subject(net__tls *t) {
  X509 *x = t->is_up ? SSL_get0_peer_certificate(t->ssl) : NULL;
  if (t->subject) {
    return t->subject;
  }
  BIO *b = x && SSL_get_verify_result(t->ssl) == X509_V_OK ? BIO_new(BIO_s_mem()) : NULL;
  if (!b) {
    return "";
  }
  char *text = NULL;
  X509_NAME_print_ex(b, X509_get_subject_name(x), 0, XN_FLAG_RFC2253);
  long n = BIO_get_mem_data(b, &text);
  t->subject = n > 0 ? OPENSSL_strndup(text, (size_t)n) : NULL;
  BIO_free(b);
  return t->subject ? t->subject : "";
}
