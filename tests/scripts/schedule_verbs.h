/* tests/scripts/schedule_verbs.h — one schedule of queue `q`, as a server that fires it sees it. */
#ifndef PINION_TESTS_SCRIPTS_SCHEDULE_VERBS_H
#define PINION_TESTS_SCRIPTS_SCHEDULE_VERBS_H

#include "queue/schedule.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"

#define NAME   "nightly"
#define TIMING "{\"cron\":\"* * * * *\"}"
#define STEP   INT64_C(60000)

extern int64_t revision, watermark; /* as last heard */
extern struct pinion_job job;       /* what it makes */
extern const char *const fired_words[];

void begin(void); /* a new schedule NAME in an empty Redis */

const char *set_as(const char *name, const char *timing, int64_t replaced, bool from_now);
bool        remove_schedule(const char *name);
enum schedule_changed remove_revision(const char *name, int64_t);
redisReply *show(const char *name, struct schedule_view *ret, enum pinion_err expected);
struct schedule_view view_of(const char *name); /* borrowed until the next call */

void             send_fires(struct fire_item *, size_t count);
struct fire_item item_of(enum fire_mode, enum overlap, int64_t at_ms);
const char      *send_fire(struct fire_item *); /* its answer; hears the watermark */
/* After a minute, the time that it is then. `ret_id` (NULL is fine) gets the id of the job. */
const char *fire(enum fire_mode, enum overlap, char ret_id[ID_LEN + 1]);

void        expect_history(size_t i, const char *parts); /* parted by blanks */
size_t      history_length(void); /* as Redis keeps it, */
size_t      history_shown(void);  /* and as it is told */
const char *reason_of(const char *id); /* why it ended, or the mark that it has */

#endif
