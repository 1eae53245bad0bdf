/* tests/bench/bench_scripts.c — what enqueue, claim and ack cost Redis, by the size of a batch.
 *
 *     bench_scripts [JOBS [BATCH]]       default: 200000, all of 1 16 128 512
 *
 * One client, one call at a time, on a private Redis without persistence: 100-byte payloads through
 * the builders of queue/. `redis_us` is Redis's own time a job, as INFO commandstats has it;
 * `cpu_us` the time of its main thread; `per_second` what the client saw. `promote` moves delayed
 * jobs; `fire` is SCHEDULES schedules that are due at once, whose last jobs have ended, the best of
 * many times. One JSON object a line.
 */
#include "queue/claim.h"
#include "base/clock.h"
#include "queue/enqueue.h"
#include "queue/key.h"
#include "queue/schedule.h"
#include "queue/settle.h"
#include "queue/upkeep.h"
#include "tests/support/redis_server.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_LEN 100
#define SCHEDULES   1000
#define FIRES       100 /* of each: as many as its history keeps */

/* When a measure began. */
struct start {
    uint64_t wall_us;
    double   cpu_seconds; /* of Redis's main thread */
};

static redisContext *redis;
static struct request request = REQUEST_INIT;
static struct queue_key key;

static redisReply *ask(void)
{
    struct span bytes = request_bytes(&request);
    void *reply = NULL;

    redisAppendFormattedCommand(redis, bytes.data, bytes.len);
    if (redisGetReply(redis, &reply) != REDIS_OK ||
        ((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "bench_scripts: %s\n", reply ? ((redisReply *)reply)->str : redis->errstr);
        exit(1);
    }
    return reply;
}

static void load_scripts(void)
{
    for (size_t i = 0; i < SCRIPTS; i++)
        freeReplyObject(redisCommand(redis, "SCRIPT LOAD %s", script_sources[i].text));
}

/* ---- one measure ----------------------------------------------------------------------------- */

static double info(const char *section, const char *line, const char *field)
{
    redisReply *r = redisCommand(redis, "INFO %s", section);
    const char *at = strstr(r->str, line), *value = at ? strstr(at, field) : NULL;
    double number = value ? strtod(value + strlen(field), NULL) : 0;

    freeReplyObject(r);
    return number;
}

static double cpu_seconds(void)
{
    return info("cpu", "used_cpu_user_main", ":") + info("cpu", "used_cpu_sys_main", ":");
}

static struct start begin(void)
{
    freeReplyObject(redisCommand(redis, "CONFIG RESETSTAT"));
    return (struct start){clock_mono_us(), cpu_seconds()};
}

static double end(const char *measure, size_t batch, size_t jobs, struct start start)
{
    double wall_us = (double)(clock_mono_us() - start.wall_us), count = (double)jobs;
    double us = info("commandstats", "cmdstat_evalsha:", "usec=") / count;

    printf("{\"measure\":\"%s\",\"batch\":%zu,\"jobs\":%zu,\"redis_us\":%.2f,"
           "\"cpu_us\":%.2f,\"per_second\":%.0f}\n",
           measure, batch, jobs, us, (cpu_seconds() - start.cpu_seconds) * 1e6 / count,
           count * 1e6 / wall_us);
    return us;
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static void enqueue_all(size_t jobs, size_t batch, uint64_t in_ms)
{
    static char payload[PAYLOAD_LEN];
    struct pinion_job job = {.kind = "wc", .queue = "q", .payload = payload,
                             .payload_len = PAYLOAD_LEN, .in_ms = in_ms};
    struct enqueue_item items[BATCH_ITEMS_MAX];

    memset(payload, 'p', sizeof payload);
    for (size_t i = 0; i < batch; i++) items[i] = (struct enqueue_item){.job = &job};
    for (size_t done = 0; done < jobs; done += batch) {
        enqueue_build(&request, queue_key_span(&key), items, batch, clock_wall_ms());
        freeReplyObject(ask());
    }
}

/* The reply of a claim must outlive the ack that borrows its ids and token. */
static size_t claim_and_ack(size_t batch)
{
    struct claim_slots slots[] = {{"wc", (unsigned)batch}};
    struct claim_args args = {.server = "a", .lease_ms = LEASE_DEFAULT_MS, .free = (unsigned)batch,
                              .slots = slots, .slots_count = 1};
    struct settle_item items[BATCH_ITEMS_MAX];
    char ids[BATCH_ITEMS_MAX][ID_LEN];
    struct claim claim;
    size_t n = 0;

    claim_build(&request, queue_key_span(&key), &args);
    redisReply *claimed = ask();
    if (claim_read(claimed, &claim)) abort();
    for (struct claimed item; claim_next(&claim, &item);) {
        memcpy(ids[n], item.id.data, ID_LEN);
        items[n] = (struct settle_item){
            .id = {ids[n], ID_LEN}, .token = item.token, .pack_size = item.pack_size};
        n++;
    }
    ack_build(&request, queue_key_span(&key), items, claim.count);
    redisReply *acked = ask();
    assert(acked->type == REDIS_REPLY_ARRAY && acked->elements == 0);
    freeReplyObject(acked);
    freeReplyObject(claimed);
    return claim.count;
}

static void run(size_t jobs, size_t batch)
{
    struct start start = begin();

    jobs -= jobs % batch;
    enqueue_all(jobs, batch, 0);
    double us = end("enqueue", batch, jobs, start);
    start = begin();
    for (size_t done = 0; done < jobs;) done += claim_and_ack(batch);
    us += end("claim+ack", batch, jobs, start);
    start = begin();
    size_t delayed = jobs / 4 / BATCH_ITEMS_MAX * BATCH_ITEMS_MAX;
    printf("{\"measure\":\"enqueue+claim+ack\",\"batch\":%zu,\"redis_us\":%.2f}\n", batch, us);
    if (batch < BATCH_ITEMS_MAX || delayed == 0) return;
    enqueue_all(delayed, BATCH_ITEMS_MAX, 1);
    end("enqueue delayed", batch, delayed, start);
    struct promoted promoted = {0};
    start = begin();
    for (size_t done = 0; done < delayed; done += (size_t)promoted.count) {
        promote_build(&request, queue_key_span(&key));
        redisReply *r = ask();
        if (promote_read(r, &promoted)) abort();
        freeReplyObject(r);
    }
    end("promote", BATCH_ITEMS_MAX, delayed, start);
}

/* ---- schedules ------------------------------------------------------------------------------- */

static struct fire_item fires[SCHEDULES];

static void set_schedules(void)
{
    static char payload[PAYLOAD_LEN], names[SCHEDULES][16];
    struct pinion_job job = {.kind = "wc", .queue = "q", .payload = payload,
                             .payload_len = PAYLOAD_LEN};
    struct schedule_set set = {.timing = span_of("{\"every_ms\":1000}"), .job = &job,
                               .revision = SCHEDULE_NEW, .next_ms = SCHEDULE_NEVER};
    enum schedule_changed changed;

    memset(payload, 'p', sizeof payload);
    for (size_t i = 0; i < SCHEDULES; i++) {
        snprintf(names[i], sizeof names[i], "schedule-%zu", i);
        fires[i] = (struct fire_item){.name = span_of(names[i])};
        set.name = fires[i].name;
        schedule_set_build(&request, queue_key_span(&key), &set);
        redisReply *r = ask();
        if (schedule_set_read(r, &changed, &fires[i].revision)) abort();
        freeReplyObject(r);
    }
}

/* The first call only learns the watermarks. Gives how many jobs it made. */
static size_t fire_all(size_t batch)
{
    size_t made = 0;
    int64_t now_us;

    for (size_t at = 0, n; at < SCHEDULES; at += n) {
        n = SCHEDULES - at < batch ? SCHEDULES - at : batch;
        for (size_t i = at; i < at + n; i++) {
            fires[i].at_ms = clock_wall_ms();
            fires[i].next_ms = fires[i].at_ms + 1000;
            fires[i].local[0] = '\0';
        }
        fire_build(&request, queue_key_span(&key), &fires[at], n, clock_wall_ms());
        redisReply *r = ask();
        if (fire_read(r, &fires[at], n, &now_us)) abort();
        freeReplyObject(r);
        for (size_t i = at; i < at + n; i++) made += fires[i].fired == FIRED_JOB;
    }
    return made;
}

static void end_all(void)
{
    struct claim_slots slots[] = {{"wc", BATCH_ITEMS_MAX}};
    struct claim_args args = {.server = "a", .lease_ms = LEASE_DEFAULT_MS, .free = BATCH_ITEMS_MAX,
                              .slots = slots, .slots_count = 1};
    struct settle_item items[BATCH_ITEMS_MAX];
    struct claim c;
    size_t n;

    do {
        claim_build(&request, queue_key_span(&key), &args);
        redisReply *claimed = ask();
        if (claim_read(claimed, &c)) abort();
        n = 0;
        for (struct claimed item; claim_next(&c, &item); n++)
            items[n] = (struct settle_item){.id = item.id, .token = item.token};
        ack_rich_build(&request, queue_key_span(&key), items, n);
        if (n) freeReplyObject(ask());
        freeReplyObject(claimed);
    } while (n);
}

static void run_fires(size_t batch)
{
    double best_us = 1e9;
    uint64_t best_wall_us = UINT64_MAX;

    set_schedules();
    fire_all(batch);
    for (size_t i = 0; i < FIRES; i++) {
        struct start start = begin();
        if (fire_all(batch) != SCHEDULES) abort();
        uint64_t wall_us = clock_mono_us() - start.wall_us;
        double us = info("commandstats", "cmdstat_evalsha:", "usec=") / SCHEDULES;
        if (wall_us < best_wall_us) best_wall_us = wall_us;
        if (us < best_us) best_us = us;
        end_all();
    }
    printf("{\"measure\":\"fire\",\"batch\":%zu,\"jobs\":%d,\"redis_us\":%.2f,"
           "\"per_second\":%.0f}\n",
           batch, SCHEDULES, best_us, SCHEDULES * 1e6 / (double)best_wall_us);
}

int main(int argc, char **argv)
{
    /* A short zset is a packed list, which is searched from its start: leases want a real one. */
    static const char *const options[] = {"--zset-max-listpack-entries", "0", NULL};
    static const size_t batches[] = {1, 16, 128, 512};
    size_t jobs = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    size_t only = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    struct redis_server *server = redis_server_start(options);

    if (jobs < BATCH_ITEMS_MAX) {
        fprintf(stderr, "usage: bench_scripts [JOBS [BATCH]], at least %d\n", BATCH_ITEMS_MAX);
        return 2;
    }
    redis = redisConnectUnix(redis_server_path(server));
    key = queue_key("pinion", span_of("q"));
    load_scripts();
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
        if (only == 0 || only == batches[i]) run(jobs, batches[i]);
    run_fires(SCHEDULE_FIRES_MAX);
    redisFree(redis);
    redis_server_free(server);
    request_deinit(&request);
    return 0;
}
