/* Every kind of damage, done by hand to a queue that holds something of everything: it is found by
 * its name, and after a repair all is well, also to the eyes of look.lua.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/limit.h"
#include "queue/script.h"
#include "tests/scripts/audit_rig.h"
#include "tests/scripts/schedule_verbs.h"
#include "tests/support/check.h"

#define PACK_SIZE  4
#define WORDS      8
#define COMMAND_MAX 256

static char ready[QUEUE_NAME_MAX + 1], active[QUEUE_NAME_MAX + 1], scheduled[QUEUE_NAME_MAX + 1],
    retrying[QUEUE_NAME_MAX + 1], dead[QUEUE_NAME_MAX + 1], done[QUEUE_NAME_MAX + 1],
    ghost[QUEUE_NAME_MAX + 1], member[QUEUE_NAME_MAX + 1], pack[QUEUE_NAME_MAX + 1],
    running[QUEUE_NAME_MAX + 1], held[QUEUE_NAME_MAX + 1], child[QUEUE_NAME_MAX + 1],
    batched[QUEUE_NAME_MAX + 1], distant[QUEUE_NAME_MAX + 1];

/* What commands and subjects name. */
static const struct {
    const char *word, *id;
} names[] = {{"$READY", ready},   {"$ACTIVE", active}, {"$SCHEDULED", scheduled},
             {"$RETRY", retrying}, {"$DEAD", dead},    {"$DONE", done},
             {"$MEMBER", member}, {"$PACK", pack},     {"$RUNNING", running},
             {"$HELD", held},     {"$CHILD", child},   {"$BATCHED", batched},
             {"$DISTANT", distant}};

static struct lease claim_kind(const char *pattern)
{
    static struct leases got;

    claim(&rig, &(struct ask){.patterns = pattern, .free = PACK_SIZE}, &got);
    assert_true(got.count > 0);
    return got.lease[0];
}

static void make_pack(const char *kind, char ret_first[QUEUE_NAME_MAX + 1],
                      char ret_name[QUEUE_NAME_MAX + 1])
{
    struct pinion_job jobs[PACK_SIZE];
    char ids[PACK_SIZE][QUEUE_NAME_MAX + 1];

    for (size_t i = 0; i < PACK_SIZE; i++)
        jobs[i] = (struct pinion_job){.kind = kind, .queue = "q"};
    enqueue_batch(&rig, jobs, PACK_SIZE, ids);
    snprintf(ret_first, QUEUE_NAME_MAX + 1, "%s", ids[0]);
    snprintf(ret_name, QUEUE_NAME_MAX + 1, "%.24s*", ids[0]);
}

static void make_ended(void)
{
    struct lease lease;

    enqueue(&rig, &(struct pinion_job){.kind = "end", .queue = "q"}, dead);
    lease = claim_kind("end=1");
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    enqueue(&rig, &(struct pinion_job){.kind = "end", .queue = "q"}, retrying);
    lease = claim_kind("end=1");
    assert_string_equal(fail_in(&rig, &lease, 60000), "retry");
    enqueue(&rig, &(struct pinion_job){.kind = "end", .queue = "q", .retain_ms = 60000}, done);
    lease = claim_kind("end=1");
    assert_string_equal(ack_rich(&rig, &lease, "a result"), "ok");
    enqueue(&rig, &(struct pinion_job){.kind = "end", .queue = "q", .id = "given"}, NULL);
    lease = claim_kind("end=1");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
}

/* Two of a group, one of which runs: the lane of the other is off the ring. */
static void make_limits(void)
{
    struct limit limit = {.scope = LIMIT_GROUP, .name = span_of("acme"), .concurrency = 1};
    struct pinion_job one = {.kind = "lim", .queue = "q", .group = "acme"};

    limit_build(&rig.request, rig_key(&rig), true, &limit, 1);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &(struct error){0}), PINION_OK);
    freeReplyObject(r);
    enqueue(&rig, &one, held);
    enqueue(&rig, &one, NULL);
    claim_kind("lim=1");
    assert_int_equal(claim_count(&rig), 0);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:parked"), 1);
}

