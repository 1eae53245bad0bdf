#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"

#define BAR_WIDTH 30
#define DRAW_MS   100

static void draw_bar(uint64_t done, uint64_t all)
{
    char bar[BAR_WIDTH + 1];

    for (unsigned i = 0; i < BAR_WIDTH; i++) bar[i] = i < done * BAR_WIDTH / all ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3" PRIu64 "%% ", bar, done * 100 / all);
}

void progress_show(struct progress *p, uint64_t done)
{
    uint64_t now_ms = clock_mono_ms();

    if (!isatty(STDERR_FILENO) || (p->drawn && now_ms - p->drawn_ms < DRAW_MS)) return;
    p->drawn = true;
    p->drawn_ms = now_ms;
    if (p->all < done) p->all = done;
    if (p->all) draw_bar(done, p->all);
    fprintf(stderr, "%" PRIu64 " %s \033[K", done, p->what);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}
