/* Packs in their lanes: how they are cut, in which order they are claimed, how they are listed, and
 * all of it in a full Redis.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "queue/pack.h"
#include "queue/reply.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define JOBS_MAX 1024

static char ids[JOBS_MAX][QUEUE_NAME_MAX + 1]; /* in the order in which they were made */
static size_t ids_count;

static void reset(void)
{
    rig_reset(&rig);
    ids_count = 0;
}

/* So many more jobs of this kind, in one call. */
static void add_like(const struct pinion_job *like, size_t count)
{
    struct pinion_job jobs[BATCH_ITEMS_MAX];

    assert_true(ids_count + count <= JOBS_MAX);
    for (size_t i = 0; i < count; i++) jobs[i] = *like;
    enqueue_batch(&rig, jobs, count, ids + ids_count);
    ids_count += count;
}

static void add(const char *kind, unsigned priority, size_t count)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .priority = PINION_PRIORITY(priority)};

    add_like(&job, count);
}

static int64_t entries(const char *lane)
{
    return rig_int(&rig, "LLEN pinion:{q}:lane:%s", lane);
}

static void check_raw(void)
{
    freeReplyObject(rig_look(&rig));
}

/* ---- how they are cut ------------------------------------------------------------------------ */

TEST(a_batch_is_cut_into_packs)
{
    for (size_t n = 1; n <= 140; n++) {
        size_t rest = n % PACK_JOBS_MAX, expected = n / PACK_JOBS_MAX;
        reset();
        add("wc", 5, n);
        expected += rest < PACK_JOBS_MIN ? rest : 1;
        assert_int_equal(entries("5:wc"), expected);
        assert_int_equal(stats(&rig).counts[2], n);
        assert_int_equal(stats(&rig).enqueued, n);
        check_raw();
    }
}

/* One job more than fits in its bytes begins another pack; a job that is larger than one stands for
 * itself, between the packs before and behind it. */
TEST(a_pack_ends_before_it_is_too_large)
{
    static char payload[PACK_BYTES_MAX + 1];
    struct pinion_job job = {.kind = "wc", .queue = "q", .payload = payload};

    job.payload_len = PACK_BYTES_MAX / 8 - RECORD_HEAD_MAX; /* eight fit just so */
    reset();
    add_like(&job, 8);
    assert_int_equal(entries("5:wc"), 1);
    job.payload_len++;
    reset();
    add_like(&job, 8);
    assert_int_equal(entries("5:wc"), 2);
    job.payload_len = PACK_BYTES_MAX - 3 * RECORD_HEAD_MAX; /* so four cannot be with it */
    reset();
    add_like(&job, 5);
    assert_int_equal(entries("5:wc"), 5);
    job.payload_len = sizeof payload;
    struct pinion_job jobs[9];
    for (size_t i = 0; i < countof(jobs); i++)
        jobs[i] = i == 4 ? job : (struct pinion_job){.kind = "wc", .queue = "q"};
    reset();
    enqueue_batch(&rig, jobs, countof(jobs), ids);
    assert_int_equal(entries("5:wc"), 3);
    struct leases all;
    claim(&rig, &(struct ask){.free = 9}, &all);
    assert_int_equal(all.count, 9);
    for (size_t i = 0; i < all.count; i++) {
        assert_string_equal(all.lease[i].id, ids[i]);
        assert_int_equal(all.lease[i].payload_len, jobs[i].payload_len);
        assert_int_equal(all.lease[i].pack_size, i == 4 ? 0 : 4);
    }
    assert_int_equal(ack_many(&rig, all.lease, 9, NULL), 0);
    assert_string_equal(counts(&rig), "");
    check_raw();
}

