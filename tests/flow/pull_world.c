#include "tests/flow/pull_world.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "workers/pull.h"
#include "workers/workers.h"

char *enqueue(const char *body)
{
    json_t *made = ask_json(201, "POST", JOBS, AUTH JSON, body);
    char *id = xstrdup(text_at(made, "id"));

    json_decref(made);
    return id;
}

void send_lease(struct visitor *v, const char *query)
{
    char *text = xasprintf("POST " LEASE "?%s HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n", query);

    visitor_send(v, text, strlen(text));
    free(text);
}

json_t *read_lease(struct visitor *v)
{
    struct answer a = visitor_answer(v);
    json_t *json;

    if (a.status != 200) fail_msg("%u: %s", a.status, a.body);
    json = json_loads(a.body, 0, NULL);
    assert_non_null(json);
    return json;
}

json_t *lease(const char *query)
{
    char *target = xasprintf(LEASE "?%s", query);
    json_t *json = ask_json(200, "POST", target, AUTH, "");

    free(target);
    return json;
}

size_t count_of(const json_t *leased)
{
    return json_array_size(json_object_get(leased, "items"));
}

const json_t *item_of(const json_t *leased, size_t i)
{
    return json_array_get(json_object_get(leased, "items"), i);
}

json_t *say(unsigned status, const json_t *item, const char *verb, const char *more)
{
    char *target = xasprintf("/v1/jobs/%s/%s", text_at(item, "id"), verb);
    char *body = xasprintf("{\"token\":\"%s\"%s}", text_at(item, "token"), more);
    json_t *json = ask_json(status, "POST", target, AUTH JSON, body);

    free(body);
    free(target);
    return json;
}

void say_so(unsigned status, const json_t *item, const char *verb, const char *more,
                   const char *path, const char *value)
{
    json_t *answer = say(status, item, verb, more);

    if (!strstr(text_at(answer, path), value))
        fail_msg("%s: '%s' does not say '%s'", verb, text_at(answer, path), value);
    json_decref(answer);
}

unsigned waiting(void)
{
    return pull_waiting(service_pull(world_service));
}

const struct workers_totals *totals(void)
{
    return service_totals(world_service);
}
