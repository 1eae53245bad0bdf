/* cli/verbs.h — what stands in the table of verbs. Each gives the exit status. */
#ifndef PINION_CLI_VERBS_H
#define PINION_CLI_VERBS_H

#include <stddef.h>
#include "cli/flags.h"

/* argv[0] is the verb itself, or its last word. */
typedef int verb_fn(int argc, char **argv);

struct verb {
    const char *name;
    verb_fn    *run;
    const char *summary;
};

/* Runs the verb that argv[1] names. `noun` NULL: the verbs of `pinion` itself; else those of
 * `pinion NOUN`. Knows `help`, --help, and says what there is when the word is none of them. */
int verbs_run(const struct verb *verbs, size_t count, const char *noun, int argc, char **argv);

/* What a verb is, without running it: a noun with verbs of its own, or a command. Stay put. */
struct verb_shape {
    const struct verb  *verbs; /* NULL: it is a command */
    size_t              count;
    struct command_copy told;
};
void verb_look(const struct verb *, struct verb_shape *ret);
/* Those of `pinion` itself. */
const struct verb *verbs_all(size_t *ret_count);

verb_fn serve_main, enqueue_main, job_main, batch_main, queue_main, schedule_main, server_main,
    token_main, cron_main, top_main, doctor_main, events_main, bench_main, completion_main,
    version_main;

verb_fn job_list_main, job_show_main, job_explain_main, job_cancel_main, job_delete_main,
    job_retry_main, job_run_main, job_edit_main;

verb_fn job_result_main;

verb_fn queue_bound_main, queue_drain_main, queue_limit_main, queue_purge_main;

verb_fn schedule_add_main, schedule_list_main, schedule_show_main, schedule_next_main,
    schedule_pause_main, schedule_resume_main, schedule_run_main, schedule_backfill_main,
    schedule_remove_main, schedule_import_main;

#endif
