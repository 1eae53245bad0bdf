/* base/memory.c — the only place that decides what happens when memory is gone: abort. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The log would allocate, so this line is written by hand. */
static void *or_abort(void *block)
{
    static const char message[] = "pinion: out of memory\n";

    if (block) return block;
    if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) abort();
    abort();
}

/* malloc(0) may give NULL; a block of one byte keeps "never NULL" true. */
void *xmalloc(size_t bytes)
{
    return or_abort(malloc(bytes ? bytes : 1));
}

void *xcalloc(size_t count, size_t bytes)
{
    if (!count || !bytes) return or_abort(calloc(1, 1));
    return or_abort(calloc(count, bytes));
}

void *xrealloc(void *old, size_t bytes)
{
    return or_abort(realloc(old, bytes ? bytes : 1));
}

void *xmemdup(const void *data, size_t bytes)
{
    char *copy;

    if (bytes == SIZE_MAX) or_abort(NULL);
    copy = xmalloc(bytes + 1);
    if (bytes) memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    return copy;
}

char *xstrdup(const char *text)
{
    return text ? xmemdup(text, strlen(text)) : NULL;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(len < 0 ? NULL : text);
}
