/* cli/page.h — the flags that part a long listing into pages, and the line that tells of more. */
#ifndef PINION_CLI_PAGE_H
#define PINION_CLI_PAGE_H

#include "cli/flags.h"

#define PAGE_LIMIT_MAX 100000

struct page_values {
    const char *after; /* NULL: from the start */
    uint64_t    limit;
};

#define PAGE_INIT {.limit = PAGE_LIMIT_MAX}

/* Rows of a table of flags; `at`: of the struct page_values. */
#define PAGE_FLAGS(at, arg)                                                                        \
    {"limit", 'n', FLAG_NUMBER, (at) + offsetof(struct page_values, limit), 1, PAGE_LIMIT_MAX,     \
     "N", "at most that many; default: all"},                                                      \
    {"after", 0, FLAG_TEXT, (at) + offsetof(struct page_values, after), 0, 0, arg,                 \
     "go on behind this one: the `next` of a listing"}

/* Does a name stand behind the place where the page begins? By the order of bytes. */
bool page_has(const struct page_values *, struct span name);
/* On stderr, for people: how to go on. NULL: that was all. */
void page_tell(const char *next);

#endif
