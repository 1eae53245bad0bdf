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

struct access {
    char *dir;
    struct token owner;
    struct token_set set;
    struct token_watch watch;
    struct strikes wrong, told;
    uint64_t untold;
};

static void on_change(void *ctx)
{
    struct error why;

    if (access_reload(ctx, &why)) log_error("tokens_refused", LOG_TEXT("error", why.text));
}

enum pinion_err access_new(struct ev_loop *loop, const char *dir, const char *owner,
                           struct access **ret_access, struct error *why)
{
    struct token_set set;
    enum pinion_err err = token_file_read(dir, &set, why);

    if (err) return err;
    struct access *a = xcalloc(1, sizeof *a);
    a->dir = xstrdup(dir);
    a->set = set;
    a->owner = (struct token){.name = ACCESS_OWNER, .roles = ROLE_BIT(ROLE_ADMIN)};
    token_hash(span_of(owner), a->owner.hash);
    strikes_init(&a->wrong, random_u64());
    strikes_init(&a->told, random_u64());
    token_watch_start(&a->watch, loop, dir, on_change, a);
    *ret_access = a;
    return PINION_OK;
}

void access_free(struct access *a)
{
    if (!a) return;
    token_watch_stop(&a->watch);
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
    log_info("tokens_read", LOG_INT("tokens", set.count));
    return PINION_OK;
}

bool access_wrong(struct access *a, const void *peer, size_t len)
{
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
    const struct token *found = token_set_find(&a->set, secret);
    unsigned char hash[SHA256_BYTES];

    token_hash(secret, hash);
    if (token_hash_equal(a->owner.hash, hash)) found = &a->owner;
    return found && !token_expired(found, clock_wall_ms()) ? found : NULL;
}
