/* Parents in other queues: two queues whose outboxes are relayed step by step, by servers that die
 * between any two of them and start again, as a seed decides. PINION_SEED repeats a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "queue/outbox.h"
#include "queue/reply.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define QUEUES      2
#define JOBS        160
#define PARENTS     3
#define STEPS       2000
#define ID_TEXT_MAX 24

static const char *const queues[QUEUES] = {"q", "r"};

static void use(int queue)
{
    rig.key = queue_key("pinion", span_of(queues[queue]));
}

/* ---- one relay, by hand ---------------------------------------------------------------------- */

/* What a server has read and not yet told. */
struct reader {
    struct telling {
        char queue[8], what[256];
    } telling[2 * OUTBOX_ITEMS_MAX];
    size_t count, told;
    uint64_t last;
};

static void add(struct reader *r, struct span queue, struct span what)
{
    struct telling *t = &r->telling[r->count++];

    assert_true(r->count <= 2 * OUTBOX_ITEMS_MAX && what.len < sizeof t->what);
    snprintf(t->queue, sizeof t->queue, "%.*s", (int)queue.len, queue.data);
    snprintf(t->what, sizeof t->what, "%.*s", (int)what.len, what.data);
}

static void read_outbox(struct reader *r, int queue, uint64_t told)
{
    struct outbox_item item;

    use(queue);
    relay_build(&rig.request, rig_key(&rig), told);
    redisReply *reply = rig_ask(&rig);
    r->count = r->told = 0;
    for (size_t i = 0; i < relay_count(reply); i++) {
        assert_int_equal(relay_item(reply, i, &item), PINION_OK);
        r->last = item.sequence;
        add(r, item.queue, item.what);
    }
    freeReplyObject(reply);
}

/* Tells one item, perhaps once more than is needed. */
static void tell_one(struct reader *r)
{
    struct telling *t = &r->telling[r->told++];
    struct queue_key key = queue_key("pinion", span_of(t->queue));
    struct outbox_item item = {.queue = span_of(t->queue), .what = span_of(t->what)};
    struct buffer what = BUFFER_INIT;
    struct span queue;

    tell_build(&rig.request, queue_key_span(&key));
    tell_add(&rig.request, item.what);
    redisReply *reply = rig_ask(&rig);
    struct span outcome = tell_answer(reply, 0);
    if (outcome.len) {
        assert_int_equal(tell_end(&item, outcome, &queue, &what), PINION_OK);
        add(r, queue, (struct span){what.data, what.len});
    }
    freeReplyObject(reply);
    buffer_deinit(&what);
}

static void relay_all(void)
{
    static struct reader r;
    bool some = true;

    while (some) {
        some = false;
        for (int queue = 0; queue < QUEUES; queue++) {
            read_outbox(&r, queue, 0);
            while (r.count) {
                some = true;
                while (r.told < r.count) tell_one(&r);
                read_outbox(&r, queue, r.last);
            }
        }
    }
}

/* ---- by hand --------------------------------------------------------------------------------- */

static const char *put(int queue, const char *id, const char *after)
{
    struct pinion_job job = {.kind = "wc", .queue = queues[queue], .id = id, .after = after};

    use(queue);
    return enqueue(&rig, &job, NULL);
}

static void expect(int queue, const char *id, const char *state, const char *reason)
{
    struct job_view v;

    use(queue);
    assert_string_equal(state_of(&rig, id), state);
    if (!reason) return;
    show_build(&rig.request, rig_key(&rig), span_of(id));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of(id), &v), PINION_OK);
    assert_string_equal(v.why, reason);
    job_view_deinit(&v);
    freeReplyObject(r);
}

static void end(int queue, bool done)
{
    use(queue);
    struct lease lease = claim_one(&rig);
    if (done) assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    else assert_string_equal(fail_in(&rig, &lease, -1), "dead");
}

