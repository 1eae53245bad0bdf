#include "control/http/tls_lib.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct tls_lib tls_lib;

enum lib { LIB_SSL, LIB_CRYPTO, LIBS };

/* The names of their interfaces: a library that changes that has another one. */
static const char *const lib_names[LIBS] = {
    [LIB_SSL] = "libssl.so.3",
    [LIB_CRYPTO] = "libcrypto.so.3",
};

#define FIELD(name) offsetof(struct tls_lib, name)

/* clang-format off */
static const struct {
    enum lib lib;
    const char *name;
    size_t field;
} calls[] = {
    {LIB_SSL,   "TLS_server_method",                  FIELD(server_method)},
    {LIB_SSL,   "SSL_CTX_new",                        FIELD(ctx_new)},
    {LIB_SSL,   "SSL_CTX_free",                       FIELD(ctx_free)},
    {LIB_SSL,   "SSL_CTX_ctrl",                       FIELD(ctx_ctrl)},
    {LIB_SSL,   "SSL_CTX_set_options",                FIELD(ctx_set_options)},
    {LIB_SSL,   "SSL_CTX_set_cipher_list",            FIELD(ctx_set_cipher_list)},
    {LIB_SSL,   "SSL_CTX_set_alpn_select_cb",         FIELD(ctx_set_alpn_select_cb)},
    {LIB_SSL,   "SSL_CTX_set_default_passwd_cb",      FIELD(ctx_set_default_passwd_cb)},
    {LIB_SSL,   "SSL_CTX_use_certificate_chain_file", FIELD(ctx_use_certificate_chain_file)},
    {LIB_SSL,   "SSL_CTX_use_PrivateKey_file",        FIELD(ctx_use_private_key_file)},
    {LIB_SSL,   "SSL_CTX_get0_certificate",           FIELD(ctx_get0_certificate)},
    {LIB_SSL,   "SSL_new",                            FIELD(ssl_new)},
    {LIB_SSL,   "SSL_free",                           FIELD(ssl_free)},
    {LIB_SSL,   "SSL_set_bio",                        FIELD(set_bio)},
    {LIB_SSL,   "SSL_get_rbio",                       FIELD(get_rbio)},
    {LIB_SSL,   "SSL_set_read_ahead",                 FIELD(set_read_ahead)},
    {LIB_SSL,   "SSL_accept",                         FIELD(accept)},
    {LIB_SSL,   "SSL_read",                           FIELD(read)},
    {LIB_SSL,   "SSL_peek",                           FIELD(peek)},
    {LIB_SSL,   "SSL_write",                          FIELD(write)},
    {LIB_SSL,   "SSL_shutdown",                       FIELD(shutdown)},
    {LIB_SSL,   "SSL_has_pending",                    FIELD(has_pending)},
    {LIB_SSL,   "SSL_get_error",                      FIELD(get_error)},
    {LIB_CRYPTO,"BIO_meth_new",                       FIELD(bio_meth_new)},
    {LIB_CRYPTO,"BIO_meth_set_read",                  FIELD(bio_meth_set_read)},
    {LIB_CRYPTO,"BIO_meth_set_write",                 FIELD(bio_meth_set_write)},
    {LIB_CRYPTO,"BIO_meth_set_ctrl",                  FIELD(bio_meth_set_ctrl)},
    {LIB_CRYPTO,"BIO_new",                            FIELD(bio_new)},
    {LIB_CRYPTO,"BIO_set_data",                       FIELD(bio_set_data)},
    {LIB_CRYPTO,"BIO_get_data",                       FIELD(bio_get_data)},
    {LIB_CRYPTO,"BIO_set_init",                       FIELD(bio_set_init)},
    {LIB_CRYPTO,"BIO_set_flags",                      FIELD(bio_set_flags)},
    {LIB_CRYPTO,"BIO_clear_flags",                    FIELD(bio_clear_flags)},
    {LIB_CRYPTO,"BIO_test_flags",                     FIELD(bio_test_flags)},
    {LIB_CRYPTO,"ERR_clear_error",                    FIELD(err_clear_error)},
    {LIB_CRYPTO,"ERR_peek_error",                     FIELD(err_peek_error)},
    {LIB_CRYPTO,"ERR_reason_error_string",            FIELD(err_reason_error_string)},
    {LIB_CRYPTO,"X509_get0_notAfter",                 FIELD(x509_get0_not_after)},
    {LIB_CRYPTO,"ASN1_TIME_diff",                     FIELD(asn1_time_diff)},
};
/* clang-format on */

_Static_assert(countof(calls) * sizeof(void *) == sizeof(struct tls_lib), "each call has a row");
_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, too");

enum pinion_err tls_lib_load(struct error *why)
{
    static bool is_loaded;
    struct tls_lib found;
    void *libs[LIBS];

    if (is_loaded) return PINION_OK;
    for (unsigned i = 0; i < LIBS; i++) {
        libs[i] = dlopen(lib_names[i], RTLD_NOW | RTLD_LOCAL);
        if (!libs[i])
            return error_set(why, PINION_UNAVAILABLE, "tls-cert needs %s: %s", lib_names[i],
                             dlerror());
    }
    for (size_t i = 0; i < countof(calls); i++) {
        void *call = dlsym(libs[calls[i].lib], calls[i].name);
        if (!call)
            return error_set(why, PINION_UNAVAILABLE, "tls-cert needs a newer %s, one with %s",
                             lib_names[calls[i].lib], calls[i].name);
        memcpy((char *)&found + calls[i].field, &call, sizeof call);
    }
    tls_lib = found; /* for good: what a library leaves behind would not survive its end */
    is_loaded = true;
    return PINION_OK;
}
