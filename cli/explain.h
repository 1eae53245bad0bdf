/* cli/explain.h — why does a job not go on? In one sentence. */
#ifndef PINION_CLI_EXPLAIN_H
#define PINION_CLI_EXPLAIN_H

#include "base/buffer.h"
#include "cli/connect.h"
#include "queue/look.h"

/* Adds at least a word, also if Redis could not be asked. */
void explain(struct session *, struct span queue, const struct job_view *, struct buffer *out);

#endif
