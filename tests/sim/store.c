#include "tests/sim/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "base/memory.h"
#include "tests/scripts/rig.h"
#include "tests/sim/books.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"
#include "tests/support/redis_server.h"

#define SHA_LEN       40
#define WOKEN_CHOICES 2 /* which of two idle servers: beyond that the order repeats itself */

struct ear {
    struct list node;
    redisContext *redis;
    ear_fn *heard;
    void *ctx;
    bool open;
};

static struct {
    struct rig rig;
    char shas[SCRIPTS][SHA_LEN + 1], look_sha[SHA_LEN + 1];
    int64_t offset_us; /* Redis's clock against that of the world */
    bool loaded;
    const struct planted *planted; /* in the scripts that are loaded */
    struct list ears;
} store;

/* ---- scripts --------------------------------------------------------------------------------- */

/* Redis draws the name of an idle server by a randomness of its own, which no seed reaches. */
static const char drawn[] = "redis.call('HRANDFIELD', key('idle'), -1, 'WITHVALUES')";
static const char chosen[] =
    "(function() local names = redis.call('HKEYS', key('idle')) table.sort(names) "
    "if #names == 0 then return names end "
    "local pick = names[tonumber(redis.call('GET', 'pinion-test:pick') or 0) % #names + 1] "
    "return {pick, redis.call('HGET', key('idle'), pick)} end)()";

/* The caller's; NULL: `from` is not there. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    if (!at) return NULL;
    return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void load(const char *text, char ret_sha[SHA_LEN + 1])
{
    redisReply *r = rig_command(&store.rig, "SCRIPT LOAD %s", text);

    if (r->type != REDIS_REPLY_STRING) fail_msg("%s", r->str);
    memcpy(ret_sha, r->str, SHA_LEN + 1);
    freeReplyObject(r);
}

static void load_script(enum script script, const struct planted *planted)
{
    const char *text = script_sources[script].text;
    char *certain = replaced(text, drawn, chosen), *wrong = NULL;
    bool plant = planted && planted->from && planted->script == script;

    if (certain) text = certain;
    if (plant) wrong = replaced(text, planted->from, planted->to);
    if (!plant || wrong) load(wrong ? wrong : text, store.shas[script]);
    free(certain);
    if (plant && !wrong)
        fail_msg("%s: no place for '%s'", script_sources[script].name, planted->from);
    free(wrong);
}

void store_open(void)
{
    rig_open(&store.rig);
    list_init(&store.ears);
    load(look_script, store.look_sha);
    if (!strstr(script_sources[SCRIPT_ENQUEUE].text, drawn)) fail_msg("wake.lua has changed");
}

void store_close(void)
{
    assert(list_empty(&store.ears));
    rig_close(&store.rig);
}

void store_begin(const struct planted *planted)
{
    rig_reset(&store.rig);
    store.offset_us = RIG_START_MS * 1000;
    books_begin();
    if (store.loaded && store.planted == planted) return;
    for (enum script s = 0; s < SCRIPTS; s++) load_script(s, planted);
    store.loaded = true;
    store.planted = planted;
}

/* ---- time ------------------------------------------------------------------------------------ */

struct span store_key(void)
{
    return rig_key(&store.rig);
}

int64_t store_now_us(void)
{
    return (int64_t)world_now_us() + store.offset_us;
}

void store_step_clock(int64_t us)
{
    world_trace("the clock of Redis steps by %lld ms", (long long)us / 1000);
    store.offset_us += us;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static redisReply *must_read(redisContext *redis)
{
    void *reply = NULL;

    if (redisGetReply(redis, &reply) != REDIS_OK) fail_msg("redis: %s", redis->errstr);
    return reply;
}

/* The same request, of the script that stands in for the one that it names. */
static void append(struct span request, enum script script)
{
    char *bytes = xmemdup(request.data, request.len);

    if (script < SCRIPTS) {
        char *sha = memmem(bytes, request.len, script_sources[script].sha, SHA_LEN);
        assert(sha);
        memcpy(sha, store.shas[script], SHA_LEN);
    }
    redisAppendFormattedCommand(store.rig.redis, bytes, request.len);
    free(bytes);
}

/* Redis answers the PING after all that was published before it. */
static void hear(struct ear *ear)
{
    for (;;) {
        redisReply *r = must_read(ear->redis);
        bool message = r->elements == 3 && strcmp(r->element[0]->str, "message") == 0;
        if (message) ear->heard(ear->ctx, r->element[1]->str,
                       (struct span){r->element[2]->str, r->element[2]->len});
        freeReplyObject(r);
        if (!message) return;
    }
}

static void hear_all(void)
{
    list_for_each (node, &store.ears) {
        struct ear *ear = container_of(node, struct ear, node);
        if (!ear->open) continue;
        redisAppendCommand(ear->redis, "PING");
        for (int done = 0; !done;)
            if (redisBufferWrite(ear->redis, &done) != REDIS_OK)
                fail_msg("redis: %s", ear->redis->errstr);
    }
    list_for_each_safe (node, &store.ears) {
        struct ear *ear = container_of(node, struct ear, node);
        if (ear->open) hear(ear);
    }
}

struct redisReply *store_run(struct span request, enum script script)
{
    redisContext *redis = store.rig.redis;
    bool all = !world_in_orders() || script == SCRIPT_ENQUEUE || script == SCRIPT_ENQUEUE_ONE;
    unsigned pick = all ? world_choose(WOKEN_CHOICES) : 0;

    redisAppendCommand(redis, "MSET pinion-test:now_us %lld pinion-test:pick %u",
                       (long long)store_now_us(), pick);
    append(request, script);
    redisAppendCommand(redis, "EVALSHA %s 1 %b", store.look_sha, store_key().data, store_key().len);
    freeReplyObject(must_read(redis));
    redisReply *answer = must_read(redis), *look = must_read(redis);
    if (answer->type == REDIS_REPLY_ERROR) world_broken("Redis: %s", answer->str);
    if (look->type == REDIS_REPLY_ERROR) fail_msg("look.lua: %s", look->str);
    books_note(script, request, look);
    freeReplyObject(look);
    hear_all();
    return answer;
}

/* ---- subscriptions --------------------------------------------------------------------------- */

struct ear *ear_new(ear_fn *heard, void *ctx)
{
    struct ear *ear = xcalloc(1, sizeof *ear);

    ear->redis = redisConnectUnix(redis_server_path(store.rig.server));
    if (!ear->redis || ear->redis->err) fail_msg("cannot connect to Redis");
    ear->heard = heard;
    ear->ctx = ctx;
    list_push(&store.ears, &ear->node);
    return ear;
}

void ear_open(struct ear *ear, const char *const channels[], size_t count)
{
    assert(!ear->open);
    ear->open = true;
    for (size_t i = 0; i < count; i++) redisAppendCommand(ear->redis, "SUBSCRIBE %s", channels[i]);
    for (size_t i = 0; i < count; i++) freeReplyObject(must_read(ear->redis));
}

void ear_close(struct ear *ear)
{
    if (!ear->open) return;
    ear->open = false;
    redisAppendCommand(ear->redis, "UNSUBSCRIBE");
    redisAppendCommand(ear->redis, "PING"); /* UNSUBSCRIBE answers once a channel */
    for (bool pong = false; !pong;) {
        redisReply *r = must_read(ear->redis);
        pong = r->type == REDIS_REPLY_STATUS;
        freeReplyObject(r);
    }
}

void ear_free(struct ear *ear)
{
    ear_close(ear);
    list_remove(&ear->node);
    redisFree(ear->redis);
    free(ear);
}