TEST(a_parent_elsewhere_is_waited_for)
{
    rig_reset(&rig);
    use(0);
    rig_listen(&rig, "pinion:{q}:due");
    assert_string_equal(put(1, "p", NULL), "new");
    assert_string_equal(put(0, "c", "r:p"), "new");
    assert_string_equal(rig_heard(&rig), "pinion:{q}:due outbox\n"); /* servers are woken */
    relay_all();
    expect(0, "c", "waiting", NULL);
    end(1, true);
    expect(0, "c", "waiting", NULL);
    relay_all();
    expect(0, "c", "ready", NULL);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:outbox pinion:{r}:outbox pinion:{r}:bonds"),
                     0);
}

TEST(parents_elsewhere_that_ended_or_never_were)
{
    rig_reset(&rig);
    assert_string_equal(put(1, "done", NULL), "new");
    end(1, true);
    assert_string_equal(put(1, "dead", NULL), "new");
    end(1, false);
    assert_string_equal(put(0, "a", "r:done"), "new");
    assert_string_equal(put(0, "b", "r:dead"), "new");
    assert_string_equal(put(0, "c", "r:nobody"), "new");
    assert_string_equal(put(0, "d", "c"), "new");
    relay_all();
    expect(0, "a", "ready", NULL);
    expect(0, "b", "cancelled", "parent_dead");
    expect(0, "c", "cancelled", "parent_not_found");
    expect(0, "d", "cancelled", "parent_cancelled");
}

/* More children than one script tells itself: the rest goes by the outbox, of its own queue too. */
TEST(a_parent_of_many)
{
    char id[ID_TEXT_MAX];

    for (int done = 0; done < 2; done++) {
        rig_reset(&rig);
        assert_string_equal(put(0, "p", NULL), "new");
        for (int i = 0; i < 600; i++) {
            snprintf(id, sizeof id, "c%d", i);
            assert_string_equal(put(0, id, "p"), "new");
        }
        end(0, done);
        use(0);
        assert_string_equal(counts(&rig), done ? "waiting=344 ready=256"
                                               : "waiting=344 dead=1 cancelled=256");
        relay_all();
        use(0);
        assert_string_equal(counts(&rig), done ? "ready=600" : "dead=1 cancelled=600");
    }
}

/* A chain that is longer than one script follows. */
TEST(a_long_chain_is_cancelled_to_its_end)
{
    char id[ID_TEXT_MAX], before[ID_TEXT_MAX] = "c0";

    rig_reset(&rig);
    assert_string_equal(put(0, "c0", NULL), "new");
    for (int i = 1; i < 600; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_string_equal(put(0, id, before), "new");
        memcpy(before, id, sizeof before);
    }
    end(0, false);
    relay_all();
    use(0);
    assert_string_equal(counts(&rig), "dead=1 cancelled=599");
}

/* ---- what cannot be told --------------------------------------------------------------------- */

static void put_in(const char *entry)
{
    freeReplyObject(rig_command(&rig, "RPUSH pinion:{q}:outbox %s", entry));
}

static void expect_only(const char *list, const char *entry)
{
    redisReply *r = rig_command(&rig, "LRANGE pinion:{q}:%s 0 -1", list);

    assert_int_equal(r->elements, entry ? 1 : 0);
    if (entry) assert_string_equal(r->element[0]->str, entry);
    freeReplyObject(r);
}

static enum put_back put_back(const char *entry, uint64_t *ret_sequence)
{
    put_back_build(&rig.request, rig_key(&rig));
    put_back_add(&rig.request, span_of(entry));
    redisReply *r = rig_ask(&rig);
    enum put_back end = put_back_read(r, 0, ret_sequence);
    freeReplyObject(r);
    return end;
}

