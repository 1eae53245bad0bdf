#include "control/watchdog.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/macros.h"
#include "control/notify.h"

/* A number of the environment; 0: none, or not a number. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;

    if (!text || *text < '0' || *text > '9') return 0;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    return errno || *end ? 0 : number;
}

/* The manager's patience, in ms; 0: it does not ask, or asks another process. */
static uint64_t patience_ms(void)
{
    uint64_t pid = number_of("WATCHDOG_PID");

    if (pid && pid != (uint64_t)getpid()) return 0;
    return number_of("WATCHDOG_USEC") / 1000;
}

static void on_alarm(struct alarm *alarm)
{
    struct watchdog *w = container_of(alarm, struct watchdog, alarm);

    notify("WATCHDOG=1");
    ticker_set_in(w->ticker, &w->alarm, w->every_ms);
}

/* Three words within its patience: two may be late. */
void watchdog_start(struct watchdog *w, struct ticker *ticker)
{
    uint64_t patience = patience_ms();

    *w = (struct watchdog){.ticker = ticker, .every_ms = patience < 3 ? patience : patience / 3};
    alarm_init(&w->alarm, on_alarm);
    if (patience) ticker_set_in(ticker, &w->alarm, w->every_ms);
}

void watchdog_stop(struct watchdog *w)
{
    if (w->ticker) ticker_cancel(w->ticker, &w->alarm);
}