/* One that waits for another, one of a batch, and one that is to ask another queue. */
static void make_bound(void)
{
    struct pinion_job parent = {.kind = "par", .queue = "q", .id = "parent"};
    struct pinion_job waits = {.kind = "par", .queue = "q", .after = "parent"};
    struct pinion_job member_of = {.kind = "par", .queue = "q", .batch = "open"};

    enqueue(&rig, &parent, NULL);
    enqueue(&rig, &waits, child);
    enqueue(&rig, &member_of, batched);
    waits.after = "r:far";
    enqueue(&rig, &waits, distant);
    assert_string_equal(state_of(&rig, child), "waiting");
}

static void make_world(void)
{
    struct heartbeat beat;
    struct lease lease;

    begin();
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_int_equal(beat.seat, 0);
    make_ended();
    enqueue(&rig, &(struct pinion_job){.kind = "run", .queue = "q"}, active);
    lease = claim_kind("run=1");
    assert_string_equal(renew(&rig, &lease, 60000), "ok");
    make_pack("run", member, running);
    lease = claim_kind("run=4");
    assert_string_equal(ack(&rig, &lease), "ok");
    make_limits();
    make_bound();
    make_pack("zip", member, pack);
    enqueue(&rig, &(struct pinion_job){.kind = "wc", .queue = "q"}, ghost);
    enqueue(&rig, &(struct pinion_job){.kind = "wc", .queue = "q"}, ready);
    assert_string_equal(cancel(&rig, ghost), "cancelled");
    enqueue(&rig, &(struct pinion_job){.kind = "wc", .queue = "q", .in_ms = 600000}, scheduled);
    fire(FIRE_TICK, OVERLAP_ALLOW, NULL);
    audit_clean(&rig, "before");
}

/* With every $NAME in its place. */
static void spell(const char *text, char out[COMMAND_MAX])
{
    size_t len = 0;

    for (; *text && len + QUEUE_NAME_MAX < COMMAND_MAX; text++) {
        size_t i = 0;
        while (i < countof(names) && strncmp(text, names[i].word, strlen(names[i].word)) != 0) i++;
        if (i == countof(names)) {
            out[len++] = *text;
            continue;
        }
        len += (size_t)snprintf(out + len, COMMAND_MAX - len, "%s", names[i].id);
        text += strlen(names[i].word) - 1;
    }
    out[len] = '\0';
}

static void do_command(const char *text)
{
    char words[COMMAND_MAX], *rest = words;
    const char *argv[WORDS];
    int argc = 0;

    spell(text, words);
    while (rest && argc < WORDS) {
        char *word = strsep(&rest, " ");
        for (char *c = word; (c = strchr(c, '^'));) *c = ' '; /* a blank within a word */
        argv[argc++] = word;
    }
    redisReply *r = redisCommandArgv(rig.redis, argc, argv, NULL);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", text, r->str);
    freeReplyObject(r);
}

#define Q "pinion:{q}:"

