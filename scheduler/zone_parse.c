/* TZif files (RFC 8536), from bytes that nobody vouches for:
 *
 *     header | data block, 32-bit times | header | data block, 64-bit times | \n rule \n
 *     `-------- all of version 1 ------'   `------- since version 2 ----------------'
 *
 * Every block's length follows from six counts in its header; nothing is read before that length
 * was held against what is left. */
#include "scheduler/zone.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "scheduler/zone_data.h"

#define HEADER_BYTES 44
#define COUNTS_AT    20 /* in the header, behind magic, version and 15 spare bytes */
#define TYPE_BYTES   6  /* offset, daylight flag, place of the name */
#define CHANGE_MAX   (INT64_C(1) << 59) /* zic's "Big Bang"; sums with offsets cannot overflow */

struct reader {
    const unsigned char *at;
    size_t left;
    const char *name;
    struct error *why;
};

struct block {
    char version;
    uint64_t ut_flags, standard_flags, leaps, changes, types, chars; /* counts */
    size_t time_bytes;                                               /* 4 or 8 */
    const unsigned char *data;
};

static enum pinion_err refuse(const struct reader *r, const char *what)
{
    return error_set(r->why, PINION_INVALID, "time zone '%.*s': %s", ZONE_NAME_MAX, r->name, what);
}

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t time_at(const struct block *b, size_t i)
{
    const unsigned char *p = b->data + i * b->time_bytes;

    if (b->time_bytes == 4) return (int32_t)u32(p);
    return (int64_t)((uint64_t)u32(p) << 32 | u32(p + 4));
}

/* ---- blocks ---- */

static uint64_t block_bytes(const struct block *b)
{
    return b->changes * (b->time_bytes + 1) + b->types * TYPE_BYTES + b->chars +
           b->leaps * (b->time_bytes + 4) + b->standard_flags + b->ut_flags;
}

static bool is_version(char c)
{
    return c == '\0' || (c >= '2' && c <= '9'); /* later ones only add meaning to the rule */
}

static enum pinion_err read_block(struct reader *r, size_t time_bytes, struct block *ret_block)
{
    struct block b = {.time_bytes = time_bytes};
    const unsigned char *counts;

    if (r->left < HEADER_BYTES || memcmp(r->at, "TZif", 4) != 0)
        return refuse(r, "expected a TZif file");
    b.version = (char)r->at[4];
    if (!is_version(b.version)) return refuse(r, "expected TZif of version 1 to 4");
    counts = r->at + COUNTS_AT;
    b.ut_flags = u32(counts);
    b.standard_flags = u32(counts + 4);
    b.leaps = u32(counts + 8);
    b.changes = u32(counts + 12);
    b.types = u32(counts + 16);
    b.chars = u32(counts + 20);
    r->at += HEADER_BYTES;
    r->left -= HEADER_BYTES;
    if (block_bytes(&b) > r->left) return refuse(r, "the file is cut short");
    b.data = r->at;
    r->at += block_bytes(&b);
    r->left -= (size_t)block_bytes(&b);
    *ret_block = b;
    return PINION_OK;
}

static enum pinion_err check_counts(const struct reader *r, const struct block *b)
{
    if (b->types < 1 || b->types > ZONE_TYPES_MAX)
        return refuse(r, "expected 1 to 256 kinds of local time");
    if (b->chars < 1) return refuse(r, "expected names of its kinds of local time");
    if ((b->ut_flags && b->ut_flags != b->types) ||
        (b->standard_flags && b->standard_flags != b->types))
        return refuse(r, "its counts contradict each other");
    if (b->leaps) return refuse(r, "it counts leap seconds, expected one that does not");
    return PINION_OK;
}

/* ---- what is in a block ---- */

static bool read_name(const struct block *b, const unsigned char *chars, size_t from,
                      char name[ZONE_ABBREVIATION_MAX + 1])
{
    size_t len = 0;

    if (from >= b->chars) return false;
    for (; from + len < b->chars && chars[from + len]; len++)
        if (chars[from + len] <= ' ' || chars[from + len] > '~' || len == ZONE_ABBREVIATION_MAX)
            return false;
    if (from + len == b->chars) return false; /* no NUL */
    memcpy(name, chars + from, len);
    name[len] = '\0';
    return true;
}

