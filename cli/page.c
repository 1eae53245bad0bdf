#include "cli/page.h"

#include <stdio.h>
#include <string.h>

bool page_has(const struct page_values *p, struct span name)
{
    struct span after = span_of(p->after);
    int order = after.data
                    ? memcmp(name.data, after.data, name.len < after.len ? name.len : after.len)
                    : 1;

    return order > 0 || (order == 0 && name.len > after.len);
}

void page_tell(const char *next)
{
    if (next) fprintf(stderr, "pinion: there may be more: --after '%s'\n", next);
}
