/* Times travel as milliseconds, "none" as `-`, in both directions. */
#include "queue/schedule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "queue/limits.h"
#include "queue/reply.h"

const char *const overlap_names[] = {"skip", "allow", "queue", "replace"};

static void add_time(struct request *r, int64_t ms)
{
    if (ms == SCHEDULE_NEVER)
        request_add_text(r, "-");
    else
        request_add_i64(r, ms);
}

/* A number of Redis's, which is not trusted; else `otherwise`. */
static int64_t number_of(struct span text, int64_t otherwise)
{
    uint64_t n;

    return text_parse_u64(text, 0, INT64_MAX, &n) ? otherwise : (int64_t)n;
}

/* ---- names ----------------------------------------------------------------------------------- */

static char *key_of_names(const char *name_space)
{
    return xasprintf("%s:schedules", name_space);
}

static void names_command(struct request *r, const char *command, const char *name_space,
                          struct span name)
{
    char *key = key_of_names(name_space);

    request_command(r, command);
    request_add_text(r, key);
    if (name.data) request_add_span(r, name);
    free(key);
}

void schedule_claim_build(struct request *r, const char *name_space, struct span name,
                          struct span queue)
{
    char *key = key_of_names(name_space);

    request_script(r, SCRIPT_SCHEDULE_CLAIM, span_of(key));
    request_add_span(r, name);
    request_add_span(r, queue);
    free(key);
}

struct span schedule_claim_read(const struct redisReply *reply)
{
    return reply_span(reply);
}

void schedule_find_build(struct request *r, const char *name_space, struct span name)
{
    names_command(r, "HGET", name_space, name);
}

struct span schedule_find_read(const struct redisReply *reply)
{
    return reply_span(reply);
}

void schedule_free_build(struct request *r, const char *name_space, struct span name)
{
    names_command(r, "HDEL", name_space, name);
}

void schedule_names_build(struct request *r, const char *name_space)
{
    names_command(r, "HGETALL", name_space, (struct span){0});
}

size_t schedule_names_count(const struct redisReply *reply)
{
    return reply_count(reply) / 2;
}

void schedule_names_item(const struct redisReply *reply, size_t i, struct span *ret_name,
                         struct span *ret_queue)
{
    *ret_name = reply_span(reply_at(reply, 2 * i));
    *ret_queue = reply_span(reply_at(reply, 2 * i + 1));
}

/* ---- setting --------------------------------------------------------------------------------- */

void schedule_set_build(struct request *r, struct span key, const struct schedule_set *set)
{
    struct buffer head = BUFFER_INIT;

    assert(set->timing.len <= SCHEDULE_TIMING_MAX);
    job_add_template(&head, set->job, set->name);
    request_script(r, SCRIPT_SCHEDULE_SET, key);
    request_add_span(r, set->name);
    request_add_span(r, set->timing);
    request_add_pair(r, (struct span){head.data, head.len},
                     (struct span){set->job->payload, set->job->payload_len});
    request_add_i64(r, set->revision);
    request_add_text(r, set->from_now ? "1" : "0");
    add_time(r, set->next_ms);
    buffer_deinit(&head);
}

static enum pinion_err read_changed(const struct redisReply *reply, enum schedule_changed *ret,
                                    int64_t *ret_revision)
{
    static const char *const words[] = {[SCHEDULE_SET] = "set",
                                        [SCHEDULE_SAME] = "same",
                                        [SCHEDULE_CONFLICT] = "conflict",
                                        [SCHEDULE_NONE] = "none",
                                        [SCHEDULE_REMOVED] = "removed"};
    struct span word = reply_span(reply_at(reply, 0));

    for (size_t i = 0; i < countof(words); i++) {
        if (!span_is(word, words[i])) continue;
        *ret = (enum schedule_changed)i;
        *ret_revision = reply_i64(reply_at(reply, 1), 0);
        return PINION_OK;
    }
    return PINION_INTERNAL;
}

enum pinion_err schedule_set_read(const struct redisReply *reply, enum schedule_changed *ret,
                                  int64_t *ret_revision)
{
    return read_changed(reply, ret, ret_revision);
}

void schedule_remove_build(struct request *r, struct span key, struct span name, int64_t revision)
{
    request_script(r, SCRIPT_SCHEDULE_REMOVE, key);
    request_add_span(r, name);
    request_add_i64(r, revision);
}

enum pinion_err schedule_remove_read(const struct redisReply *reply, enum schedule_changed *ret,
                                     int64_t *ret_revision)
{
    return read_changed(reply, ret, ret_revision);
}

/* ---- reading --------------------------------------------------------------------------------- */

enum { LIST_HEAD = 3, LIST_FIELDS = 5 };

void schedule_list_build(struct request *r, struct span key, struct span after, size_t limit,
                         bool records)
{
    request_script(r, SCRIPT_SCHEDULE_LIST, key);
    request_add_span(r, after);
    request_add_u64(r, limit < SCHEDULE_PAGE_MAX ? limit : SCHEDULE_PAGE_MAX);
    request_add_text(r, records ? "1" : "0");
    /* All timings of a page fit, so that only records cut it short. */
    request_add_u64(r, records ? BATCH_BYTES_MAX : SCHEDULE_PAGE_MAX * 2 * SCHEDULE_TIMING_MAX);
}

