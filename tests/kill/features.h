/* tests/kill/features.h — what jobs may have besides, while servers are killed: a limit, unique
 * keys, batches. What goes wrong ends the test with a message.
 */
#ifndef PINION_TESTS_KILL_FEATURES_H
#define PINION_TESTS_KILL_FEATURES_H

#include "tests/kill/history.h"

#define FEATURES_QUEUE       "default"
#define FEATURES_LIMIT       3 /* of commands at once, in all servers together */
#define FEATURES_UNIQUE_KEYS 12
#define FEATURES_BATCHES     6 /* named batch-0 and so on; their completion jobs are commands */

void features_begin(const char *redis_url);
/* The batches take no more members. */
void features_close(const char *redis_url);
/* When no job is left: each batch is complete and no key is left over. The completion jobs, which
 * the books know too, become accepted ones. */
void features_check(const char *redis_url, const char *socket, struct history *);

#endif
