/* test_ca.h - test code only: certificates made at test time, in a folder of their own that goes with them. */
#ifndef PONTE_NET_TEST_CA_H
#define PONTE_NET_TEST_CA_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
  EVP_PKEY *key;
  X509 *cert;
} test_id;

typedef struct {
  const char *cn, *san; /* san: as in openssl.cnf, "DNS:a.test,IP:127.0.0.1"; NULL = none */
  long from_s, to_s;    /* validity, from now; 0, 0 = an hour each way */
  bool is_ca;
} test_id_options;

static inline void test_extend(X509 *x, int nid, const char *value) {
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  if (!e || X509_add_ext(x, e, -1) != 1) {
    abort();
  }
  X509_EXTENSION_free(e);
}

/* `issuer` NULL: signs itself. */
static inline test_id test_issue(const test_id *issuer, test_id_options o) {
  static long serial;
  test_id id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
  X509 *x = id.cert;
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), o.from_s || o.to_s ? o.from_s : -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), o.from_s || o.to_s ? o.to_s : 3600);
  X509_set_pubkey(x, id.key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)o.cn, -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->cert : x));
  test_extend(x, NID_basic_constraints, o.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (o.san) {
    test_extend(x, NID_subject_alt_name, o.san);
  }
  X509_sign(x, issuer ? issuer->key : id.key, EVP_sha256());
  return id;
}

static inline void test_id_free(test_id *id) {
  X509_free(id->cert);
  EVP_PKEY_free(id->key);
}

typedef struct {
  char cert[96], key[96];
} test_pair;

static inline test_pair test_write(const char *folder, const char *name, const test_id *id) {
  test_pair p;
  snprintf(p.cert, sizeof p.cert, "%s/%s.cert", folder, name);
  snprintf(p.key, sizeof p.key, "%s/%s.key", folder, name);
  FILE *f = fopen(p.cert, "w");
  PEM_write_X509(f, id->cert);
  fclose(f);
  f = fopen(p.key, "w");
  PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL);
  fclose(f);
  return p;
}

/* Issues and writes in one go. */
static inline test_pair test_make(const char *folder, const char *name, const test_id *issuer, test_id_options o) {
  test_id id = test_issue(issuer, o);
  test_pair p = test_write(folder, name, &id);
  test_id_free(&id);
  return p;
}

static inline void test_unlink(const test_pair *p) {
  unlink(p->cert);
  unlink(p->key);
}

#endif
