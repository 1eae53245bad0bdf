/* queue/redis_info.h — what a Redis says of itself, and what that means for us. Pure. */
#ifndef PINION_QUEUE_REDIS_INFO_H
#define PINION_QUEUE_REDIS_INFO_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

enum durability { DURABILITY_UNKNOWN, DURABILITY_VOLATILE, DURABILITY_EVERYSEC, DURABILITY_FSYNC };

struct redis_info {
    unsigned version;              /* 70015 for 7.0.15; Valkey gives its own version in `valkey` */
    bool     valkey;
    char     run_id[48];           /* changes when Redis is restarted */
    uint64_t uptime_s;
    char     maxmemory_policy[32]; /* "" unknown */
    bool     aof;
    char     appendfsync[16];      /* "" unknown */
    uint64_t used_bytes, maxmemory_bytes; /* of memory; max 0: no limit, or unknown */
    bool     cluster;
    int64_t  clock_offset_us;      /* Redis TIME - our wall clock */
};

/* Takes what the text of INFO holds; lines that it does not know are skipped. */
void redis_info_read(struct redis_info *, struct span info_text);
/* One pair of CONFIG GET. */
void redis_info_config(struct redis_info *, struct span name, struct span value);

enum durability redis_info_durability(const struct redis_info *);
const char     *durability_name(enum durability); /* fsync | everysec | volatile | unknown */

/* PINION_UNAVAILABLE: too old (< 7.0; Valkey < 7.2), or may evict and that is not allowed. */
enum pinion_err redis_info_check(const struct redis_info *, bool allow_eviction, struct error *why)
    must_use;

#endif
