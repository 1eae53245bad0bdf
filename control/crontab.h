/* control/crontab.h — a crontab, read into schedules. Pure but for the zones that it names.
 *
 * Nothing is dropped silently: a line that cannot be taken is a bad note, and what a line means
 * here is a note where it is not quite what it meant to cron. docs/schedules.md has the rules.
 */
#ifndef PINION_CONTROL_CRONTAB_H
#define PINION_CONTROL_CRONTAB_H

#include "control/new_schedule.h"
#include "workers/exec.h"

#define CRONTAB_BYTES_MAX (1024 * 1024)
#define CRONTAB_KIND      EXEC_KIND

struct crontab_options {
    bool        system;  /* a user stands before the command, as in /etc/crontab */
    const char *prefix;  /* of all names; NULL: none */
    const char *tz;      /* of lines above the first CRON_TZ; NULL: UTC */
    const char *queue, *overlap, *catch_up; /* of all schedules; NULL: as cron would, see docs */
    unsigned    attempts;                   /* 0: one, as cron */
};

struct crontab_entry {
    unsigned            line; /* from 1 */
    char               *name, *command;
    struct new_schedule schedule;
};

struct crontab_note {
    unsigned line;
    bool     bad; /* there is no entry for it */
    char    *text;
};

struct crontab {
    struct crontab_entry *entries;
    struct crontab_note  *notes; /* in the order of the lines */
    size_t                count, notes_count, bad_count;
};

/* PINION_TOO_LARGE; what is wrong with lines is said in the notes. The zones outlive it. */
enum pinion_err crontab_read(struct span text, const struct crontab_options *, struct zone_cache *,
                             struct crontab *ret, struct error *why) must_use;
void            crontab_deinit(struct crontab *);

#endif
