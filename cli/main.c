/* cli/main.c — the command: a verb and its arguments. */
#include "cli/verbs.h"

#include <string.h>

int main(int argc, char **argv)
{
    size_t count;
    const struct verb *verbs = verbs_all(&count);

    if (argc > 1 && strcmp(argv[1], "--version") == 0) return version_main(1, argv + 1);
    return verbs_run(verbs, count, NULL, argc, argv);
}
