#include "queue/settle.h"

#include "queue/reply.h"

void renew_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    request_script(r, SCRIPT_RENEW, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_u64(r, items[i].lease_ms);
    }
}

/* How many items from `from` on share its token. */
static size_t run_of(const struct settle_item *items, size_t count, size_t from)
{
    size_t to = from + 1;

    while (to < count && span_equal(items[to].token, items[from].token)) to++;
    return to - from;
}

void ack_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    struct buffer ids = BUFFER_INIT;

    request_script(r, SCRIPT_ACK, key);
    for (size_t from = 0, n; from < count; from += n) {
        n = run_of(items, count, from);
        buffer_clear(&ids);
        for (size_t i = from; i < from + n; i++) {
            if (i > from) buffer_add_char(&ids, ' ');
            buffer_add(&ids, items[i].id.data, items[i].id.len);
        }
        request_add_span(r, items[from].token);
        request_add_u64(r, n);
        request_add(r, ids.data, ids.len);
        for (size_t i = from; i < from + n; i++) request_add_span(r, items[i].id);
    }
    buffer_deinit(&ids);
}

void ack_rich_build(struct request *r, struct span key, const struct settle_item *items,
                    size_t count)
{
    request_script(r, SCRIPT_ACK_RICH, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_i64(r, items[i].started_ms);
        request_add_span(r, items[i].text);
    }
}

/* What a program printed may be any bytes; it is kept as JSON, which wants UTF-8 and no NUL. */
static struct span error_text(struct buffer *b, struct span text)
{
    buffer_clear(b);
    text_add_utf8(b, text.data, text.len < ERROR_BYTES_MAX ? text.len : ERROR_BYTES_MAX);
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] == '\0') b->data[i] = ' ';
    return (struct span){b->data, b->len};
}

void fail_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    struct buffer text = BUFFER_INIT;

    request_script(r, SCRIPT_FAIL, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_i64(r, items[i].started_ms);
        if (items[i].delay_ms < 0)
            request_add_text(r, "-");
        else
            request_add_i64(r, items[i].delay_ms);
        request_add_span(r, error_text(&text, items[i].text));
    }
    buffer_deinit(&text);
}

void release_build(struct request *r, struct span key, const struct settle_item *items,
                   size_t count)
{
    request_script(r, SCRIPT_RELEASE, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
    }
}

static enum settled settled_of(struct span name)
{
    static const struct {
        const char *name;
        enum settled settled;
    } names[] = {
        {"stale",     SETTLED_STALE    },
        {"cancel",    SETTLED_CANCEL   },
        {"retry",     SETTLED_RETRY    },
        {"dead",      SETTLED_DEAD     },
        {"cancelled", SETTLED_CANCELLED},
    };

    for (size_t i = 0; i < countof(names); i++)
        if (span_is(name, names[i].name)) return names[i].settled;
    return SETTLED_OK;
}

enum pinion_err settle_read(const struct redisReply *reply, enum script script,
                            struct settle_item *items, size_t count)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY) return PINION_INTERNAL;
    if (script == SCRIPT_FAIL) {
        if (reply_count(reply) != count) return PINION_INTERNAL;
        for (size_t i = 0; i < count; i++)
            items[i].settled = settled_of(reply_span(reply_at(reply, i)));
        return PINION_OK;
    }
    for (size_t i = 0; i < count; i++) items[i].settled = SETTLED_OK;
    for (size_t at = 0; at + 1 < reply_count(reply); at += 2) {
        int64_t i = reply_i64(reply_at(reply, at), -1);
        if (i < 0 || (size_t)i >= count) return PINION_INTERNAL;
        items[i].settled = settled_of(reply_span(reply_at(reply, at + 1)));
    }
    return PINION_OK;
}