/* It is tried OUTBOX_TRIES_MAX times, each time behind all others, and then is out of the way. */
TEST(what_cannot_be_told_is_set_aside)
{
    char entry[64] = "7 r nonsense x", next[64] = "";
    uint64_t sequence = 0;

    rig_reset(&rig);
    use(0);
    freeReplyObject(rig_command(&rig, "HSET pinion:{q}:meta outbox 7"));
    put_in(entry);
    for (unsigned tries = 1; tries < OUTBOX_TRIES_MAX; tries++) {
        assert_int_equal(put_back(entry, &sequence), PUT_BACK_LATER);
        assert_int_equal(sequence, 7 + tries);
        assert_int_equal(put_back(entry, &sequence), PUT_BACK_GONE); /* its answer was lost */
        snprintf(next, sizeof next, "%u/%u r nonsense x", 7 + tries, tries);
        expect_only("outbox", next);
        expect_only("untold", NULL);
        memcpy(entry, next, sizeof entry);
    }
    assert_int_equal(put_back(entry, &sequence), PUT_BACK_UNTOLD);
    assert_int_equal(put_back(entry, &sequence), PUT_BACK_GONE);
    expect_only("outbox", NULL);
    expect_only("untold", entry);
}

TEST(what_cannot_be_read_is_set_aside)
{
    static struct reader r;
    static const char *const bad[] = {"junk", "0 r end c q:p done", "5 r", "-1 r end c q:p done",
                                      "5/x r end c q:p done", "5  end c q:p done"};

    for (size_t i = 0; i < countof(bad); i++) {
        rig_reset(&rig);
        use(0);
        put_in(bad[i]);
        put_in("6 r end c q:p done");
        read_outbox(&r, 0, 0);
        assert_int_equal(r.count, 1);
        assert_int_equal(r.last, 6);
        assert_string_equal(r.telling[0].what, "end c q:p done");
        expect_only("untold", bad[i]);
        read_outbox(&r, 0, 6);
        expect_only("outbox", NULL);
    }
}

/* ---- at random ------------------------------------------------------------------------------- */

/* The dumb twin: what each job waits for, and how it ended. */
struct twin {
    int  queue, parents[PARENTS], parents_count;
    bool any, ended, done;
    bool claimed; /* it was ready, so its parents cannot cancel it */
    struct lease lease;
};

static struct twin twins[JOBS];
static int twins_count;

static void add_job(void)
{
    struct twin *t = &twins[twins_count];
    char id[ID_TEXT_MAX], after[PARENTS * ID_TEXT_MAX] = "";
    size_t len = 0;

    if (twins_count == JOBS) return;
    *t = (struct twin){.queue = rand() % QUEUES, .any = rand() % 3 == 0};
    for (int i = 0; twins_count > 0 && i < rand() % (PARENTS + 1); i++) {
        int parent = rand() % twins_count;
        bool twice = false;
        for (int k = 0; k < t->parents_count; k++) twice |= t->parents[k] == parent;
        if (twice) continue;
        t->parents[t->parents_count++] = parent;
        len += (size_t)snprintf(after + len, sizeof after - len, "%s%s:j%d", len ? "," : "",
                                queues[twins[parent].queue], parent);
    }
    snprintf(id, sizeof id, "j%d", twins_count++);
    struct pinion_job job = {.kind = "wc", .queue = queues[t->queue], .id = id,
                             .after = len ? after : NULL, .after_any_outcome = len && t->any};
    use(t->queue);
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
}

/* What follows from what has ended. */
static void settle_twins(void)
{
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < twins_count; i++) {
            struct twin *t = &twins[i];
            bool bad = false;
            for (int k = 0; k < t->parents_count; k++)
                bad |= twins[t->parents[k]].ended && !twins[t->parents[k]].done;
            if (!bad || t->any || t->ended || t->claimed) continue;
            t->ended = more = true;
        }
    }
}

