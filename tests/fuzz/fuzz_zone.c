/* Zone files: whatever comes, nothing is read beyond it, what is refused says why, and a zone that
 * is taken answers in all directions without contradicting itself, and so do rules in it.
 *
 * Input that does not begin like a zone file is taken as the rule at the end of one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "scheduler/rule.h"
#include "scheduler/zone.h"
#include "scheduler/zone_footer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tzif.h"

#define STEPS 12 /* from change to change, and from fire to fire */

static void must(bool condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "fuzz_zone: %s\n", what);
    abort();
}

static void check_find(const struct zone *z, int64_t local)
{
    struct zone_moment m = zone_find(z, local);

    if (m.kind == ZONE_GAP) {
        must(m.before == zone_offset(z, m.first - 1, NULL), "a gap with another offset before");
        must(m.after == zone_offset(z, m.first, NULL), "a gap with another offset after");
        must(m.first + m.before <= local && local < m.first + m.after, "a gap without the time");
        return;
    }
    must(m.first + zone_offset(z, m.first, NULL) == local, "the first is another local time");
    if (m.kind != ZONE_OVERLAP) return;
    must(m.second > m.first, "the second is not behind the first");
    must(m.second + zone_offset(z, m.second, NULL) == local, "the second is another local time");
}

static void check_instant(const struct zone *z, int64_t utc)
{
    const char *abbreviation = NULL;
    int32_t offset = zone_offset(z, utc, &abbreviation);

    must(offset >= -ZONE_OFFSET_MAX && offset <= ZONE_OFFSET_MAX, "an offset beyond 26 hours");
    must(abbreviation && strlen(abbreviation) <= ZONE_ABBREVIATION_MAX, "a long abbreviation");
    must(zone_find(z, utc + offset).kind != ZONE_GAP, "an instant in a gap");
    for (int64_t away = -1; away <= 1; away++) check_find(z, utc + offset + away * 1800);
}

static void check_changes(const struct zone *z, int64_t from)
{
    int64_t at = from;

    for (int i = 0; i < STEPS; i++) {
        int64_t next = zone_next_change(z, at);
        if (next == ZONE_NEVER) return;
        must(next > at, "a next change that is not behind");
        must(zone_offset(z, next, NULL) != zone_offset(z, next - 1, NULL), "a change of nothing");
        must(zone_previous_change(z, next) == next, "no way back to a change");
        must(zone_previous_change(z, next - 1) <= at, "a change that was left out");
        check_instant(z, next);
        check_instant(z, next - 1);
        at = next;
    }
}

static void check_rule(const struct zone *z, const char *spec, int64_t from)
{
    struct rule r = {.kind = RULE_CRON, .zone = z};

    must(cron_parse(span_of(spec), NULL, &r.cron, NULL) == PINION_OK, "a bad expression of ours");
    for (int dst = DST_VIXIE; dst <= DST_BOTH; dst++) {
        int64_t t = from * 1000;
        r.dst = (enum rule_dst)dst;
        for (int i = 0; i < STEPS; i++) {
            int64_t next = rule_next(&r, t);
            if (next == RULE_NEVER) break;
            must(next > t, "a next fire that is not behind");
            must(rule_previous(&r, next + 1) == next, "no way back to a fire");
            int64_t before = rule_previous(&r, next);
            must(before == RULE_NEVER || before <= t, "a fire that was left out");
            t = next;
        }
    }
}

static enum pinion_err parse(const uint8_t *data, size_t size, struct zone **ret_zone,
                             struct error *why)
{
    struct buffer file = BUFFER_INIT;
    char *text, *exact;
    size_t len = size;

    if (size >= 4 && memcmp(data, "TZif", 4) == 0) {
        buffer_add(&file, data, size);
    } else {
        text = strndup((const char *)data, size);
        tzif_write_footer(text, &file);
        free(text);
    }
    len = file.len;
    exact = malloc(len); /* no byte behind it is ours */
    must(exact != NULL, "no memory");
    memcpy(exact, file.data, len);
    enum pinion_err err = zone_parse("Some/Zone", exact, len, ret_zone, why);
    free(exact);
    buffer_deinit(&file);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t instants[] = {-(INT64_C(1) << 58), 0, 1000000000, 1700000000, 4000000000};
    struct zone *z = NULL;
    struct error why = {0};

    if (parse(data, size, &z, &why)) {
        must(why.code == PINION_INVALID && why.text[0], "refused without a reason");
        must(z == NULL, "refused, but given");
        return 0;
    }
    for (size_t i = 0; i < countof(instants); i++) {
        check_instant(z, instants[i]);
        check_changes(z, instants[i]);
    }
    int64_t change = zone_next_change(z, 1000000000);
    check_rule(z, "30 2 * * *", 1700000000);
    check_rule(z, "*/20 0,1,23 * * *", 0);
    check_rule(z, "15 0-5 * * *", change == ZONE_NEVER ? 0 : change % 4000000000);
    zone_free(z);
    return 0;
}
