/* test_flags.c — what is wrong with a flag is told of that flag, not of the key that it becomes.
 * All of it is found out before a Redis is asked for: none is there.
 */
#include "tests/support/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/macros.h"
#include "cli/verbs.h"

#define WORDS_MAX 24
#define TEXT_MAX  2048

struct row {
    const char *flag, *value;
    const char *others; /* words between blanks */
};

/* Adds the words between blanks to argv; `room` is theirs. */
static int split(char *room, char *argv[], int argc)
{
    for (char *rest = NULL, *w = strtok_r(room, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < WORDS_MAX - 3);
        argv[argc++] = w;
    }
    return argc;
}

/* Runs it as main does; gives what it says on stderr. */
static int run(int argc, char **argv, char said[TEXT_MAX])
{
    int kept = dup(STDERR_FILENO), copy = memfd_create("stderr", MFD_CLOEXEC), status;
    size_t count;
    const struct verb *verbs = verbs_all(&count);
    ssize_t got;

    assert_true(kept >= 0 && copy >= 0);
    fflush(stderr);
    dup2(copy, STDERR_FILENO);
    status = verbs_run(verbs, count, NULL, argc, argv);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    got = pread(copy, said, TEXT_MAX - 1, 0);
    assert_true(got >= 0);
    said[got] = '\0';
    close(copy);
    close(kept);
    return status;
}

/* `flag` NULL: the words are all. The message begins with `want`. */
static void told(const char *want, const char *command, const struct row *row)
{
    char name[64], value[64], command_room[64], room[256], program[] = "pinion", said[TEXT_MAX];
    char *argv[WORDS_MAX] = {program};
    int argc, status;

    snprintf(command_room, sizeof command_room, "%s", command);
    snprintf(room, sizeof room, "%s", row->others);
    argc = split(room, argv, split(command_room, argv, 1));
    if (row->flag) {
        snprintf(name, sizeof name, "--%s", row->flag);
        snprintf(value, sizeof value, "%s", row->value);
        argv[argc++] = name;
        argv[argc++] = value;
    }
    status = run(argc, argv, said);
    if (status != error_exit(PINION_INVALID) || strncmp(said, "pinion: ", 8) != 0 ||
        strncmp(said + 8, want, strlen(want)) != 0)
        fail_msg("%s %s --%s '%s': expected '%s...', status %d: %s", command, row->others,
                 row->flag ? row->flag : "", row->value ? row->value : "", want, status, said);
}

static void says(const char *want, const char *words)
{
    told(want, "", &(struct row){NULL, NULL, words});
}

/* The flags of a command, as it tells itself; its words are those of verbs. */
static struct verb_shape shape_of(const char *command)
{
    char room[64], *argv[WORDS_MAX];
    struct verb_shape shape = {0};
    int words;
    size_t count;
    const struct verb *verbs = verbs_all(&count);

    snprintf(room, sizeof room, "%s", command);
    words = split(room, argv, 0);
    for (int i = 0; i < words; i++) {
        size_t at = 0;
        while (at < count && strcmp(verbs[at].name, argv[i]) != 0) at++;
        assert_true(at < count);
        verb_look(&verbs[at], &shape);
        verbs = shape.verbs;
        count = shape.count;
    }
    return shape;
}

static bool has_row(const struct row *rows, size_t count, const char *flag)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].flag, flag) == 0) return true;
    return false;
}

/* There is a row for every flag that takes a value. */
static void each_is_told(const char *command, const struct row *rows, size_t count)
{
    struct verb_shape shape = shape_of(command);
    char want[64];

    for (size_t i = 0; i < shape.told.command.flags_count; i++)
        if (shape.told.flags[i].arg && !has_row(rows, count, shape.told.flags[i].name))
            fail_msg("%s: no row for --%s", command, shape.told.flags[i].name);
    for (size_t i = 0; i < count; i++) {
        snprintf(want, sizeof want, "--%s", rows[i].flag);
        told(want, command, &rows[i]);
    }
}

#define EACH_IS_TOLD(command, rows) each_is_told(command, rows, countof(rows))

TEST(each_flag_of_enqueue)
{
    static const struct row rows[] = {
        {"queue", "a b", "wc"},     {"in", "5x", "wc"},          {"at", "yesterday", "wc"},
        {"at", "1960-01-01T00:00:00Z", "wc"},                    {"priority", "10", "wc"},
        {"attempts", "0", "wc"},    {"backoff", "often", "wc"},  {"timeout", "0", "wc"},
        {"expires", "0", "wc"},     {"id", "a b", "wc"},         {"retain", "5x", "wc"},
        {"group", "a b", "wc"},     {"tags", ",", "wc"},         {"traceparent", "x", "wc"},
        {"unique", "a b", "wc"},    {"unique", "a=soon", "wc"},  {"after", "a b", "wc"},
        {"batch", "a b", "wc"},     {"lease", "1ms", "wc"},      {"wait-timeout", "0", "wc -w"},
        {"bulk", "nowhere", "wc payload"},
    };

    EACH_IS_TOLD("enqueue", rows);
}

