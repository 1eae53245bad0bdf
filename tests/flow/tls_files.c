#include "tests/flow/tls_files.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include "tests/support/check.h"

static FILE *open_to_write(const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file) fail_msg("cannot write %s", path);
    return file;
}

static X509 *make_cert(EVP_PKEY *key, long number, long days)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), number);
    X509_gmtime_adj(X509_getm_notBefore(cert), -30 * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400L);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_add_ext(cert, names, -1);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(names);
    return cert;
}

void tls_files_make(const char *cert_path, const char *key_path, long number, long days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_cert(key, number, days);

    assert_non_null(key);
    if (*cert_path) {
        FILE *file = open_to_write(cert_path);
        assert_int_equal(PEM_write_X509(file, cert), 1);
        fclose(file);
    }
    if (*key_path) {
        FILE *file = open_to_write(key_path);
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
        fclose(file);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}
