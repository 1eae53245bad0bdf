#include "tests/scripts/verbs.h"

#include <stdio.h>
#include <string.h>
#include "base/id.h"
#include "queue/enqueue.h"
#include "queue/reply.h"
#include "queue/steer.h"
#include "tests/support/check.h"

#define PATTERNS_MAX 16

const char *enqueue(struct rig *rig, const struct pinion_job *job, char ret_id[QUEUE_NAME_MAX + 1])
{
    struct enqueue_item item = {.job = job};
    struct error why = {0};

    if (job_check(job, &why)) fail_msg("%s", why.text);
    enqueue_build(&rig->request, rig_key(rig), &item, 1, rig_now_ms(rig));
    redisReply *r = rig_ask(rig);
    assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
    freeReplyObject(r);
    if (ret_id) snprintf(ret_id, QUEUE_NAME_MAX + 1, "%s", item.local);
    return item.err ? "conflict" : item.replaced ? "replaced" : item.existing ? "existing" : "new";
}

void enqueue_batch(struct rig *rig, const struct pinion_job *jobs, size_t count,
                   char (*ret_ids)[QUEUE_NAME_MAX + 1])
{
    struct enqueue_item items[BATCH_ITEMS_MAX];
    struct error why = {0};

    assert_true(count <= BATCH_ITEMS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (job_check(&jobs[i], &why)) fail_msg("%s", why.text);
        items[i] = (struct enqueue_item){.job = &jobs[i]};
    }
    assert_int_equal(enqueue_fits(items, count), count);
    enqueue_build(&rig->request, rig_key(rig), items, count, rig_now_ms(rig));
    redisReply *r = rig_ask(rig);
    assert_int_equal(enqueue_read(r, items, count), PINION_OK);
    freeReplyObject(r);
    for (size_t i = 0; i < count; i++) {
        assert_true(!items[i].err && !items[i].existing);
        memcpy(ret_ids[i], items[i].local, sizeof ret_ids[i]);
    }
}

void enqueue_many(struct rig *rig, const struct pinion_job *job, size_t count)
{
    struct enqueue_item items[BATCH_ITEMS_MAX];

    for (size_t n; count > 0; count -= n) {
        n = count < BATCH_ITEMS_MAX ? count : BATCH_ITEMS_MAX;
        for (size_t i = 0; i < n; i++) items[i] = (struct enqueue_item){.job = job};
        n = enqueue_fits(items, n);
        enqueue_build(&rig->request, rig_key(rig), items, n, rig_now_ms(rig));
        redisReply *r = rig_ask(rig);
        assert_int_equal(enqueue_read(r, items, n), PINION_OK);
        freeReplyObject(r);
    }
}

/* "mail=2 *=8" into slots; `text` holds the patterns. */
static size_t parse_patterns(char *text, struct claim_slots *slots)
{
    size_t n = 0;

    for (char *at = text, *word; (word = strsep(&at, " ")); n++) {
        char *equals = strchr(word, '=');
        assert_true(n < PATTERNS_MAX && equals);
        *equals = '\0';
        assert_true(pattern_ok(span_of(word)));
        slots[n] = (struct claim_slots){word, (unsigned)strtoul(equals + 1, NULL, 10)};
    }
    return n;
}

static void copy(char *to, size_t size, struct span from)
{
    assert_true(from.len < size);
    snprintf(to, size, "%.*s", (int)from.len, from.data);
}

static struct lease lease_of(struct claim *c)
{
    struct claimed item;
    struct lease lease = {0};
    struct job job;

    assert_true(claim_next(c, &item));
    assert_int_equal(job_decode(item.id, item.record, &job), PINION_OK);
    copy(lease.id, sizeof lease.id, item.id);
    copy(lease.token, sizeof lease.token, item.token);
    lease.payload_len = job.payload.len;
    lease.failures = item.failures;
    lease.rare = item.rare;
    lease.pack_size = item.pack_size;
    lease.rich = job_is_rich(&job) || item.rare;
    return lease;
}

