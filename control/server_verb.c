#include "control/server_verb.h"

#include <string.h>
#include "base/buffer.h"
#include "base/macros.h"

#define NAME_LEN_MAX 64 /* of those that are compared */

static const struct {
    const char *name, *state; /* state: what it is then */
} verbs[SERVER_VERBS] = {
    [SERVER_QUIET] = {"quiet",  "quiet"   },
    [SERVER_RESUME] = {"resume", "serving" },
    [SERVER_STOP] = {"stop",   "stopping"},
};

const char *server_verb_name(enum server_verb verb)
{
    return verbs[verb].name;
}

static bool is_alive(const json_t *server)
{
    return json_is_true(json_object_get(server, "alive"));
}

static bool is_in(const json_t *server, const char *state)
{
    const char *text = json_string_value(json_object_get(server, "state"));

    return text && strcmp(text, state) == 0;
}

bool server_verb_done(enum server_verb verb, const json_t *server)
{
    return server ? is_in(server, verbs[verb].state) : verb == SERVER_STOP;
}

/* How many letters must be changed, added or left out to make one of the other. */
static size_t distance(const char *a, const char *b)
{
    size_t a_len = strnlen(a, NAME_LEN_MAX), b_len = strnlen(b, NAME_LEN_MAX);
    size_t row[NAME_LEN_MAX + 1];

    for (size_t k = 0; k <= b_len; k++) row[k] = k;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            size_t changed = corner + (a[i - 1] != b[k - 1]), best = row[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            if (changed < best) best = changed;
            corner = row[k];
            row[k] = best;
        }
    }
    return row[b_len];
}

static enum pinion_err refuse_unknown(json_t *servers, const char *name, struct error *why)
{
    const char *nearest = NULL, *other;
    json_t *server;
    size_t least = SIZE_MAX;

    json_object_foreach(servers, other, server) {
        size_t far = distance(name, other);
        if (far >= least) continue;
        least = far;
        nearest = other;
    }
    if (!nearest) return error_set(why, PINION_NOT_FOUND, "no server is known");
    return error_set(why, PINION_NOT_FOUND,
                     "no server '%.64s'; the nearest name is '%.64s'; see pinion server list", name,
                     nearest);
}

/* Without a name: there must be but one. */
static enum pinion_err pick_only(json_t *servers, json_t **ret_server, struct error *why)
{
    const char *name;
    json_t *server;
    unsigned alive = 0;

    json_object_foreach(servers, name, server) {
        if (!is_alive(server)) continue;
        alive++;
        *ret_server = server;
    }
    if (alive == 1) return PINION_OK;
    if (!alive) return error_set(why, PINION_NOT_FOUND, "no server is alive");
    return error_set(why, PINION_INVALID,
                     "%u servers are alive: expected the name of one; see pinion server list",
                     alive);
}

enum pinion_err server_pick(enum server_verb verb, json_t *servers, const char *name,
                            json_t **ret_server, struct error *why)
{
    json_t *server = name ? json_object_get(servers, name) : NULL;

    if (!name) {
        enum pinion_err err = pick_only(servers, &server, why);
        if (err) return err;
    }
    if (!server) return refuse_unknown(servers, name, why);
    if (!is_alive(server))
        return error_set(why, PINION_CONFLICT, "server '%.64s' is lost: last heard %s", name,
                         json_string_value(json_object_get(server, "seen_at")));
    if (verb != SERVER_STOP && is_in(server, "stopping"))
        return error_set(why, PINION_CONFLICT, "server '%.64s' is stopping",
                         json_string_value(json_object_get(server, "name")));
    *ret_server = server;
    return PINION_OK;
}
