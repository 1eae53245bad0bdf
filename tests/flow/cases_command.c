/* Orders for a program: case_worker.sh reads them from its standard input. */
#include "tests/flow/cases.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/config.h"
#include "tests/support/check.h"

static void configure(struct config *config)
{
    char *value = xasprintf("case.command=%s/case_worker.sh", CASES_FOLDER);
    struct error why = {0};

    if (config_set(config, "command", value, &why)) fail_msg("%s", why.text);
    free(value);
}

const struct case_runner command_cases = {
    .name = "command",
    .can = CASE_REJECTS | CASE_CRASHES | CASE_STOPS | CASE_HEARS | CASE_CUTS |
           CASE_DEAFENS,
    .configure = configure,
};
