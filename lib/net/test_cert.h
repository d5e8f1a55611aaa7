/* test_cert.h - test code only: a self-signed certificate for "localhost" in a folder of its own, and a key that does not belong to it. */
#ifndef PONTE_NET_TEST_CERT_H
#define PONTE_NET_TEST_CERT_H

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void write_certificate(const char *cert_file, const char *key_file) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                             0);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  X509_sign(x, key, EVP_sha256());
  FILE *f = fopen(cert_file, "w");
  PEM_write_X509(f, x);
  fclose(f);
  f = fopen(key_file, "w");
  PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
  fclose(f);
  X509_free(x);
  EVP_PKEY_free(key);
}

typedef struct {
  char folder[64], cert[80], key[80], other_key[80];
} credentials;

static inline void make_credentials(credentials *c) {
  char unused[80];
  snprintf(c->folder, sizeof c->folder, "/tmp/ponte-net-XXXXXX");
  if (!mkdtemp(c->folder)) {
    abort();
  }
  snprintf(c->cert, sizeof c->cert, "%s/cert.pem", c->folder);
  snprintf(c->key, sizeof c->key, "%s/key.pem", c->folder);
  snprintf(c->other_key, sizeof c->other_key, "%s/other.pem", c->folder);
  snprintf(unused, sizeof unused, "%s/unused", c->folder);
  write_certificate(unused, c->other_key);
  write_certificate(c->cert, c->key);
  unlink(unused);
}

static inline void remove_credentials(const credentials *c) {
  unlink(c->cert);
  unlink(c->key);
  unlink(c->other_key);
  rmdir(c->folder);
}

#endif
