/* store.h for servers that have nothing but timetables: the real scripts at the virtual time, and
 * what they do to schedules is entered in fires.h. Nothing else is looked at, so that a day is
 * played in the blink of an eye. */
#include "tests/sim/timetable_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "base/memory.h"
#include "tests/scripts/rig.h"
#include "tests/sim/fires.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"

struct ear {
    struct list node;
    ear_fn *heard;
    void *ctx;
    bool open;
};

static struct {
    struct rig rig;
    int64_t offset_us, drift_ppm, edits;
    char *channel;
    struct list ears;
} store;

void store_open(void)
{
    rig_open(&store.rig);
    store.channel = channel_of_due("pinion", "q");
    rig_listen(&store.rig, store.channel);
    list_init(&store.ears);
}

void store_close(void)
{
    assert(list_empty(&store.ears));
    free(store.channel);
    rig_close(&store.rig);
}

void store_begin(const struct planted *planted)
{
    (void)planted;
    rig_reset(&store.rig);
    store.offset_us = RIG_START_MS * 1000;
    store.drift_ppm = store.edits = 0;
    fires_begin();
}

struct span store_key(void)
{
    return rig_key(&store.rig);
}

int64_t store_now_us(void)
{
    int64_t world_us = (int64_t)world_now_us();

    return world_us + store.offset_us + world_us / 1000000 * store.drift_ppm;
}

void store_step_clock(int64_t us)
{
    world_trace("the clock of Redis steps by %lld ms", (long long)us / 1000);
    store.offset_us += us;
    fires_stepped();
}

void store_set_clock(int64_t now_us, int64_t drift_ppm)
{
    store.drift_ppm = drift_ppm;
    store.offset_us += now_us - store_now_us();
}

int64_t store_edits(void)
{
    return store.edits;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void *must_read(void)
{
    void *reply = NULL;

    if (redisGetReply(store.rig.redis, &reply) != REDIS_OK)
        fail_msg("redis: %s", store.rig.redis->errstr);
    return reply;
}

static int64_t ask_edits(void)
{
    redisReply *r =
        rig_command(&store.rig, "HGET %b:meta schedules", store_key().data, store_key().len);
    int64_t edits = r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;

    freeReplyObject(r);
    return edits;
}

/* Lines CHANNEL TEXT. */
static void hear_all(void)
{
    struct span lines = span_of(rig_heard(&store.rig));

    while (lines.len) {
        struct span text = span_cut(&lines, '\n');
        span_cut(&text, ' ');
        list_for_each (node, &store.ears) {
            struct ear *ear = container_of(node, struct ear, node);
            if (ear->open) ear->heard(ear->ctx, store.channel, text);
        }
    }
}

struct redisReply *store_run(struct span request, enum script script)
{
    redisAppendCommand(store.rig.redis, "SET pinion-test:now_us %lld", (long long)store_now_us());
    redisAppendFormattedCommand(store.rig.redis, request.data, request.len);
    freeReplyObject(must_read());
    redisReply *answer = must_read();
    if (answer->type == REDIS_REPLY_ERROR) world_broken("Redis: %s", answer->str);
    if (script == SCRIPT_SCHEDULE_FIRE && answer->type == REDIS_REPLY_ARRAY)
        fires_note(request, answer);
    if (script == SCRIPT_SCHEDULE_SET || script == SCRIPT_SCHEDULE_REMOVE) {
        hear_all();
        store.edits = ask_edits(); /* heartbeats tell it too often to ask each time */
    }
    return answer;
}

/* ---- subscriptions --------------------------------------------------------------------------- */

struct ear *ear_new(ear_fn *heard, void *ctx)
{
    struct ear *ear = xcalloc(1, sizeof *ear);

    ear->heard = heard;
    ear->ctx = ctx;
    list_push(&store.ears, &ear->node);
    return ear;
}

void ear_open(struct ear *ear, const char *const channels[], size_t count)
{
    assert(count == 1 && strcmp(channels[0], store.channel) == 0);
    ear->open = true;
}

void ear_close(struct ear *ear)
{
    ear->open = false;
}

void ear_free(struct ear *ear)
{
    list_remove(&ear->node);
    free(ear);
}
