/* tests/kill/books.c — a handful of plain commands; keys as in queue/scripts/shared/key.lua. */
#include "tests/kill/books.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "base/id.h"
#include "base/macros.h"
#include "base/memory.h"

#define REPLY_S_MAX 10

/* A pack, as queue/scripts/shared/pack.lua has it, is spelled out: spelled(name) gives its jobs. */
#define SPELL                                                                          \
    "local d, q = '0123456789ABCDEFGHJKMNPQRSTVWXYZ', KEYS[1] "                        \
    "local function spelled(name) "                                                    \
    "  if name:byte(-1) ~= 42 then return {name} end "                                 \
    "  local ids, record = {}, redis.call('HGET', q .. ':jobs', name) "                \
    "  local gone = redis.call('HGET', q .. ':gone', name) or '0000000000000000' "     \
    "  for i = 0, tonumber(record:match('\\n(%d+)\\n')) - 1 do "                       \
    "    local half = tonumber(i < 32 and gone:sub(9) or gone:sub(1, 8), 16) "         \
    "    local tens, ones = math.floor(i / 32) + 1, i % 32 + 1 "                       \
    "    if math.floor(half / 2 ^ (i % 32)) % 2 == 0 then "                            \
    "      ids[#ids + 1] = name:sub(1, -2) .. d:sub(tens, tens) .. d:sub(ones, ones) " \
    "    end "                                                                         \
    "  end "                                                                           \
    "  return ids "                                                                    \
    "end local all = {} "
static const char every_job[] =
    SPELL "for _, name in ipairs(redis.call('HKEYS', q .. ':jobs')) do "
          "  for _, id in ipairs(spelled(name)) do all[#all + 1] = id end "
          "end return all";
/* A renewed lease has its token in a hash beside it. */
static const char every_lease[] =
    SPELL "local flat = redis.call('ZRANGE', q .. ':active', 0, -1, 'WITHSCORES') "
          "for i = 1, #flat, 2 do "
          "  for _, id in ipairs(spelled(flat[i])) do "
          "    all[#all + 1] = id "
          "    all[#all + 1] = redis.call('HGET', q .. ':tokens', id) or flat[i + 1] "
          "  end "
          "end return all";

struct books {
    redisContext *redis;
};

struct books *books_open(const char *path)
{
    redisContext *redis = redisConnectUnix(path);
    struct books *b;

    if (!redis) return NULL;
    if (redis->err) {
        redisFree(redis);
        return NULL;
    }
    redisSetTimeout(redis, (struct timeval){.tv_sec = REPLY_S_MAX});
    b = xcalloc(1, sizeof *b);
    b->redis = redis;
    return b;
}

void books_close(struct books *b)
{
    if (!b) return;
    redisFree(b->redis);
    free(b);
}

/* NULL: the connection was lost, or it answered an error (it is loading, or stopping). */
__attribute__((format(printf, 2, 3))) static redisReply *ask(struct books *b, const char *format,
                                                             ...)
{
    redisReply *reply;
    va_list args;

    va_start(args, format);
    reply = b->redis->err ? NULL : redisvCommand(b->redis, format, args);
    va_end(args);
    if (!reply || reply->type != REDIS_REPLY_ERROR) return reply;
    freeReplyObject(reply);
    return NULL;
}

static bool ask_number(struct books *b, const char *command, const char *queue, const char *name,
                       int64_t *ret)
{
    redisReply *reply = ask(b, "%s pinion:{%s}:%s", command, queue, name);
    bool ok = reply && reply->type == REDIS_REPLY_INTEGER;

    if (ok) *ret = reply->integer;
    freeReplyObject(reply);
    return ok;
}

/* As many fields as jobs that stand for themselves, and packs; and what is in these beyond one. */
static bool count_jobs(struct books *b, const char *queue, int64_t *ret)
{
    redisReply *r = ask(b, "EVAL %s 1 pinion:{%s}",
                        "local m = redis.call('HMGET', KEYS[1] .. ':meta', 'packed_ready', "
                        "'packed_active') "
                        "return redis.call('HLEN', KEYS[1] .. ':jobs') + (m[1] or 0) + (m[2] or 0)",
                        queue);
    bool ok = r && r->type == REDIS_REPLY_INTEGER;

    if (ok) *ret = r->integer;
    freeReplyObject(r);
    return ok;
}

bool books_totals(struct books *b, const char *queue, struct totals *ret)
{
    static const char *const names[] = {"enqueued", "done",      "failed",
                                        "dead",     "cancelled", "reaped"};
    int64_t values[countof(names)], jobs = 0, kept[3] = {0};
    redisReply *r;
    /* What is left comes first: when nothing is, the totals read behind it are the last ones. */
    bool ok = count_jobs(b, queue, &jobs) && ask_number(b, "ZCARD", queue, "done", &kept[0]) &&
              ask_number(b, "ZCARD", queue, "dead", &kept[1]) &&
              ask_number(b, "ZCARD", queue, "cancelled", &kept[2]);

    if (!ok) return false;
    r = ask(b, "HMGET pinion:{%s}:meta enqueued done failed dead cancelled reaped", queue);
    ok = r && r->type == REDIS_REPLY_ARRAY && r->elements == countof(names);
    for (size_t i = 0; ok && i < countof(names); i++)
        values[i] = r->element[i]->str ? strtoll(r->element[i]->str, NULL, 10) : 0;
    freeReplyObject(r);
    if (!ok) return false;
    *ret = (struct totals){.enqueued = values[0],
                           .done = values[1],
                           .failed = values[2],
                           .dead = values[3],
                           .cancelled = values[4],
                           .reaped = values[5],
                           .left = jobs - kept[0] - kept[1] - kept[2]};
    return true;
}

