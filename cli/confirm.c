#include "cli/confirm.h"

#include <stdio.h>
#include <unistd.h>

enum pinion_err confirm(bool yes, const char *what, struct error *why)
{
    char answer[8] = "";

    if (yes) return PINION_OK;
    if (!isatty(STDIN_FILENO))
        return error_set(why, PINION_INVALID, "%s: expected --yes, or a terminal to ask at", what);
    fprintf(stderr, "%s? [y/N] ", what);
    if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return PINION_OK;
    return error_set(why, PINION_INVALID, "%s: no, so nothing was done", what);
}
