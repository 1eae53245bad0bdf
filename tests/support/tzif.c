#include "tests/support/tzif.h"

#include <string.h>

static void add_u32(struct buffer *out, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) buffer_add_char(out, (char)(v >> shift));
}

static void add_time(struct buffer *out, int64_t at, size_t time_bytes)
{
    if (time_bytes == 8) add_u32(out, (uint32_t)((uint64_t)at >> 32));
    add_u32(out, (uint32_t)at);
}

static void add_zeros(struct buffer *out, size_t n)
{
    while (n-- > 0) buffer_add_char(out, '\0');
}

static void add_header(const struct tzif *t, struct buffer *out)
{
    size_t chars = 0;

    for (size_t i = 0; i < t->types_count; i++) chars += strlen(t->types[i].name) + 1;
    buffer_add(out, "TZif", 4);
    buffer_add_char(out, t->version);
    add_zeros(out, 15);
    add_u32(out, t->flags);
    add_u32(out, t->flags);
    add_u32(out, t->leaps);
    add_u32(out, (uint32_t)t->changes_count);
    add_u32(out, (uint32_t)t->types_count);
    add_u32(out, (uint32_t)chars);
}

static void add_block(const struct tzif *t, size_t time_bytes, struct buffer *out)
{
    size_t from = 0;

    add_header(t, out);
    for (size_t i = 0; i < t->changes_count; i++) add_time(out, t->changes[i].at, time_bytes);
    for (size_t i = 0; i < t->changes_count; i++) buffer_add_char(out, (char)t->changes[i].type);
    for (size_t i = 0; i < t->types_count; i++) {
        add_u32(out, (uint32_t)t->types[i].offset);
        buffer_add_char(out, '\0');
        buffer_add_char(out, (char)from);
        from += strlen(t->types[i].name) + 1;
    }
    for (size_t i = 0; i < t->types_count; i++)
        buffer_add(out, t->types[i].name, strlen(t->types[i].name) + 1);
    add_zeros(out, t->leaps * (time_bytes + 4));
    add_zeros(out, 2 * t->flags);
}

void tzif_write(const struct tzif *t, struct buffer *out)
{
    add_block(t, 4, out);
    if (!t->version) return;
    add_block(t, 8, out);
    buffer_add_char(out, '\n');
    buffer_add_text(out, t->footer ? t->footer : "");
    buffer_add_char(out, '\n');
}

void tzif_write_footer(const char *footer, struct buffer *out)
{
    struct tzif t = {.version = '3', .types = {{0, "GMT"}}, .types_count = 1, .footer = footer};

    tzif_write(&t, out);
}