static const struct {
    const char *kind, *subject; /* subject NULL: any */
    const char *commands[2];
} injuries[] = {
    {"unknown_key", "nonsense", {"SET " Q "nonsense 1"}},
    {"unknown_key", "nonsense:9", {"SET pinion:nonsense:9 1"}},
    {"unknown_key", "{q}", {"SET pinion:{q} 1"}},
    {"wrong_type", "results", {"DEL " Q "results", "SET " Q "results 1"}},
    {"wrong_type", "jobs", {"DEL " Q "jobs", "SET " Q "jobs 1"}},
    {"wrong_type", "lane:5:wc", {"DEL " Q "lane:5:wc", "SET " Q "lane:5:wc 1"}},
    {"wrong_type", "active", {"DEL " Q "active", "LPUSH " Q "active 1"}},
    {"unlisted_queue", "other", {"HSET pinion:{other}:meta paused 1"}},
    {"endless_call", "x", {"SET " Q "call:x 1"}},
    {"empty_lane", "3:none", {"ZADD " Q "lanes 0 3:none"}},
    {"empty_lane", "5:wc", {"DEL " Q "lane:5:wc"}},
    {"lane_off_ring", "5:wc", {"ZREM " Q "lanes 5:wc"}},
    {"stray_entry", "5:wc nobody", {"RPUSH " Q "lane:5:wc nobody"}},
    {"stray_entry", "4:wc $READY", {"RPUSH " Q "lane:4:wc $READY", "ZADD " Q "lanes 0 4:wc"}},
    {"stray_entry", "5:wc $SCHEDULED", {"LPUSH " Q "lane:5:wc $SCHEDULED"}},
    {"stray_entry", "5:wc $READY", {"ZADD " Q "retry 1 $READY"}},
    {"stray_entry", "5:run $RUNNING",
     {"RPUSH " Q "lane:5:run $RUNNING", "ZADD " Q "lanes 0 5:run"}},
    {"double_entry", "5:wc $READY", {"RPUSH " Q "lane:5:wc $READY"}},
    {"double_entry", "5:zip $PACK", {"RPUSH " Q "lane:5:zip $PACK"}},
    {"live_ghost", "5:wc $READY", {"HSET " Q "ghosts $READY 5:wc"}},
    {"lost_ghost", "nobody", {"HSET " Q "ghosts nobody 5:wc"}},
    {"bad_record", "$READY", {"HSET " Q "jobs $READY junk"}},
    {"bad_record", "$ACTIVE", {"HSET " Q "jobs $ACTIVE junk"}},
    {"bad_record", "$DEAD", {"HSET " Q "jobs $DEAD 1x:y\n\n"}},
    {"bad_record", "$PACK", {"HSET " Q "jobs $PACK 25:zip\n4\njunk"}},
    {"bad_record", "$RUNNING", {"HSET " Q "jobs $RUNNING 05:run\n\n"}},
    {"orphan", "$READY", {"LREM " Q "lane:5:wc 0 $READY"}},
    {"orphan", "$SCHEDULED", {"ZREM " Q "scheduled $SCHEDULED"}},
    {"orphan", "$RETRY", {"ZREM " Q "retry $RETRY"}},
    {"orphan", "$ACTIVE", {"ZREM " Q "active $ACTIVE"}},
    {"orphan", "$PACK", {"LREM " Q "lane:5:zip 0 $PACK"}},
    {"orphan", "$RUNNING", {"ZREM " Q "active $RUNNING"}},
    {"two_states", "$SCHEDULED", {"ZADD " Q "dead 1 $SCHEDULED"}},
    {"two_states", "$ACTIVE", {"ZADD " Q "retry 1 $ACTIVE"}},
    {"double_body", "$MEMBER", {"HSET " Q "jobs $MEMBER 05:zip\n\nx"}},
    {"no_record", "scheduled $SCHEDULED", {"HDEL " Q "jobs $SCHEDULED"}},
    {"no_record", "dead $DEAD", {"HDEL " Q "jobs $DEAD"}},
    {"no_record", "active $ACTIVE", {"HDEL " Q "jobs $ACTIVE"}},
    {"no_record", "active $RUNNING", {"HDEL " Q "jobs $RUNNING"}},
    {"wrong_count", NULL, {"HINCRBY " Q "meta packed_ready 3"}},
    {"wrong_count", NULL, {"HINCRBY " Q "meta packed_active -1"}},
    {"no_seat", "$ACTIVE", {"HDEL " Q "seats " SERVER}},
    {"no_seat", "$RUNNING", {"HDEL " Q "seats " SERVER}},
    {"far_lease", "$ACTIVE", {"ZADD " Q "active 9000000000000000 $ACTIVE"}},
    {"far_lease", "$RUNNING", {"ZADD " Q "active 9000000000000000 $RUNNING"}},
    {"lost_token", "$READY", {"HSET " Q "tokens $READY 1"}},
    {"bad_token", "$ACTIVE", {"HSET " Q "tokens $ACTIVE junk"}},
    {"bad_token", "$ACTIVE", {"HSET " Q "tokens $ACTIVE 17639123456789999"}},
    {"lost_mark", "nobody", {"HSET " Q "marks nobody cancelled"}},
    {"lost_pull", "nobody", {"HSET " Q "pulled nobody 1^w"}},
    {"lost_rare", "nobody", {"HSET " Q "rare nobody {}"}},
    {"lost_rare", "$MEMBER", {"HSET " Q "rare $MEMBER {}"}},
    {"bad_rare", "$DEAD", {"HSET " Q "rare $DEAD junk"}},
    {"bad_rare", "$RETRY", {"HSET " Q "rare $RETRY 7"}},
    {"wrong_class", "$READY", {"HSET " Q "rare $READY {\"a\":1}"}},
    {"lost_error", "nobody", {"HSET " Q "errors nobody []"}},
    {"lost_progress", "nobody", {"HSET " Q "progress nobody 5^1"}},
    {"lost_progress", "$DEAD", {"HSET " Q "progress $DEAD 5^1", "HDEL " Q "rare $DEAD"}},
    {"lost_result", "nobody", {"HSET " Q "results nobody x"}},
    {"lost_bits", "nobody*", {"HSET " Q "gone nobody* 0000000000000001"}},
    {"endless_given", "given", {"ZREM " Q "given_until given"}},
    {"lost_until", "given", {"HDEL " Q "given given"}},
    {"lost_unique", "key", {"HSET " Q "uniques key nobody^done"}},
    {"endless_unique", "key", {"HSET " Q "uniques key nobody^1990000000000"}},
    {"lost_unique_time", "key", {"ZADD " Q "uniques_until 1990000000000 key"}},
    {"lost_parents", "nobody", {"HSET " Q "parents nobody {}"}},
    {"no_parents", "$SCHEDULED",
     {"ZREM " Q "scheduled $SCHEDULED", "ZADD " Q "waiting 1 $SCHEDULED"}},
    {"bad_parents", "$CHILD", {"HSET " Q "parents $CHILD junk"}},
    {"bad_parents", "$CHILD", {"HSET " Q "parents $CHILD {\"of\":[]}"}},
    {"bad_bond", "junk", {"ZADD " Q "bonds 0 junk"}},
    {"lost_bond", "$DEAD other:x", {"ZADD " Q "bonds 0 $DEAD^other:x"}},
    {"lost_bond", "parent q:$CHILD", {"HDEL " Q "jobs parent", "LREM " Q "lane:5:par 0 parent"}},
    {"stray_bond", "$READY q:nobody", {"ZADD " Q "bonds 0 $READY^q:nobody"}},
    {"stray_bond", "$READY q:$CHILD", {"ZADD " Q "bonds 0 $READY^q:$CHILD"}},
    {"unbound", "$CHILD", {"DEL " Q "bonds"}},
    {"unbound", "$CHILD", {"DEL " Q "bonds", "RPUSH " Q "outbox 1^q^end^x^q:parent^done"}},
    {"unheard", "$DISTANT r:far", {"DEL " Q "outbox"}},
    {"unheard", "$DISTANT r:far",
     {"DEL " Q "outbox", "RPUSH pinion:{r}:outbox 1^q^end^x^r:far^done"}},
    {"bad_outbox", "junk", {"RPUSH " Q "outbox junk"}},
    {"bad_outbox", "0 q end x q:y done", {"RPUSH " Q "outbox 0^q^end^x^q:y^done"}},
    {"backward_outbox", "outbox",
     {"RPUSH " Q "outbox 5^r^bond^a^q:b 4^r^bond^c^q:d", "HSET " Q "meta outbox 5"}},
    {"backward_outbox", "outbox", {"RPUSH " Q "outbox 5^r^bond^a^q:b", "HSET " Q "meta outbox 4"}},
    {"untold", "7/4 r end x q:y done", {"RPUSH " Q "untold 7/4^r^end^x^q:y^done"}},
    {"untold", "junk", {"RPUSH " Q "untold junk"}},
    {"lone_member", "$BATCHED", {"SREM " Q "batch:open $BATCHED"}},
    {"bad_batch", "b", {"HSET " Q "batches b junk"}},
    {"lost_member", "b nobody",
     {"SADD " Q "batch:b nobody", "HSET " Q "batches b {\"n\":1,\"opened\":1}"}},
    {"lost_member", "b $DEAD",
     {"SADD " Q "batch:b $DEAD", "HSET " Q "batches b {\"n\":1,\"opened\":1,\"closed\":2}"}},
    {"lost_member", "b $READY", {"SADD " Q "batch:b $READY"}},
    {"stuck_batch", "b", {"HSET " Q "batches b {\"n\":0,\"opened\":1,\"closed\":2}"}},
    {"endless_batch", "b",
     {"HSET " Q "batches b {\"n\":0,\"opened\":1,\"closed\":2,\"completed\":3}"}},
    {"lost_batch_time", "b", {"ZADD " Q "batches_until 1 b"}},
    {"lost_batch_job", "b", {"HSET " Q "batch_jobs b x"}},
    {"lost_hold", "nobody", {"HSET " Q "holds nobody group:acme"}},
    {"lost_hold", "$HELD", {"ZREM " Q "active $HELD"}},
    {"stray_hold", "group:acme nobody", {"SADD " Q "hold:group:acme nobody"}},
    {"half_hold", "$HELD", {"SREM " Q "hold:group:acme $HELD"}},
    {"uncounted", "$HELD", {"HDEL " Q "holds $HELD"}},
    {"uncounted", "$RUNNING", {"HSET " Q "limits kind:run 9^0^0^0", "HSET " Q "meta limits 2"}},
    {"stuck_lane", "5:lim#acme", {"HSET " Q "limits group:acme 2^0^0^0"}},
    {"half_parked", "5:lim#acme", {"ZADD " Q "lanes 0 5:lim#acme"}},
    {"half_parked", "5:lim#acme", {"SREM " Q "parked:group:acme 5:lim#acme"}},
    {"empty_parked", "5:lim#acme", {"DEL " Q "lane:5:lim#acme"}},
    {"lost_parked", "group:acme 4:lim#acme", {"SADD " Q "parked:group:acme 4:lim#acme"}},
    {"wrong_limits", NULL, {"HDEL " Q "meta limits"}},
    {"wrong_limits", NULL, {"HSET " Q "meta limits 7"}},
    {"no_tick", NAME, {"HDEL " Q "ticks " NAME}},
    {"no_tick", NAME, {"HSET " Q "ticks " NAME " junk"}},
    {"unlisted_schedule", NAME, {"ZREM " Q "schedule_names " NAME}},
    {"lost_name", "nobody", {"ZADD " Q "schedule_names 0 nobody"}},
    {"lost_tick", "nobody", {"HSET " Q "ticks nobody x"}},
    {"lost_template", "nobody", {"HSET " Q "schedule_jobs nobody x"}},
    {"lost_buffered", "nobody", {"HSET " Q "buffered nobody x"}},
    {"lost_history", "nobody", {"LPUSH " Q "history:nobody x"}},
    {"dead_idle", "nobody", {"HSET " Q "idle nobody x"}},
    {"dead_server", "nobody", {"HSET " Q "servers nobody 1000"}},
    {"lost_seat", "nobody", {"HSET " Q "seats nobody 7"}},
};

