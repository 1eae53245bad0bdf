/* cli/completion/names.h — names of queues, jobs and so on, as they are at this moment. */
#ifndef PINION_CLI_COMPLETION_NAMES_H
#define PINION_CLI_COMPLETION_NAMES_H

#include "cli/completion/words.h"

#define NAMES_MAX        200 /* of jobs; nobody reads more */
#define NAMES_TIMEOUT_MS 400 /* somebody has pressed a key and waits */

/* Adds those that go on what was typed. Whoever cannot be asked adds nothing, and says nothing. */
void names_add(struct next_word *);

#endif