int64_t schedule_list_now_us(const struct redisReply *reply)
{
    return reply_i64(reply_at(reply, 0), 0);
}

int64_t schedule_list_edits(const struct redisReply *reply)
{
    return reply_i64(reply_at(reply, 1), 0);
}

bool schedule_list_more(const struct redisReply *reply)
{
    return reply_i64(reply_at(reply, 2), 0) == 1;
}

size_t schedule_list_count(const struct redisReply *reply)
{
    size_t n = reply_count(reply);

    return n > LIST_HEAD ? (n - LIST_HEAD) / LIST_FIELDS : 0;
}

/* `REVISION TIMING`, and `WATERMARK LAST_FIRE NEXT FIRES LAST_JOB ...`: see tick.lua. */
static enum pinion_err read_view(const struct redisReply *reply, size_t at,
                                 struct schedule_view *ret)
{
    struct span timing = reply_span(reply_at(reply, at + 1));
    struct span tick = reply_span(reply_at(reply, at + 2));
    struct schedule_view v = {.name = reply_span(reply_at(reply, at))};

    v.revision = number_of(span_cut(&timing, ' '), 0);
    v.timing = timing;
    v.watermark_ms = number_of(span_cut(&tick, ' '), -1);
    v.last_fire_ms = number_of(span_cut(&tick, ' '), 0);
    v.next_ms = number_of(span_cut(&tick, ' '), SCHEDULE_NEVER);
    v.fires = number_of(span_cut(&tick, ' '), 0);
    v.last_job = span_cut(&tick, ' ');
    if (span_is(v.last_job, "-")) v.last_job = (struct span){0};
    v.buffered = reply_span(reply_at(reply, at + 3)).data != NULL;
    v.record = reply_span(reply_at(reply, at + 4));
    if (!v.name.data || !v.revision || v.watermark_ms < 0) return PINION_INTERNAL;
    *ret = v;
    return PINION_OK;
}

enum pinion_err schedule_list_item(const struct redisReply *reply, size_t i,
                                   struct schedule_view *ret)
{
    return read_view(reply, LIST_HEAD + i * LIST_FIELDS, ret);
}

void schedule_show_build(struct request *r, struct span key, struct span name)
{
    request_script(r, SCRIPT_SCHEDULE_SHOW, key);
    request_add_span(r, name);
}

enum pinion_err schedule_show_read(const struct redisReply *reply, struct schedule_view *ret)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY) return PINION_INTERNAL;
    if (reply_count(reply) == 0) return PINION_NOT_FOUND;
    return read_view(reply, 0, ret);
}

size_t schedule_history_count(const struct redisReply *reply)
{
    return reply_count(reply_at(reply, LIST_FIELDS));
}

struct span schedule_history_item(const struct redisReply *reply, size_t i)
{
    return reply_span(reply_at(reply_at(reply, LIST_FIELDS), i));
}

/* ---- firing ---------------------------------------------------------------------------------- */

void fire_build(struct request *r, struct span key, struct fire_item *items, size_t count,
                int64_t now_ms)
{
    static const char *const modes[] = {[FIRE_TICK] = "tick",
                                        [FIRE_MISS] = "miss",
                                        [FIRE_RUN] = "run",
                                        [FIRE_BACKFILL] = "backfill",
                                        [FIRE_HEAL] = "heal"};

    assert(count > 0 && count <= SCHEDULE_FIRES_MAX);
    request_script(r, SCRIPT_SCHEDULE_FIRE, key);
    for (size_t i = 0; i < count; i++) {
        struct fire_item *item = &items[i];
        if (!item->local[0]) id_new(now_ms, item->local);
        request_add_span(r, item->name);
        request_add_text(r, modes[item->mode]);
        request_add_i64(r, item->revision);
        request_add_i64(r, item->watermark_ms);
        request_add_i64(r, item->at_ms);
        add_time(r, item->next_ms);
        request_add_u64(r, item->missed);
        request_add_u64(r, item->limit);
        request_add_text(r, overlap_names[item->overlap]);
        request_add_u64(r, item->expires_ms);
        request_add(r, item->local, ID_LEN);
    }
}

static bool read_fired(struct span word, enum fired *ret)
{
    static const char *const words[] = {
        [FIRED_JOB] = "fired",     [FIRED_SKIPPED] = "skipped", [FIRED_BUFFERED] = "buffered",
        [FIRED_MISSED] = "missed", [FIRED_ENDED] = "ended",     [FIRED_BEHIND] = "behind",
        [FIRED_EDITED] = "edited", [FIRED_REMOVED] = "removed", [FIRED_EARLY] = "early",
        [FIRED_HEALED] = "healed"};

    for (size_t i = 0; i < countof(words); i++) {
        if (!span_is(word, words[i])) continue;
        *ret = (enum fired)i;
        return true;
    }
    return false;
}

/* {now in us, status, watermark, ...} */
enum pinion_err fire_read(const struct redisReply *reply, struct fire_item *items, size_t count,
                          int64_t *ret_now_us)
{
    if (reply_count(reply) != 1 + 2 * count) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        if (!read_fired(reply_span(reply_at(reply, 1 + 2 * i)), &items[i].fired))
            return PINION_INTERNAL;
        items[i].watermark_ms = reply_i64(reply_at(reply, 2 + 2 * i), 0);
    }
    *ret_now_us = reply_i64(reply_at(reply, 0), 0);
    return PINION_OK;
}
