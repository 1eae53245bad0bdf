#include "queue/key.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

struct queue_key queue_key(const char *name_space, struct span queue)
{
    struct queue_key key;
    int len =
        snprintf(key.text, sizeof key.text, "%s:{%.*s}", name_space, (int)queue.len, queue.data);

    assert(len > 0 && (size_t)len < sizeof key.text); /* names were checked at the door */
    key.len = (size_t)len;
    return key;
}

struct span queue_key_span(const struct queue_key *key)
{
    return (struct span){key->text, key->len};
}

char *channel_of_server(const char *name_space, const char *server)
{
    return xasprintf("%s:server:%s", name_space, server);
}

char *channel_of_due(const char *name_space, const char *queue)
{
    return xasprintf("%s:{%s}:due", name_space, queue);
}

char *channel_of_events(const char *name_space, const char *queue)
{
    return xasprintf("%s:{%s}:events", name_space, queue);
}

char *channel_of_feed(const char *name_space, const char *queue)
{
    return xasprintf("%s:{%s}:feed", name_space, queue);
}

struct span queue_of_feed(const char *name_space, struct span channel)
{
    static const char tail[] = "}:feed";
    size_t head = strlen(name_space) + 2, around = head + sizeof tail - 1;

    if (channel.len <= around || memcmp(channel.data, name_space, head - 2) != 0 ||
        memcmp(channel.data + head - 2, ":{", 2) != 0 ||
        memcmp(channel.data + channel.len - (sizeof tail - 1), tail, sizeof tail - 1) != 0)
        return (struct span){0};
    return (struct span){channel.data + head, channel.len - around};
}

char *channel_of_output(const char *name_space, struct span queue, struct span local)
{
    return xasprintf("%s:{%.*s}:output:%.*s", name_space, (int)queue.len, queue.data,
                     (int)local.len, local.data);
}

char *key_of_queues(const char *name_space)
{
    return xasprintf("%s:queues", name_space);
}

/* Letters and digits, and what else `extra` allows. */
static bool made_of(struct span s, size_t max, const char *extra)
{
    if (!s.data || s.len == 0 || s.len > max) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr(extra, c))) return false;
    }
    return true;
}

bool queue_name_ok(struct span s)
{
    return made_of(s, QUEUE_NAME_MAX, "._-");
}

bool namespace_ok(struct span s)
{
    return made_of(s, NAMESPACE_MAX, "._-");
}

bool kind_ok(struct span s)
{
    return made_of(s, KIND_MAX, "._:/-");
}

bool label_ok(struct span s)
{
    return made_of(s, LABEL_MAX, "._:/@+-");
}

bool pattern_ok(struct span s)
{
    if (span_is(s, "*")) return true;
    if (s.len < 2 || s.data[s.len - 1] != '*') return kind_ok(s);
    struct span prefix = {s.data, s.len - 1};
    return kind_ok(prefix) && strchr(".:/", prefix.data[prefix.len - 1]);
}

enum pinion_err queue_name_check(struct span s, struct error *why)
{
    if (queue_name_ok(s)) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "queue name '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ -",
                     (int)(s.len > 80 ? 80 : s.len), s.data ? s.data : "", QUEUE_NAME_MAX);
}

enum pinion_err id_split(struct span id, const char *fallback, struct span *ret_queue,
                         struct span *ret_local, struct error *why)
{
    struct span local = id, queue = span_of(fallback);
    const char *colon = id.len ? memchr(id.data, ':', id.len) : NULL;

    if (colon) queue = span_cut(&local, ':');
    else if (fallback && queue_name_check(queue, why)) return PINION_INVALID;
    if (!queue_name_ok(queue) || !queue_name_ok(local))
        return error_set(why, PINION_INVALID,
                         "job id '%.*s': expected QUEUE:ID, as enqueue printed it",
                         (int)(id.len > 140 ? 140 : id.len), id.data ? id.data : "");
    *ret_queue = queue;
    *ret_local = local;
    return PINION_OK;
}
