#include "control/shape_batch.h"

#include "control/shape.h"

json_t *shape_batch(const struct batch_view *b, struct span queue)
{
    json_t *job = b->job.data ? json_sprintf("%.*s:%.*s", (int)queue.len, queue.data,
                                             (int)b->job.len, b->job.data)
                              : json_null();

    return json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
                     "batch", shape_text(b->name), "queue", shape_text(queue),
                     "state", batch_state(b), "total", (json_int_t)b->total,
                     "done", (json_int_t)b->done, "dead", (json_int_t)b->dead,
                     "cancelled", (json_int_t)b->cancelled, "deleted", (json_int_t)b->deleted,
                     "pending", (json_int_t)b->pending, "opened_at", shape_time(b->opened_ms),
                     "closed_at", shape_time(b->closed_ms),
                     "completed_at", shape_time(b->completed_ms), "on_complete", job);
}

json_t *shape_batches(const struct redisReply *list, struct span queue)
{
    json_t *array = json_array();
    struct batch_view b;

    for (size_t i = 0; i < batch_list_count(list); i++)
        if (!batch_list_item(list, i, &b)) json_array_append_new(array, shape_batch(&b, queue));
    return array;
}
