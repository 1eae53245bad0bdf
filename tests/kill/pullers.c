/* tests/kill/pullers.c — what each worker said of a job, when, and what it was answered:
 *
 *     lease  token 1  10 .. 12              ack  token 1  30 .. 33  stale: too late
 *     lease  token 2  20 .. 21   ack  token 2  25 .. 26  200: done, and never leased again
 */
#include "tests/kill/pullers.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/kill/server.h"
#include "tests/support/plain_http.h"
#include "tests/support/property.h"

#define LEASE_PATH \
    "/v1/queues/default/lease?kind=" PULL_KIND "&max=4&wait=200ms&lease_ms=1000&worker=puller"
#define WORK_MS_MAX   40
#define LATE_WORK_MS  600 /* of jobs that somebody else overslept, and may ack meanwhile */
#define MARKS         1024
#define KEPT_MAX      64
#define PATIENCE_MS   60000 /* for an answer, from whichever life of a server */
#define LOOK_AGAIN_MS 5

enum said { SAID_LEASE, SAID_ACK, SAID_FAIL };

struct word {
    char id[HISTORY_ID_MAX], token[32];
    enum said said;
    unsigned status; /* 200, 409 */
    bool repeated;   /* the first time it was sent, no answer came */
    int64_t sent_us, answered_us;
};

struct kept_job {
    char id[HISTORY_ID_MAX], token[32];
    int64_t until_us; /* to be acked then */
};

struct puller {
    pthread_t thread;
    struct pullers *all;
    struct prng prng;
    struct plain_http http;
    char token[128];
    struct word *words;
    size_t count, room;
    struct kept_job kept[KEPT_MAX]; /* the first until the end */
    size_t kept_count;
};

struct pullers {
    struct puller puller[PULLERS];
    const char *folders[PULL_SERVERS_MAX];
    size_t folders_count;
    atomic_bool overslept[MARKS]; /* by the hash of the job's id */
    atomic_bool stop;
};

static int64_t now_us(void)
{
    return (int64_t)clock_mono_us();
}

static void note(struct puller *p, struct word word)
{
    if (p->count == p->room) {
        p->room = p->room ? 2 * p->room : 256;
        p->words = xrealloc(p->words, p->room * sizeof *p->words);
    }
    p->words[p->count++] = word;
}

/* ---- whom to ask ----------------------------------------------------------------------------- */

/* A server that may be there: where, and by which token. */
static void find_server(struct puller *p)
{
    const char *folder = p->all->folders[prng_below(&p->prng, p->all->folders_count)];
    char path[128], *info, *token, *at;

    snprintf(path, sizeof path, "%s/pinion.json", folder);
    info = read_whole(path, 0);
    snprintf(path, sizeof path, "%s/token", folder);
    token = read_whole(path, 0);
    at = strstr(info, "\"http\":\"127.0.0.1:");
    plain_close(&p->http);
    snprintf(p->token, sizeof p->token, "%.*s", (int)strcspn(token, "\n"), token);
    p->http = PLAIN_HTTP(at ? (unsigned)strtoul(at + 18, NULL, 10) : 0, p->token);
    free(token);
    free(info);
}

/* 0: no answer. Where Redis is away, or somebody else listens by now, that is none either. */
static unsigned post(struct puller *p, const char *path, const char *body, const char **ret_body,
                     size_t *ret_len)
{
    unsigned status = 0;

    if (p->http.port) status = plain_post(&p->http, path, body, strlen(body), ret_body, ret_len);
    if (status == 200 || status == 409) return status;
    if (status && status != 503 && status != 401 && status != 429)
        give_up("POST %s %s: %u %.*s", path, body, status, (int)*ret_len, *ret_body);
    rest_ms(LOOK_AGAIN_MS);
    find_server(p);
    return 0;
}

/* Until somebody answers. */
static struct word say(struct puller *p, enum said said, const struct kept_job *job,
                       const char *verb, const char *more)
{
    struct word w = {.said = said, .sent_us = now_us()};
    char path[192], body[128];
    const char *answer;
    size_t len;

    memcpy(w.id, job->id, sizeof w.id);
    memcpy(w.token, job->token, sizeof w.token);
    snprintf(path, sizeof path, "/v1/jobs/%s/%s", job->id, verb);
    snprintf(body, sizeof body, "{\"token\":\"%s\"%s}", job->token, more);
    while (!(w.status = post(p, path, body, &answer, &len))) {
        w.repeated = true;
        if (now_us() - w.sent_us > PATIENCE_MS * 1000) give_up("nobody answers %s", path);
    }
    w.answered_us = now_us();
    return w;
}

