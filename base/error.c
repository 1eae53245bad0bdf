/* base/error.c — the table behind every failure that a person or a program sees. */
#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct outcome {
    const char *name;
    unsigned http;
    int exit;
} outcomes[] = {
    [PINION_OK]           = {"ok",           200, 0},
    [PINION_INVALID]      = {"invalid",      400, 2},
    [PINION_UNAUTHORIZED] = {"unauthorized", 401, 7},
    [PINION_FORBIDDEN]    = {"forbidden",    403, 7},
    [PINION_NOT_FOUND]    = {"not_found",    404, 3},
    [PINION_CONFLICT]     = {"conflict",     409, 4},
    [PINION_STALE]        = {"stale",        409, 4},
    [PINION_TOO_LARGE]    = {"too_large",    413, 2},
    [PINION_MISDIRECTED]  = {"misdirected",  421, 1},
    [PINION_BUSY]         = {"busy",         429, 5},
    [PINION_UNAVAILABLE]  = {"unavailable",  503, 6},
    [PINION_INTERNAL]     = {"internal",     500, 1},
};
_Static_assert(countof(outcomes) == PINION_ERRS, "every pinion_err has an outcome");

/* A number that is no pinion_err came from outside; it is answered, not trusted. */
static const struct outcome *outcome_of(enum pinion_err code)
{
    return &outcomes[(unsigned)code < countof(outcomes) ? code : PINION_INTERNAL];
}

/* Messages quote what people typed: keep them one line, and valid UTF-8 where they were cut. */
static void make_one_line(char *text)
{
    size_t left = strlen(text), step;

    for (; left; text += step, left -= step) {
        step = text_utf8_next(text, left);
        if (step == 0) {
            *text = '?';
            step = 1;
        } else if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = ' ';
        }
    }
}

enum pinion_err error_set(struct error *e, enum pinion_err code, const char *format, ...)
{
    va_list args;

    if (!e) return code;
    va_start(args, format);
    if (vsnprintf(e->text, sizeof(e->text), format, args) < 0) e->text[0] = '\0';
    va_end(args);
    e->code = code;
    make_one_line(e->text);
    return code;
}

const char *error_name(enum pinion_err code)
{
    return outcome_of(code)->name;
}

unsigned error_http(enum pinion_err code)
{
    return outcome_of(code)->http;
}

int error_exit(enum pinion_err code)
{
    return outcome_of(code)->exit;
}

enum pinion_err error_from_name(const char *name, size_t len)
{
    for (size_t i = 0; i < countof(outcomes); i++)
        if (strlen(outcomes[i].name) == len && memcmp(outcomes[i].name, name, len) == 0)
            return (enum pinion_err)i;
    return PINION_INTERNAL;
}
