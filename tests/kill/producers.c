/* tests/kill/producers.c — calls of one to PRODUCER_BATCH jobs, each repeated until it is answered.
 */
#include "tests/kill/producers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "include/pinion.h"
#include "tests/kill/pullers.h"
#include "tests/kill/server.h"
#include "tests/support/property.h"

#define OWN_ID_PATIENCE_MS  100 /* of a client that repeats its calls itself */
#define LIBRARY_PATIENCE_MS 60000
#define RETAIN_MS           3600000
#define DELAY_MS_MAX        500

struct producer {
    pthread_t thread;
    unsigned number;
    const struct producers_options *options;
    size_t jobs; /* to be made */
    struct prng prng;
    bool own_ids;
    size_t repeats;
    struct history told; /* what it was told; read when it has ended */
    atomic_bool *stop;
};

struct producers {
    struct producers_options options;
    struct producer all[PRODUCERS_MAX];
    atomic_bool stop;
};

static struct pinion_client *open_client(struct producer *p)
{
    struct pinion_client_options options = {
        .redis_url = p->options->redis_url,
        .connect_timeout_ms = p->own_ids ? OWN_ID_PATIENCE_MS : LIBRARY_PATIENCE_MS,
        .reply_timeout_ms = p->own_ids ? OWN_ID_PATIENCE_MS : LIBRARY_PATIENCE_MS,
    };
    uint64_t until_ms = clock_mono_ms() + LIBRARY_PATIENCE_MS;
    struct pinion_client *client = NULL;
    char why[256] = "";

    while (clock_mono_ms() < until_ms) {
        if (!pinion_client_open(&options, &client, why, sizeof why)) return client;
        p->repeats++;
    }
    fprintf(stderr, "FAILED: a client cannot connect: %s\n", why);
    abort();
}

/* What a job borrows. */
struct job_text {
    char payload[32], key[32], batch[32];
};

/* Alike often: commands that log their runs, sleeps, jobs that are done at once, and perhaps those
 * of workers elsewhere. Every second
 * is kept, so that both ways of ending a job are used; some wait for a time. */
static struct pinion_job make_job(struct producer *p, struct job_text *text)
{
    unsigned keys = p->options->unique_keys;
    static const char *const kinds[] = {"log", "pinion.sleep", "pinion.noop", PULL_KIND};
    uint64_t kind = prng_below(&p->prng, p->options->pulled ? 4 : 3);
    uint64_t ms = prng_below(&p->prng, PRODUCER_WORK_MS);

    if (keys) snprintf(text->key, sizeof text->key, "key-%u", (unsigned)prng_below(&p->prng, keys));
    if (p->options->batches)
        snprintf(text->batch, sizeof text->batch, "batch-%u", p->number % p->options->batches);
    snprintf(text->payload, sizeof text->payload, kind == 1 ? "%" PRIu64 "ms" : "%" PRIu64, ms);
    return (struct pinion_job){
        .kind = kinds[kind],
        .payload = text->payload,
        .payload_len = strlen(text->payload),
        .in_ms = prng_below(&p->prng, 4) ? 0 : 1 + prng_below(&p->prng, DELAY_MS_MAX),
        .priority =
            prng_below(&p->prng, 4) ? 0 : PINION_PRIORITY((unsigned)prng_below(&p->prng, 10)),
        .retain_ms = prng_below(&p->prng, 2) ? RETAIN_MS : 0,
        .unique = keys && kind == 0 ? text->key : NULL,
        .batch = p->options->batches ? text->batch : NULL,
    };
}

static void note_answer(struct producer *p, const struct pinion_job *job,
                        const struct pinion_enqueued *answer)
{
    if (answer->err) {
        fprintf(stderr, "FAILED: a job was refused: %s\n", pinion_err_name(answer->err));
        abort();
    }
    if (job->unique && answer->existing) return; /* its holder was told of already */
    history_add(&p->told, answer->id,
                (struct fact){.kind = FACT_ACCEPTED, .logs = strcmp(job->kind, "log") == 0});
}

/* The same jobs again until each is answered: with ids of their own that makes none twice. */
static void send_call(struct producer *p, struct pinion_client *client,
                      const struct pinion_job *jobs, size_t count)
{
    struct pinion_enqueued answers[PRODUCER_BATCH];

    while (pinion_enqueue(client, jobs, count, answers) == PINION_UNAVAILABLE) {
        if (!p->own_ids) {
            fprintf(stderr, "FAILED: Redis did not come back within %d ms\n", LIBRARY_PATIENCE_MS);
            abort();
        }
        p->repeats++;
    }
    for (size_t i = 0; i < count; i++) note_answer(p, &jobs[i], &answers[i]);
}

static void *produce(void *arg)
{
    struct producer *p = arg;
    struct pinion_client *client = open_client(p);
    struct pinion_job jobs[PRODUCER_BATCH];
    struct job_text texts[PRODUCER_BATCH];
    char ids[PRODUCER_BATCH][64];

    for (size_t made = 0; made < p->jobs && !atomic_load(p->stop);) {
        size_t count = 1 + prng_below(&p->prng, PRODUCER_BATCH);
        if (count > p->jobs - made) count = p->jobs - made;
        for (size_t i = 0; i < count; i++, made++) {
            jobs[i] = make_job(p, &texts[i]);
            snprintf(ids[i], sizeof ids[i], "own-%u-%zu", p->number, made);
            if (p->own_ids) jobs[i].id = ids[i];
        }
        send_call(p, client, jobs, count);
        rest_ms(prng_below(&p->prng, 2 * p->options->pace_ms + 1));
    }
    pinion_client_close(client);
    return NULL;
}

struct producers *producers_start(const struct producers_options *options)
{
    struct producers *all = xcalloc(1, sizeof *all);

    all->options = *options;
    for (unsigned i = 0; i < options->threads; i++) {
        struct producer *p = &all->all[i];
        p->number = i;
        p->options = &all->options;
        p->jobs = options->jobs / options->threads + (i < options->jobs % options->threads);
        p->prng.state = options->seed + 1000 * (i + 1);
        p->own_ids = i % 2 == 0 && !options->unique_keys;
        p->stop = &all->stop;
        if (pthread_create(&p->thread, NULL, produce, p)) give_up("cannot start a thread");
    }
    return all;
}

size_t producers_finish(struct producers *all, struct history *history)
{
    size_t repeats = 0;

    atomic_store(&all->stop, true);
    for (unsigned i = 0; i < all->options.threads; i++) {
        struct producer *p = &all->all[i];
        pthread_join(p->thread, NULL);
        repeats += p->repeats;
        for (size_t f = 0; f < p->told.count; f++)
            history_add(history, p->told.facts[f].id, p->told.facts[f]);
        history_free(&p->told);
    }
    free(all);
    return repeats;
}
