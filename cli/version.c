#include "cli/flags.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <stdio.h>
#include "include/pinion.h"
#include "queue/job.h"

struct version_flags {
    bool json;
};

static const struct flag flags[] = {
    {"json", 0, FLAG_SWITCH, offsetof(struct version_flags, json), 0, 0, NULL,
     "print JSON, for programs"},
};

static const struct command command = {
    .name = "version",
    .usage = "[--json]",
    .about = "Prints the version of this program; with --json also that of the records that it\n"
             "writes into Redis.",
    .examples = "pinion version",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = COMMON_ABSENT,
};

int version_main(int argc, char **argv)
{
    struct version_flags values = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (values.json)
        json_print(
            json_pack("{s:s, s:s}", "version", PINION_VERSION, "record_format", RECORD_FORMAT));
    else
        printf("pinion %s\n", PINION_VERSION);
    return cli_finish(0);
}
