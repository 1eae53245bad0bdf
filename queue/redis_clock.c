#include "queue/redis_clock.h"

#include "base/clock.h"

void redis_clock_note(struct redis_clock *c, uint64_t sent_us, uint64_t received_us,
                      int64_t redis_us)
{
    uint64_t error_us = (received_us - sent_us) / 2;
    int64_t offset_us = redis_us - (int64_t)(sent_us + error_us);
    int64_t moved_us = offset_us - c->offset_us;
    uint64_t doubt_us = REDIS_CLOCK_STEP_US + error_us + c->error_us;
    bool known = c->sampled_us != 0;
    bool stepped = known && (moved_us > (int64_t)doubt_us || moved_us < -(int64_t)doubt_us);
    bool stale = received_us - c->sampled_us > REDIS_CLOCK_STALE_US;

    if (!known || stepped || stale || error_us <= c->error_us)
        *c = (struct redis_clock){offset_us, error_us, received_us, c->steps};
    c->steps += stepped;
}

int64_t redis_clock_now_us(const struct redis_clock *c)
{
    return (int64_t)clock_mono_us() + c->offset_us;
}

uint64_t redis_clock_mono_ms(const struct redis_clock *c, int64_t redis_ms)
{
    int64_t mono_us = redis_ms * 1000 - c->offset_us;

    return mono_us <= 0 ? 0 : ((uint64_t)mono_us + 999) / 1000;
}
