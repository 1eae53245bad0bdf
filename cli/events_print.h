/* cli/events_print.h — what `pinion events` prints of a frame. */
#ifndef PINION_CLI_EVENTS_PRINT_H
#define PINION_CLI_EVENTS_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

/* Each event as a line: columns for people, or JSON, in which what was only counted is an event of
 * type "more". At most `limit` lines (0: no bound). Gives how many. */
uint64_t events_print(struct span frame, bool json, uint64_t limit);

#endif