/* ---- every job ------------------------------------------------------------------------------- */

static void add(struct history *h, const char *queue, const char *local, enum fact_kind kind)
{
    char id[HISTORY_ID_MAX];

    snprintf(id, sizeof id, "%s:%s", queue, local);
    history_add(h, id, (struct fact){.kind = kind});
}

static bool read_set(struct books *b, const char *queue, const char *name, enum fact_kind kind,
                     struct history *h)
{
    redisReply *r = ask(b, "ZRANGE pinion:{%s}:%s 0 -1", queue, name);
    bool ok = r && r->type == REDIS_REPLY_ARRAY;

    for (size_t i = 0; ok && i < r->elements; i++) add(h, queue, r->element[i]->str, kind);
    freeReplyObject(r);
    return ok;
}

/* A job, or all of a pack: its name and size. */
static void add_done(struct history *h, const char *queue, const char *word)
{
    const char *star = strchr(word, '*');
    unsigned long size = star ? strtoul(star + 1, NULL, 10) : 0;
    char id[ID_LEN + 1];

    if (!star) add(h, queue, word, FACT_DONE);
    snprintf(id, sizeof id, "%.*s00", ID_LEN - ID_BLOCK_CHARS, word);
    for (unsigned i = 0; i < size; i++) {
        id_in_block(id, i);
        add(h, queue, id, FACT_DONE);
    }
}

/* What is remembered of jobs that were done without being kept: `TOTAL:TOKEN ID ID ... `. */
static bool read_ended(struct books *b, const char *queue, struct history *h)
{
    redisReply *r = ask(b, "LRANGE pinion:{%s}:ended 0 -1", queue);
    bool ok = r && r->type == REDIS_REPLY_ARRAY;

    for (size_t i = 0; ok && i < r->elements; i++) {
        char *rest = strchr(r->element[i]->str, ' '), *id;
        while (rest && (id = strtok_r(NULL, " ", &rest))) add_done(h, queue, id);
    }
    freeReplyObject(r);
    return ok;
}

static int by_fact_id(const void *a, const void *b)
{
    return strcmp(((const struct fact *)a)->id, ((const struct fact *)b)->id);
}

static bool is_ended(const struct history *ends, const char *queue, const char *local)
{
    struct fact wanted;

    snprintf(wanted.id, sizeof wanted.id, "%s:%s", queue, local);
    return ends->count &&
           bsearch(&wanted, ends->facts, ends->count, sizeof *ends->facts, by_fact_id);
}

/* Kept ends, and the records that none of them is about. */
static bool read_left(struct books *b, const char *queue, struct history *h)
{
    struct history ends = {0};
    redisReply *r = NULL;
    bool ok = read_set(b, queue, "done", FACT_DONE, &ends) &&
              read_set(b, queue, "dead", FACT_DEAD, &ends) &&
              read_set(b, queue, "cancelled", FACT_CANCELLED, &ends) &&
              (r = ask(b, "EVAL %s 1 pinion:{%s}", every_job, queue)) != NULL;

    if (ends.count) qsort(ends.facts, ends.count, sizeof *ends.facts, by_fact_id);
    for (size_t i = 0; ok && i < r->elements; i++)
        if (!is_ended(&ends, queue, r->element[i]->str))
            add(h, queue, r->element[i]->str, FACT_LEFT);
    for (size_t i = 0; ok && i < ends.count; i++) history_add(h, ends.facts[i].id, ends.facts[i]);
    freeReplyObject(r);
    history_free(&ends);
    return ok;
}

bool books_read(struct books *b, const char *queue, struct history *h)
{
    return books_totals(b, queue, &h->totals) && read_left(b, queue, h) && read_ended(b, queue, h);
}

bool books_have(struct books *b, const char *queue, const char *name, bool *ret)
{
    int64_t count;

    if (!ask_number(b, "EXISTS", queue, name, &count)) return false;
    *ret = count == 1;
    return true;
}

/* ---- leases ---------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct lease_id *)a)->id, ((const struct lease_id *)b)->id);
}

bool books_leases(struct books *b, const char *queue, struct leases *ret)
{
    redisReply *r = ask(b, "EVAL %s 1 pinion:{%s}", every_lease, queue);
    bool ok = r && r->type == REDIS_REPLY_ARRAY;

    *ret = (struct leases){0};
    if (ok) {
        ret->count = r->elements / 2;
        ret->ids = xcalloc(ret->count + 1, sizeof *ret->ids);
        for (size_t i = 0; i < ret->count; i++) {
            struct lease_id *one = &ret->ids[i];
            snprintf(one->id, sizeof one->id, "%s", r->element[2 * i]->str);
            snprintf(one->token, sizeof one->token, "%s", r->element[2 * i + 1]->str);
        }
        qsort(ret->ids, ret->count, sizeof *ret->ids, by_id);
    }
    freeReplyObject(r);
    return ok;
}

void books_leases_free(struct leases *l)
{
    free(l->ids);
    *l = (struct leases){0};
}

const struct lease_id *books_lease_of(const struct leases *l, const char *id)
{
    struct lease_id wanted;

    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    return l->count ? bsearch(&wanted, l->ids, l->count, sizeof *l->ids, by_id) : NULL;
}

long books_seat(struct books *b, const char *queue, const char *server)
{
    redisReply *r = ask(b, "HGET pinion:{%s}:seats %s", queue, server);
    long seat = r && r->str ? strtol(r->str, NULL, 10) : -1;

    freeReplyObject(r);
    return seat;
}
