#include "control/cron_ask.h"

#include "base/buffer.h"
#include "control/zone_text.h"

enum pinion_err cron_ask_read(struct cron_ask *ask, const struct zone *zone, int64_t now_ms,
                              struct error *why)
{
    struct rule *rule = &ask->rule;
    struct error bad;

    *rule = (struct rule){.dst = DST_VIXIE, .zone = zone};
    ask->from_ms = now_ms;
    if (cron_parse(span_of(ask->spec), ask->name, &rule->cron, why)) return why->code;
    if (ask->dst && rule_dst_parse(span_of(ask->dst), &rule->dst, &bad))
        return error_set(why, bad.code, "%sdst: %s", ask->prefix, bad.text);
    if (ask->from && zone_time_parse(span_of(ask->from), zone, now_ms, &ask->from_ms, &bad))
        return error_set(why, bad.code, "%sfrom: %s", ask->prefix, bad.text);
    rule->kind = rule->cron.kind == CRON_EVERY ? RULE_EVERY : RULE_CRON;
    rule->every_ms = (int64_t)rule->cron.every_ms;
    return PINION_OK;
}

int64_t cron_ask_next(const struct cron_ask *ask, int64_t after_ms)
{
    const struct rule *rule = &ask->rule;

    return rule->kind == RULE_CRON && rule->cron.kind == CRON_REBOOT ? RULE_NEVER
                                                                     : rule_next(rule, after_ms);
}

json_t *cron_ask_shape(const struct cron_ask *ask, uint64_t count)
{
    const struct zone *zone = ask->rule.zone;
    struct buffer words = BUFFER_INIT;
    json_t *next = json_array(), *notes = json_array(), *o;
    char text[TIME_TEXT_MAX];
    const char *note;
    int64_t at = ask->from_ms;

    cron_explain(&ask->rule.cron, &words);
    while (count-- && (at = cron_ask_next(ask, at)) != RULE_NEVER) {
        json_array_append_new(next, json_string(zone_text(zone, at, text)));
        note = rule_note_name(rule_note(&ask->rule, at));
        json_array_append_new(notes, note ? json_string(note) : json_null());
    }
    o = json_pack("{s:s, s:s, s:o, s:s, s:o}", "spec", ask->spec, "tz", zone_name(zone), "next",
                  next, "explain", words.data ? words.data : "", "notes", notes);
    buffer_deinit(&words);
    return o;
}
