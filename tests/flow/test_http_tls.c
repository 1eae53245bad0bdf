/* tests/flow/test_http_tls.c — what only TLS has: handshakes, certificates, keys renewed in the
 * middle. That HTTP is the same inside it, test_http*.c show by PINION_TEST_TLS. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "control/http/conn.h"
#include "tests/flow/http_world.h"
#include "tests/flow/tls_files.h"

static long serial_of(struct client *c)
{
    X509 *cert = SSL_get1_peer_certificate(c->ssl);
    long number = cert ? ASN1_INTEGER_get(X509_get0_serialNumber(cert)) : 0;

    X509_free(cert);
    return number;
}

static struct http_exchange *first_conn(void)
{
    return container_of(server->conns.next, struct http_exchange, node);
}

static void get(struct client *c)
{
    client_send(c, GET("/echo"));
    expect(c, 200);
}

/* ---- handshakes ------------------------------------------------------------------------------ */

TEST(versions)
{
    static const struct {
        int version;
        bool ok;
    } rows[] = {
        {TLS1_3_VERSION, true }, {TLS1_2_VERSION, true }, {TLS1_1_VERSION, false},
    };

    world_open();
    for (size_t i = 0; i < countof(rows); i++) {
        SSL_CTX_set_min_proto_version(client_tls, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(client_tls, rows[i].version);
        struct client *c = client_open();
        assert_int_equal(SSL_is_init_finished(c->ssl), rows[i].ok);
        if (rows[i].ok)
            get(c);
        else
            expect_eof(c);
    }
    SSL_CTX_set_max_proto_version(client_tls, 0);
    eventually(http_server_connections(server) == 2);
}

static void offer(const char *protocols, const char *chosen)
{
    const unsigned char *name;
    unsigned len;

    SSL_CTX_set_alpn_protos(client_tls, (const unsigned char *)protocols,
                            (unsigned)strlen(protocols));
    struct client *c = client_open();
    assert_int_equal(SSL_is_init_finished(c->ssl), chosen != NULL);
    SSL_get0_alpn_selected(c->ssl, &name, &len);
    if (chosen) {
        assert_true(span_is((struct span){(const char *)name, len}, chosen));
        get(c);
    }
    SSL_CTX_set_alpn_protos(client_tls, NULL, 0);
    client_leave(c);
    eventually(http_server_connections(server) == 0);
}

TEST(protocols)
{
    world_open();
    offer("\x08http/1.1", "http/1.1");
    offer("\x02h2\x08http/1.1", "http/1.1");
    offer("\x02h2", NULL);
    offer("\x08http/1.0", NULL);
}

TEST(sessions_are_taken_up_again)
{
    world_open();
    struct client *c = client_open();
    get(c);
    SSL_SESSION *session = SSL_get1_session(c->ssl);
    client_half_close(c); /* a session that just breaks off is not taken up again */
    client_leave(c);
    c = client_open_clear();
    client_shake_with(c, session);
    get(c);
    assert_true(SSL_session_reused(c->ssl));
    SSL_SESSION_free(session);
}

TEST(a_slow_handshake_is_cut_by_its_own_deadline)
{
    options.limits.shake_ms = 5000;
    world_open();
    struct client *c = client_open_clear();
    eventually(http_server_connections(server) == 1);
    world_pass(4900);
    client_send_bytes(c, "\x16\x03\x01", 3); /* what trickles in does not move it */
    assert_int_equal(first_conn()->at, CONN_SHAKE);
    assert_int_equal(http_server_connections(server), 1);
    world_pass(200);
    expect_eof(c);
    assert_int_equal(http_server_connections(server), 0);
}

TEST(after_the_handshake_the_deadline_of_the_head_runs)
{
    options.limits = (struct http_limits){.shake_ms = 5000, .head_ms = 3000, .idle_ms = 100000};
    world_open();
    struct client *c = client_open_clear();
    eventually(http_server_connections(server) == 1);
    world_pass(4000);
    client_shake(c);
    eventually(first_conn()->at == CONN_HEAD);
    world_pass(2900);
    assert_int_equal(http_server_connections(server), 1);
    world_pass(200);
    assert_int_equal(http_server_connections(server), 0);
}

TEST(http_in_the_clear_is_told)
{
    world_open();
    struct client *c = client_open_clear();
    client_send(c, GET("/echo"));
    const char *answer = expect(c, 400);
    assert_non_null(strstr(answer, "this port speaks TLS: use https://"));
    assert_non_null(strstr(answer, "Connection: close"));
    expect_eof(c);
    assert_int_equal(requests, 0);
}

TEST(what_is_neither_is_closed)
{
    static const char *const noise[] = {"\x16\x03\x01\xff\xff", "\x80\x2e\x01", "hello\r\n", "\r\n",
                                        "\x16\x03\x01\x00\x05hello"};

    world_open();
    for (size_t i = 0; i < countof(noise); i++) {
        struct client *c = client_open_clear();
        client_send_bytes(c, noise[i], strlen(noise[i]));
        client_half_close(c);
        eventually(http_server_connections(server) == 0);
        client_leave(c);
    }
    get(client_open());
}

TEST(a_drain_does_not_wait_for_handshakes)
{
    world_open();
    client_open_clear();
    eventually(http_server_connections(server) == 1);
    world_drain();
    eventually(drained == 1);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* 4 bytes a record would be 32 times the bytes, and a system call each. */
TEST(records_are_filled)
{
    enum { BODY = 1000000 };

    world_open();
    struct client *c = client_open();
    uint64_t before = BIO_number_read(SSL_get_rbio(c->ssl));
    client_send(c, GET("/big?1000000"));
    expect(c, 200);
    uint64_t raw = BIO_number_read(SSL_get_rbio(c->ssl)) - before;
    assert_in_range(raw, BODY, BODY + BODY / 100);
}

/* The client asks for new keys while our reply is stuck: our read would write, and waits for it. */
TEST(keys_change_behind_a_full_socket)
{
    options.limits.reply_queue_bytes_max = 100u << 20; /* so that it reads all the same */
    world_open();
    struct client *c = client_open();
    client_send(c, GET("/big?8000000"));
    for (unsigned i = 0; i < 20; i++) world_sleep_turn(); /* the client does not read yet */
    assert_true(http_conn_unsent(first_conn()) > 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        client_send(c, GET("/echo"));
    }
    for (unsigned i = 0; i < 20; i++) world_sleep_turn();
    assert_int_equal(expect(c, 200)[9], '2');
    for (unsigned i = 0; i < 3; i++) expect(c, 200);
    assert_int_equal(requests, 4);
}

TEST(nobody_renegotiates)
{
    SSL_CTX *ctx;

    world_open();
    ctx = client_tls;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    struct client *c = client_open();
    get(c);
    SSL_renegotiate(c->ssl);
    for (unsigned i = 0; i < 20; i++) {
        SSL_do_handshake(c->ssl);
        world_sleep_turn();
    }
    assert_int_equal(SSL_num_renegotiations(c->ssl) > 0 && SSL_is_init_finished(c->ssl), 0);
    SSL_CTX_set_max_proto_version(ctx, 0);
    ERR_clear_error();
    get(client_open()); /* nobody else is harmed */
}

/* Without a goodbye: what was asked for whole is answered, what was cut is not taken for whole. */
TEST(a_cut_request_is_none)
{
    world_open();
    struct client *c = client_open();
    client_send(c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
    shutdown(c->fd, SHUT_WR);
    eventually(http_server_connections(server) == 0);
    assert_int_equal(requests, 0);
    c = client_open();
    client_send(c, GET("/echo"));
    shutdown(c->fd, SHUT_WR);
    expect(c, 200);
    expect_eof(c);
}

/* ---- certificates ---------------------------------------------------------------------------- */

TEST(a_renewed_certificate_is_for_new_connections)
{
    struct http_tls *renewed;
    struct error why;

    world_open();
    struct client *old = client_open();
    get(old);
    assert_int_equal(serial_of(old), 1);
    tls_files_make(tls_cert, tls_key, 2, 30);
    assert_int_equal(http_tls_open(tls_cert, tls_key, &renewed, &why), PINION_OK);
    http_server_renew(server, renewed);
    get(old);
    struct client *fresh = client_open();
    get(fresh);
    assert_int_equal(serial_of(fresh), 2);
    get(old);
    tls_files_make(tls_cert, tls_key, 1, 30);
}

static void bad(const char *cert, const char *key, const char *word)
{
    struct http_tls *tls = NULL;
    struct error why = {0};

    assert_int_equal(http_tls_open(cert, key, &tls, &why), PINION_INVALID);
    if (!strstr(why.text, word)) fail_msg("expected \"%s\" in: %s", word, why.text);
    assert_null(tls);
}

static void write_locked_key(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL,
                         NULL);
    fclose(file);
    EVP_PKEY_free(key);
}

TEST(bad_files_are_named)
{
    char other[80];

    world_open();
    snprintf(other, sizeof other, "%s.other", tls_key);
    bad("/nowhere", tls_key, "tls-cert /nowhere: No such file");
    bad(tls_cert, "/nowhere", "tls-key /nowhere: No such file");
    bad("/", tls_key, "tls-cert /: expected a certificate");
    bad(tls_key, tls_key, "expected a certificate and its chain in PEM");
    bad(tls_cert, tls_cert, "expected the unencrypted private key of tls-cert");
    tls_files_make("", other, 3, 30);
    bad(tls_cert, other, "key values mismatch");
    write_locked_key(other);
    bad(tls_cert, other, "expected the unencrypted private key");
    unlink(other);
}

static int teardown(void **state)
{
    (void)state;
    world_close();
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(versions),
        test(protocols),
        test(sessions_are_taken_up_again),
        test(a_slow_handshake_is_cut_by_its_own_deadline),
        test(after_the_handshake_the_deadline_of_the_head_runs),
        test(http_in_the_clear_is_told),
        test(what_is_neither_is_closed),
        test(a_drain_does_not_wait_for_handshakes),
        test(records_are_filled),
        test(keys_change_behind_a_full_socket),
        test(nobody_renegotiates),
        test(a_cut_request_is_none),
        test(a_renewed_certificate_is_for_new_connections),
        test(bad_files_are_named),
    };

    setenv("PINION_TEST_TLS", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
