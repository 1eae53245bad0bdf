/* tests/scripts/one_rig.h — the rig of a test program, and what cmocka calls around its tests. */
#ifndef PINION_TESTS_SCRIPTS_ONE_RIG_H
#define PINION_TESTS_SCRIPTS_ONE_RIG_H

#include "tests/scripts/rig.h"

extern struct rig rig;
int rig_setup(void **state);
int rig_teardown(void **state);

#endif
