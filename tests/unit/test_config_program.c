/* How the programs of a section are to be run: what is read, what is refused, and where. */
#include "tests/unit/config_world.h"
#include "base/buffer.h"

#include <stdio.h>

TEST(how_a_command_is_run)
{
    const struct program_options *p;

    loads("[command \"wc\"]\nargv = wc\nfolder = /tmp\nuser = nobody\ngroup = daemon\n"
          "env = A=one two\nenv = B\nmemory = 512mb\ncpu = 1500ms\nfiles = 64\n"
          "processes = 100\nfile-size = 1gb\nnice = 19\noutput = 64kb\ngrace = 10s\n");
    finish();
    p = &config.handlers[0].program;
    assert_string_equal(p->folder, "/tmp");
    assert_string_equal(p->user, "nobody");
    assert_string_equal(p->group, "daemon");
    assert_int_equal(p->env_count, 2);
    assert_string_equal(p->env[0], "A=one two");
    assert_string_equal(p->env[1], "B");
    assert_int_equal(p->memory_bytes, 512 * 1024 * 1024);
    assert_int_equal(p->cpu_ms, 1500);
    assert_int_equal(p->files, 64);
    assert_int_equal(p->processes, 100);
    assert_int_equal(p->file_size_bytes, 1 << 30);
    assert_int_equal(p->nice, 19);
    assert_int_equal(p->output_bytes, 65536);
    assert_int_equal(p->grace_ms, 10000);
}

TEST(refuses_ways_to_run_a_command)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"env = ", "env: expected NAME=VALUE or NAME, not ''"},
        {"env = 1A=x", "env: expected NAME=VALUE or NAME, not '1A=x'"},
        {"env = a-b", "env: expected NAME=VALUE or NAME"},
        {"env = PINION_JOB_ID=x", "does not begin with PINION_"},
        {"memory = 1023kb", "memory: expected bytes, or a number with kb, mb or gb, from 1mb to"},
        {"memory = much", "memory: expected bytes"},
        {"file-size = 0", "file-size: expected bytes, or a number with kb, mb or gb, from 1 to"},
        {"cpu = 0s", "cpu: expected a duration from 1ms"},
        {"files = 0", "files: expected a whole number"},
        {"processes = -1", "processes: expected a whole number"},
        {"nice = 20", "nice: expected a whole number from 1 to 19"},
        {"nice = -1", "nice: expected a whole number from 1 to 19"},
        {"output = 65537", "output: expected bytes, or a number with kb, mb or gb, from 1 to 64kb"},
        {"output = 65kb", "output: expected bytes"},
        {"grace = 25h", "grace: expected a duration from 1ms to 1d"},
        {"folder = ", "folder: expected a value"},
        {"user =", "user: expected a value"},
    };
    char text[128];

    for (size_t i = 0; i < countof(cases); i++) {
        snprintf(text, sizeof text, "[command \"a\"]\n%s\n", cases[i].line);
        refused_at(2, cases[i].words, text);
    }
}

TEST(as_many_variables_as_may_be)
{
    struct buffer text = BUFFER_INIT;

    buffer_add_text(&text, "[command \"a\"]\nargv = x\n");
    for (int i = 0; i < PROGRAM_ENV_MAX; i++) buffer_printf(&text, "env = V%d\n", i);
    loads(text.data);
    finish();
    assert_int_equal(config.handlers[0].program.env_count, PROGRAM_ENV_MAX);
    config_deinit(&config);
    config_init(&config);
    buffer_add_text(&text, "env = ONE_MORE\n");
    refused_at(PROGRAM_ENV_MAX + 3, "env: expected at most 64", text.data);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_test(how_a_command_is_run),
        config_test(refuses_ways_to_run_a_command),
        config_test(as_many_variables_as_may_be),
    };

    return cmocka_run_group_tests(tests, config_world_begin, config_world_end);
}
