/* A token that is revoked while a service starts is not good in it. */
#include <ev.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/log.h"
#include "control/access/access.h"
#include "control/access/token_file.h"
#include "scheduler/ticker.h"
#include "tests/flow/scratch.h"
#include "tests/support/check.h"

#define SECRET "pinion_brief"

static char scratch[SCRATCH_MAX];
static bool revoke_now;

static enum pinion_err add(struct token_set *set, void *ctx, struct error *why)
{
    struct token t = {.name = "brief", .roles = ROLE_BIT(ROLE_ADMIN), .made_ms = 1};

    (void)ctx;
    token_hash(span_of(SECRET), t.hash);
    return token_set_add(set, &t, why);
}

static enum pinion_err take_away(struct token_set *set, void *ctx, struct error *why)
{
    (void)ctx, (void)why;
    return token_set_remove(set, "brief") ? PINION_OK : PINION_NOT_FOUND;
}

/* The C library's, for this program: somebody is faster than the watch. */
int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    struct error why;

    if (revoke_now) assert_int_equal(token_file_edit(scratch, take_away, NULL, &why), PINION_OK);
    return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

static void on_changed(void *ctx)
{
    (void)ctx;
}

static bool is_known_at_start(void)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct ticker *ticker = ticker_new(loop);
    const struct access_options o = {
        .loop = loop, .ticker = ticker, .dir = scratch, .owner = "x", .changed = on_changed};
    struct access *access;
    struct error why;

    if (access_new(&o, &access, &why)) fail_msg("%s", why.text);
    for (int i = 0; i < 20; i++) ev_run(loop, EVRUN_NOWAIT);
    bool known = access_find(access, span_of(SECRET)) != NULL;
    access_free(access);
    ticker_free(ticker);
    ev_loop_destroy(loop);
    return known;
}

TEST(who_is_revoked_just_before_the_watch_is_not_known)
{
    struct error why;

    log_set(LOG_ERROR, LOG_AS_TEXT);
    assert_true(scratch_make(scratch));
    assert_int_equal(token_file_edit(scratch, add, NULL, &why), PINION_OK);
    assert_true(is_known_at_start());
    revoke_now = true;
    assert_false(is_known_at_start());
    assert_int_equal(scratch_remove(scratch), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_revoked_just_before_the_watch_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
