#include "control/shape_token.h"

#include "control/shape.h"

json_t *shape_token(const struct token *t)
{
    json_t *roles = json_array();

    for (unsigned role = ROLE_READ; role < ROLES; role++)
        if (t->roles & ROLE_BIT(role)) json_array_append_new(roles, json_string(role_name(role)));
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", t->name, "roles", roles, "queues",
                     t->queues[0] ? json_string(t->queues) : json_null(), "made_at",
                     shape_time(t->made_ms), "expires_at", shape_time(t->expires_ms));
}