/* What has an id, a time, or a result to keep is none of a pack's. */
TEST(only_plain_jobs_are_packed)
{
    const struct pinion_job odd[] = {
        {.kind = "wc", .queue = "q", .id = "x"},
        {.kind = "wc", .queue = "q", .in_ms = 1},
        {.kind = "wc", .queue = "q", .run_at_ms = 1},
        {.kind = "wc", .queue = "q", .lease_ms = 2000},
        {.kind = "wc", .queue = "q", .expires_ms = 10},
        {.kind = "wc", .queue = "q", .retain_ms = 10},
    };
    struct pinion_job jobs[2 * PACK_JOBS_MIN + countof(odd)];

    reset();
    for (size_t i = 0; i < countof(jobs); i++)
        jobs[i] = i >= PACK_JOBS_MIN && i < PACK_JOBS_MIN + countof(odd)
                      ? odd[i - PACK_JOBS_MIN]
                      : (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, countof(jobs), ids);
    assert_int_equal(stats(&rig).enqueued, countof(jobs));
    assert_string_equal(counts(&rig), "scheduled=1 ready=13");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:jobs"), 2 + countof(odd));
    check_raw();
}

TEST(each_lane_has_its_own_packs)
{
    struct pinion_job jobs[60];
    struct leases all;

    reset();
    for (size_t i = 0; i < countof(jobs); i++)
        jobs[i] = (struct pinion_job){.kind = i % 2 ? "wc" : "zip",
                                      .queue = "q",
                                      .attempts_max = 1 + (unsigned)i,
                                      .priority = PINION_PRIORITY((unsigned)i % 3)};
    enqueue_batch(&rig, jobs, countof(jobs), ids);
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:jobs"), 6);
    assert_string_equal(counts(&rig), "ready=60");
    check_raw();
    claim(&rig, &(struct ask){.free = 60}, &all);
    assert_int_equal(all.count, 60);
    for (size_t i = 0; i < 60; i++) {
        size_t k = 0; /* urgent ones first, each lane in its order */
        while (strcmp(ids[k], all.lease[i].id) != 0) k++;
        assert_int_equal(k % 3, i / 20);
        assert_true(i % 10 == 0 || strcmp(all.lease[i - 1].id, all.lease[i].id) < 0);
    }
    check_raw();
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* Packs of several sizes between single jobs; cancelled ones leave holes and ghosts. */
static void fill_lane(bool holes)
{
    static const size_t batches[] = {64, 2, 64, 5, 1, 130, 33, 3, 4};

    reset();
    for (size_t i = 0; i < countof(batches); i++) add("wc", 5, batches[i]);
    for (size_t i = 3; holes && i < ids_count; i += 17)
        assert_string_equal(cancel(&rig, ids[i]), "cancelled");
}

static bool is_hole(size_t i)
{
    return i >= 3 && (i - 3) % 17 == 0;
}

TEST(any_number_of_slots_gets_each_job_once_in_order)
{
    static struct leases some;

    for (unsigned slots = 1; slots <= 130; slots++) {
        bool holes = slots % 2;
        size_t next = 0, given = 0;
        fill_lane(holes);
        size_t all = (size_t)stats(&rig).counts[2];
        do {
            claim(&rig, &(struct ask){.free = slots}, &some);
            assert_true(some.count <= slots);
            for (size_t i = 0; i < some.count; i++) {
                while (holes && is_hole(next)) next++;
                assert_true(next < ids_count);
                assert_string_equal(some.lease[i].id, ids[next++]);
            }
            given += some.count;
            if (slots % 10 == 0) check_raw();
            if (given < all) assert_true(some.more);
        } while (some.count);
        assert_int_equal(given, all);
        assert_int_equal(stats(&rig).counts[3], given);
        assert_int_equal(stats(&rig).counts[2], 0);
        check_raw();
    }
}

/* Few slots that are left over do not break up a pack, but nothing less urgent takes them. */
TEST(a_pack_that_is_left_over_is_not_overtaken)
{
    struct leases some;

    reset();
    add("wc", 0, 128);
    add("zip", 5, 1);
    claim(&rig, &(struct ask){.free = 70}, &some);
    assert_int_equal(some.count, 64);
    assert_true(some.more);
    claim(&rig, &(struct ask){.free = 6}, &some);
    assert_int_equal(some.count, 6);
    assert_string_equal(some.lease[0].id, ids[64]);
    claim(&rig, &(struct ask){.free = 100}, &some);
    assert_int_equal(some.count, 59);
    assert_string_equal(some.lease[57].id, ids[127]);
    assert_string_equal(some.lease[58].id, ids[128]);
    check_raw();
}

/* What is kept for that pack are its own slots: another handler's are not. */
TEST(a_pack_that_is_left_over_keeps_nobody_waiting)
{
    struct leases some;

    reset();
    add("wc", 0, 256);
    add("zip", 5, 5);
    for (int i = 0; i < 2; i++) {
        claim(&rig, &(struct ask){.free = 73, .patterns = "wc=70 zip=3"}, &some);
        assert_int_equal(some.count, i == 0 ? 67 : 66);
        assert_true(some.more);
        assert_string_equal(some.lease[64].id, ids[256 + 3 * i]);
    }
    claim(&rig, &(struct ask){.free = 66, .patterns = "wc=66 zip=0"}, &some);
    assert_int_equal(some.count, 64);
    check_raw();
}

TEST(lanes_of_one_priority_share_the_slots)
{
    struct leases some;
    size_t zips = 0;

    reset();
    add("wc", 5, 128);
    add("zip", 5, 128);
    claim(&rig, &(struct ask){.free = 20}, &some);
    assert_int_equal(some.count, 20);
    for (size_t i = 0; i < some.count; i++) zips += strcmp(some.lease[i].id, ids[128]) >= 0;
    assert_int_equal(zips, 10);
    claim(&rig, &(struct ask){.free = 10, .patterns = "wc=3 zip=4"}, &some);
    assert_int_equal(some.count, 7);
    check_raw();
}

/* ---- listings -------------------------------------------------------------------------------- */

struct page {
    char   id[BATCH_ITEMS_MAX][QUEUE_NAME_MAX + 1];
    size_t count;
    char   next[256];
};

static void list(const char *state, const char *kind, const char *cursor, size_t limit,
                 struct page *ret)
{
    list_build(&rig.request, rig_key(&rig), state, &(struct job_filter){.kind = span_of(kind)},
               span_of(cursor), limit);
    redisReply *r = rig_ask(&rig);
    struct span next = list_next(r);

    ret->count = list_count(r);
    assert_true(ret->count <= limit);
    for (size_t i = 0; i < ret->count; i++) {
        struct job_view view;
        assert_int_equal(list_item(r, i, state, &view), PINION_OK);
        snprintf(ret->id[i], sizeof ret->id[i], "%.*s", (int)view.job.id.len, view.job.id.data);
        job_view_deinit(&view);
    }
    snprintf(ret->next, sizeof ret->next, "%.*s", (int)next.len, next.data ? next.data : "");
    freeReplyObject(r);
}

/* Pages of that size, joined. */
static size_t list_pages(const char *state, const char *kind, size_t limit,
                         char (*ret_ids)[QUEUE_NAME_MAX + 1])
{
    static struct page page;
    size_t count = 0, pages = 0;

    page.next[0] = '\0';
    do {
        char cursor[sizeof page.next];
        memcpy(cursor, page.next, sizeof cursor);
        list(state, kind, cursor, limit, &page);
        assert_true(count + page.count <= JOBS_MAX);
        memcpy(ret_ids + count, page.id, page.count * sizeof page.id[0]);
        count += page.count;
        assert_true(++pages <= JOBS_MAX);
    } while (page.next[0]);
    return count;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Pages of any size give all of them, each once, in one and the same order. */
static void check_pages(const char *state, const char *kind, size_t expected)
{
    static char all[JOBS_MAX][QUEUE_NAME_MAX + 1], paged[JOBS_MAX][QUEUE_NAME_MAX + 1];

    assert_int_equal(list_pages(state, kind, BATCH_ITEMS_MAX, all), expected);
    for (size_t limit = 1; limit <= 70; limit++) {
        assert_int_equal(list_pages(state, kind, limit, paged), expected);
        assert_memory_equal(all, paged, expected * sizeof all[0]);
    }
    for (size_t i = 0; i < expected; i++) assert_string_equal(state_of(&rig, all[i]), state);
    qsort(all, expected, sizeof all[0], by_text);
    for (size_t i = 1; i < expected; i++) assert_true(strcmp(all[i - 1], all[i]) < 0);
}

TEST(pages_of_any_size_join_up)
{
    struct leases some;

    fill_lane(true);
    add("zip", 5, 70);
    add("zip", 0, 64);
    add("mail", 9, 3);
    size_t cancelled = (size_t)stats(&rig).counts[7], ready = ids_count - cancelled;
    check_pages("ready", "", ready);
    check_pages("ready", "zip", 134);
    check_pages("ready", "wc", ready - 137);
    check_pages("cancelled", "", cancelled);
    for (int i = 0; i < 3; i++) { /* whole packs and broken ones, with several leases */
        rig_step(&rig, 1);
        claim(&rig, &(struct ask){.free = 90}, &some);
        assert_int_equal(ack_many(&rig, some.lease + 5, 7, NULL), 0);
        assert_string_equal(renew(&rig, &some.lease[60], 20000), "ok");
    }
    check_raw();
    size_t active = (size_t)stats(&rig).counts[3];
    assert_true(active > 200);
    check_pages("active", "", active);
    check_pages("ready", "", (size_t)stats(&rig).counts[2]);
}

/* The jobs behind a cursor are gone when it is used: what follows the pack is not skipped. */
TEST(a_cursor_into_a_pack_outlives_what_was_behind_it)
{
    static struct page page;
    static char cursor[sizeof page.next];

    for (size_t limit = 1; limit <= 5; limit++) {
        reset();
        add("wc", 5, 5);
        for (int i = 0; i < 8; i++) add("wc", 5, 1);
        add("zip", 5, 2);
        list("ready", "", "", 4, &page);
        assert_string_equal(page.id[3], ids[3]);
        assert_string_equal(delete_job(&rig, ids[4]), "deleted");
        char seen[JOBS_MAX] = {0};
        for (size_t pages = 0; page.next[0] && pages < 50; pages++) {
            memcpy(cursor, page.next, sizeof cursor);
            list("ready", "", cursor, limit, &page);
            for (size_t i = 0; i < page.count; i++)
                for (size_t k = 0; k < ids_count; k++)
                    if (strcmp(page.id[i], ids[k]) == 0) seen[k]++;
        }
        assert_string_equal(page.next, "");
        for (size_t k = 5; k < ids_count; k++) assert_true(seen[k] >= 1);
    }
}

TEST(the_oldest_of_a_pack_tells_how_long_it_waits)
{
    reset();
    add("wc", 5, 64);
    rig_step(&rig, 1500);
    assert_int_equal(stats(&rig).oldest_ready_ms, 1500);
    for (size_t i = 0; i < 63; i++) assert_string_equal(delete_job(&rig, ids[i]), "deleted");
    assert_int_equal(stats(&rig).oldest_ready_ms, 1500);
    assert_string_equal(counts(&rig), "ready=1");
    assert_string_equal(delete_job(&rig, ids[63]), "deleted");
    assert_string_equal(counts(&rig), "");
    assert_int_equal(claim_count(&rig), 0);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:jobs pinion:{q}:ghosts pinion:{q}:gone "
                                   "pinion:{q}:lanes pinion:{q}:lane:5:wc"),
                     0);
    check_raw();
}

