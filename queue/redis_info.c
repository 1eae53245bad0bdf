/* queue/redis_info.c — INFO is lines of `name:value`; CONFIG GET is pairs. */
#include "queue/redis_info.h"

#include <stdio.h>
#include <string.h>

#define VERSION_REDIS_MIN  70000
#define VERSION_VALKEY_MIN 70200
#define VERSION_PART_MAX   99 /* each but the first, so that the parts stay apart */

/* Cuts what is longer: these are names, and a name that long is none that we know. */
static void copy(char *out, size_t size, struct span value)
{
    size_t len = value.len < size ? value.len : size - 1;

    if (len) memcpy(out, value.data, len);
    out[len] = '\0';
}

/* "7.0.15" -> 70015; "8.1.0-rc1" -> 80100; 0 when it is no version. */
static unsigned version_number(struct span text)
{
    unsigned version = 0;

    for (unsigned part = 0; part < 3; part++) {
        struct span digits = span_cut(&text, '.');
        uint64_t number = 0;

        digits = span_cut(&digits, '-');
        if (digits.len == 0 && part > 0)
            number = 0;
        else if (text_parse_u64(digits, 0, VERSION_PART_MAX, &number))
            return 0;
        version = version * 100 + (unsigned)number;
    }
    return version;
}

static void read_line(struct redis_info *info, struct span name, struct span value)
{
    if (span_is(name, "redis_version")) {
        if (!info->valkey) info->version = version_number(value);
    } else if (span_is(name, "valkey_version")) { /* its redis_version is a fixed 7.2.4 */
        info->valkey = true;
        info->version = version_number(value);
    } else if (span_is(name, "run_id")) {
        copy(info->run_id, sizeof info->run_id, value);
    } else if (span_is(name, "maxmemory_policy")) {
        copy(info->maxmemory_policy, sizeof info->maxmemory_policy, value);
    } else if (span_is(name, "uptime_in_seconds")) {
        if (text_parse_u64(value, 0, INT64_MAX, &info->uptime_s)) info->uptime_s = 0;
    } else if (span_is(name, "used_memory")) {
        if (text_parse_u64(value, 0, INT64_MAX, &info->used_bytes)) info->used_bytes = 0;
    } else if (span_is(name, "maxmemory")) {
        if (text_parse_u64(value, 0, INT64_MAX, &info->maxmemory_bytes)) info->maxmemory_bytes = 0;
    } else if (span_is(name, "cluster_enabled")) {
        info->cluster = span_is(value, "1");
    } else if (span_is(name, "aof_enabled")) {
        info->aof = span_is(value, "1");
    }
}

void redis_info_read(struct redis_info *info, struct span text)
{
    while (text.len) {
        struct span line = span_cut(&text, '\n'), name;

        if (line.len && line.data[line.len - 1] == '\r') line.len--;
        name = span_cut(&line, ':');
        read_line(info, name, line);
    }
}

void redis_info_config(struct redis_info *info, struct span name, struct span value)
{
    if (span_is(name, "maxmemory-policy"))
        copy(info->maxmemory_policy, sizeof info->maxmemory_policy, value);
    else if (span_is(name, "appendonly"))
        info->aof = span_is(value, "yes");
    else if (span_is(name, "appendfsync"))
        copy(info->appendfsync, sizeof info->appendfsync, value);
}

enum durability redis_info_durability(const struct redis_info *info)
{
    if (info->version == 0) return DURABILITY_UNKNOWN; /* nothing was read */
    if (!info->aof) return DURABILITY_VOLATILE;
    if (strcmp(info->appendfsync, "always") == 0) return DURABILITY_FSYNC;
    if (strcmp(info->appendfsync, "everysec") == 0) return DURABILITY_EVERYSEC;
    if (strcmp(info->appendfsync, "no") == 0) return DURABILITY_VOLATILE;
    return DURABILITY_UNKNOWN;
}

const char *durability_name(enum durability durability)
{
    static const char *const names[] = {
        [DURABILITY_UNKNOWN] = "unknown",
        [DURABILITY_VOLATILE] = "volatile",
        [DURABILITY_EVERYSEC] = "everysec",
        [DURABILITY_FSYNC] = "fsync",
    };

    return names[durability];
}

enum pinion_err redis_info_check(const struct redis_info *info, bool allow_eviction,
                                 struct error *why)
{
    unsigned v = info->version;

    if (v == 0)
        return error_set(why, PINION_UNAVAILABLE,
                         "Redis does not tell its version; expected Redis 7.0 or later");
    if (v < (info->valkey ? VERSION_VALKEY_MIN : VERSION_REDIS_MIN))
        return error_set(why, PINION_UNAVAILABLE, "%s %u.%u.%u is too old; expected %s or later",
                         info->valkey ? "Valkey" : "Redis", v / 10000, v / 100 % 100, v % 100,
                         info->valkey ? "Valkey 7.2" : "Redis 7.0");
    if (!allow_eviction && info->maxmemory_policy[0] &&
        strcmp(info->maxmemory_policy, "noeviction") != 0)
        return error_set(why, PINION_UNAVAILABLE,
                         "Redis may drop jobs when it is full (maxmemory-policy %s); expected "
                         "noeviction, or --allow-eviction",
                         info->maxmemory_policy);
    return PINION_OK;
}