static void expect_found(const struct audit *a, size_t i)
{
    char subject[COMMAND_MAX] = "";
    bool found = false;

    if (injuries[i].subject) spell(injuries[i].subject, subject);
    for (size_t k = 0; k < a->count; k++)
        found |= !injuries[i].subject &&
                 strcmp(a->findings[k].damage->name, injuries[i].kind) == 0;
    if (found || audit_found(a, injuries[i].kind, subject)) return;
    for (size_t k = 0; k < a->count; k++)
        print_error("found: %s %s\n", a->findings[k].damage->name, a->findings[k].subject);
    fail_msg("row %zu: no %s %s", i, injuries[i].kind, subject);
}

TEST(every_kind_is_found_and_mended)
{
    struct audit a;

    for (size_t i = 0; i < countof(injuries); i++) {
        make_world();
        for (size_t k = 0; k < countof(injuries[i].commands) && injuries[i].commands[k]; k++)
            do_command(injuries[i].commands[k]);
        audit_rig(&rig, false, &a);
        expect_found(&a, i);
        assert_int_equal(a.mended, 0);
        audit_deinit(&a);
        audit_rig(&rig, true, &a);
        for (size_t k = 0; k < a.count; k++)
            if (a.findings[k].end != FINDING_MENDED)
                fail_msg("row %zu: %s %s: %s", i, a.findings[k].damage->name,
                         a.findings[k].subject, a.findings[k].did);
        expect_found(&a, i);
        audit_deinit(&a);
        audit_clean(&rig, injuries[i].kind);
        freeReplyObject(rig_look(&rig));
    }
}