/* ---- work ------------------------------------------------------------------------------------ */

static void ack(struct puller *p, const struct kept_job *job)
{
    note(p, say(p, SAID_ACK, job, "ack", ",\"result\":\"r\""));
}

static atomic_bool *mark_of(struct puller *p, const struct kept_job *job)
{
    unsigned hash = 0;

    for (const char *at = job->id; *at; at++) hash = 31 * hash + (unsigned char)*at;
    return &p->all->overslept[hash % MARKS];
}

/* The first job of all is acked at the end, and some others when somebody else may have them. */
static bool oversleeps(struct puller *p, struct kept_job *job)
{
    uint64_t ms = PULL_LEASE_MS + prng_below(&p->prng, 2 * LATE_WORK_MS);

    if (p->kept_count > 0 && (p->kept_count == KEPT_MAX || prng_below(&p->prng, 16))) return false;
    job->until_us = p->kept_count ? now_us() + (int64_t)ms * 1000 : INT64_MAX;
    p->kept[p->kept_count++] = *job;
    atomic_store(mark_of(p, job), true);
    return true;
}

static void work(struct puller *p, struct kept_job *job)
{
    if (oversleeps(p, job)) return;
    bool late = atomic_exchange(mark_of(p, job), false);
    rest_ms(prng_below(&p->prng, late ? LATE_WORK_MS : WORK_MS_MAX));
    if (prng_below(&p->prng, 4) == 0) (void)say(p, SAID_ACK, job, "extend", ",\"lease_ms\":1000");
    if (prng_below(&p->prng, 4) == 0) (void)say(p, SAID_ACK, job, "progress", ",\"percent\":50");
    if (prng_below(&p->prng, 10) == 0)
        note(p, say(p, SAID_FAIL, job, "fail", ",\"error\":\"no luck\",\"retry_in_ms\":1"));
    else
        ack(p, job);
}

/* Which of these are ours is known only when the answer is here: all are noted before any is done.
 */
static void take_leases(struct puller *p, const char *answer, size_t len, int64_t sent_us)
{
    json_t *root = json_loadb(answer, len, 0, NULL), *items = json_object_get(root, "items");
    struct kept_job jobs[4] = {0};
    size_t count = json_array_size(items);

    if (!json_is_array(items) || count > 4) give_up("a lease: %.*s", (int)len, answer);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(items, i);
        struct word w = {.said = SAID_LEASE, .sent_us = sent_us, .answered_us = now_us()};
        snprintf(w.id, sizeof w.id, "%s", json_string_value(json_object_get(one, "id")));
        snprintf(w.token, sizeof w.token, "%s", json_string_value(json_object_get(one, "token")));
        memcpy(jobs[i].id, w.id, sizeof w.id);
        memcpy(jobs[i].token, w.token, sizeof w.token);
        note(p, w);
    }
    json_decref(root);
    for (size_t i = 0; i < count; i++) work(p, &jobs[i]);
}

static void ack_overslept(struct puller *p)
{
    for (size_t i = p->kept_count; i-- > 1;) {
        if (p->kept[i].until_us > now_us()) continue;
        ack(p, &p->kept[i]);
        p->kept[i] = p->kept[--p->kept_count];
    }
}

static void *pull(void *arg)
{
    struct puller *p = arg;
    const char *answer;
    size_t len;

    find_server(p);
    while (!atomic_load(&p->all->stop)) {
        int64_t sent_us = now_us();
        unsigned status = post(p, LEASE_PATH, "", &answer, &len);
        if (status == 409) give_up("a lease: %.*s", (int)len, answer);
        if (status) take_leases(p, answer, len, sent_us);
        ack_overslept(p);
        if (prng_below(&p->prng, 20) == 0) find_server(p);
    }
    for (size_t i = 0; i < p->kept_count; i++) ack(p, &p->kept[i]);
    plain_close(&p->http);
    return NULL;
}

struct pullers *pullers_start(const char *const folders[], size_t count, uint64_t seed)
{
    struct pullers *all = xcalloc(1, sizeof *all);