/* Also where they are the defaults of many jobs. */
TEST(flags_of_enqueue_that_do_not_go_together)
{
    static const char *const of[] = {"enqueue wc", "enqueue --bulk /dev/null"};
    static const char *const rows[][2] = {
        {"--replace", "--replace: expected --unique with it"},
        {"--after-any-outcome", "--after-any-outcome: expected --after with it"},
        {"--after a --replace --unique k", "--after and --replace: expected one"},
        {"--batch a --replace --unique k", "--batch and --replace: expected one"},
        {"--in 1s --at 2199-01-01T00:00:00Z", "--in and --at: expected one"},
    };
    char words[128];

    for (size_t i = 0; i < countof(of); i++)
        for (size_t k = 0; k < countof(rows); k++) {
            snprintf(words, sizeof words, "%s %s", of[i], rows[k][0]);
            says(rows[k][1], words);
        }
}

/* In a line of a file, keys are what was written. */
TEST(keys_of_a_line_keep_their_names)
{
    static const char *const lines[][2] = {
        {"{\"kind\":\"wc\",\"replace\":true}\n", ":1: replace: expected `unique` with it; 0 jobs"},
        {"{\"kind\":\"wc\",\"queue\":\"a b\"}\n", ":1: queue name 'a b': expected"},
        {"{\"kind\":\"wc\",\"in_ms\":-1}\n", ":1: key in_ms: expected"},
    };
    char path[] = "/tmp/pinion-flags-XXXXXX", words[64], want[128];
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    for (size_t i = 0; i < countof(lines); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_true(pwrite(fd, lines[i][0], strlen(lines[i][0]), 0) > 0);
        snprintf(words, sizeof words, "enqueue --bulk %s", path);
        snprintf(want, sizeof want, "%s%s", path, lines[i][1]);
        says(want, words);
    }
    close(fd);
    unlink(path);
}

TEST(each_flag_of_schedule_add)
{
    static const struct row rows[] = {
        {"cron", "a b", "x wc"},
        {"every", "1ms", "x wc"},
        {"at", "yesterday", "x wc"},
        {"tz", "Mars", "x wc --every 1h"},
        {"dst", "never", "x wc --every 1h"},
        {"phase", "1h", "x wc --every 1h"},
        {"overlap", "often", "x wc --every 1h"},
        {"catch-up", "often", "x wc --every 1h"},
        {"catch-up", "all", "x wc --every 1h"},
        {"within", "1h", "x wc --every 1h"},
        {"jitter", "5x", "x wc --every 1h"},
        {"start", "soon", "x wc --every 1h"},
        {"end", "2020-01-01T00:00:00Z", "x wc --every 1h --start 2021-01-01T00:00:00Z"},
        {"limit", "0", "x wc --every 1h"},
        {"queue", "a b", "x wc --every 1h"},
        {"priority", "10", "x wc --every 1h"},
        {"attempts", "0", "x wc --every 1h"},
        {"backoff", "often", "x wc --every 1h"},
        {"timeout", "0", "x wc --every 1h"},
        {"expires", "0", "x wc --every 1h"},
        {"retain", "5x", "x wc --every 1h"},
        {"lease", "1ms", "x wc --every 1h"},
        {"group", "a b", "x wc --every 1h"},
        {"tags", ",", "x wc --every 1h"},
    };

    EACH_IS_TOLD("schedule add", rows);
    says("--cron, --every and --at: expected one of them", "schedule add x wc");
    says("--cron, --every and --at: expected", "schedule add x wc --every 1h --cron @daily");
    says("--phase: expected --every with it", "schedule add x wc --cron @daily --phase 1s");
    says("--within: expected --catch-up all", "schedule add x wc --every 1h --within 1h");
    says("--catch-up: all expects --overlap allow or",
         "schedule add x wc --every 1h --catch-up all");
    says("--end: expected a time after --start", "schedule add x wc --every 1h "
         "--start 2021-01-01T00:00:00Z --end 2020-01-01T00:00:00Z");
}

TEST(each_flag_of_others)
{
    static const struct row limit[] = {
        {"concurrency", "0", "q"},
        {"rate", "often", "q"},
        {"burst", "3", "q"},
        {"kind", "a b", "q --concurrency 1"},
        {"group", "a b", "q --concurrency 1"},
    };
    static const struct row open[] = {{"queue", "a b", "x"}, {"on-complete", "a b", "x"}};
    static const struct row some[] = {
        {"kind", "a b", "job list"},          {"tag", "a,b", "job list"},
        {"queue", "a b", "job list"},         {"queue", "a b", "job show x"},
        {"queue", "a b", "job cancel x"},     {"error", "", "queue purge q --yes"},
        {"dst", "often", "cron @daily"},      {"queue", "a b", "job edit x --priority 1"},
        {"priority", "10", "job edit q:x"},
    };
    char want[64];

    EACH_IS_TOLD("queue limit", limit);
    EACH_IS_TOLD("batch open", open);
    for (size_t i = 0; i < countof(some); i++) {
        snprintf(want, sizeof want, "--%s", some[i].flag);
        told(want, "", &some[i]);
    }
    says("--burst: expected 1 to 100000, and --rate with it", "queue limit q --burst 3");
    says("--older-than and --newer-than: no job is both",
         "queue purge q --yes --older-than 2h --newer-than 1h");
    says("queue name 'a.b:c': expected", "queue show a.b:c"); /* that is no flag */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flag_of_enqueue),
        cmocka_unit_test(flags_of_enqueue_that_do_not_go_together),
        cmocka_unit_test(keys_of_a_line_keep_their_names),
        cmocka_unit_test(each_flag_of_schedule_add),
        cmocka_unit_test(each_flag_of_others),
    };

    setenv("PINION_REDIS_URL", "unix:/nowhere/redis.sock", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
