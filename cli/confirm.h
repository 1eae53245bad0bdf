/* cli/confirm.h — before what cannot be taken back: --yes, or a person at a terminal. */
#ifndef PINION_CLI_CONFIRM_H
#define PINION_CLI_CONFIRM_H

#include <stdbool.h>
#include "base/error.h"

/* `what` as in "Delete 3 jobs". PINION_INVALID: nobody said yes. */
enum pinion_err confirm(bool yes, const char *what, struct error *why) must_use;

#endif
