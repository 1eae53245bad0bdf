/* base/memory.h — allocation that cannot fail: out of memory for small things aborts.
 *
 * Redis holds the truth and leases lapse, so a crash is a retry. Sizes that a client
 * chooses are bounded before they come here. Free with free().
 */
#ifndef PINION_BASE_MEMORY_H
#define PINION_BASE_MEMORY_H

#include <stddef.h>
#include "base/macros.h"

void *xmalloc(size_t bytes) must_use;
void *xcalloc(size_t count, size_t bytes) must_use;          /* zeroed */
void *xrealloc(void *old, size_t bytes) must_use;
void *xmemdup(const void *data, size_t bytes) must_use;       /* adds a NUL after the copy */
char *xstrdup(const char *text) must_use;                     /* NULL gives NULL */
char *xasprintf(const char *format, ...) printf_like(1, 2) must_use;

#endif
