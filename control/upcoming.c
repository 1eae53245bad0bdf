#include "control/upcoming.h"

#include "control/shape.h"
#include "control/zone_text.h"

static json_t *shape_upcoming(const struct schedule *s, int64_t at_ms)
{
    const char *note = rule_note_name(rule_note(&s->rule, at_ms));
    char text[TIME_TEXT_MAX];
    json_t *o = json_pack("{s:o, s:s, s:s?}", "fire_time", shape_time(at_ms), "local",
                          zone_text(s->rule.zone, at_ms, text), "note", note);

    if (s->jitter_ms)
        json_object_set_new(o, "starts_at", shape_time(schedule_fire_ms(s, at_ms)));
    return o;
}

json_t *upcoming(const struct schedule *s, int64_t after_ms, uint64_t count)
{
    json_t *items = json_array();

    for (; count; count--) {
        after_ms = schedule_next(s, after_ms);
        if (after_ms == RULE_NEVER) break;
        json_array_append_new(items, shape_upcoming(s, after_ms));
    }
    return items;
}
