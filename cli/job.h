/* cli/job.h — one job, looked at, and the flags of the verbs that take ids. */
#ifndef PINION_CLI_JOB_H
#define PINION_CLI_JOB_H

#include <jansson.h>
#include "cli/connect.h"
#include "cli/filter.h"
#include "queue/look.h"

struct job_values {
    struct common common;
    const char   *queue; /* NULL: ids name theirs */
    bool          yes;   /* nobody is to be asked */
    bool          all;   /* instead of ids: */
    const char   *state;
    struct filter_values filter;
    bool          follow;
};

#define JOB_FLAGS 1
extern const struct flag job_flags[JOB_FLAGS]; /* into struct job_values */

struct job_look {
    struct job_view    view; /* borrows from reply, and from the id that was asked for */
    struct redisReply *reply;
};

enum pinion_err job_look(struct session *, struct span queue, struct span local,
                         struct job_look *ret, struct error *why) must_use;
void            job_look_deinit(struct job_look *);

/* Why it does not run: as control/explain.h has it; the caller's. */
enum pinion_err job_explained(struct session *, struct span queue, struct span local,
                              bool for_people, json_t **ret, struct error *why) must_use;

#endif
