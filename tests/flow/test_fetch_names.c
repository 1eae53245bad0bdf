/* test_fetch_names.c — names that are looked up slowly, and names that move: this program has the
 * system's resolver in its hand. */
#include "tests/flow/fetch_world.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/support/responder.h"

#define LOOKUP_S 3

static atomic_uint begun, ended, moves;

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* What libcurl calls, on a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    lookup_fn *lookup;

    memcpy(&lookup, &symbol, sizeof lookup);
    if (name && strcmp(name, "slow.test") == 0) {
        atomic_fetch_add(&begun, 1);
        sleep(LOOKUP_S);
        atomic_fetch_add(&ended, 1);
        return EAI_AGAIN;
    }
    if (name && strcmp(name, "moves.test") == 0)
        name = atomic_fetch_add(&moves, 1) == 0 ? "127.0.0.2" : "127.0.0.1";
    return lookup(name, service, hints, ret);
}

static const char *const opened[] = {"127.0.0.2", NULL};

static int setup(void **state)
{
    (void)state;
    fetch_world_open(opened);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fetch_world_close();
    return 0;
}

/* The loop goes on while a name is looked up, and who gives up does not wait for it. */
TEST(slow_names)
{
    struct asked a = {.then = NULL}, b = {.then = NULL};

    ask_start(&a, "http://slow.test/", 100);
    ask_start(&b, "http://slow.test:81/", 0);
    turns_until(atomic_load(&begun) == 2);
    turns_until(a.ended);
    assert_int_equal(a.end, FETCH_FAILED);
    assert_string_equal(a.why, "no answer in time");
    fetch_stop(&b.fetch);
    assert_int_equal(atomic_load(&ended), 0); /* and did not wait for either */
    asked_free(&a);
    turns_until(atomic_load(&ended) == 2); /* its threads end by themselves */
    assert_int_equal(b.ended, 0);
}

static void answer(struct visit *v, void *ctx)
{
    visit_answer(v, 200, NULL, ctx, strlen(ctx));
}

/* A name server that says where it may go when it is asked first, and then where it must not. */
TEST(a_name_that_moves)
{
    struct responder *good = responder_open("127.0.0.2", 0, answer, (char[]){"good"});
    struct responder *trap =
        responder_open("127.0.0.1", responder_port(good), answer, (char[]){"trapped"});
    struct asked a;

    assert_non_null(trap);
    ask_host(&a, "moves.test", responder_port(good), "");
    assert_string_equal(a.body, "good");
    asked_free(&a);
    fetch_world_close(); /* what it has looked up is kept for a while */
    fetch_world_open(opened);
    ask_host(&a, "moves.test", responder_port(good), "");
    assert_int_equal(a.end, FETCH_FORBIDDEN);
    asked_free(&a);
    assert_int_equal(atomic_load(&moves), 2);
    assert_int_equal(responder_accepted(good), 1);
    assert_int_equal(responder_accepted(trap), 0);
    responder_close(good);
    responder_close(trap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slow_names, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_moves, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