/* A kind that no test injures is one that nobody knows to be found. */
TEST(every_kind_of_the_table_is_tested)
{
    for (size_t i = 0; i < DAMAGES; i++) {
        bool tested = !damages[i].mend;
        for (size_t k = 0; k < countof(injuries); k++)
            tested |= strcmp(injuries[k].kind, damages[i].name) == 0;
        if (!tested) fail_msg("%s is not tested", damages[i].name);
    }
}

/* What is called a channel, and is no key. */
static bool is_channel(const char *name, size_t len)
{
    return (len == 3 && memcmp(name, "due", len) == 0) ||
           (len == 6 && memcmp(name, "events", len) == 0) ||
           (len == 4 && memcmp(name, "feed", len) == 0);
}

/* A repair moves aside what it does not know: so shared/keys.lua must know every key. */
TEST(every_key_of_the_scripts_is_known)
{
    static const char call[] = "key('";
    const char *known = script_sources[SCRIPT_AUDIT_KEYS].text;

    for (size_t i = 0; i < SCRIPTS; i++) {
        for (const char *at = script_sources[i].text; (at = strstr(at, call));) {
            char row[64];
            at += strlen(call);
            size_t len = strcspn(at, "'");
            bool prefix = at[len - 1] == ':';
            snprintf(row, sizeof row, prefix ? "['%.*s'] = '" : " %.*s = '", (int)len, at);
            if (!is_channel(at, len) && !strstr(known, row))
                fail_msg("%s: key '%.*s', which shared/keys.lua lacks", script_sources[i].name,
                         (int)len, at);
        }
    }
}

