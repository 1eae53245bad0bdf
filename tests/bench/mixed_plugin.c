/* tests/bench/mixed_plugin.c — what mixed.py loads into a server: a handler that blocks, and a
 * timer that notes how late it is. */
#include <pinion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 1000000
#define EVERY_MS    5
#define STEP_US     100000 /* of what blocks, between two looks whether it must stop */

static struct pinion_service *service;
static long samples_us[SAMPLES_MAX], count, due_us;

static long now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void on_timer(struct pinion_timer *timer, void *ctx)
{
    (void)timer, (void)ctx;
    if (due_us && count < SAMPLES_MAX) samples_us[count++] = now_us() - due_us;
    due_us = now_us() + EVERY_MS * 1000;
    pinion_call_later(service, EVERY_MS, on_timer, NULL, NULL);
}

/* On a thread: blocks for as many seconds as the payload says. */
static void run_block(struct pinion_attempt *attempt, void *ctx)
{
    const char *seconds = pinion_attempt_work(attempt)->payload;
    long until_us = now_us() + atol(seconds) * 1000000;

    (void)ctx;
    while (now_us() < until_us && !pinion_attempt_stopping(attempt)) usleep(STEP_US);
    pinion_attempt_done(attempt, NULL, 0);
}

static int by_size(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return x < y ? -1 : x > y;
}

/* The result: "COUNT P50 P99 MAX" of the lateness in microseconds; then it begins anew. */
static void run_report(struct pinion_attempt *attempt, void *ctx)
{
    char text[128] = "0 0 0 0";

    (void)ctx;
    qsort(samples_us, (size_t)count, sizeof samples_us[0], by_size);
    if (count > 0)
        snprintf(text, sizeof text, "%ld %ld %ld %ld", count, samples_us[count / 2],
                 samples_us[count * 99 / 100], samples_us[count - 1]);
    count = due_us = 0;
    pinion_attempt_done(attempt, text, strlen(text));
}

static enum pinion_err init(struct pinion_service *s, char *why, size_t why_size)
{
    static const struct pinion_handler block = {
        .kind = "mixed.block", .run = run_block, .runs = PINION_ON_THREAD};
    static const struct pinion_handler report = {.kind = "mixed.report", .run = run_report};
    enum pinion_err err = pinion_service_handle(s, &block);

    if (!err) err = pinion_service_handle(s, &report);
    if (!err) err = pinion_call_later(s, EVERY_MS, on_timer, NULL, NULL);
    if (err) snprintf(why, why_size, "%s", pinion_err_name(err));
    service = s;
    return err;
}

const struct pinion_plugin pinion_plugin = {.abi = PINION_ABI, .init = init};
