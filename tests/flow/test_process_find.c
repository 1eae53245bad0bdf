/* Which file a program's name means, with real files. */
#include "workers/process.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "tests/support/check.h"

static void assert_found(const char *name, const char *path_env, const char *expected)
{
    struct error why = {0};
    char *path = NULL;

    if (process_find(name, path_env, &path, &why)) fail_msg("%s", why.text);
    assert_string_equal(path, expected);
    free(path);
}

static void assert_not_found(const char *name, const char *path_env, const char *words)
{
    struct error why = {0};
    char *path = NULL;

    assert_int_equal(process_find(name, path_env, &path, &why), PINION_INVALID);
    assert_null(path);
    if (!strstr(why.text, words)) fail_msg("expected \"%s\" in: %s", words, why.text);
}

TEST(find)
{
    char folder[] = "/tmp/pinion-find-XXXXXX";
    char *plain, *here, *both;

    assert_non_null(mkdtemp(folder));
    plain = xasprintf("%s/sh", folder);
    both = xasprintf("%s::/bin", folder);
    fclose(fopen(plain, "we"));
    assert_int_equal(chmod(plain, 0644), 0);

    assert_found("sh", "/bin", "/bin/sh");
    assert_found("sh", "/no/such:/bin:/usr/bin", "/bin/sh");
    assert_found("/bin/sh", "", "/bin/sh");
    assert_found("sh", both, "/bin/sh"); /* past what cannot be run */
    assert_not_found("sh", folder, "sh is not executable");
    assert_not_found(plain, NULL, "sh is not executable");
    assert_not_found("/tmp", NULL, "/tmp is a folder");
    assert_not_found("/no/such", NULL, "/no/such is not there");
    assert_not_found("no-such-program", "/bin:/usr/bin", "no program no-such-program in /bin:/usr");
    assert_not_found("no-such-program", NULL, PROCESS_PATH_DEFAULT);
    assert_not_found("", NULL, "expected the name");

    assert_int_equal(chmod(plain, 0755), 0);
    here = getcwd(NULL, 0);
    assert_int_equal(chdir(folder), 0);
    assert_found("sh", "", plain); /* an empty entry is the folder we are in */
    free(plain);
    plain = xasprintf("%s/./sh", folder);
    assert_found("./sh", NULL, plain);
    assert_int_equal(unlink("sh"), 0);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rmdir(folder), 0);
    free(here);
    free(both);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find),
    };

    return cmocka_run_group_tests_name("process_find", tests, NULL, NULL);
}
