#include "queue/explain.h"

#include "queue/reply.h"

enum { SHOWN, PAUSED, SERVERS, AHEAD, MORE, URGENT, LIMITED, FIELDS };

void explain_build(struct request *r, struct span key, struct span local_id)
{
    request_script(r, SCRIPT_EXPLAIN, key);
    request_add_span(r, local_id);
    request_add_u64(r, EXPLAIN_AHEAD_MAX);
}

static void read_limit(const struct redisReply *limited, struct explain_view *v)
{
    const struct redisReply *ids = reply_at(limited, 3);

    v->limit_scope = reply_span(reply_at(limited, 0));
    v->limit = reply_i64(reply_at(limited, 1), 0);
    v->limit_until_ms = reply_i64(reply_at(limited, 2), 0);
    for (size_t i = 0; i < EXPLAIN_BY_MAX; i++) v->limit_by[i] = reply_span(reply_at(ids, i));
}

enum pinion_err explain_read(const struct redisReply *reply, struct span local_id,
                             struct explain_view *ret)
{
    const struct redisReply *shown = reply_at(reply, SHOWN);
    struct explain_view v = {0};

    if (reply_count(reply) != FIELDS) return PINION_INTERNAL;
    enum pinion_err err = show_read(shown, local_id, &v.job);
    if (err) return err;
    v.paused = reply_i64(reply_at(reply, PAUSED), 0) == 1;
    v.ahead = reply_i64(reply_at(reply, AHEAD), 0);
    v.ahead_more = reply_i64(reply_at(reply, MORE), 0) == 1;
    v.urgent = reply_i64(reply_at(reply, URGENT), 0) == 1;
    if (span_is(v.job.state, "active")) v.lease_until_ms = reply_i64(reply_at(shown, 1), 0) / 1000;
    read_limit(reply_at(reply, LIMITED), &v);
    *ret = v;
    return PINION_OK;
}

size_t explain_servers(const struct redisReply *reply)
{
    return reply_count(reply_at(reply, SERVERS)) / 2;
}

void explain_server(const struct redisReply *reply, size_t i, struct server_view *ret)
{
    const struct redisReply *servers = reply_at(reply, SERVERS);

    server_read(reply_span(reply_at(servers, 2 * i)), reply_span(reply_at(servers, 2 * i + 1)),
                ret);
}
