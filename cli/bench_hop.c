#include "cli/bench_hop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"

#define CHANNEL "pinion-bench"
#define WAIT_MS 10000

static void note(struct bench_hop *h, const char *stamp)
{
    uint64_t now_us = clock_mono_us(), sent_us;

    if (text_parse_u64(span_of(stamp), 0, now_us, &sent_us) || h->tally->count == h->count) return;
    h->tally->sample_us[h->tally->count++] = (int32_t)(now_us - sent_us);
}

/* The end of `life` is noticed between two messages, at the latest when none comes for a while. */
static void listen_on(struct bench_hop *h, const struct child_self *self, struct watch *watch)
{
    char text[24];
    enum pinion_err err;

    child_tell(self, CHILD_READY);
    while (!child_orphaned(self)) {
        err = watch_next(watch, 100, text, sizeof text);
        if (err == PINION_BUSY) continue;
        if (err) {
            child_fail(self, "the subscription was lost");
            return;
        }
        note(h, text);
        child_tell(self, CHILD_DONE);
    }
}

static void subscribe(const struct child_self *self, void *arg)
{
    static const char *const channels[] = {CHANNEL};
    struct bench_hop *h = arg;
    struct sync_options options = {.name_space = "pinion"};
    struct redis_url url = {0};
    struct sync *sync = NULL;
    struct watch *watch = NULL;
    struct error why = {0};

    world_forget(h->world);
    if (redis_url_parse(span_of(h->world->url), &url, &why) ||
        sync_open(&url, &options, &sync, &why) ||
        watch_open(sync, channels, 1, &watch, &why))
        child_fail(self, why.text);
    else
        listen_on(h, self, watch);
    watch_close(watch);
    sync_close(sync);
    redis_url_deinit(&url);
}

enum pinion_err bench_hop_start(struct bench_hop *h, const struct world *w, size_t count,
                                struct error *why)
{
    enum pinion_err err;

    *h = (struct bench_hop){.world = w, .count = count, .tally = tally_shared_new(count)};
    if (!h->tally) return error_set(why, PINION_INTERNAL, "no memory for the samples");
    err = child_start(&h->child, subscribe, h, why);
    if (!err)
        err = child_wait(&h->child, CHILD_READY, w->signals, WAIT_MS, "the subscriber", why);
    return err;
}

enum pinion_err bench_hop(struct bench_hop *h, struct sync *sync, struct error *why)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    char stamp[24];
    enum pinion_err err;

    request_command(&request, "PUBLISH " CHANNEL);
    snprintf(stamp, sizeof stamp, "%" PRIu64, clock_mono_us());
    request_add_text(&request, stamp);
    err = sync_call(sync, &request, &reply, why);
    sync_reply_free(reply);
    request_deinit(&request);
    return err ? err
               : child_wait(&h->child, CHILD_DONE, h->world->signals, WAIT_MS, "the subscriber",
                            why);
}

void bench_hop_stop(struct bench_hop *h)
{
    child_stop(&h->child);
    tally_shared_free(h->tally, h->count);
    h->tally = NULL;
}
