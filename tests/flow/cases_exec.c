/* Orders for a program that the job itself names: case_worker.sh reads them from its standard
 * input, which the payload holds. */
#include "tests/flow/cases.h"

#include <jansson.h>
#include <stdlib.h>
#include "control/config.h"
#include "tests/support/check.h"
#include "workers/exec.h"

static void configure(struct config *config)
{
    struct error why = {0};

    if (config_set(config, "exec", "yes", &why)) fail_msg("%s", why.text);
}

static json_t *wrap(const char *order, size_t len)
{
    return json_pack("{s[s] ss%}", "argv", CASES_FOLDER "/case_worker.sh", "stdin", order, len);
}

const struct case_runner exec_cases = {
    .name = "exec",
    .kind = EXEC_KIND,
    .can = CASE_REJECTS | CASE_CRASHES | CASE_STOPS | CASE_HEARS | CASE_CUTS |
           CASE_DEAFENS,
    .wrap = wrap,
    .configure = configure,
};
