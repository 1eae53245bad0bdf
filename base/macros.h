/* base/macros.h — the three macros that the house allows itself. */
#ifndef PINION_BASE_MACROS_H
#define PINION_BASE_MACROS_H

#include <stddef.h>

/* The struct that embeds *ptr as its field `member`; a wrong type does not compile. */
#define container_of(ptr, type, member)                                                            \
    ((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#define countof(array) (sizeof(array) / sizeof((array)[0]))

#define must_use __attribute__((warn_unused_result))
#define printf_like(text, first) __attribute__((format(printf, text, first)))

#endif
