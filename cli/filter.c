#include "cli/filter.h"

#include <string.h>
#include <unistd.h>

struct job_filter filter_of(const struct filter_values *f)
{
    return (struct job_filter){
        .kind = span_of(f->kind),
        .tag = span_of(f->tag),
        .error = span_of(f->error),
        .older_ms = f->older_ms,
        .newer_ms = f->newer_ms,
    };
}

bool filter_given(const struct filter_values *f)
{
    return f->kind || f->tag || f->error || f->older_ms || f->newer_ms;
}

const char *filter_state(const char *state, const struct common *common)
{
    const char *folder = common->state;

    if (state || !folder || strchr(folder, '/') || access(folder, F_OK) == 0) return state;
    return folder;
}
