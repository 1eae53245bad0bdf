/* scheduler/cron_field.c — reads one field into a set of its values.
 *
 * A cursor runs over the field; each cut_x takes what it knows, or says what was expected where the
 * cursor stands. Sets are bitmaps: bit v is the value v (of years: 1970 + v).
 */
#include "scheduler/cron_field.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { QUOTED_MAX = 24, EXPECTED_MAX = 128, NAME_LEN = 3, VALUE_TOO_LARGE = 10000 };

#define SET_WORDS countof(((struct cron *)0)->years)

static const struct field {
    const char *name, *expected;
    unsigned min, max;
    unsigned hash_max;        /* H without a range; 0: no H */
    const char *const *names; /* of min and what follows it; NULL-terminated */
} fields[] = {
    [CRON_SECOND]  = {"second", "0 to 59", 0, 59, 59, NULL},
    [CRON_MINUTE]  = {"minute", "0 to 59", 0, 59, 59, NULL},
    [CRON_HOUR]    = {"hour", "0 to 23", 0, 23, 23, NULL},
    /* H falls on a day that every month has. */
    [CRON_DAY]     = {"day-of-month", "1 to 31, L or nW", 1, 31, 28, NULL},
    [CRON_MONTH]   = {"month", "1 to 12 or JAN to DEC", 1, 12, 12,
                      (const char *const[]){"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG",
                                            "SEP", "OCT", "NOV", "DEC", NULL}},
    [CRON_WEEKDAY] = {"day-of-week", "0 to 7 or SUN to SAT", 0, 7, 6,
                      (const char *const[]){"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL}},
    [CRON_YEAR]    = {"year", "1970 to 2199", CRON_YEAR_MIN, CRON_YEAR_MAX, 0, NULL},
};
_Static_assert(countof(fields) == CRON_FIELDS_MAX, "every field has a row");
_Static_assert(CRON_YEAR_MAX - CRON_YEAR_MIN < 64 * SET_WORDS, "every year has a bit");

struct cursor {
    enum cron_field id;
    const struct field *field;
    struct span text;
    size_t at;     /* in text */
    size_t column; /* of text, in the expression */
    const char *name;
    struct cron *cron;
    struct error *why;
    uint64_t set[SET_WORDS];
};

struct range {
    unsigned min, max;
};

static char peek(const struct cursor *c)
{
    return c->at < c->text.len ? c->text.data[c->at] : '\0';
}

static bool at_end(const struct cursor *c)
{
    return c->at == c->text.len;
}

static bool cut_char(struct cursor *c, char expected)
{
    if (at_end(c) || peek(c) != expected) return false;
    c->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What stands at the cursor: a run of digits, a run of letters, or one character. */
static size_t token_len(const struct cursor *c)
{
    const char *text = c->text.data + c->at;
    size_t left = c->text.len - c->at, len = 0;

    while (len < left && is_digit(text[len])) len++;
    if (len) return len;
    while (len < left && is_letter(text[len])) len++;
    if (len) return len;
    len = text_utf8_next(text, left);
    return len ? len : left > 0;
}

/* Of what was found, `len` bytes from the cursor. */
printf_like(3, 4) static enum pinion_err fail_at(struct cursor *c, size_t len, const char *format,
                                                 ...)
{
    char expected[EXPECTED_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(expected, sizeof(expected), format, args);
    va_end(args);
    if (at_end(c))
        return error_set(c->why, PINION_INVALID, "%s, column %zu: expected %s, found nothing",
                         c->field->name, c->column + c->at, expected);
    return error_set(c->why, PINION_INVALID, "%s, column %zu: expected %s, found '%.*s'",
                     c->field->name, c->column + c->at, expected,
                     (int)(len < QUOTED_MAX ? len : QUOTED_MAX), c->text.data + c->at);
}

static enum pinion_err fail(struct cursor *c, const char *expected)
{
    return fail_at(c, token_len(c), "%s", expected);
}

/* Digits at the cursor; what is larger than any field knows stays so. */
static unsigned number_at(const struct cursor *c, size_t *ret_len)
{
    unsigned value = 0;
    size_t len = 0;

    for (; c->at + len < c->text.len && is_digit(c->text.data[c->at + len]); len++) {
        value = value * 10 + (unsigned)(c->text.data[c->at + len] - '0');
        if (value > VALUE_TOO_LARGE) value = VALUE_TOO_LARGE;
    }
    *ret_len = len;
    return value;
}

static bool cut_number(struct cursor *c, struct range allowed, unsigned *ret_value)
{
    size_t len;
    unsigned value = number_at(c, &len);

    if (!len || value < allowed.min || value > allowed.max) return false;
    c->at += len;
    *ret_value = value;
    return true;
}

/* A name ends with its letters; only the L of FRIL may follow. */
static bool cut_name(struct cursor *c, unsigned *ret_value)
{
    const char *text = c->text.data + c->at;
    size_t len = token_len(c);

    if (!c->field->names || at_end(c) || !is_letter(*text)) return false;
    if (len != NAME_LEN &&
        !(c->id == CRON_WEEKDAY && len == NAME_LEN + 1 && text[NAME_LEN] == 'L'))
        return false;
    for (unsigned i = 0; c->field->names[i]; i++) {
        if (strncasecmp(text, c->field->names[i], NAME_LEN) != 0) continue;
        c->at += NAME_LEN;
        *ret_value = c->field->min + i;
        return true;
    }
    return false;
}

static enum pinion_err cut_value(struct cursor *c, unsigned *ret_value)
{
    struct range all = {c->field->min, c->field->max};

    if (cut_name(c, ret_value) || cut_number(c, all, ret_value)) return PINION_OK;
    if (peek(c) == '/')
        return fail_at(c, 1, "* or a range before '/', like %u-%u/2", all.min, all.max);
    if (peek(c) == '?' && c->id != CRON_DAY && c->id != CRON_WEEKDAY)
        return fail(c, "*: ? is for day-of-month and day-of-week");
    return fail(c, c->field->expected);
}

/* "-b" behind a. As the end of a range SUN is 7, but for SUN-SUN. */
static enum pinion_err cut_range_end(struct cursor *c, size_t start_at, unsigned first,
                                     unsigned *ret_last)
{
    bool by_name = is_letter(peek(c));
    unsigned last;
    enum pinion_err err = cut_value(c, &last);

    if (err) return err;
    if (c->id == CRON_WEEKDAY && by_name && last == 0 && first > 0) last = 7;
    if (last < first) {
        size_t len = c->at - start_at;
        c->at = start_at;
        return fail_at(c, len, "a range that does not go backwards, like %u-%u,%u-%u", first,
                       c->field->max, c->field->min, last);
    }
    *ret_last = last;
    return PINION_OK;
}

/* "/n", if it is there. */
static enum pinion_err cut_step(struct cursor *c, unsigned *ret_step)
{
    if (!cut_char(c, '/')) return PINION_OK;
    if (cut_number(c, (struct range){1, CRON_STEP_MAX}, ret_step)) return PINION_OK;
    return fail_at(c, token_len(c), "a step of 1 to %d behind '/'", CRON_STEP_MAX);
}

static void add(struct cursor *c, unsigned value)
{
    unsigned bit = c->id == CRON_YEAR ? value - CRON_YEAR_MIN : value;

    if (c->id == CRON_WEEKDAY) bit %= 7;
    c->set[bit / 64] |= UINT64_C(1) << bit % 64;
}

static void add_range(struct cursor *c, struct range r, unsigned step)
{
    for (unsigned v = r.min; v <= r.max; v += step) add(c, v);
}

/* FNV-1a of the name and the number of the field, then stirred: by itself the last byte moves the
 * hashes of two fields by nearly the same amount for every name. docs/cron.md promises this. */
static uint64_t hash_of(const struct cursor *c)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *s = c->name; *s; s++)
        hash = (hash ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    hash = (hash ^ (uint64_t)c->id) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 33;
}

/* Behind "H". */
static enum pinion_err cut_hash(struct cursor *c)
{
    struct range r = {c->field->min, c->field->hash_max};
    unsigned step = 0;
    enum pinion_err err;

    if (cut_char(c, '(')) {
        size_t start_at = c->at;

        if ((err = cut_value(c, &r.min))) return err;
        if (!cut_char(c, '-')) return fail(c, "'-', like H(0-10)");
        if ((err = cut_range_end(c, start_at, r.min, &r.max))) return err;
        if (!cut_char(c, ')')) return fail(c, "')'");
    }
    if ((err = cut_step(c, &step))) return err;
    unsigned count = r.max - r.min + 1;
    if (!step) {
        add(c, r.min + (unsigned)(hash_of(c) % count));
    } else {
        r.min += (unsigned)(hash_of(c) % (step < count ? step : count));
        add_range(c, r, step);
    }
    return PINION_OK;
}

/* "L", "L-n", "LW" in day-of-month. */
static enum pinion_err cut_last_day(struct cursor *c, bool alone)
{
    unsigned before = 0;

    c->at++;
    if (peek(c) == 'W') {
        if (!alone) return fail(c, "LW alone, not in a list");
        c->at++;
        c->cron->last_nearest = true;
        return PINION_OK;
    }
    if (cut_char(c, '-') && !cut_number(c, (struct range){1, 30}, &before))
        return fail(c, "1 to 30 days before the last behind L-");
    c->cron->from_last |= UINT32_C(1) << before;
    return PINION_OK;
}

/* What may follow a value in a field of days. */
static enum pinion_err cut_day_mark(struct cursor *c, unsigned value, bool alone, bool *ret_done)
{
    struct range nths = {1, countof(c->cron->nth) - 1};
    unsigned nth;

    *ret_done = true;
    if (c->id == CRON_DAY && peek(c) == 'W') {
        if (!alone) return fail(c, "nW alone, not in a list");
        c->at++;
        c->cron->nearest |= UINT32_C(1) << value;
    } else if (c->id == CRON_WEEKDAY && cut_char(c, 'L')) {
        c->cron->last_weekdays |= (uint8_t)(1u << value % 7);
    } else if (c->id == CRON_WEEKDAY && cut_char(c, '#')) {
        if (cut_char(c, 'L')) c->cron->last_weekdays |= (uint8_t)(1u << value % 7);
        else if (cut_number(c, nths, &nth)) c->cron->nth[nth] |= (uint8_t)(1u << value % 7);
        else return fail(c, "1 to 5 or L behind '#'");
    } else {
        *ret_done = false;
    }
    return PINION_OK;
}

static enum pinion_err cut_values(struct cursor *c, bool alone)
{
    size_t start_at = c->at;
    unsigned step = 1;
    struct range r;
    bool done;
    enum pinion_err err = cut_value(c, &r.min);

    if (err || (err = cut_day_mark(c, r.min, alone, &done)) || done) return err;
    if (peek(c) == '/')
        return fail_at(c, 1, "* or a range before '/', like %u-%u/2", r.min, c->field->max);
    r.max = r.min;
    if (cut_char(c, '-')) {
        if ((err = cut_range_end(c, start_at, r.min, &r.max))) return err;
        if (c->id == CRON_DAY && peek(c) == 'W') return fail(c, "nW alone, not in a range");
        if ((err = cut_step(c, &step))) return err;
    }
    add_range(c, r, step);
    return PINION_OK;
}

/* `alone`: the field is this one entry. `ret_any`: it is a bare star. */
static enum pinion_err cut_entry(struct cursor *c, bool alone, bool *ret_any)
{
    bool days = c->id == CRON_DAY || c->id == CRON_WEEKDAY;
    unsigned step = 0;
    enum pinion_err err;

    *ret_any = false;
    if (cut_char(c, '*') || (days && cut_char(c, '?'))) {
        if ((err = cut_step(c, &step))) return err;
        *ret_any = alone && !step;
        add_range(c, (struct range){c->field->min, c->field->max}, step ? step : 1);
        return PINION_OK;
    }
    if (c->field->hash_max && cut_char(c, 'H')) return cut_hash(c);
    if (c->id == CRON_DAY && peek(c) == 'L') return cut_last_day(c, alone);
    return cut_values(c, alone);
}

static void store(const struct cursor *c, bool any)
{
    struct cron *cron = c->cron;

    switch (c->id) {
    case CRON_SECOND: cron->seconds = c->set[0]; break;
    case CRON_MINUTE: cron->minutes = c->set[0]; break;
    case CRON_HOUR:   cron->hours = (uint32_t)c->set[0]; break;
    case CRON_MONTH:  cron->months = (uint16_t)c->set[0]; break;
    case CRON_YEAR:   memcpy(cron->years, c->set, sizeof(cron->years)); break;
    case CRON_DAY:
        cron->days = (uint32_t)c->set[0];
        cron->days_any = any;
        break;
    case CRON_WEEKDAY:
        cron->weekdays = (uint8_t)c->set[0];
        cron->weekdays_any = any;
        break;
    case CRON_FIELDS_MAX: break;
    }
    if ((c->id == CRON_MINUTE || c->id == CRON_HOUR) && c->text.data[0] == '*')
        cron->follows_clock = true;
}

enum pinion_err cron_field_parse(enum cron_field id, struct span text, size_t column,
                                 const char *name, struct cron *cron, struct error *why)
{
    struct cursor c = {.id = id, .field = &fields[id], .text = text, .column = column,
                       .name = name, .cron = cron, .why = why};
    bool alone = !memchr(text.data, ',', text.len), any, first_any;
    enum pinion_err err;

    assert(text.len > 0);
    if (id == CRON_WEEKDAY && cut_char(&c, '+')) cron->both = true;
    if ((err = cut_entry(&c, alone, &first_any))) return err;
    while (cut_char(&c, ','))
        if ((err = cut_entry(&c, alone, &any))) return err;
    if (!at_end(&c)) return fail(&c, "',' or the end of the field");
    store(&c, first_any);
    return PINION_OK;
}
