/* tests/bench/bench_wheel.c — the wheel against libev's timers, in one run of one program.
 *
 *     bench_wheel [COUNT]...       default: 10000 1000000
 *
 * Timers lie in one array, due uniformly within an hour. Insert goes through the array; cancel
 * takes every timer in random order, so that each misses the cache; fire runs an hour in virtual
 * time: the wheel sleeps from wheel_next_ms to wheel_next_ms; libev gets timers that are due
 * already, and pops them in one turn. Best of ROUNDS; one JSON object a line.
 */
#include "scheduler/wheel.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"
#include "tests/support/property.h"

#include <assert.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS UINT64_C(3600000)

enum { ROUNDS = 5, COUNT_MAX = 100000000 };

enum measure { INSERT, CANCEL, FIRE, MEASURES };

static const char *const measures[] = {[INSERT] = "insert", [CANCEL] = "cancel", [FIRE] = "fire"};

/* What both sides are given: the same times, and the same order to cancel in. */
struct work {
    size_t count;
    uint32_t *due_ms;
    uint32_t *order;
    uint64_t best_us[MEASURES];
};

static uint64_t fired;

static void forget_times(struct work *k)
{
    for (int m = 0; m < MEASURES; m++) k->best_us[m] = UINT64_MAX;
}

static void work_init(struct work *k, size_t count)
{
    struct prng prng = {property_seed("PINION_BENCH_SEED")};

    *k = (struct work){.count = count};
    k->due_ms = xcalloc(count, sizeof *k->due_ms);
    k->order = xcalloc(count, sizeof *k->order);
    forget_times(k);
    for (size_t i = 0; i < count; i++) {
        size_t j = prng_below(&prng, i + 1);

        k->due_ms[i] = (uint32_t)(1 + prng_below(&prng, HOUR_MS));
        k->order[i] = k->order[j];
        k->order[j] = (uint32_t)i;
    }
}

static void work_deinit(struct work *k)
{
    free(k->due_ms);
    free(k->order);
}

static void took(struct work *k, enum measure m, uint64_t start_us)
{
    uint64_t us = clock_mono_us() - start_us;

    if (us < k->best_us[m]) k->best_us[m] = us;
}

static void report(const char *who, const struct work *k, size_t timer_bytes)
{
    for (int m = 0; m < MEASURES; m++)
        printf("{\"measure\":\"timer_%s\",\"who\":\"%s\",\"timers\":%zu,\"ns\":%.1f,"
               "\"bytes_per_timer\":%zu}\n",
               measures[m], who, k->count, (double)k->best_us[m] * 1e3 / (double)k->count,
               timer_bytes);
    fflush(stdout);
}

/* ---- the wheel ------------------------------------------------------------------------------- */

static void wheel_insert(struct wheel *w, struct timer *timers, struct work *k, uint64_t base_ms)
{
    uint64_t start_us = clock_mono_us();

    for (size_t i = 0; i < k->count; i++) wheel_add(w, &timers[i], base_ms + k->due_ms[i]);
    took(k, INSERT, start_us);
}

static void wheel_round(struct work *k, struct timer *timers, uint64_t base_ms)
{
    static struct wheel w;
    uint64_t start_us, next_ms;

    wheel_init(&w, base_ms);
    wheel_insert(&w, timers, k, base_ms);
    start_us = clock_mono_us();
    for (size_t i = 0; i < k->count; i++) wheel_remove(&w, &timers[k->order[i]]);
    took(k, CANCEL, start_us);
    assert(wheel_empty(&w));

    wheel_insert(&w, timers, k, base_ms);
    fired = 0;
    start_us = clock_mono_us();
    while ((next_ms = wheel_next_ms(&w)) != WHEEL_NEVER) {
        wheel_advance(&w, next_ms);
        while (wheel_take_due(&w)) fired++;
    }
    took(k, FIRE, start_us);
    assert(fired == k->count);
}

static void bench_wheel(struct work *k)
{
    struct timer *timers = xcalloc(k->count, sizeof *timers);

    for (size_t i = 0; i < k->count; i++) timer_init(&timers[i]);
    /* A machine that has been up for a while, each round a little longer. */
    for (uint64_t round = 0; round < ROUNDS; round++)
        wheel_round(k, timers, UINT64_C(1234567890) + round * 987654321);
    report("wheel", k, sizeof *timers);
    free(timers);
}

/* ---- libev ----------------------------------------------------------------------------------- */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    fired++;
}

static void libev_insert(struct ev_loop *loop, ev_timer *timers, struct work *k, double offset_s)
{
    uint64_t start_us = clock_mono_us();

    for (size_t i = 0; i < k->count; i++) {
        ev_timer_set(&timers[i], (double)k->due_ms[i] * 1e-3 - offset_s, 0.);
        ev_timer_start(loop, &timers[i]);
    }
    took(k, INSERT, start_us);
}

static void libev_round(struct ev_loop *loop, ev_timer *timers, struct work *k)
{
    uint64_t start_us;

    libev_insert(loop, timers, k, 0.);
    start_us = clock_mono_us();
    for (size_t i = 0; i < k->count; i++) ev_timer_stop(loop, &timers[k->order[i]]);
    took(k, CANCEL, start_us);

    libev_insert(loop, timers, k, (double)HOUR_MS * 1e-3 + 1.);
    fired = 0;
    start_us = clock_mono_us();
    while (fired < k->count) ev_run(loop, EVRUN_ONCE);
    took(k, FIRE, start_us);
}

static void bench_libev(struct work *k)
{
    enum { HEAP_ENTRY_BYTES = 16 }; /* the time and the pointer */
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer *timers = xcalloc(k->count, sizeof *timers);

    assert(loop);
    for (size_t i = 0; i < k->count; i++) ev_timer_init(&timers[i], on_timer, 0., 0.);
    for (int round = 0; round < ROUNDS; round++) libev_round(loop, timers, k);
    report("libev", k, sizeof *timers + HEAP_ENTRY_BYTES);
    free(timers);
    ev_loop_destroy(loop);
}

static void bench(size_t count)
{
    struct work k;

    work_init(&k, count);
    bench_wheel(&k);
    forget_times(&k);
    bench_libev(&k);
    work_deinit(&k);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        bench(10000);
        bench(1000000);
    }
    for (int i = 1; i < argc; i++) {
        uint64_t count;

        if (text_parse_u64(span_of(argv[i]), 1, COUNT_MAX, &count)) {
            fprintf(stderr, "bench_wheel: expected 1 to %d timers, got '%s'\n", COUNT_MAX, argv[i]);
            return 2;
        }
        bench(count);
    }
    return 0;
}