    all->folders_count = count;
    for (size_t i = 0; i < count; i++) all->folders[i] = folders[i];
    for (unsigned i = 0; i < PULLERS; i++) {
        struct puller *p = &all->puller[i];
        p->all = all;
        p->prng.state = seed + 7777 * (i + 1);
        p->http = PLAIN_HTTP(0, p->token);
        if (pthread_create(&p->thread, NULL, pull, p)) give_up("cannot start a thread");
    }
    return all;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static int by_id_and_time(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    if (order) return order;
    return x->sent_us < y->sent_us ? -1 : x->sent_us > y->sent_us;
}

static bool accepted(const struct word *w)
{
    return w->said == SAID_ACK && w->status == 200;
}

/* Two words about one job; false: they contradict each other. */
static bool agree(const struct word *a, const struct word *b)
{
    bool same = strcmp(a->token, b->token) == 0;

    if (a != b && a->said == SAID_LEASE && b->said == SAID_LEASE && same) {
        printf("FAULT leased twice with one token: %s\n", a->id);
    } else if (accepted(a) && accepted(b) && !same) {
        printf("FAULT acked twice: %s\n", a->id);
    } else if (accepted(a) && b->said == SAID_LEASE && b->sent_us > a->answered_us) {
        printf("FAULT leased again when it was done: %s\n", a->id);
    } else if (accepted(a) && b->said == SAID_LEASE && b->answered_us < a->sent_us && !same &&
               strcmp(b->token, a->token) > 0) {
        printf("FAULT a late ack was taken: %s\n", a->id);
    } else {
        return true;
    }
    return false;
}

static size_t check_job(const struct word *words, size_t count)
{
    size_t faults = 0, acks = 0;

    for (size_t i = 0; i < count; i++) {
        acks += accepted(&words[i]);
        for (size_t k = 0; k < count; k++) faults += !agree(&words[i], &words[k]);
    }
    if (acks) return faults;
    printf("FAULT pulled, and never acked: %s\n", words->id);
    return faults + 1;
}

/* A failure whose first answer was lost may have counted, though its repetition came too late. */
static void count_failures(const struct word *words, size_t count, struct history *h)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].said != SAID_FAIL) continue;
        h->failed_min += words[i].status == 200;
        h->failed_max += words[i].status == 200 || words[i].repeated;
    }
}

/* Every worker's first job was somebody else's in the end. */
static size_t check_late(const struct puller *p)
{
    const struct word *last = p->count ? &p->words[p->count - 1] : NULL;

    for (size_t i = p->count; p->kept_count && i-- > 0;) {
        last = &p->words[i];
        if (last->said == SAID_ACK && strcmp(last->id, p->kept[0].id) == 0 &&
            strcmp(last->token, p->kept[0].token) == 0) {
            if (last->status == 409) return 0;
            break;
        }
    }
    printf("FAULT a worker did nothing, or its last ack was not refused: %s\n",
           last ? last->id : "none");
    return 1;
}

static size_t check_all(struct word *words, size_t count)
{
    size_t faults = 0, from = 0, jobs = 0, leases = 0, stale = 0;

    if (count) qsort(words, count, sizeof *words, by_id_and_time);
    for (size_t i = 1; i <= count; i++) {
        leases += words[i - 1].said == SAID_LEASE;
        stale += words[i - 1].status == 409;
        if (i < count && strcmp(words[i].id, words[from].id) == 0) continue;
        faults += check_job(words + from, i - from);
        from = i;
        jobs++;
    }
    printf("%zu jobs were pulled with %zu leases; %zu outcomes came too late, and were refused\n",
           jobs, leases, stale);
    return faults;
}

bool pullers_finish(struct pullers *all, struct history *h)
{
    struct word *words = NULL;
    size_t count = 0, faults = 0;

    atomic_store(&all->stop, true);
    for (unsigned i = 0; i < PULLERS; i++) {
        struct puller *p = &all->puller[i];
        pthread_join(p->thread, NULL);
        faults += check_late(p);
        count_failures(p->words, p->count, h);
        words = xrealloc(words, (count + p->count + 1) * sizeof *words);
        if (p->count) memcpy(words + count, p->words, p->count * sizeof *words);
        count += p->count;
        free(p->words);
    }
    faults += check_all(words, count);
    free(words);
    free(all);
    return faults == 0;
}
