/* doctor_settings.c — one function a setting; each fills its row. */
#include "cli/doctor_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "include/pinion.h"
#include "queue/job.h"

#define MIB             (UINT64_C(1024) * 1024)
#define NEARLY_FULL     90 /* per cent */
#define CLOCK_OFF_MAX_US 1000000

const char *const setting_verdicts[] = {
    [SETTING_OK] = "ok", [SETTING_NOTE] = "note", [SETTING_BAD] = "bad"};

/* What advice there is is a note, unless it is said to be worse. */
static struct setting setting(const char *name, const char *advice)
{
    return (struct setting){
        .name = name, .verdict = advice ? SETTING_NOTE : SETTING_OK, .advice = advice};
}

static struct setting judge_version(const struct redis_info *info)
{
    struct setting s = setting("redis", NULL);
    unsigned v = info->version;

    snprintf(s.value, sizeof s.value, "%s %u.%u.%u", info->valkey ? "Valkey" : "Redis", v / 10000,
             v / 100 % 100, v % 100);
    return s;
}

static struct setting judge_durability(const struct redis_info *info)
{
    static const char *const advice[] = {
        [DURABILITY_FSYNC] = NULL,
        [DURABILITY_EVERYSEC] = "a power failure may lose what was accepted in the last second: "
                                "set appendfsync always",
        [DURABILITY_VOLATILE] = "what was accepted may be lost when Redis ends: set appendonly yes "
                                "and appendfsync always",
        [DURABILITY_UNKNOWN] = "Redis does not tell: ask whoever runs it",
    };
    enum durability durability = redis_info_durability(info);
    struct setting s = setting("durability", advice[durability]);

    snprintf(s.value, sizeof s.value, "%s", durability_name(durability));
    return s;
}

static struct setting judge_policy(const struct redis_info *info)
{
    const char *policy = info->maxmemory_policy;
    struct setting s = setting("maxmemory-policy", NULL);

    snprintf(s.value, sizeof s.value, "%.40s", *policy ? policy : "unknown");
    if (*policy && strcmp(policy, "noeviction") != 0) {
        s.verdict = SETTING_BAD;
        s.advice = "Redis may drop jobs when it is full: set maxmemory-policy noeviction";
    }
    return s;
}

static struct setting judge_memory(const struct redis_info *info)
{
    uint64_t used = info->used_bytes, max = info->maxmemory_bytes;
    bool full = max && used / (max / 100 + 1) >= NEARLY_FULL;
    struct setting s = setting(
        "maxmemory", !max  ? "without a limit the machine may run out of memory: set maxmemory"
                     : full ? "nearly full: soon new jobs are refused as busy"
                            : NULL);

    if (max)
        snprintf(s.value, sizeof s.value, "%" PRIu64 " of %" PRIu64 " MiB used", used / MIB,
                 max / MIB);
    else
        snprintf(s.value, sizeof s.value, "none; %" PRIu64 " MiB used", used / MIB);
    return s;
}

static struct setting judge_cluster(const struct redis_info *info)
{
    struct setting s = setting(
        "cluster", info->cluster ? "only the keys of this node were looked at" : NULL);

    snprintf(s.value, sizeof s.value, "%s", info->cluster ? "yes" : "no");
    return s;
}

static struct setting judge_clock(const struct redis_info *info)
{
    int64_t off_us = info->clock_offset_us;
    bool far = off_us > CLOCK_OFF_MAX_US || off_us < -CLOCK_OFF_MAX_US;
    struct setting s = setting(
        "clock", far ? "this host and Redis disagree, and jobs follow Redis: run NTP on both"
                     : NULL);

    snprintf(s.value, sizeof s.value, "Redis %+" PRId64 " ms", off_us / 1000);
    return s;
}

static struct setting judge_format(void)
{
    struct setting s = setting("record format", NULL);

    snprintf(s.value, sizeof s.value, "%s", RECORD_FORMAT);
    return s;
}

static struct setting judge_servers(json_t *servers)
{
    size_t alive = 0, lost = 0, others = 0;
    const char *name;
    json_t *server;

    json_object_foreach(servers, name, server) {
        const char *version = json_string_value(json_object_get(server, "version"));
        if (!json_is_true(json_object_get(server, "alive"))) lost++;
        else alive++;
        others += version && strcmp(version, PINION_VERSION) != 0;
    }
    struct setting s = setting(
        "servers", others  ? "not all are of the version of this program: upgrade them"
                   : lost  ? "some are silent: see pinion server list"
                   : !alive ? "nobody runs jobs: start pinion serve"
                            : NULL);
    snprintf(s.value, sizeof s.value, "%zu alive, %zu lost", alive, lost);
    return s;
}

size_t settings_judge(const struct redis_info *info, json_t *servers,
                      struct setting ret[SETTINGS_MAX])
{
    const struct setting all[] = {judge_version(info), judge_durability(info), judge_policy(info),
                                  judge_memory(info),  judge_cluster(info),    judge_clock(info),
                                  judge_format(),      judge_servers(servers)};

    memcpy(ret, all, sizeof all);
    return countof(all);
}

static bool is_for_none(const struct token *t, const struct span queues[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (queues_include(t->queues, queues[i])) return false;
    return count > 0;
}

static struct setting unreadable_tokens(const char *unread)
{
    struct setting s = setting("tokens", "a service does not start with this file: mend it, or "
                                         "remove it, which revokes all");

    s.verdict = SETTING_BAD;
    snprintf(s.value, sizeof s.value, "%s", unread);
    return s;
}

struct setting tokens_judge(const struct token_set *set, const char *unread, int64_t now_ms,
                            const struct span queues[], size_t count)
{
    size_t expired = 0, idle = 0;
    struct setting s;
    int len;

    if (unread) return unreadable_tokens(unread);
    for (size_t i = 0; i < set->count; i++) {
        if (token_expired(&set->tokens[i], now_ms)) expired++;
        else idle += is_for_none(&set->tokens[i], queues, count);
    }
    s = setting("tokens", expired ? "those that have expired are of no use: pinion token list has "
                                    "them, pinion token revoke removes them"
                          : idle  ? "for queues of which there is none: pinion token list has them"
                                  : NULL);
    len = snprintf(s.value, sizeof s.value, "%zu", set->count);
    if (expired)
        len += snprintf(s.value + len, sizeof s.value - (size_t)len, ", %zu expired", expired);
    if (idle) snprintf(s.value + len, sizeof s.value - (size_t)len, ", %zu for no queue", idle);
    return s;
}
