#include "control/shape_on_dead.h"

#include <stdio.h>
#include "control/shape.h"
#include "queue/limits.h"
#include "queue/on_dead.h"

json_t *shape_on_dead(const struct redisReply *stats)
{
    json_t *o = json_object(), *kinds = json_object();

    for (size_t i = 0; i < stats_carriers(stats); i++) {
        struct span pattern, kind;
        char name[KIND_MAX + 1];
        stats_carrier(stats, i, &pattern, &kind);
        snprintf(name, sizeof name, "%.*s", (int)pattern.len, pattern.data ? pattern.data : "");
        if (pattern.data) json_object_set_new(kinds, name, shape_text(kind));
        else json_object_set_new(o, "queue", shape_text(kind));
    }
    if (json_object_size(kinds)) json_object_set(o, "kinds", kinds);
    json_decref(kinds);
    return o;
}
