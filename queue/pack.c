#include "queue/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MSGPACK_ARRAY_16 = 0xdc, MSGPACK_STR_16 = 0xda, MSGPACK_HEAD = 3 };

static void add_head(struct buffer *b, unsigned char type, size_t n)
{
    const unsigned char head[MSGPACK_HEAD] = {type, (unsigned char)(n >> 8), (unsigned char)n};

    buffer_add(b, head, sizeof head);
}

/* Cuts a head of that type off; false: there is none. */
static bool cut_head(struct span *s, unsigned char type, size_t *ret_n)
{
    const unsigned char *at = (const unsigned char *)s->data;

    if (s->len < MSGPACK_HEAD || at[0] != type) return false;
    *ret_n = (size_t)at[1] << 8 | at[2];
    s->data += MSGPACK_HEAD;
    s->len -= MSGPACK_HEAD;
    return true;
}

void pack_name(struct span id, char out[PACK_NAME_LEN + 1])
{
    memcpy(out, id.data, PACK_NAME_LEN - 1);
    out[PACK_NAME_LEN - 1] = '*';
    out[PACK_NAME_LEN] = '\0';
}

unsigned pack_place(struct span id)
{
    return id_place_in_block(id) % PACK_JOBS_MAX;
}

void pack_begin(struct buffer *b, struct span lane, size_t size)
{
    buffer_add_char(b, '2');
    buffer_add(b, lane.data, lane.len);
    buffer_printf(b, "\n%zu\n", size);
    add_head(b, MSGPACK_ARRAY_16, size);
}

void pack_add(struct buffer *b, struct span head, struct span payload)
{
    add_head(b, MSGPACK_STR_16, head.len + payload.len);
    buffer_add(b, head.data, head.len);
    buffer_add(b, payload.data, payload.len);
}

bool pack_is(struct span name)
{
    return name.len == PACK_NAME_LEN && name.data[name.len - 1] == '*';
}

bool pack_open(struct pack_reader *p, struct span name, struct span record)
{
    struct span rest = record, size;
    uint64_t n = 0;
    size_t count = 0;

    if (!pack_is(name) || record.len == 0 || record.data[0] != '2') return false;
    span_cut(&rest, '\n');
    size = span_cut(&rest, '\n');
    if (text_parse_u64(size, 1, PACK_JOBS_MAX, &n)) return false;
    if (!cut_head(&rest, MSGPACK_ARRAY_16, &count) || count != n) return false;
    *p = (struct pack_reader){.size = (unsigned)n, .rest = rest};
    memcpy(p->id, name.data, PACK_NAME_LEN - 1);
    p->id[ID_LEN] = '\0';
    return true;
}

bool pack_next(struct pack_reader *p, struct span *ret_id, struct span *ret_record)
{
    size_t len = 0;

    if (p->at == p->size || !cut_head(&p->rest, MSGPACK_STR_16, &len) || len > p->rest.len)
        return false;
    id_in_block(p->id, p->at++);
    *ret_id = (struct span){p->id, ID_LEN};
    *ret_record = (struct span){p->rest.data, len};
    p->rest.data += len;
    p->rest.len -= len;
    return true;
}
