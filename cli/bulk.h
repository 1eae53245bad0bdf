/* cli/bulk.h — `enqueue --bulk`: new jobs from lines of JSON. */
#ifndef PINION_CLI_BULK_H
#define PINION_CLI_BULK_H

#include "cli/flags.h"
#include "include/pinion.h"

/* A FILE is checked whole before anything is made of it; "-" is a stream, whose lines are sent as
 * they come. `defaults` stand in for what a line does not say. Gives the exit status. */
int bulk_run(const struct common *, const char *file, const struct pinion_job *defaults);

#endif