static void start_some(void)
{
    struct leases got;
    int queue = rand() % QUEUES;

    settle_twins();
    use(queue);
    claim(&rig, &(struct ask){.free = 1 + (unsigned)rand() % 3}, &got);
    for (size_t i = 0; i < got.count; i++) {
        struct twin *t = &twins[atoi(got.lease[i].id + 1)];
        assert_false(t->ended || t->claimed);
        for (int k = 0; k < t->parents_count; k++) { /* never too early */
            const struct twin *p = &twins[t->parents[k]];
            assert_true(p->ended && (p->done || t->any));
        }
        t->claimed = true;
        t->lease = got.lease[i];
    }
}

static void end_one(void)
{
    struct twin *t = &twins[rand() % JOBS];

    if (t >= &twins[twins_count] || !t->claimed || t->ended) return;
    use(t->queue);
    t->ended = true;
    t->done = rand() % 8 > 0;
    if (t->done) assert_string_equal(ack_rich(&rig, &t->lease, ""), "ok");
    else assert_string_equal(fail_in(&rig, &t->lease, -1), "dead");
}

static void cancel_one(void)
{
    int i = rand() % JOBS;
    char id[ID_TEXT_MAX];

    if (i >= twins_count || twins[i].claimed || rand() % 6) return;
    snprintf(id, sizeof id, "j%d", i);
    use(twins[i].queue);
    assert_string_equal(cancel(&rig, id), "cancelled");
    twins[i].ended = true;
}

static const char *expected_state(const struct twin *t)
{
    bool left = false;

    if (t->ended) return t->done ? "remembered" : t->claimed ? "dead" : "cancelled";
    if (t->claimed) return "active";
    for (int k = 0; k < t->parents_count; k++) left |= !twins[t->parents[k]].ended;
    return left ? "waiting" : "ready";
}

static void compare(void)
{
    char id[ID_TEXT_MAX];

    relay_all();
    settle_twins();
    for (int queue = 0; queue < QUEUES; queue++) {
        use(queue);
        freeReplyObject(rig_look(&rig));
    }
    for (int i = 0; i < twins_count; i++) {
        snprintf(id, sizeof id, "j%d", i);
        use(twins[i].queue);
        const char *found = state_of(&rig, id);
        if (strcmp(found, expected_state(&twins[i])) != 0)
            fail_msg("job %s is %s, expected %s", id, found, expected_state(&twins[i]));
    }
}

/* One server: reads, tells one item, forgets all (it was killed), or trims what it told. */
static void step_reader(struct reader *r, int queue)
{
    if (r->count == 0) {
        read_outbox(r, queue, 0);
    } else if (rand() % 10 == 0) {
        r->count = r->told = 0;
    } else if (r->told < r->count) {
        tell_one(r);
    } else {
        read_outbox(r, queue, r->last);
    }
}

TEST(servers_that_die_between_any_two_steps)
{
    static struct reader readers[4]; /* two for each queue */
    const char *given = getenv("PINION_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

    print_message("seed %u (PINION_SEED repeats it)\n", seed);
    srand(seed);
    for (int round = 0; round < 3; round++) {
        rig_reset(&rig);
        twins_count = 0;
        memset(readers, 0, sizeof readers);
        for (int step = 0; step < STEPS; step++) {
            int n = rand() % 12;
            if (n < 1) add_job();
            else if (n < 2) start_some();
            else if (n < 4) end_one();
            else if (n < 5) cancel_one();
            else step_reader(&readers[n % 4], n % QUEUES);
            if (step % 500 == 499) compare();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_elsewhere_is_waited_for),
        cmocka_unit_test(parents_elsewhere_that_ended_or_never_were),
        cmocka_unit_test(a_parent_of_many),
        cmocka_unit_test(a_long_chain_is_cancelled_to_its_end),
        cmocka_unit_test(what_cannot_be_told_is_set_aside),
        cmocka_unit_test(what_cannot_be_read_is_set_aside),
        cmocka_unit_test(servers_that_die_between_any_two_steps),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