void claim(struct rig *rig, const struct ask *ask, struct leases *ret)
{
    char text[256];
    struct claim_slots slots[PATTERNS_MAX];
    struct claim_args args = {.server = ask->server ? ask->server : SERVER, .seat = ask->seat,
                              .lease_ms = ask->lease_ms ? ask->lease_ms : LEASE_DEFAULT_MS,
                              .free = ask->full ? 0 : ask->free ? ask->free : 1,
                              .subscribed = ask->subscribed, .asked_us = ask->asked_us,
                              .pullers = ask->pullers, .slots = slots};
    struct claim c;

    snprintf(text, sizeof text, "%s", ask->patterns ? ask->patterns : "*=512");
    args.slots_count = parse_patterns(text, slots);
    claim_build(&rig->request, rig_key(rig), &args);
    redisReply *r = rig_ask(rig);
    assert_int_equal(claim_read(r, &c), PINION_OK);
    ret->count = c.count;
    ret->more = c.more;
    ret->idle = c.idle;
    ret->was_idle = c.was_idle;
    for (size_t i = 0; i < c.count; i++) ret->lease[i] = lease_of(&c);
    assert_false(claim_next(&c, &(struct claimed){0}));
    freeReplyObject(r);
}

struct lease claim_one(struct rig *rig)
{
    struct leases got;

    claim(rig, &(struct ask){0}, &got);
    assert_int_equal(got.count, 1);
    return got.lease[0];
}

size_t claim_count(struct rig *rig)
{
    struct leases got;

    claim(rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    return got.count;
}

typedef void settle_build_fn(struct request *, struct span, const struct settle_item *, size_t);

static const char *settle(struct rig *rig, settle_build_fn *build, const struct lease *lease,
                          struct settle_item item)
{
    static const char *const words[] = {
        [SETTLED_OK] = "ok",       [SETTLED_STALE] = "stale", [SETTLED_CANCEL] = "cancel",
        [SETTLED_RETRY] = "retry", [SETTLED_DEAD] = "dead",   [SETTLED_CANCELLED] = "cancelled",
        [SETTLED_INVALID] = "invalid",
    };

    item.id = span_of(lease->id);
    item.token = span_of(lease->token);
    build(&rig->request, rig_key(rig), &item, 1);
    enum script script = rig->request.script;
    redisReply *r = rig_ask(rig);
    assert_int_equal(settle_read(r, script, &item, 1), PINION_OK);
    freeReplyObject(r);
    return words[item.settled];
}

const char *ack(struct rig *rig, const struct lease *lease)
{
    return settle(rig, ack_build, lease, (struct settle_item){.pack_size = lease->pack_size});
}

size_t ack_many(struct rig *rig, const struct lease *leases, size_t count, bool *ret_stale)
{
    struct settle_item items[BATCH_ITEMS_MAX];
    size_t stale = 0;

    assert_true(count <= BATCH_ITEMS_MAX);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct settle_item){.id = span_of(leases[i].id),
                                        .token = span_of(leases[i].token),
                                        .pack_size = leases[i].pack_size};
    ack_build(&rig->request, rig_key(rig), items, count);
    redisReply *r = rig_ask(rig);
    assert_int_equal(settle_read(r, SCRIPT_ACK, items, count), PINION_OK);
    freeReplyObject(r);
    for (size_t i = 0; i < count; i++) {
        stale += items[i].settled == SETTLED_STALE;
        if (ret_stale) ret_stale[i] = items[i].settled == SETTLED_STALE;
    }
    return stale;
}

const char *ack_rich(struct rig *rig, const struct lease *lease, const char *result)
{
    return settle(rig, ack_rich_build, lease, (struct settle_item){.text = span_of(result)});
}

const char *fail_in(struct rig *rig, const struct lease *lease, int64_t delay_ms)
{
    return settle(rig, fail_build, lease,
                  (struct settle_item){.text = span_of("it broke"), .delay_ms = delay_ms});
}

const char *release(struct rig *rig, const struct lease *lease)
{
    return settle(rig, release_build, lease, (struct settle_item){0});
}

const char *renew(struct rig *rig, const struct lease *lease, uint64_t lease_ms)
{
    return settle(rig, renew_build, lease, (struct settle_item){.lease_ms = lease_ms});
}

const char *tell_progress(struct rig *rig, const struct lease *lease, unsigned percent,
                          const char *note)
{
    struct settle_item item = {.percent = percent, .text = span_of(note ? note : "")};

    return settle(rig, progress_build, lease, item);
}

/* The one status word of an answer; it lives until the next call. */
static const char *only_status(struct rig *rig)
{
    static char word[WORDS_MAX];
    redisReply *r = rig_ask(rig);

    copy(word, sizeof word, steer_status(r, 0));
    freeReplyObject(r);
    return word;
}

const char *cancel(struct rig *rig, const char *id)
{
    struct span ids[] = {span_of(id)};

    cancel_build(&rig->request, rig_key(rig), ids, 1);
    return only_status(rig);
}

const char *delete_job(struct rig *rig, const char *id)
{
    struct span ids[] = {span_of(id)};

    delete_build(&rig->request, rig_key(rig), ids, 1);
    return only_status(rig);
}