/* What one call does to a job of a pack, it sees when it comes to that job again. */
TEST(one_call_can_end_a_pack_and_name_it_again)
{
    static const char *const words[] = {"deleted", "deleted", "deleted", "deleted", "not_found",
                                        "not_found"};
    struct span all[countof(words)];

    reset();
    add("wc", 5, 4);
    for (size_t i = 0; i < countof(all); i++) all[i] = span_of(ids[i % 4]);
    delete_build(&rig.request, rig_key(&rig), all, countof(all));
    redisReply *r = rig_ask(&rig);
    for (size_t i = 0; i < countof(all); i++) assert_true(span_is(steer_status(r, i), words[i]));
    freeReplyObject(r);
    assert_string_equal(counts(&rig), "");
    assert_int_equal(stats(&rig).deleted, 4);
    check_raw();
    assert_int_equal(claim_count(&rig), 0);
}

/* ---- bounds, and a full Redis ---------------------------------------------------------------- */

/* Leases from the future: no more of them than the limit and one pack are moved at once. */
TEST(a_reap_after_a_step_back_is_bounded)
{
    static struct leases some;
    int64_t before = 0, moved;

    reset();
    add("wc", 5, 512);
    add("wc", 5, 512);
    for (int i = 0; i < 2; i++) {
        claim(&rig, &(struct ask){.free = 512}, &some);
        assert_int_equal(some.count, 512);
    }
    rig_step(&rig, -2 * INT64_C(3600000));
    do {
        assert_int_equal(reap(&rig), 0);
        moved = rig_int(&rig, "HLEN pinion:{q}:tokens") - before;
        assert_true(moved < BATCH_ITEMS_MAX + PACK_JOBS_MAX);
        before += moved;
        check_raw();
    } while (moved > 0);
    assert_int_equal(before, 1024);
    assert_string_equal(counts(&rig), "active=1024");
}

