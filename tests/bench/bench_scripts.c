/* tests/bench/bench_scripts.c — what enqueue, claim and ack cost Redis, by the size of their
 * batches.
 *
 *     bench_scripts [JOBS]       default: 200000
 *
 * One client, one call at a time, on a private Redis without persistence: 100-byte payloads through
 * the builders of queue/. `redis_us` is Redis's own time a job, as INFO commandstats has it;
 * `per_second` is what the client saw. `promote` moves delayed jobs. One JSON object a line.
 */
#include "queue/claim.h"
#include "base/clock.h"
#include "queue/enqueue.h"
#include "queue/key.h"
#include "queue/settle.h"
#include "queue/upkeep.h"
#include "tests/support/redis_server.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_LEN 100

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

/* ---- one measure ------------------------------------------------------------------------------
 */

static uint64_t begin(void)
{
    freeReplyObject(redisCommand(redis, "CONFIG RESETSTAT"));
    return clock_mono_us();
}

static double redis_us(void)
{
    redisReply *r = redisCommand(redis, "INFO commandstats");
    const char *line = strstr(r->str, "cmdstat_evalsha:"),
               *usec = line ? strstr(line, "usec=") : NULL;
    double us = usec ? strtod(usec + 5, NULL) : 0;

    freeReplyObject(r);
    return us;
}

static double end(const char *measure, size_t batch, size_t jobs, uint64_t began_us)
{
    double wall_us = (double)(clock_mono_us() - began_us), us = redis_us() / (double)jobs;

    printf(
        "{\"measure\":\"%s\",\"batch\":%zu,\"jobs\":%zu,\"redis_us\":%.2f,\"per_second\":%.0f}\n",
        measure, batch, jobs, us, (double)jobs * 1e6 / wall_us);
    return us;
}

/* ---- the verbs --------------------------------------------------------------------------------
 */

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
    struct claim claim;

    claim_build(&request, queue_key_span(&key), &args);
    redisReply *claimed = ask();
    if (claim_read(claimed, &claim)) abort();
    for (size_t i = 0; i < claim.count; i++) {
        struct claimed item;
        claim_item(&claim, i, &item);
        items[i] = (struct settle_item){.id = item.id, .token = item.token};
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
    uint64_t began_us = begin();

    jobs -= jobs % batch;
    enqueue_all(jobs, batch, 0);
    double us = end("enqueue", batch, jobs, began_us);
    began_us = begin();
    for (size_t done = 0; done < jobs;) done += claim_and_ack(batch);
    us += end("claim+ack", batch, jobs, began_us);
    began_us = begin();
    size_t delayed = jobs / 4 / BATCH_ITEMS_MAX * BATCH_ITEMS_MAX;
    printf("{\"measure\":\"enqueue+claim+ack\",\"batch\":%zu,\"redis_us\":%.2f}\n", batch, us);
    if (batch < BATCH_ITEMS_MAX || delayed == 0) return;
    enqueue_all(delayed, BATCH_ITEMS_MAX, 1);
    end("enqueue delayed", batch, delayed, began_us);
    struct promoted promoted = {0};
    began_us = begin();
    for (size_t done = 0; done < delayed; done += (size_t)promoted.count) {
        promote_build(&request, queue_key_span(&key));
        redisReply *r = ask();
        if (promote_read(r, &promoted)) abort();
        freeReplyObject(r);
    }
    end("promote", BATCH_ITEMS_MAX, delayed, began_us);
}

int main(int argc, char **argv)
{
    static const size_t batches[] = {1, 16, 128, 512};
    size_t jobs = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    struct redis_server *server = redis_server_start(NULL);

    if (jobs < BATCH_ITEMS_MAX) {
        fprintf(stderr, "usage: bench_scripts [JOBS], at least %d\n", BATCH_ITEMS_MAX);
        return 2;
    }
    redis = redisConnectUnix(redis_server_path(server));
    key = queue_key("pinion", span_of("q"));
    load_scripts();
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) run(jobs, batches[i]);
    redisFree(redis);
    redis_server_free(server);
    request_deinit(&request);
    return 0;
}