const char *requeue(struct rig *rig, const char *verb, const char *id)
{
    struct span ids[] = {span_of(id)};
    bool retry = strcmp(verb, "retry") == 0;

    requeue_build(&rig->request, rig_key(rig), retry ? REQUEUE_RETRY : REQUEUE_RUN, ids, 1);
    return only_status(rig);
}

const char *edit_job(struct rig *rig, const char *id, const struct job_edit *edit)
{
    struct error why = {0};

    if (edit_check(edit, &why)) fail_msg("%s", why.text);
    edit_build(&rig->request, rig_key(rig), span_of(id), edit, rig_now_ms(rig));
    return only_status(rig);
}

int64_t promote(struct rig *rig, struct promoted *ret)
{
    struct promoted answer;

    promote_build(&rig->request, rig_key(rig));
    redisReply *r = rig_ask(rig);
    assert_int_equal(promote_read(r, &answer), PINION_OK);
    freeReplyObject(r);
    if (ret) *ret = answer;
    return answer.count;
}

int64_t reap(struct rig *rig)
{
    struct reaped reaped;

    reap_build(&rig->request, rig_key(rig), rig_now_ms(rig));
    redisReply *r = rig_ask(rig);
    assert_int_equal(reap_read(r, &reaped), PINION_OK);
    freeReplyObject(r);
    assert_false(reaped.jump);
    return reaped.count;
}

static int64_t take_back_which(struct rig *rig, const char *server, enum take_back which)
{
    int64_t total = 0, count, rank = 0;

    while (rank >= 0) {
        take_back_build(&rig->request, rig_key(rig), server, which, rank);
        redisReply *r = rig_ask(rig);
        assert_int_equal(take_back_read(r, &count, &rank), PINION_OK);
        freeReplyObject(r);
        total += count;
    }
    return total;
}

int64_t take_back(struct rig *rig, const char *server)
{
    return take_back_which(rig, server, TAKE_BACK_ALL);
}

int64_t take_back_unheard(struct rig *rig, const char *server)
{
    return take_back_which(rig, server, TAKE_BACK_UNHEARD);
}

int64_t sweep(struct rig *rig)
{
    int64_t total = 0, count;
    bool more = true;

    while (more) {
        sweep_build(&rig->request, rig_key(rig));
        redisReply *r = rig_ask(rig);
        assert_int_equal(sweep_read(r, &count, &more), PINION_OK);
        freeReplyObject(r);
        total += count;
    }
    return total;
}

bool pause_queue(struct rig *rig, bool pause)
{
    pause_build(&rig->request, rig_key(rig), pause);
    redisReply *r = rig_ask(rig);
    bool changed = reply_i64(r, -1) == 1;

    freeReplyObject(r);
    return changed;
}

void heartbeat(struct rig *rig, const char *server, const char *pattern, struct heartbeat *ret)
{
    char *channel = channel_of_server("pinion", server);

    heartbeat_build(&rig->request, rig_key(rig), server, "{}", channel, 90,
                    &pattern, pattern ? 1 : 0);
    redisReply *r = rig_ask(rig);
    assert_int_equal(heartbeat_read(r, ret), PINION_OK);
    freeReplyObject(r);
    free(channel);
}

void leave(struct rig *rig, const char *server, bool empty)
{
    leave_build(&rig->request, rig_key(rig), server, empty);
    freeReplyObject(rig_ask(rig));
}

const char *state_of(struct rig *rig, const char *id)
{
    static char word[WORDS_MAX];
    struct job_view view;

    show_build(&rig->request, rig_key(rig), span_of(id));
    redisReply *r = rig_ask(rig);
    enum pinion_err err = show_read(r, span_of(id), &view);
    if (err == PINION_NOT_FOUND) {
        snprintf(word, sizeof word, "none");
    } else {
        assert_int_equal(err, PINION_OK);
        copy(word, sizeof word, view.known ? view.state : span_of("remembered"));
        job_view_deinit(&view);
    }
    freeReplyObject(r);
    return word;
}

struct queue_view stats(struct rig *rig)
{
    struct queue_view view;

    stats_build(&rig->request, rig_key(rig));
    redisReply *r = rig_ask(rig);
    assert_int_equal(stats_read(r, &view), PINION_OK);
    freeReplyObject(r);
    return view;
}

const char *counts(struct rig *rig)
{
    static char text[STATES * 32];
    struct queue_view view = stats(rig);
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < STATES; i++) {
        if (!view.counts[i]) continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%lld", len ? " " : "",
                                job_states[i], (long long)view.counts[i]);
    }
    return text;
}
