/* examples/plugin.c — handlers in C for `pinion serve --plugin plugin.so`; plugin.sh runs it.
 *
 *     cc -shared -fPIC -o plugin.so plugin.c
 */
#include <pinion.h>
#include <stdlib.h>
#include <string.h>

static struct pinion_service *service;
static unsigned beats; /* of a timer of ours */

/* The payload, backwards. */
static void run_reverse(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);
    const char *payload = work->payload;
    char *text = malloc(work->payload_len + 1);

    (void)ctx;
    if (!text) {
        pinion_attempt_fail(attempt, "out of memory");
        return;
    }
    for (size_t i = 0; i < work->payload_len; i++) text[i] = payload[work->payload_len - 1 - i];
    pinion_attempt_done(attempt, text, work->payload_len);
    free(text);
}

/* Done only after a while: the handler returns, and a timer finishes the attempt. */
static void on_later(struct pinion_timer *timer, void *ctx)
{
    (void)timer;
    pinion_attempt_done(ctx, beats ? "after a beat" : "too early", beats ? 12 : 9);
}

static void run_later(struct pinion_attempt *attempt, void *ctx)
{
    (void)ctx;
    if (pinion_call_later(service, 50, on_later, attempt, NULL))
        pinion_attempt_fail(attempt, "no timer");
}

static void on_beat(struct pinion_timer *timer, void *ctx)
{
    (void)timer, (void)ctx;
    beats++;
}

static enum pinion_err init(struct pinion_service *s, char *why, size_t why_size)
{
    static const struct pinion_handler reverse = {.kind = "text.reverse", .run = run_reverse};
    static const struct pinion_handler later = {.kind = "text.later", .run = run_later};
    struct pinion_every often = {.interval_ms = 10};
    enum pinion_err err = pinion_service_handle(s, &reverse);

    if (!err) err = pinion_service_handle(s, &later);
    if (!err) err = pinion_call_every(s, &often, on_beat, NULL, NULL);
    if (err) strncat(why, "its kinds or its timer were refused", why_size - 1);
    service = s;
    return err;
}

const struct pinion_plugin pinion_plugin = {.abi = PINION_ABI, .init = init};
