/* test_fetch_tls.c — a server whose certificate nobody vouches for is told nothing. */
#include "tests/flow/fetch_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/memory.h"

static SSL_CTX *context;
static int listener;
static unsigned port;
static atomic_uint shaken; /* handshakes that the client was content with */
static pthread_t thread;

/* For localhost, by itself, for a day. */
static void use_own_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    assert_non_null(key);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void serve_one(int fd)
{
    static const char answer[] = "HTTP/1.1 200 It\r\nContent-Length: 2\r\n\r\nok";
    SSL *ssl = SSL_new(context);
    char request[4096];

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0) {
        atomic_fetch_add(&shaken, 1);
        SSL_write(ssl, answer, sizeof answer - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

static void *run(void *ctx)
{
    int fd;

    (void)ctx;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        serve_one(fd);
        close(fd);
    }
    return NULL;
}

static int setup(void **state)
{
    static const char *const opened[] = {"127.0.0.1", NULL};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;

    (void)state;
    context = SSL_CTX_new(TLS_server_method());
    use_own_certificate();
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &len), 0);
    port = ntohs(in.sin_port);
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
    fetch_world_open(opened);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fetch_world_close();
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    SSL_CTX_free(context);
    return 0;
}

static void refused(const char *scheme, const char *words)
{
    char *url = xasprintf("%s://127.0.0.1:%u/", scheme, port);
    struct asked a;

    ask_url(&a, url);
    assert_int_equal(a.end, FETCH_FAILED);
    if (!strstr(a.why, words)) fail_msg("'%s', expected '%s'", a.why, words);
    asked_free(&a);
    free(url);
}

TEST(a_certificate_of_its_own)
{
    for (int i = 0; i < 3; i++) refused("https", "certificate");
    assert_int_equal(atomic_load(&shaken), 0);
}

TEST(no_tls_where_tls_is_spoken)
{
    refused("http", "");
    assert_int_equal(atomic_load(&shaken), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_certificate_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(no_tls_where_tls_is_spoken, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
