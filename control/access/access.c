#include "control/access/access.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "control/access/strikes.h"
#include "control/access/token_file.h"
#include "control/access/token_watch.h"
#include "scheduler/ticker.h"

#define LOOK_MS 3600000

struct access {
    struct access_options o;
    char *dir;
    struct token owner;
    struct token_set set;
    struct token_watch watch;
    struct alarm expiry;
    struct strikes wrong, told;
    uint64_t untold, wrong_tokens;
};

/* To the next one that expires. Walls' clocks step: so look again now and then. */
static void plan_expiry(struct access *a)
{
    int64_t now_ms = clock_wall_ms(), next_ms = INT64_MAX;

    for (size_t i = 0; i < a->set.count; i++) {
        int64_t at_ms = a->set.tokens[i].expires_ms;
        if (at_ms > now_ms && at_ms < next_ms) next_ms = at_ms;
    }
    if (next_ms == INT64_MAX) ticker_cancel(a->o.ticker, &a->expiry);
    else if (next_ms - now_ms > LOOK_MS) ticker_set_in(a->o.ticker, &a->expiry, LOOK_MS);
    else ticker_set_in(a->o.ticker, &a->expiry, (uint64_t)(next_ms - now_ms));
}

static void on_expiry(struct alarm *alarm)
{
    struct access *a = container_of(alarm, struct access, expiry);

    plan_expiry(a);
    a->o.changed(a->o.ctx);
}

static void on_change(void *ctx)
{
    struct error why;

    if (access_reload(ctx, &why)) log_error("tokens_refused", LOG_TEXT("error", why.text));
}

/* Watched before it is read: else a token that is revoked in between would be good until the next
 * change. */
enum pinion_err access_new(const struct access_options *o, struct access **ret_access,
                           struct error *why)
{
    struct access *a = xcalloc(1, sizeof *a);
    enum pinion_err err;

    a->o = *o;
    a->o.dir = a->o.owner = NULL;
    a->dir = xstrdup(o->dir);
    a->owner = (struct token){.name = ACCESS_OWNER, .roles = ROLE_BIT(ROLE_ADMIN)};
    token_hash(span_of(o->owner), a->owner.hash);
    strikes_init(&a->wrong, random_u64());
    strikes_init(&a->told, random_u64());
    alarm_init(&a->expiry, on_expiry);
    token_watch_start(&a->watch, o->loop, a->dir, on_change, a);
    err = token_file_read(a->dir, &a->set, why);
    if (err) {
        access_free(a);
        return err;
    }
    plan_expiry(a);
    *ret_access = a;
    return PINION_OK;
}

void access_stop(struct access *a)
{
    if (!a) return;
    token_watch_stop(&a->watch);
    ticker_cancel(a->o.ticker, &a->expiry);
}

void access_free(struct access *a)
{
    if (!a) return;
    access_stop(a);
    token_set_deinit(&a->set);
    free(a->dir);
    free(a);
}

enum pinion_err access_reload(struct access *a, struct error *why)
{
    struct token_set set;
    enum pinion_err err = token_file_read(a->dir, &set, why);

    if (err) return err;
    token_set_deinit(&a->set);
    a->set = set;
    plan_expiry(a);
    a->o.changed(a->o.ctx);
    log_info("tokens_read", LOG_INT("tokens", set.count));
    return PINION_OK;
}

bool access_wrong(struct access *a, const void *peer, size_t len)
{
    a->wrong_tokens++;
    return strikes_allow(&a->wrong, peer, len, clock_mono_ms());
}

bool access_tells(struct access *a, const void *peer, size_t len, uint64_t *ret_untold)
{
    if (!strikes_allow(&a->told, peer, len, clock_mono_ms())) {
        a->untold++;
        return false;
    }
    *ret_untold = a->untold;
    a->untold = 0;
    return true;
}

const struct token *access_find(const struct access *a, struct span secret)
{
    unsigned char hash[SHA256_BYTES];
    const struct token *found;

    token_hash(secret, hash);
    found = token_set_find(&a->set, hash);
    if (token_hash_equal(a->owner.hash, hash)) found = &a->owner;
    return found && !token_expired(found, clock_wall_ms()) ? found : NULL;
}

uint64_t token_mark(const struct token *t)
{
    uint64_t mark;

    memcpy(&mark, t->hash, sizeof mark);
    return mark;
}

static bool is_good(const struct token *t, const char *name, uint64_t mark)
{
    return strcmp(t->name, name) == 0 && token_mark(t) == mark &&
           !token_expired(t, clock_wall_ms());
}

const struct token *access_known(const struct access *a, const char *name, uint64_t mark)
{
    for (size_t i = 0; i < a->set.count; i++)
        if (is_good(&a->set.tokens[i], name, mark)) return &a->set.tokens[i];
    return is_good(&a->owner, name, mark) ? &a->owner : NULL;
}

size_t access_tokens(const struct access *a)
{
    return a->set.count;
}

uint64_t access_wrong_tokens(const struct access *a)
{
    return a->wrong_tokens;
}
