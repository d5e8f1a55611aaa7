/* TLS towards servers: who we are, whom we trust. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "net/tls.h"

enum { ALPN_MAX = 255 };

struct net_tls_client {
  SSL_CTX *ctx;
  char alpn[ALPN_MAX + 1]; /* "": any */
};

static bool set_alpn(net_tls_client *t, const char *name) {
  unsigned char wire[ALPN_MAX + 1];
  size_t n = strlen(name);
  if (n == 0 || n > ALPN_MAX) {
    return false;
  }
  wire[0] = (unsigned char)n;
  memcpy(wire + 1, name, n);
  memcpy(t->alpn, name, n + 1);
  return SSL_CTX_set_alpn_protos(t->ctx, wire, (unsigned)n + 1) == 0; /* this one returns 0 when all is well */
}

static bool set_up(net_tls_client *t, const net_tls_client_options *options, base_buf *why) {
  SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
  if (options->ca_file ? !net__tls_use_ca(t->ctx, options->ca_file, why)
                       : SSL_CTX_set_default_verify_paths(t->ctx) != 1) {
    return false;
  }
  if ((options->cert_file || options->key_file) &&
      !net__tls_use_pair(t->ctx, options->cert_file, options->key_file, why)) {
    return false;
  }
  return !options->alpn || set_alpn(t, options->alpn);
}

base_err net_tls_client_new(net_loop *l, const net_tls_client_options *options, base_buf *why, net_tls_client **out) {
  net_tls_client *t = calloc(1, sizeof *t);
  (void)l; /* OpenSSL's contexts belong to no loop */
  if (!t) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  t->ctx = net__tls_context(TLS_client_method());
  if (!t->ctx || !set_up(t, options, why)) {
    net_tls_client_free(t);
    return base_fail(BASE_E_INVALID);
  }
  *out = t;
  return BASE_OK;
}

void net_tls_client_free(net_tls_client *t) {
  if (t) {
    SSL_CTX_free(t->ctx);
    free(t);
  }
}

const char *net__tls_client_alpn(const net_tls_client *t) { return t->alpn[0] ? t->alpn : NULL; }

SSL *net__tls_client_ssl(const net_tls_client *t, const char *server_name) {
  unsigned char unused[sizeof(struct in6_addr)];
  SSL *ssl = SSL_new(t->ctx);
  bool ok = false;
  if (!ssl) {
    return NULL;
  }
  if (inet_pton(AF_INET, server_name, unused) == 1 || inet_pton(AF_INET6, server_name, unused) == 1) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name) == 1; /* RFC 6066: an address is no SNI name */
  } else {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ok = SSL_set1_host(ssl, server_name) == 1 && SSL_set_tlsext_host_name(ssl, server_name) == 1;
  }
  if (!ok) {
    SSL_free(ssl);
    return NULL;
  }
  SSL_set_connect_state(ssl);
  return ssl;
}
