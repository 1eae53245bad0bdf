/* cli/job_bulk.h — one verb for all jobs that pass a filter, in steps. */
#ifndef PINION_CLI_JOB_BULK_H
#define PINION_CLI_JOB_BULK_H

#include "cli/flags.h"
#include "control/bulk.h"

/* Asks (unless `yes`), runs to the end, says how many; gives the exit status. */
int job_bulk_run(const struct common *, const struct bulk_options *, bool yes);

#endif
