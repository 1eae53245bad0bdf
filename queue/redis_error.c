/* queue/redis_error.c — the first word of an error answer is its code. */
#include "queue/redis_error.h"

static const struct {
    const char *start;
    enum pinion_err code;
} meanings[] = {
    {"OOM",         PINION_BUSY        },
    {"LOADING",     PINION_UNAVAILABLE },
    {"MASTERDOWN",  PINION_UNAVAILABLE },
    {"READONLY",    PINION_UNAVAILABLE },
    {"NOREPLICAS",  PINION_UNAVAILABLE },
    {"MISCONF",     PINION_UNAVAILABLE },
    {"CLUSTERDOWN", PINION_UNAVAILABLE },
    {"TRYAGAIN",    PINION_UNAVAILABLE },
    {"BUSY",        PINION_UNAVAILABLE }, /* somebody's script runs too long */
    {"NOSCRIPT",    PINION_UNAVAILABLE }, /* again after it was loaded: somebody flushes them */
    {"UNBLOCKED",   PINION_UNAVAILABLE },
    {"NOAUTH",      PINION_UNAUTHORIZED},
    {"WRONGPASS",   PINION_UNAUTHORIZED},
    {"NOPERM",      PINION_FORBIDDEN   },
    {"DENIED",      PINION_FORBIDDEN   }, /* protected mode */
};

/* Has no word of its own. */
#define TOO_MANY_CLIENTS "ERR max number of clients reached"

enum pinion_err redis_error_code(struct span text)
{
    struct span rest = text, word = span_cut(&rest, ' ');

    for (size_t i = 0; i < countof(meanings); i++)
        if (span_is(word, meanings[i].start)) return meanings[i].code;
    return span_starts(text, TOO_MANY_CLIENTS) ? PINION_UNAVAILABLE : PINION_INTERNAL;
}

bool redis_error_is_noscript(struct span text)
{
    struct span rest = text;

    return span_is(span_cut(&rest, ' '), "NOSCRIPT");
}

const char *redis_error_advice(struct span text)
{
    if (span_starts(text, "OOM"))
        return "Redis is full (maxmemory): try again when workers have made room";
    if (span_starts(text, "NOAUTH"))
        return "Redis wants a password: give it in the URL, redis://:PASSWORD@HOST";
    if (span_starts(text, "MISCONF"))
        return "Redis cannot write to its disk, and takes no changes: see its log";
    return NULL;
}
