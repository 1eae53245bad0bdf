#include "cli/bench_measure.h"
#include "cli/bench_hop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/key.h"
#include "queue/look.h"
#include "queue/reply.h"

#define NAME_SPACE     "pinion"
#define QUEUE          "bench"
#define CHUNK          8192   /* jobs in one call of pinion_enqueue */
#define WAIT_MS        120000 /* for what should take seconds */
#define SETTLE_MS      1000   /* for the last acks, once the last job has run */
#define IDLE_US        2000   /* between two jobs of latency: the server goes to sleep again */
#define LEAD_MS        1000   /* before the first delayed job is due, */
#define LEAD_JOBS_A_MS 25     /* and a millisecond more for so many jobs */

/* ---- asking Redis ---------------------------------------------------------------------------- */

static enum pinion_err done_so_far(struct bench *b, int64_t *ret_done, struct error *why)
{
    struct queue_key key = queue_key(NAME_SPACE, span_of(QUEUE));
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    struct queue_view view;
    enum pinion_err err;

    stats_build(&request, queue_key_span(&key));
    err = sync_call(b->sync, &request, &reply, why);
    if (!err) err = stats_read(reply, &view);
    if (!err) *ret_done = view.done;
    sync_reply_free(reply);
    request_deinit(&request);
    return err;
}

static double info_number(struct span info, const char *name)
{
    const char *found = info.data ? strstr(info.data, name) : NULL;

    return found ? strtod(found + strlen(name), NULL) : 0;
}

/* Seconds of Redis's main thread; 0 if it does not tell. */
static double redis_cpu(struct bench *b)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;
    double seconds = 0;

    request_command(&request, "INFO cpu");
    if (sync_call(b->sync, &request, &reply, NULL) == PINION_OK) {
        struct span info = reply_span(reply);
        seconds = info_number(info, "used_cpu_sys_main_thread:") +
                  info_number(info, "used_cpu_user_main_thread:");
    }
    sync_reply_free(reply);
    request_deinit(&request);
    return seconds;
}

/* ---- enqueueing ------------------------------------------------------------------------------ */

struct crowd {
    size_t count;
    int64_t from_ms; /* the first is due then; 0: all are due now */
};

static int64_t due_of(const struct bench *b, const struct crowd *c, size_t i)
{
    return c->from_ms ? c->from_ms + (int64_t)(b->over_ms * i / c->count) : 0;
}

static enum pinion_err enqueue_chunk(struct bench *b, const struct pinion_job *jobs, size_t count,
                                     struct pinion_enqueued *done, struct error *why)
{
    enum pinion_err err = pinion_enqueue(b->client, jobs, count, done);

    for (size_t i = 0; i < count && !err; i++) err = done[i].err;
    if (err) return error_set(why, err, "enqueue: %s", error_name(err));
    if (world_interrupted(&b->world)) return error_set(why, PINION_UNAVAILABLE, "interrupted");
    return PINION_OK;
}

static enum pinion_err enqueue_crowd(struct bench *b, const struct crowd *c, struct error *why)
{
    struct pinion_job *jobs = xcalloc(CHUNK, sizeof *jobs);
    struct pinion_enqueued *done = xcalloc(CHUNK, sizeof *done);
    enum pinion_err err = PINION_OK;

    for (size_t at = 0, n; at < c->count && !err; at += n) {
        n = c->count - at < CHUNK ? c->count - at : CHUNK;
        for (size_t i = 0; i < n; i++)
            jobs[i] = (struct pinion_job){.kind = BENCH_KIND,
                                          .queue = QUEUE,
                                          .payload = b->payload,
                                          .payload_len = b->payload_len,
                                          .run_at_ms = due_of(b, c, at + i)};
        err = enqueue_chunk(b, jobs, n, done, why);
    }
    free(jobs);
    free(done);
    return err;
}

static struct bench_server make_server(const struct bench *b, enum tally_what what, size_t jobs)
{
    return (struct bench_server){.queue = QUEUE, .what = what, .runs = b->runs, .jobs = jobs};
}

/* ---- enqueue and drain ----------------------------------------------------------------------- */

/* The last job has run; when was the last ack accepted? */
static enum pinion_err wait_for_acks(struct bench *b, int64_t done, uint64_t *ret_us,
                                     struct error *why)
{
    uint64_t until_ms = clock_mono_ms() + SETTLE_MS;
    int64_t now = 0;
    enum pinion_err err;

    do {
        err = done_so_far(b, &now, why);
        *ret_us = clock_mono_us();
    } while (!err && now < done && *ret_us / 1000 < until_ms);
    if (!err && now != done)
        return error_set(why, PINION_INTERNAL, "%lld jobs are done, expected %lld", (long long)now,
                         (long long)done);
    return err;
}

static enum pinion_err drain(struct bench *b, size_t jobs, struct round *r, struct error *why)
{
    struct bench_server server = make_server(b, TALLY_COUNT, jobs);
    double cpu = redis_cpu(b);
    uint64_t end_us = 0;
    int64_t before = 0;
    enum pinion_err err = done_so_far(b, &before, why);

    if (!err) err = bench_server_start(&server, &b->world, why);
    if (!err)
        err = child_wait(&server.child, CHILD_DONE, b->world.signals, WAIT_MS, "the server", why);
    if (!err) err = wait_for_acks(b, before + (int64_t)jobs, &end_us, why);
    if (!err) {
        const struct bench_tally *t = server.tally;
        r->drain = (double)jobs * 1e6 / (double)(end_us - t->ready_us);
        r->redis_cpu = (redis_cpu(b) - cpu) * 1e6 / (double)jobs;
        r->worker_cpu = (double)(t->done_cpu_us - t->ready_cpu_us) / (double)jobs;
    }
    bench_server_stop(&server);
    return err;
}

