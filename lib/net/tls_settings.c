/* What both sides of TLS have in common. The lists are Mozilla's "intermediate" without DHE: everything RFC 9113 section 9.2.2 does not forbid. */
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#include "net/tls.h"

static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                              "ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char groups[] = "X25519:P-256:P-384";

/* OpenSSL's own would ask at the terminal. */
static int no_passphrase(char *out, int size, int writing, void *ctx) {
  (void)out;
  (void)size;
  (void)writing;
  (void)ctx;
  return 0;
}

SSL_CTX *net__tls_context(const SSL_METHOD *method) {
  SSL_CTX *ctx = SSL_CTX_new(method);
  if (!ctx) {
    return NULL;
  }
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  /* Our queue may move and grow between tries, a record at a time is progress, and idle connections need no buffers. */
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
  if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1 || SSL_CTX_set1_groups_list(ctx, groups) != 1) {
    SSL_CTX_free(ctx);
    return NULL;
  }
  return ctx;
}

const char *net__tls_error(void) {
  unsigned long e = ERR_peek_last_error();
  const char *text = ERR_reason_error_string(e);
  return text ? text : "unknown error";
}

bool net__tls_refuse(base_buf *why, const char *what, const char *file, const char *reason) {
  if (why) {
    (void)!base_is_ok(base_buf_printf(why, "%s %s: %s", what, file, reason)); /* a full buffer says enough */
  }
  return false;
}

static bool is_readable(const char *what, const char *file, base_buf *why) {
  return access(file, R_OK) == 0 || net__tls_refuse(why, what, file, "cannot be read");
}

bool net__tls_use_pair(SSL_CTX *ctx, const char *cert_file, const char *key_file, base_buf *why) {
  if (!cert_file || !key_file) {
    return net__tls_refuse(why, "certificate", cert_file ? cert_file : "(none)",
                           "a certificate and its key are needed together");
  }
  if (!is_readable("certificate", cert_file, why) || !is_readable("key", key_file, why)) {
    return false;
  }
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1) {
    return net__tls_refuse(why, "certificate", cert_file, net__tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
    return net__tls_refuse(why, "key", key_file, net__tls_error());
  }
  return SSL_CTX_check_private_key(ctx) == 1 || net__tls_refuse(why, "key", key_file, "is not the certificate's");
}

bool net__tls_use_ca(SSL_CTX *ctx, const char *ca_file, base_buf *why) {
  ERR_clear_error();
  return is_readable("CA file", ca_file, why) &&
         (SSL_CTX_load_verify_file(ctx, ca_file) == 1 || net__tls_refuse(why, "CA file", ca_file, net__tls_error()));
}