static void set_full(bool full)
{
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory %s", full ? "1" : "0"));
}

TEST(packs_are_taken_apart_in_a_full_redis)
{
    struct leases some;
    struct heartbeat beat;

    reset();
    heartbeat(&rig, SERVER, "*", &beat);
    add("wc", 5, 64);
    add("wc", 5, 64);
    set_full(true);
    assert_string_equal(cancel(&rig, ids[0]), "cancelled");
    assert_string_equal(delete_job(&rig, ids[1]), "deleted");
    claim(&rig, &(struct ask){.free = 20}, &some); /* breaks up the first */
    assert_int_equal(some.count, 20);
    claim(&rig, &(struct ask){.free = 106}, &some);
    assert_int_equal(some.count, 106);
    const struct lease *packed = &some.lease[42];
    assert_int_equal(packed->pack_size, 64);
    assert_string_equal(renew(&rig, &packed[0], 20000), "ok");
    assert_string_equal(fail_in(&rig, &packed[1], 1000), "retry");
    assert_string_equal(fail_in(&rig, &packed[2], -1), "dead");
    assert_string_equal(release(&rig, &packed[3]), "ok");
    assert_string_equal(cancel(&rig, packed[4].id), "marked");
    assert_string_equal(ack_rich(&rig, &packed[5], ""), "ok");
    assert_int_equal(ack_many(&rig, packed + 6, 10, NULL), 0);
    assert_string_equal(counts(&rig), "ready=1 active=112 retry=1 dead=1 cancelled=1");
    check_raw();
    set_full(false);
    rig_step(&rig, LEASE_DEFAULT_MS);
    set_full(true);
    assert_int_equal(reap(&rig), 111);
    assert_int_equal(take_back(&rig, SERVER), 1);
    assert_string_equal(counts(&rig), "ready=112 retry=1 dead=1 cancelled=2");
    check_raw();
    set_full(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_cut_into_packs),
        cmocka_unit_test(a_pack_ends_before_it_is_too_large),
        cmocka_unit_test(only_plain_jobs_are_packed),
        cmocka_unit_test(each_lane_has_its_own_packs),
        cmocka_unit_test(any_number_of_slots_gets_each_job_once_in_order),
        cmocka_unit_test(a_pack_that_is_left_over_is_not_overtaken),
        cmocka_unit_test(a_pack_that_is_left_over_keeps_nobody_waiting),
        cmocka_unit_test(lanes_of_one_priority_share_the_slots),
        cmocka_unit_test(pages_of_any_size_join_up),
        cmocka_unit_test(a_cursor_into_a_pack_outlives_what_was_behind_it),
        cmocka_unit_test(the_oldest_of_a_pack_tells_how_long_it_waits),
        cmocka_unit_test(one_call_can_end_a_pack_and_name_it_again),
        cmocka_unit_test(a_reap_after_a_step_back_is_bounded),
        cmocka_unit_test(packs_are_taken_apart_in_a_full_redis),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
