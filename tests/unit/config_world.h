/* tests/unit/config_world.h — one struct config, and a file to fill it from. */
#ifndef PINION_TESTS_UNIT_CONFIG_WORLD_H
#define PINION_TESTS_UNIT_CONFIG_WORLD_H

#include "control/config.h"
#include "tests/support/check.h"

extern struct config config;
extern struct error why;   /* of what was refused last */
extern char config_file[]; /* its path */

int config_world_setup(void **state);
int config_world_teardown(void **state);
/* For the group: the file is made, and removed. */
int config_world_begin(void **state);
int config_world_end(void **state);

enum pinion_err load_bytes(const char *text, size_t len);
enum pinion_err load(const char *text);
void loads(const char *text);
/* The error names the file, this line, and these words. */
void refused_at(int line, const char *words, const char *text);
void finish(void);
void set(const char *key, const char *value);

#define config_test(name) \
    cmocka_unit_test_setup_teardown(name, config_world_setup, config_world_teardown)

#endif