static enum pinion_err read_types(const struct reader *r, const struct block *b, struct zone *z)
{
    const unsigned char *types = b->data + b->changes * (b->time_bytes + 1);
    const unsigned char *chars = types + b->types * TYPE_BYTES;

    z->types = xcalloc(b->types, sizeof *z->types);
    for (size_t i = 0; i < b->types; i++) {
        const unsigned char *p = types + i * TYPE_BYTES;
        int32_t offset = (int32_t)u32(p);

        if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX)
            return refuse(r, "expected offsets of at most 26 hours");
        z->types[i].offset = offset;
        if (!read_name(b, chars, p[5], z->types[i].abbreviation))
            return refuse(r, "expected short, printable names of its kinds of local time");
    }
    return PINION_OK;
}

static enum pinion_err read_changes(const struct reader *r, const struct block *b, struct zone *z)
{
    const unsigned char *type_of = b->data + b->changes * b->time_bytes;

    z->changes = b->changes ? xcalloc(b->changes, sizeof *z->changes) : NULL;
    z->count = b->changes;
    for (size_t i = 0; i < z->count; i++) {
        int64_t at = time_at(b, i);

        if (at < -CHANGE_MAX || at > CHANGE_MAX || (i && at <= z->changes[i - 1].at))
            return refuse(r, "expected its changes in order of time");
        if (type_of[i] >= b->types) return refuse(r, "a change to a kind that it does not have");
        z->changes[i] = (struct zone_change){at, type_of[i]};
    }
    return PINION_OK;
}

static enum pinion_err read_footer(const struct reader *r, struct zone *z, bool *ret_found)
{
    struct span rest = {(const char *)r->at, r->left}, rule;
    struct error what = {0};

    *ret_found = false;
    if (!rest.len || rest.data[0] != '\n' || !memchr(rest.data + 1, '\n', rest.len - 1))
        return refuse(r, "expected a line with its rule at the end");
    (void)span_cut(&rest, '\n');
    rule = span_cut(&rest, '\n');
    if (!rule.len) return PINION_OK; /* the last change holds for ever */
    if (footer_parse(rule, &z->footer, &what)) return refuse(r, what.text);
    *ret_found = true;
    return PINION_OK;
}

/* ---- a zone ---- */

static void widen(struct zone *z, const struct zone_type *type)
{
    if (type->offset < z->offset_min) z->offset_min = type->offset;
    if (type->offset > z->offset_max) z->offset_max = type->offset;
}

static void measure(struct zone *z, size_t types)
{
    z->offset_min = z->offset_max = z->first.offset;
    for (size_t i = 0; i < types; i++) widen(z, &z->types[i]);
    if (!z->footer.changes) return;
    widen(z, &z->footer.standard);
    widen(z, &z->footer.daylight);
}

static void set_name(struct zone *z, const char *name)
{
    size_t len = strnlen(name, ZONE_NAME_MAX);

    memcpy(z->name, name, len);
    z->name[len] = '\0';
}

static enum pinion_err read_zone(struct reader *r, struct zone *z)
{
    bool has_footer = false;
    struct block b;
    enum pinion_err err;

    err = read_block(r, 4, &b);
    if (!err && b.version) err = read_block(r, 8, &b);
    if (!err) err = check_counts(r, &b);
    if (!err) err = read_types(r, &b, z);
    if (!err) err = read_changes(r, &b, z);
    if (!err && b.time_bytes == 8) err = read_footer(r, z, &has_footer);
    if (err) return err;

    z->first = z->count || !has_footer ? z->types[0] : z->footer.standard;
    measure(z, b.types);
    return PINION_OK;
}

enum pinion_err zone_parse(const char *name, const void *data, size_t len, struct zone **ret_zone,
                           struct error *why)
{
    struct reader r = {data, len, name, why};
    struct zone *z;

    if (len > ZONE_BYTES_MAX) return refuse(&r, "expected a TZif file of at most 256 KiB");
    z = xcalloc(1, sizeof *z);
    set_name(z, name);
    enum pinion_err err = read_zone(&r, z);
    if (err) {
        zone_free(z);
        return err;
    }
    *ret_zone = z;
    return PINION_OK;
}

struct zone *zone_of_footer(const char *name, const struct zone_footer *footer)
{
    struct zone *z = xcalloc(1, sizeof *z);

    set_name(z, name);
    z->footer = *footer;
    z->first = footer->standard;
    measure(z, 0);
    return z;
}