/* What only a person can decide is told, and left as it is, however often it is repaired. */
TEST(what_a_person_must_decide_is_left)
{
    static const struct {
        const char *kind, *command;
    } rows[] = {
        {"no_template", "HDEL " Q "schedule_jobs " NAME},
        {"no_batch_job",
         "HSET " Q "batches b {\"n\":0,\"opened\":1,\"job\":\"x\",\"digest\":\"y\"}"},
    };
    struct audit a;

    for (size_t i = 0; i < countof(rows); i++) {
        make_world();
        do_command(rows[i].command);
        audit_rig(&rig, true, &a);
        assert_int_equal(a.left, 1);
        assert_int_equal(a.mended, 0);
        assert_string_equal(a.findings[0].damage->name, rows[i].kind);
        assert_int_equal(a.findings[0].end, FINDING_LEFT);
        audit_deinit(&a);
    }
}

/* What is on its way between two queues, at each step of it, is no damage. */
TEST(what_is_told_to_another_queue_is_well)
{
    static const char *const steps[] = {
        "ZADD pinion:{r}:bonds 0 far^q:$DISTANT",         /* told; not yet trimmed here */
        "DEL " Q "outbox",                                /* trimmed */
        "RPUSH pinion:{r}:outbox 1^q^end^$DISTANT^r:far^done", /* that one has ended, */
        "ZREM pinion:{r}:bonds far^q:$DISTANT",           /* and this queue is to be told */
    };

    make_world();
    rig.key = queue_key("pinion", span_of("r"));
    enqueue(&rig, &(struct pinion_job){.kind = "par", .queue = "r", .id = "far"}, NULL);
    rig.key = queue_key("pinion", span_of("q"));
    do_command("HSET pinion:{r}:meta outbox 1");
    do_command("SADD pinion:queues r");
    for (size_t i = 0; i + 1 < countof(steps); i++) {
        do_command(steps[i]);
        if (i == 2) do_command(steps[i + 1]);
        audit_clean(&rig, steps[i]);
    }
}

