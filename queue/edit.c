#include "queue/edit.h"

#include "base/id.h"
#include "base/time_text.h"
#include "include/pinion.h"
#include "queue/limits.h"

#define RUN_AT_MAX INT64_C(253402300799999) /* the year 9999 */

enum pinion_err edit_check(const struct job_edit *e, struct error *why)
{
    if (!e->has_payload && !e->priority && e->when == EDIT_WHEN_AS_IT_WAS)
        return error_set(why, PINION_INVALID,
                         "nothing to change: expected a payload, a time or a priority");
    if (e->payload_len > PAYLOAD_BYTES_MAX)
        return error_set(why, PINION_TOO_LARGE, "payload of %zu bytes: at most %d", e->payload_len,
                         PAYLOAD_BYTES_MAX);
    if (e->priority > PINION_PRIORITY(PRIORITY_MAX))
        return error_set(why, PINION_INVALID, "priority %u: expected 0 to %d", e->priority - 1,
                         PRIORITY_MAX);
    if (e->in_ms > DURATION_MS_MAX)
        return error_set(why, PINION_INVALID, "a duration of more than a hundred years");
    if (e->run_at_ms < 0 || e->run_at_ms > RUN_AT_MAX)
        return error_set(why, PINION_INVALID, "run_at: expected a time from 1970 to 9999");
    return PINION_OK;
}

void edit_build(struct request *r, struct span key, struct span local_id, const struct job_edit *e,
                int64_t now_ms)
{
    static const char *const whens[] = {
        [EDIT_WHEN_AS_IT_WAS] = "", [EDIT_WHEN_IN] = "in", [EDIT_WHEN_AT] = "at"};
    char call_id[ID_LEN + 1];

    id_new(now_ms, call_id);
    request_script(r, SCRIPT_EDIT, key);
    request_add(r, call_id, ID_LEN);
    request_add_span(r, local_id);
    request_add_text(r, whens[e->when]);
    request_add_i64(r, e->when == EDIT_WHEN_IN ? (int64_t)e->in_ms : e->run_at_ms);
    if (e->priority)
        request_add_u64(r, e->priority - 1);
    else
        request_add_text(r, "");
    request_add_text(r, e->has_payload ? "1" : "");
    request_add(r, e->payload, e->payload_len);
}
