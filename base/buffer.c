/* base/buffer.c — doubles when full, so adding byte by byte costs O(1) each.
 *
 *      data [ used: len ][ NUL ][ spare ]      cap counts all three
 */
#include "base/buffer.h"
#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES_MIN = 64 };

void buffer_deinit(struct buffer *b)
{
    free(b->data);
    *b = BUFFER_INIT;
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

char *buffer_reserve(struct buffer *b, size_t bytes)
{
    size_t need, cap = b->cap ? b->cap : BUFFER_BYTES_MIN;

    if (__builtin_add_overflow(b->len, bytes, &need) || need >= SIZE_MAX / 2)
        need = SIZE_MAX / 2; /* no machine has it: the allocation below ends us with a message */
    need++;
    if (need > b->cap) {
        while (cap < need) cap *= 2;
        b->data = xrealloc(b->data, cap);
        b->cap = cap;
        b->data[b->len] = '\0';
    }
    return b->data + b->len;
}

void buffer_add(struct buffer *b, const void *data, size_t len)
{
    char *end = buffer_reserve(b, len);

    if (len) memcpy(end, data, len);
    end[len] = '\0';
    b->len += len;
}

void buffer_add_text(struct buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_add_char(struct buffer *b, char c)
{
    buffer_add(b, &c, 1);
}

printf_like(2, 0) static int print_at_end(struct buffer *b, const char *format, va_list args)
{
    return vsnprintf(b->data + b->len, b->cap - b->len, format, args);
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    int len;

    buffer_reserve(b, 0);
    va_start(args, format);
    len = print_at_end(b, format, args);
    va_end(args);
    assert(len >= 0);
    if ((size_t)len >= b->cap - b->len) {
        buffer_reserve(b, (size_t)len);
        va_start(args, format);
        len = print_at_end(b, format, args);
        va_end(args);
    }
    b->len += (size_t)len;
}

void buffer_consume(struct buffer *b, size_t bytes)
{
    assert(bytes <= b->len);
    if (bytes == 0) return;
    b->len -= bytes;
    memmove(b->data, b->data + bytes, b->len);
    b->data[b->len] = '\0';
}

char *buffer_take(struct buffer *b, size_t *ret_len)
{
    char *data = buffer_reserve(b, 0) - b->len;

    data[b->len] = '\0';
    if (ret_len) *ret_len = b->len;
    *b = BUFFER_INIT;
    return data;
}
