/* cli/queue_purge.c — deleting all jobs of a queue that do not run. */
#include "cli/connect.h"
#include "cli/filter.h"
#include "cli/job_bulk.h"
#include "cli/verbs.h"

struct purge_flags {
    struct common common;
    const char *state;
    struct filter_values filter;
    bool yes;
};

#define AT(field) offsetof(struct purge_flags, field)

static const struct flag flags[] = {
    {"state", 's', FLAG_STATE,  AT(state), 0, 0, "STATE",
     "only jobs in this state; default: in all but active"            },
    FILTER_FLAGS(AT(filter)),
    {"yes",   'y', FLAG_SWITCH, AT(yes),   0, 0, NULL,    "do not ask"},
};

static const struct command command = {
    .name = "queue purge",
    .usage = "QUEUE [FLAGS]",
    .about = "Deletes all jobs of a queue but those that run, as job delete does with one. Jobs\n"
             "that are enqueued meanwhile stay.",
    .examples = "pinion queue purge mail\n"
                "pinion queue purge mail --state dead --older-than 7d --yes",
    .flags = flags,
    .flags_count = countof(flags),
    .words_min = 1,
    .words_max = 1,
    .expected = "the name of a QUEUE",
};

int queue_purge_main(int argc, char **argv)
{
    struct purge_flags values = {.common = COMMON_INIT};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    return job_bulk_run(&values.common,
                        &(struct bulk_options){
                            .verb = BULK_DELETE,
                            .all_states = true,
                            .queue = span_of(argv[first]),
                            .state = span_of(filter_state(values.state, &values.common)),
                            .filter = filter_of(&values.filter),
                        },
                        values.yes);
}