enum pinion_err measure_throughput(struct bench *b, size_t jobs, struct round *ret,
                                   struct error *why)
{
    struct crowd crowd = {.count = jobs};
    uint64_t start_us;
    enum pinion_err err = measure_redis(&b->world, b->payload_len, &ret->lpush, &ret->hset, why);

    if (err) return err;
    start_us = clock_mono_us();
    err = enqueue_crowd(b, &crowd, why);
    if (err) return err;
    ret->enqueue = (double)jobs * 1e6 / (double)(clock_mono_us() - start_us);
    return drain(b, jobs, ret, why);
}

/* ---- latency and lateness -------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return x < y ? -1 : x > y;
}

/* Nearest rank. */
static double rank_ms(const int32_t *sorted, size_t count, double share)
{
    size_t rank = (size_t)(share * (double)count + 0.999999);

    return sorted[rank > 0 ? rank - 1 : 0] / 1e3;
}

static void sum_up(struct bench_tally *t, size_t jobs, struct delays *ret)
{
    qsort(t->sample_us, jobs, sizeof t->sample_us[0], by_size);
    *ret = (struct delays){
        .p50_ms = rank_ms(t->sample_us, jobs, 0.5),
        .p99_ms = rank_ms(t->sample_us, jobs, 0.99),
        .max_ms = t->sample_us[jobs - 1] / 1e3,
    };
    while (ret->early < jobs && t->sample_us[ret->early] < 0) ret->early++;
}

static void rest(uint64_t us)
{
    struct timespec pause = {0, (long)us * 1000};

    nanosleep(&pause, NULL);
}

/* The stamp is taken by the client just before it calls pinion_enqueue. */
static enum pinion_err one_stamped(struct bench *b, const struct bench_server *s, struct error *why)
{
    struct pinion_enqueued done;
    uint64_t stamp;
    struct pinion_job job = {
        .kind = BENCH_KIND, .queue = QUEUE, .payload = b->payload, .payload_len = b->payload_len};
    enum pinion_err err;

    rest(IDLE_US);
    stamp = clock_mono_us();
    memcpy(b->payload, &stamp, sizeof stamp);
    err = enqueue_chunk(b, &job, 1, &done, why);
    return err ? err
               : child_wait(&s->child, CHILD_DONE, b->world.signals, WAIT_MS, "the server", why);
}

/* In turn with the jobs, so that noise of the machine meets both. */
static enum pinion_err one_hop(struct bench *b, struct bench_hop *h, struct error *why)
{
    rest(IDLE_US);
    return bench_hop(h, b->sync, why);
}

enum pinion_err measure_latency(struct bench *b, size_t jobs, struct delays *ret, struct error *why)
{
    struct bench_server server = make_server(b, TALLY_STAMP, jobs);
    struct bench_hop hop = {0};
    struct delays bare = {0};
    enum pinion_err err = bench_server_start(&server, &b->world, why);

    if (!err) err = bench_hop_start(&hop, &b->world, jobs, why);
    for (size_t i = 0; i < jobs && !err; i++) {
        err = one_stamped(b, &server, why);
        if (!err) err = one_hop(b, &hop, why);
    }
    if (!err) sum_up(hop.tally, jobs, &bare);
    if (!err) sum_up(server.tally, jobs, ret);
    ret->hop_p50_ms = bare.p50_ms;
    ret->hop_p99_ms = bare.p99_ms;
    bench_hop_stop(&hop);
    bench_server_stop(&server);
    return err;
}

enum pinion_err measure_lateness(struct bench *b, size_t jobs, struct delays *ret,
                                 struct error *why)
{
    struct bench_server server = make_server(b, TALLY_LATENESS, jobs);
    struct crowd crowd = {.count = jobs};
    enum pinion_err err = bench_server_start(&server, &b->world, why);

    crowd.from_ms = clock_wall_ms() + LEAD_MS + (int64_t)jobs / LEAD_JOBS_A_MS;
    if (!err) err = enqueue_crowd(b, &crowd, why);
    if (!err && clock_wall_ms() >= crowd.from_ms)
        err = error_set(why, PINION_BUSY,
                        "the machine is too slow: jobs came to be due before all were enqueued");
    if (!err)
        err = child_wait(&server.child, CHILD_DONE, b->world.signals, b->over_ms + WAIT_MS,
                         "the server", why);
    if (!err) sum_up(server.tally, jobs, ret);
    bench_server_stop(&server);
    return err;
}

/* ---- life ------------------------------------------------------------------------------------ */

enum pinion_err bench_open(struct bench *b, enum redis_fsync fsync, struct error *why)
{
    struct sync_options options = {.name_space = NAME_SPACE};
    enum pinion_err err = world_open(&b->world, fsync, why);
    struct pinion_client_options client = {.redis_url = b->world.url};

    if (!err) err = redis_url_parse(span_of(b->world.url), &b->url, why);
    if (!err) err = sync_open(&b->url, &options, &b->sync, why);
    if (err) return err;
    err = pinion_client_open(&client, &b->client, why->text, sizeof why->text);
    b->payload = xmalloc(b->payload_len);
    memset(b->payload, 'x', b->payload_len);
    return why->code = err;
}

void bench_close(struct bench *b)
{
    pinion_client_close(b->client);
    sync_close(b->sync);
    redis_url_deinit(&b->url);
    free(b->payload);
    world_close(&b->world);
}
