/* cli/job_follow.h — what a job prints, while it runs. */
#ifndef PINION_CLI_JOB_FOLLOW_H
#define PINION_CLI_JOB_FOLLOW_H

#include "cli/connect.h"

/* Prints what its attempts print, from the last 4 KiB on, until the job has ended. Gives the exit
 * status. */
int job_follow(struct session *, struct span queue, struct span local);

#endif
