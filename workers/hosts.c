#include "workers/hosts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "workers/registry.h"

struct member {
    struct handler *handler;
    unsigned concurrency;
};

struct host {
    struct hosts *hosts;
    char *name;
    unsigned running;
    struct list turns; /* of those that wait */
    bool probing;      /* a half-open breaker let one through */
    struct member *members;
    size_t count;

    enum breaker breaker;
    unsigned failures; /* in a row */
    unsigned opened;   /* times in a row */
    uint64_t until_ms; /* of an open one */
    struct alarm half_at;
    uint64_t asked, failed, postponed;
};

struct hosts {
    struct ticker *ticker;
    void (*give)(void *ctx);
    void *ctx;
    struct host **all;
    size_t count;
};

static unsigned concurrency_of(const struct host *h)
{
    unsigned least = h->members[0].concurrency;

    for (size_t i = 1; i < h->count; i++)
        if (h->members[i].concurrency < least) least = h->members[i].concurrency;
    return least;
}

/* ---- the breaker ----------------------------------------------------------------------------- */

static void cap(const struct host *h, struct handler *handler)
{
    handler->capped = h->breaker != BREAKER_CLOSED;
    handler->cap = h->breaker == BREAKER_HALF ? 1 : 0;
}

static void set_breaker(struct host *h, enum breaker breaker)
{
    h->breaker = breaker;
    for (size_t i = 0; i < h->count; i++) cap(h, h->members[i].handler);
    if (breaker != BREAKER_OPEN && h->hosts->give) h->hosts->give(h->hosts->ctx);
}

static void close_breaker(struct host *h)
{
    h->failures = h->opened = 0;
    if (h->breaker == BREAKER_CLOSED) return;
    ticker_cancel(h->hosts->ticker, &h->half_at);
    set_breaker(h, BREAKER_CLOSED);
    log_info("breaker_closed", LOG_TEXT("host", h->name));
}

static void refuse_all(struct host *h)
{
    for (struct list *node; (node = list_pop(&h->turns));) {
        struct turn *turn = container_of(node, struct turn, node);
        h->postponed++;
        turn->go(turn, false);
    }
}

static uint64_t time_open(const struct host *h)
{
    uint64_t ms = BREAKER_FIRST_MS;

    for (unsigned i = 1; i < h->opened && ms < BREAKER_MAX_MS; i++) ms *= 2;
    if (ms > BREAKER_MAX_MS) ms = BREAKER_MAX_MS;
    return (uint64_t)((double)ms * (0.5 + random_unit() / 2));
}

static void open_breaker(struct host *h)
{
    h->opened++;
    uint64_t ms = time_open(h);
    h->until_ms = clock_mono_ms() + ms;
    ticker_set_in(h->hosts->ticker, &h->half_at, ms);
    set_breaker(h, BREAKER_OPEN);
    log_warn("breaker_open", LOG_TEXT("host", h->name), LOG_INT("failures", h->failures),
             LOG_INT("ms", ms));
    refuse_all(h);
}

static void on_half(struct alarm *alarm)
{
    struct host *h = container_of(alarm, struct host, half_at);

    h->probing = false;
    set_breaker(h, BREAKER_HALF);
}

/* What was under way when it opened says nothing new, unless it was answered. */
static void judge(struct host *h, enum verdict verdict)
{
    if (verdict == HOST_ANSWERED) close_breaker(h);
    if (verdict != HOST_FAILED) return;
    h->failed++;
    h->failures++;
    if (h->breaker == BREAKER_HALF ||
        (h->breaker == BREAKER_CLOSED && h->failures >= HOST_FAILURES_MAX))
        open_breaker(h);
}

uint64_t host_rest_ms(const struct host *h)
{
    uint64_t now_ms = clock_mono_ms();

    if (h->breaker == BREAKER_OPEN && h->until_ms > now_ms) return h->until_ms - now_ms;
    return h->breaker == BREAKER_HALF ? BREAKER_FIRST_MS : 1;
}

