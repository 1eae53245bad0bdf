/* scheduler/schedule.h — the timing of a schedule: when it fires, and what then. Pure.
 *
 * Its JSON is part of the shape "schedule" (DESIGN.md section 6); what the jobs are is kept apart.
 *
 *      {"cron"|"every_ms"|"at", "tz", "dst", "phase_ms", "overlap", "catch_up", "within_ms",
 *       "jitter_ms", "start", "end", "limit", "paused"}      "at", "start", "end": RFC 3339
 */
#ifndef PINION_SCHEDULER_SCHEDULE_H
#define PINION_SCHEDULER_SCHEDULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/schedule.h"
#include "scheduler/rule.h"

#define CATCH_UP_MAX          1000     /* fires of one catch-up */
#define WITHIN_DEFAULT_MS     3600000  /* how far back `all` catches up */
#define SCHEDULE_LATE_MS      5000     /* a fire that is later than this was missed */
#define SCHEDULE_AHEAD_MS     300000   /* a watermark that is further ahead than this is healed */
#define SCHEDULE_JITTER_MAX_MS 86400000
#define SCHEDULE_LIMIT_MAX    1000000000 /* fires in all, of those that have a limit */
#define MISSED_COUNT_MAX      1000     /* times of a cron expression that are counted */

enum catch_up { CATCH_UP_ONE, CATCH_UP_NONE, CATCH_UP_ALL };
extern const char *const catch_up_names[]; /* "one" "none" "all" */

struct zone_cache;

struct schedule {
    char          *name;
    char          *spec, *tz;    /* spec: the cron expression or NULL; tz: NULL is UTC */
    struct rule    rule;
    bool           reboot;       /* @reboot: the rule has no times */
    enum overlap   overlap;
    enum catch_up  catch_up;
    uint64_t       within_ms, jitter_ms, limit;
    int64_t        start_ms, end_ms; /* 0: none; end is exclusive */
    bool           paused;
};

/* Zones of many schedules, each file read once. One thread. */
struct zone_cache *zone_cache_new(void);
void               zone_cache_free(struct zone_cache *); /* after all schedules that use it */
enum pinion_err    zone_cache_get(struct zone_cache *, const char *name, const struct zone **ret,
                                  struct error *why) must_use;
/* Did files change? Then what was given stays valid, but schedules should be parsed anew. */
bool               zone_cache_refresh(struct zone_cache *);

/* All is checked: unknown keys, one of cron, every_ms and at, an end before its start, catch_up all
 * with an overlap that would drop jobs, limits. */
enum pinion_err schedule_parse(struct span name, const json_t *timing, struct zone_cache *,
                               struct schedule **ret_schedule, struct error *why) must_use;
enum pinion_err schedule_parse_text(struct span name, struct span json, struct zone_cache *,
                                    struct schedule **ret_schedule, struct error *why) must_use;
void            schedule_free(struct schedule *); /* NULL: no-op */
/* The same JSON for the same timing: defaults are left out, keys are sorted. Caller frees. */
char           *schedule_timing(const struct schedule *) must_use;
bool            schedule_same_times(const struct schedule *, const struct schedule *);

/* The first logical time after; RULE_NEVER: none, also behind its end. Pause is not looked at. */
int64_t schedule_next(const struct schedule *, int64_t after_ms);
/* When to fire a logical time: jitter is the same for all servers, and ends before the next one. */
int64_t schedule_fire_ms(const struct schedule *, int64_t at_ms);

/* What to do at now_ms for what is due since the watermark, as catch_up says. Fills at most `max`
 * items (name, mode, at_ms, next_ms, missed, limit, overlap; revision and watermark are the
 * caller's) and gives how many; 0: nothing is due. *ret_more: call again after these.
 *
 * `missed` of an item: the times before it that it passes over. Of an interval it is exact; of a
 * cron expression MISSED_COUNT_MAX means: at least so many. */
size_t schedule_due(const struct schedule *, int64_t watermark_ms, int64_t now_ms,
                    struct fire_item *items, size_t max, bool *ret_more);

#endif
