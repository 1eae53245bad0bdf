#include "tests/scripts/one_rig.h"

struct rig rig;

int rig_setup(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}