/* To look changes nothing at all. */
TEST(a_look_changes_nothing)
{
    struct audit a;

    make_world();
    do_command("HDEL " Q "jobs $SCHEDULED");
    redisReply *before = rig_command(&rig, "DEBUG DIGEST");
    audit_rig(&rig, false, &a);
    redisReply *after = rig_command(&rig, "DEBUG DIGEST");
    assert_int_equal(a.left, 1);
    assert_string_equal(before->str, after->str);
    freeReplyObject(before);
    freeReplyObject(after);
    audit_deinit(&a);
}

/* Not early, though it was lost. */
TEST(a_job_that_was_lost_keeps_its_time)
{
    struct audit a;

    make_world();
    do_command("ZREM " Q "scheduled $SCHEDULED");
    audit_rig(&rig, true, &a);
    audit_deinit(&a);
    assert_string_equal(state_of(&rig, scheduled), "scheduled");
    rig_step(&rig, 600001);
    promote(&rig, NULL);
    assert_string_equal(state_of(&rig, scheduled), "ready");
}

/* What was made ready again, runs. */
TEST(a_job_that_was_lost_runs)
{
    struct audit a;
    static struct leases got;

    make_world();
    do_command("DEL " Q "lane:5:wc");
    audit_rig(&rig, true, &a);
    audit_deinit(&a);
    claim(&rig, &(struct ask){.patterns = "wc=9", .free = 9}, &got);
    assert_int_equal(got.count, 2);
    assert_true(strcmp(got.lease[0].id, ready) == 0 || strcmp(got.lease[1].id, ready) == 0);
}

/* More than one step takes: nothing is missed at their borders. */
TEST(many_lanes_and_long_ones)
{
    struct audit a;
    char kind[32], id[QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    for (size_t i = 0; i < 300; i++) {
        snprintf(kind, sizeof kind, "kind.%zu", i);
        enqueue(&rig, &(struct pinion_job){.kind = kind, .queue = "q"}, id);
    }
    for (size_t i = 0; i < 3000; i++)
        enqueue(&rig, &(struct pinion_job){.kind = "long", .queue = "q"}, i == 1500 ? id : NULL);
    enqueue_many(&rig, &(struct pinion_job){.kind = "packs", .queue = "q"}, 10000);
    audit_clean(&rig, "many");
    snprintf(ready, sizeof ready, "%s", id);
    do_command("LREM " Q "lane:5:long 0 $READY");
    audit_rig(&rig, false, &a);
    assert_int_equal(a.left, 1);
    assert_true(audit_found(&a, "orphan", id));
    audit_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_the_table_is_tested),
        cmocka_unit_test(every_key_of_the_scripts_is_known),
        cmocka_unit_test(every_kind_is_found_and_mended),
        cmocka_unit_test(what_a_person_must_decide_is_left),
        cmocka_unit_test(what_is_told_to_another_queue_is_well),
        cmocka_unit_test(a_look_changes_nothing),
        cmocka_unit_test(a_job_that_was_lost_keeps_its_time),
        cmocka_unit_test(a_job_that_was_lost_runs),
        cmocka_unit_test(many_lanes_and_long_ones),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
