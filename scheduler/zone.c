/* What an instant is on local clocks, and what a local time is in instants.
 *
 * Between two changes of the offset, local time is UTC plus a constant:
 *
 *     local  ^            /                A change to a greater offset leaves a gap: local times
 *            |        / |/                 that no instant has. One to a smaller offset makes an
 *            |  |    /  '                  overlap: local times that two instants have.
 *            | /|   /   overlap
 *            |/ gap
 *            +------------------> UTC
 *
 * So a local time is looked for in every piece within reach of it; no daylight flag is asked, and
 * any size of change is the same case.
 */
#include "scheduler/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "scheduler/zone_data.h"

#define LOCAL_MAX (INT64_C(1) << 60) /* beyond it, local times are answered as this one */

struct change {
    int64_t at;
    const struct zone_type *type;
};

/* How many changes of the table are at or before `utc`? */
static size_t count_before(const struct zone *z, int64_t utc)
{
    size_t low = 0, high = z->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at <= utc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct change of_table(const struct zone *z, size_t i)
{
    return (struct change){z->changes[i].at, &z->types[z->changes[i].type]};
}

static struct change of_event(const struct zone *z, struct footer_event e)
{
    return (struct change){e.at, e.daylight ? &z->footer.daylight : &z->footer.standard};
}

/* What is in effect at `utc`, and since when. Some changes only rename, and move no clock. */
static struct change change_before(const struct zone *z, int64_t utc)
{
    size_t n = count_before(z, utc);
    struct footer_event e;

    if (n == z->count && z->footer.changes && footer_before(&z->footer, utc, &e) &&
        (!n || e.at > z->changes[n - 1].at))
        return of_event(z, e);
    if (n) return of_table(z, n - 1);
    return (struct change){-ZONE_NEVER, &z->first};
}

static bool change_after(const struct zone *z, int64_t utc, struct change *ret_change)
{
    size_t n = count_before(z, utc);
    struct footer_event e;

    if (n < z->count) {
        *ret_change = of_table(z, n);
        return true;
    }
    if (!z->footer.changes || !footer_after(&z->footer, utc, &e)) return false;
    *ret_change = of_event(z, e);
    return true;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

int32_t zone_offset(const struct zone *z, int64_t utc, const char **ret_abbreviation)
{
    const struct zone_type *type = change_before(z, utc).type;

    if (ret_abbreviation) *ret_abbreviation = type->abbreviation;
    return type->offset;
}

int64_t zone_next_change(const struct zone *z, int64_t utc)
{
    int32_t offset = zone_offset(z, utc, NULL);
    struct change c = {.at = utc};

    while (change_after(z, c.at, &c))
        if (c.type->offset != offset) return c.at;
    return ZONE_NEVER;
}

int64_t zone_previous_change(const struct zone *z, int64_t utc)
{
    struct change c = change_before(z, utc), earlier;

    while (c.at != -ZONE_NEVER) {
        earlier = change_before(z, c.at - 1);
        if (earlier.type->offset != c.type->offset) return c.at;
        c = earlier;
    }
    return -ZONE_NEVER;
}

static void add_instant(struct zone_moment *m, int64_t utc, int32_t offset)
{
    if (m->kind == ZONE_GAP) {
        *m = (struct zone_moment){
            .kind = ZONE_ONCE, .first = utc, .before = offset, .after = offset};
    } else if (m->kind == ZONE_ONCE) {
        m->kind = ZONE_OVERLAP;
        m->second = utc;
        m->after = offset;
    } /* no real clock shows a time thrice: the first two count */
}

struct zone_moment zone_find(const struct zone *z, int64_t local)
{
    struct zone_moment m = {.kind = ZONE_GAP};
    bool jumped = false, more = true;

    if (local > LOCAL_MAX) local = LOCAL_MAX;
    if (local < -LOCAL_MAX) local = -LOCAL_MAX;
    int64_t from = local - z->offset_max, until = local - z->offset_min;
    struct change c = change_before(z, from), next = {0};

    for (; more; c = next, from = next.at) {
        int64_t utc = local - c.type->offset;
        more = change_after(z, from, &next) && next.at <= until;
        if (utc >= c.at && (!more || utc < next.at)) add_instant(&m, utc, c.type->offset);
        if (more && m.kind == ZONE_GAP && !jumped && utc >= next.at &&
            local - next.type->offset < next.at) {
            m.first = next.at;
            m.before = c.type->offset;
            m.after = next.type->offset;
            jumped = true;
        }
    }
    assert(m.kind != ZONE_GAP || jumped);
    return m;
}

bool zone_is_stale(const struct zone *z)
{
    const struct zone_file *f = &z->file;
    struct stat s;

    if (!f->path || stat(f->path, &s)) return false; /* a file that is gone is not another one */
    return s.st_dev != f->dev || s.st_ino != f->ino || s.st_size != f->size ||
           s.st_mtim.tv_sec != f->modified.tv_sec || s.st_mtim.tv_nsec != f->modified.tv_nsec;
}

void zone_free(struct zone *z)
{
    if (!z) return;
    free(z->file.path);
    free(z->changes);
    free(z->types);
    free(z);
}
