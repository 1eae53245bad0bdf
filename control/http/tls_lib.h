/* control/http/tls_lib.h — libssl and libcrypto, loaded when the first certificate is named.
 *
 * Linked, they would cost every command of this program a few milliseconds at its start. The calls
 * are as their own headers say.
 */
#ifndef PINION_CONTROL_HTTP_TLS_LIB_H
#define PINION_CONTROL_HTTP_TLS_LIB_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "base/error.h"

struct tls_lib {
    __typeof__(TLS_server_method)                      *server_method;
    __typeof__(SSL_CTX_new)                            *ctx_new;
    __typeof__(SSL_CTX_free)                           *ctx_free;
    __typeof__(SSL_CTX_ctrl)                           *ctx_ctrl;
    __typeof__(SSL_CTX_set_options)                    *ctx_set_options;
    __typeof__(SSL_CTX_set_cipher_list)                *ctx_set_cipher_list;
    __typeof__(SSL_CTX_set_alpn_select_cb)             *ctx_set_alpn_select_cb;
    __typeof__(SSL_CTX_set_default_passwd_cb)          *ctx_set_default_passwd_cb;
    __typeof__(SSL_CTX_use_certificate_chain_file)     *ctx_use_certificate_chain_file;
    __typeof__(SSL_CTX_use_PrivateKey_file)            *ctx_use_private_key_file;
    __typeof__(SSL_CTX_get0_certificate)               *ctx_get0_certificate;
    __typeof__(SSL_new)                                *ssl_new;
    __typeof__(SSL_free)                               *ssl_free;
    __typeof__(SSL_set_bio)                            *set_bio;
    __typeof__(SSL_get_rbio)                           *get_rbio;
    __typeof__(SSL_set_read_ahead)                     *set_read_ahead;
    __typeof__(SSL_accept)                             *accept;
    __typeof__(SSL_read)                               *read;
    __typeof__(SSL_peek)                               *peek;
    __typeof__(SSL_write)                              *write;
    __typeof__(SSL_shutdown)                           *shutdown;
    __typeof__(SSL_has_pending)                        *has_pending;
    __typeof__(SSL_get_error)                          *get_error;
    __typeof__(BIO_meth_new)                           *bio_meth_new;
    __typeof__(BIO_meth_set_read)                      *bio_meth_set_read;
    __typeof__(BIO_meth_set_write)                     *bio_meth_set_write;
    __typeof__(BIO_meth_set_ctrl)                      *bio_meth_set_ctrl;
    __typeof__(BIO_new)                                *bio_new;
    __typeof__(BIO_set_data)                           *bio_set_data;
    __typeof__(BIO_get_data)                           *bio_get_data;
    __typeof__(BIO_set_init)                           *bio_set_init;
    __typeof__(BIO_set_flags)                          *bio_set_flags;
    __typeof__(BIO_clear_flags)                        *bio_clear_flags;
    __typeof__(BIO_test_flags)                         *bio_test_flags;
    __typeof__(ERR_clear_error)                        *err_clear_error;
    __typeof__(ERR_peek_error)                         *err_peek_error;
    __typeof__(ERR_reason_error_string)                *err_reason_error_string;
    __typeof__(X509_get0_notAfter)                     *x509_get0_not_after;
    __typeof__(ASN1_TIME_diff)                         *asn1_time_diff;
};

extern struct tls_lib tls_lib; /* filled by tls_lib_load */

/* Once, or again: no-op. PINION_UNAVAILABLE: one of them is not installed, or too old. One thread
 * at a time. */
enum pinion_err tls_lib_load(struct error *why) must_use;

#endif
