#include "tests/unit/config_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config config;
struct error why;
char config_file[] = "/tmp/pinion-config-XXXXXX";

int config_world_setup(void **state)
{
    (void)state;
    config_init(&config);
    why = (struct error){0};
    return 0;
}

int config_world_teardown(void **state)
{
    (void)state;
    config_deinit(&config);
    return 0;
}

int config_world_begin(void **state)
{
    int fd = mkstemp(config_file);

    (void)state;
    if (fd >= 0) close(fd);
    return fd < 0 ? -1 : 0;
}

int config_world_end(void **state)
{
    (void)state;
    return unlink(config_file);
}

enum pinion_err load_bytes(const char *text, size_t len)
{
    FILE *out = fopen(config_file, "w");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    return config_load_file(&config, config_file, &why);
}

enum pinion_err load(const char *text)
{
    return load_bytes(text, strlen(text));
}

void loads(const char *text)
{
    if (load(text)) fail_msg("%s", why.text);
}

void refused_at(int line, const char *words, const char *text)
{
    char place[64];

    assert_int_equal(load(text), PINION_INVALID);
    snprintf(place, sizeof place, "%s:%d: ", config_file, line);
    if (strncmp(why.text, place, strlen(place)) != 0 || !strstr(why.text, words))
        fail_msg("expected '%s...%s', not '%s'", place, words, why.text);
}

void finish(void)
{
    if (config_finish(&config, &why)) fail_msg("%s", why.text);
}

void set(const char *key, const char *value)
{
    if (config_set(&config, key, value, &why)) fail_msg("%s", why.text);
}
