/* base/buffer.h — growable bytes; always NUL-terminated behind `len` once anything was added. */
#ifndef PINION_BASE_BUFFER_H
#define PINION_BASE_BUFFER_H

#include <stddef.h>
#include "base/macros.h"

struct buffer {
    char  *data; /* NULL while nothing was ever added */
    size_t len, cap;
};

#define BUFFER_INIT ((struct buffer){0})

void  buffer_deinit(struct buffer *);                      /* frees; usable again afterwards */
void  buffer_clear(struct buffer *);                       /* len = 0, keeps the memory */
char *buffer_reserve(struct buffer *, size_t bytes);       /* and a NUL; caller adds to len */
void  buffer_add(struct buffer *, const void *data, size_t len);
void  buffer_add_text(struct buffer *, const char *text);
void  buffer_add_char(struct buffer *, char c);
void  buffer_printf(struct buffer *, const char *format, ...) printf_like(2, 3);
void  buffer_consume(struct buffer *, size_t bytes);       /* drops from the front */
/* The bytes, for the caller to free; "" if empty. The length may be NULL. */
char *buffer_take(struct buffer *, size_t *ret_len);

#endif
