#include "queue/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "queue/pack.h"
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

/* ---- ack: what was claimed together is told together ----------------------------------------- */

#define PACKS_OPEN_MAX 16 /* that are looked through for an item's pack; told twice is no harm */

struct ack_pack {
    const struct settle_item *first;
    uint64_t done; /* a bit for each job */
    unsigned count;
};

struct acks {
    const struct settle_item *items;
    size_t items_count;
    struct ack_pack packs[BATCH_ITEMS_MAX];
    size_t packs_count;
    uint16_t single[BATCH_ITEMS_MAX];
    size_t singles;
};

static bool same_pack(const struct settle_item *a, const struct settle_item *b)
{
    return memcmp(a->id.data, b->id.data, ID_LEN - ID_BLOCK_CHARS) == 0 &&
           span_equal(a->token, b->token);
}

static struct ack_pack *pack_for(struct acks *a, const struct settle_item *item)
{
    size_t oldest = a->packs_count > PACKS_OPEN_MAX ? a->packs_count - PACKS_OPEN_MAX : 0;

    for (size_t i = a->packs_count; i > oldest; i--)
        if (same_pack(a->packs[i - 1].first, item)) return &a->packs[i - 1];
    a->packs[a->packs_count] = (struct ack_pack){.first = item};
    return &a->packs[a->packs_count++];
}

static void sort_items(struct acks *a)
{
    for (size_t i = 0; i < a->items_count; i++) {
        const struct settle_item *item = &a->items[i];
        if (!item->pack_size || item->id.len != ID_LEN) {
            a->single[a->singles++] = (uint16_t)i;
            continue;
        }
        struct ack_pack *pack = pack_for(a, item);
        uint64_t bit = UINT64_C(1) << pack_place(item->id);
        pack->count += !(pack->done & bit);
        pack->done |= bit;
    }
}

/* What is to be remembered of them: the pack and its size, if that is all of it; else each id. */
static void add_pack_text(struct buffer *text, const struct ack_pack *pack, const char *name)
{
    char id[ID_LEN + 1];

    buffer_clear(text);
    if (pack->count == pack->first->pack_size) {
        buffer_printf(text, "%s%u", name, pack->count);
        return;
    }
    memcpy(id, pack->first->id.data, ID_LEN);
    id[ID_LEN] = '\0';
    for (unsigned i = 0; i < PACK_JOBS_MAX; i++) {
        if (!(pack->done >> i & 1)) continue;
        id_in_block(id, i);
        if (text->len) buffer_add_char(text, ' ');
        buffer_add(text, id, ID_LEN);
    }
}

static void add_pack(struct request *r, struct buffer *text, const struct ack_pack *pack)
{
    char name[PACK_NAME_LEN + 1], bits[PACK_BITS_LEN + 1];

    pack_name(pack->first->id, name);
    snprintf(bits, sizeof bits, "%016" PRIx64, pack->done);
    add_pack_text(text, pack, name);
    request_add(r, name, PACK_NAME_LEN);
    request_add_span(r, pack->first->token);
    request_add_u64(r, pack->first->pack_size);
    request_add(r, bits, PACK_BITS_LEN);
    request_add(r, text->data, text->len);
}

/* From the i-th single item on, those that share its token. */
static size_t add_claim(struct request *r, struct buffer *text, const struct acks *a, size_t i)
{
    struct span token = a->items[a->single[i]].token;
    size_t to = i;

    buffer_clear(text);
    for (; to < a->singles && span_equal(a->items[a->single[to]].token, token); to++) {
        struct span id = a->items[a->single[to]].id;
        if (to > i) buffer_add_char(text, ' ');
        buffer_add(text, id.data, id.len);
    }
    request_add_span(r, token);
    request_add_u64(r, to - i);
    request_add(r, text->data, text->len);
    for (size_t k = i; k < to; k++) request_add_span(r, a->items[a->single[k]].id);
    return to;
}

void ack_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    struct acks a = {.items = items, .items_count = count};
    struct buffer text = BUFFER_INIT;

    sort_items(&a);
    request_script(r, SCRIPT_ACK, key);
    request_add_u64(r, a.packs_count);
    for (size_t i = 0; i < a.packs_count; i++) add_pack(r, &text, &a.packs[i]);
    for (size_t i = 0; i < a.singles;) i = add_claim(r, &text, &a, i);
    buffer_deinit(&text);
}

/* {ID, 'stale', ...} */
static enum pinion_err read_acks(const struct redisReply *reply, struct settle_item *items,
                                 size_t count)
{
    for (size_t at = 0; at + 1 < reply_count(reply); at += 2) {
        struct span id = reply_span(reply_at(reply, at));
        for (size_t i = 0; i < count; i++)
            if (span_equal(items[i].id, id)) items[i].settled = SETTLED_STALE;
    }
    return PINION_OK;
}

/* ---- the others, one by one ------------------------------------------------------------------ */

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

static const char *uncharged_text(int64_t delay_ms, char out[24])
{
    snprintf(out, 24, "~%" PRId64, delay_ms);
    return out;
}

void fail_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    struct buffer text = BUFFER_INIT;
    char delay[24];

    request_script(r, SCRIPT_FAIL, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_i64(r, items[i].started_ms);
        if (items[i].delay_ms < 0)
            request_add_text(r, "-");
        else if (items[i].uncharged)
            request_add_text(r, uncharged_text(items[i].delay_ms, delay));
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

void progress_build(struct request *r, struct span key, const struct settle_item *items,
                    size_t count)
{
    request_script(r, SCRIPT_PROGRESS, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_u64(r, items[i].percent);
        request_add_span(r, items[i].text);
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
        {"invalid",   SETTLED_INVALID  },
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
    if (script == SCRIPT_ACK) return read_acks(reply, items, count);
    for (size_t at = 0; at + 1 < reply_count(reply); at += 2) {
        int64_t i = reply_i64(reply_at(reply, at), -1);
        if (i < 0 || (size_t)i >= count) return PINION_INTERNAL;
        items[i].settled = settled_of(reply_span(reply_at(reply, at + 1)));
    }
    return PINION_OK;
}