/* ---- in and out ------------------------------------------------------------------------------ */

enum entry host_enter(struct host *h, struct turn *turn)
{
    list_init(&turn->node);
    if (h->breaker == BREAKER_OPEN || (h->breaker == BREAKER_HALF && h->probing)) {
        h->postponed++;
        return ENTRY_REFUSED;
    }
    if (h->running >= concurrency_of(h) && h->breaker == BREAKER_CLOSED) {
        list_push(&h->turns, &turn->node);
        return ENTRY_WAIT;
    }
    h->probing = h->breaker == BREAKER_HALF;
    h->running++;
    h->asked++;
    return ENTRY_GO;
}

void host_give_up(struct turn *turn)
{
    list_remove(&turn->node);
}

void host_leave(struct host *h, enum verdict verdict)
{
    struct list *next;

    assert(h->running > 0);
    h->running--;
    h->probing = false;
    judge(h, verdict);
    if (h->running >= concurrency_of(h) || !(next = list_pop(&h->turns))) return;
    h->running++;
    h->asked++;
    struct turn *turn = container_of(next, struct turn, node);
    turn->go(turn, true);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct hosts *hosts_new(struct ticker *ticker, void (*give)(void *ctx), void *ctx)
{
    struct hosts *hosts = xcalloc(1, sizeof *hosts);

    *hosts = (struct hosts){.ticker = ticker, .give = give, .ctx = ctx};
    return hosts;
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts) return;
    assert(hosts->count == 0);
    free(hosts->all);
    free(hosts);
}

static struct host *find(const struct hosts *hosts, const char *name)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (strcmp(hosts->all[i]->name, name) == 0) return hosts->all[i];
    return NULL;
}

static struct host *add(struct hosts *hosts, const char *name)
{
    struct host *h = xcalloc(1, sizeof *h);

    h->hosts = hosts;
    h->name = xstrdup(name);
    list_init(&h->turns);
    alarm_init(&h->half_at, on_half);
    hosts->all = xrealloc(hosts->all, (hosts->count + 1) * sizeof hosts->all[0]);
    hosts->all[hosts->count++] = h;
    return h;
}

static void forget(struct host *h)
{
    struct hosts *hosts = h->hosts;
    size_t i = 0;

    assert(h->running == 0 && list_empty(&h->turns));
    while (hosts->all[i] != h) i++;
    hosts->all[i] = hosts->all[--hosts->count];
    ticker_cancel(hosts->ticker, &h->half_at);
    free(h->members);
    free(h->name);
    free(h);
}

struct host *host_join(struct hosts *hosts, const char *name, struct handler *handler,
                       unsigned concurrency)
{
    struct host *h = find(hosts, name);

    if (!h) h = add(hosts, name);
    h->members = xrealloc(h->members, (h->count + 1) * sizeof h->members[0]);
    h->members[h->count++] =
        (struct member){handler, concurrency ? concurrency : HOST_CONCURRENCY_DEFAULT};
    cap(h, handler);
    return h;
}

void host_part(struct host *h, struct handler *handler)
{
    size_t i = 0;

    while (h->members[i].handler != handler) i++;
    h->members[i] = h->members[--h->count];
    if (h->count == 0) forget(h);
}

size_t hosts_count(const struct hosts *hosts)
{
    return hosts ? hosts->count : 0;
}

struct host_view hosts_view(const struct hosts *hosts, size_t index)
{
    const struct host *h = hosts->all[index];
    unsigned waiting = 0;

    list_for_each (node, &h->turns) waiting++;
    return (struct host_view){
        .name = h->name,
        .breaker = h->breaker,
        .running = h->running,
        .waiting = waiting,
        .concurrency = concurrency_of(h),
        .asked = h->asked,
        .failed = h->failed,
        .postponed = h->postponed,
    };
}
