#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/time_text.h"

#define BAR_WIDTH 30
#define DRAW_MS   100
#define PACE_AFTER_MS 500 /* earlier it says nothing of what follows */

static void draw_bar(uint64_t done, uint64_t all)
{
    char bar[BAR_WIDTH + 1];

    for (unsigned i = 0; i < BAR_WIDTH; i++) bar[i] = i < done * BAR_WIDTH / all ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3" PRIu64 "%% ", bar, done * 100 / all);
}

/* How fast since the first call, and how long the rest will take at that. */
static void draw_pace(const struct progress *p, uint64_t done, uint64_t now_ms)
{
    uint64_t ms = now_ms - p->began_ms, steps = done - p->began_done;
    uint64_t rate = ms ? steps * 1000 / ms : 0;
    char left[DURATION_TEXT_MAX];

    if (ms < PACE_AFTER_MS || !rate) return;
    fprintf(stderr, ", %" PRIu64 "/s", rate);
    if (p->all > done)
        fprintf(stderr, ", %s left", duration_format(((p->all - done) / rate + 1) * 1000, left));
}

void progress_show(struct progress *p, uint64_t done)
{
    uint64_t now_ms = clock_mono_ms();

    if (!p->began_ms) {
        p->began_ms = now_ms;
        p->began_done = done;
    }
    if (!isatty(STDERR_FILENO) || (p->drawn && now_ms - p->drawn_ms < DRAW_MS)) return;
    p->drawn = true;
    p->drawn_ms = now_ms;
    if (p->all && p->all < done) p->all = done;
    if (p->all) draw_bar(done, p->all);
    else fputc('\r', stderr);
    fprintf(stderr, "%" PRIu64, done);
    if (p->all) fprintf(stderr, " of %" PRIu64, p->all);
    fprintf(stderr, " %s", p->what);
    draw_pace(p, done, now_ms);
    fputs(" \033[K", stderr);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}
