/* test_find.c — which Redis a client talks to, and when it waits for a service to tell. The clock
 * stands still unless a test moves it: who waits where nobody should, waits for ever. */
#include "tests/support/check.h"
#include "base/clock.h"
#include "control/find.h"
#include "control/state.h"
#include "tests/flow/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOUR_MS 3600000

static char root[SCRATCH_MAX];
static struct error why;
static unsigned looks;                 /* at the clock, since the test began */
static void (*at_look)(unsigned look); /* NULL: nothing happens meanwhile */
static uint64_t now_us;

/* In place of base/clock.c. */
uint64_t clock_mono_us(void)
{
    looks++;
    if (at_look) at_look(looks);
    return now_us;
}

int64_t clock_wall_us(void)
{
    return 0;
}

static int setup(void **state)
{
    (void)state;
    if (!scratch_make(root)) return -1;
    why = (struct error){0};
    looks = 0;
    at_look = NULL;
    now_us = 1000000;
    unsetenv("PINION_STATE");
    unsetenv("PINION_REDIS_URL");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", root, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return scratch_remove(root);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct state *locked(void)
{
    struct state *s = NULL;

    if (state_open(root, &s, &why) || state_lock(s, &why)) fail_msg("%s", why.text);
    return s;
}

/* "": none was found, and `why` tells. */
static void find(bool at_once, const char *want)
{
    const struct find_options options = {NULL, root, HOUR_MS, at_once};
    char *url = NULL;
    enum pinion_err err = find_redis(&options, &url, &why);

    assert_int_equal(err, *want ? PINION_OK : PINION_UNAVAILABLE);
    if (*want) assert_string_equal(url, want);
    free(url);
}

static void told(const char *words)
{
    if (!strstr(why.text, words)) fail_msg("no '%s' in: %s", words, why.text);
}

static void publish_at_fifth(unsigned look)
{
    if (look == 5) write_file("pinion.json", "{\"redis\":\"unix:/there\"}");
}

static void end_at_fifth(unsigned look)
{
    if (look == 5) now_us += 2 * (uint64_t)HOUR_MS * 1000;
}

TEST(nobody_serves_the_folder)
{
    find(true, "");
    told("no pinion serve in ");
    write_file("lock", "1 1\n"); /* there is a process of this number, of another start */
    find(true, "");
    write_file("lock", "");
    find(true, "");
    at_look = end_at_fifth; /* a program is asked to be patient */
    looks = 0;
    find(false, "");
    told("no pinion serve in ");
    assert_true(looks >= 5);
}

TEST(a_service_that_starts_is_waited_for)
{
    struct state *s = locked();

    at_look = publish_at_fifth;
    find(true, "unix:/there");
    assert_true(looks >= 5);
    state_close(s);
}

TEST(a_service_that_starts_too_slowly)
{
    struct state *s = locked();

    at_look = end_at_fifth;
    find(true, "");
    told("is starting or stopping");
    state_close(s);
}

TEST(who_is_patient_waits_for_a_service_to_come)
{
    at_look = publish_at_fifth;
    find(false, "unix:/there");
    assert_true(looks >= 5);
}

TEST(a_folder_is_served_while_its_lock_is_held)
{
    const struct find_options folder = {NULL, root, 0, true},
                              url = {"unix:/there", root, 0, true};
    struct state *s = locked();

    assert_true(find_is_served(&folder));
    assert_false(find_is_served(&url)); /* no folder tells of that */
    state_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_serves_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_service_that_starts_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_service_that_starts_too_slowly, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_patient_waits_for_a_service_to_come, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_folder_is_served_while_its_lock_is_held, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
