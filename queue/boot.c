/* A sorted set: `NAME BOOT`, by the time when it was noted. */
#include "queue/boot.h"

#include <string.h>
#include "queue/reply.h"

static void boots_command(struct request *r, const char *command, struct span key)
{
    request_command(r, command);
    request_add_pair(r, key, span_of(":boots"));
}

static void add_mark(struct request *r, struct boot_mark m)
{
    struct buffer text = BUFFER_INIT;

    buffer_printf(&text, "%.*s %s", (int)m.name.len, m.name.data, m.boot);
    request_add(r, text.data, text.len);
    buffer_deinit(&text);
}

void boot_ask_build(struct request *r, struct span key, struct boot_mark m)
{
    boots_command(r, "ZSCORE", key);
    add_mark(r, m);
}

bool boot_ask_read(const struct redisReply *reply)
{
    return reply_span(reply).data != NULL;
}

void boot_note_build(struct request *r, struct span key, struct boot_mark m, int64_t now_ms)
{
    boots_command(r, "ZADD", key);
    request_add_i64(r, now_ms);
    add_mark(r, m);
}

void boot_trim_build(struct request *r, struct span key)
{
    boots_command(r, "ZREMRANGEBYRANK", key);
    request_add_u64(r, 0);
    request_add_i64(r, -(BOOTS_MAX + 1));
}

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const unsigned char *byte = data;

    for (size_t i = 0; i < len; i++) h = (h ^ byte[i]) * UINT64_C(0x100000001b3);
    return h;
}

void boot_job_id(struct span key, struct boot_mark m, char ret[ID_LEN + 1])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (unsigned i = 0; i < ID_LEN; i++) {
        h = hash(h, key.data, key.len);
        h = hash(h, m.name.data, m.name.len);
        h = hash(h, m.boot, strlen(m.boot));
        ret[i] = digits[i ? h >> 59 : h >> 61]; /* as a ULID begins: 128 bits in 26 digits */
    }
    ret[ID_LEN] = '\0';
}
